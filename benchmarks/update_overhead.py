"""CPU time of `update()` beyond the forward: an engine that answers at once, a 720p frame.

    python benchmarks/update_overhead.py [--out benchmarks/results/MACHINE/update_overhead.json]

Process CPU time (all threads), best of several rounds, OpenCV on one thread. The answers are
canned, so what is left is checking the frame, cutting, the batch, confidence, states and the box.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
import json
from pathlib import Path
import platform
import time
from typing import Any

import cv2
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box
import numpy as np

FRAME = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
BOXES = {
    'small 60x50': Box(600, 300, 60, 50),
    'usual 100x80': Box(600, 300, 100, 80),
    'at the corner 100x80': Box(2, 2, 100, 80),
    'large 300x250': Box(500, 200, 300, 250),
    'huge 1000x600': Box(140, 60, 1000, 600),
}
TARGET_MS = 0.3


class CannedEngine:
    """Answers the same sure or unsure box at once, on one window or several."""

    backend = 'canned'
    device = 'cpu'
    precision = 'fp32'
    max_batch = 8

    def __init__(self, sure: bool = True) -> None:
        point = np.full((2, 256), 0.0 if sure else 1 / 256, np.float32)
        if sure:
            point[0, 6 * 16 + 6] = point[1, 10 * 16 + 10] = 1
        count = self.max_batch
        self._rows = {
            'boxes': np.full((count, 4), (0.5, 0.5, 0.25, 0.25), np.float32),
            'score_tl': np.repeat(point[:1], count, 0),
            'score_br': np.repeat(point[1:], count, 0),
            'correlation': np.repeat(point[:1], count, 0),
        }

    def run(self, graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Give the canned rows."""
        if graph == 'template':
            return {'template_tokens': np.zeros((1, 64, 128), np.float32)}
        count = len(inputs['search'])
        return {name: rows[:count] for name, rows in self._rows.items()}


def measure(box: Box, rounds: int, *, sure: bool = True, **options: Any) -> float:
    """Milliseconds of CPU per update."""
    tracker = SingleTargetTracker(
        CannedEngine(sure), get_model_config('hit_tiny'), TrackerConfig.from_dict(options)
    )
    best = float('inf')
    for _ in range(rounds):
        tracker.init(FRAME, box)  # starts every round on the same box
        start = time.process_time()
        for _ in range(20):
            tracker.update(FRAME)
        best = min(best, (time.process_time() - start) / 20)
    return 1000 * best


def main() -> None:
    """Print a table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--out', type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    table: dict[str, dict[str, float]] = {}
    for name, box in BOXES.items():
        table[name] = {
            'default': measure(box, arguments.rounds),
            'paper_mode': measure(box, arguments.rounds, paper_mode=True),
            'unsure_3_windows': measure(box, arguments.rounds, sure=False),
        }
        print(f'{name:24s}' + ''.join(f'  {k} {v:.3f} ms' for k, v in table[name].items()))
    usual = table['usual 100x80']['default']
    print(f'usual box: {usual:.3f} ms, aim at most {TARGET_MS} ms')
    if arguments.out:
        result = {
            'what': 'CPU milliseconds per update() beyond the forward, 1280x720 frame',
            'machine': platform.machine(),
            'python': platform.python_version(),
            'numpy': np.__version__,
            'opencv': cv2.__version__,
            'rounds': arguments.rounds,
            'milliseconds': table,
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
