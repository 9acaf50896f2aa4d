"""How far fp16 and bf16 move RFGM's boxes, in pixels of the search region's crop.

    nice -n 5 python benchmarks/half_precision.py --root DIR [--sequences bag ...] [--frames 60]

The tracker (paper mode) follows every sequence with torch in fp32. Each call of the network is
repeated on the same crops and the same memory in the other precisions, decoded with the tracker's
window, and the boxes are compared: the largest difference of x, y, width and height, in pixels.
Where two cells have nearly the same score another precision may choose the other one, and the box
jumps; so the share of frames within one pixel is given beside the largest difference. Torch runs
fp16 on a CPU slowly, but with the arithmetic of fp16. Writes
``benchmarks/results/half_precision_<model>.json``. Needs the extras torch and openvino.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime, timezone
import json
import platform
from typing import Any

from cpu_forward import RESULTS
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.sequences import list_sequences
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.engines.torch_engine import TorchEngine
from hit_rfgm_ros.geometry.centre import decode, hann
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Array, Box
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import read_weights
import numpy as np


class Beside:
    """An engine that answers as the first one does, and asks the others the same.

    Attributes:
        differences: pixels per frame, by the name of the other engine.
        same_tokens: share of the tokens that both keep after the last stage, per frame.
    """

    def __init__(self, first: BaseEngine, others: Mapping[str, BaseEngine]) -> None:
        self._first, self._others = first, others
        self.backend, self.device, self.precision = first.backend, first.device, first.precision
        self.differences: dict[str, list[float]] = {name: [] for name in others}
        self.same_tokens: dict[str, list[float]] = {name: [] for name in others}

    def run(self, graph: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one graph of the first engine; compare where it finds boxes."""
        outputs = self._first.run(graph, inputs)
        if graph == 'track':
            wanted = self._boxes(outputs)
            for name, engine in self._others.items():
                found = engine.run(graph, inputs)
                self.differences[name].append(float(np.abs(self._boxes(found) - wanted).max()))
                self.same_tokens[name].append(_shared(outputs, found))
        return outputs

    def _boxes(self, maps: Mapping[str, Array]) -> Array:
        """(B, 4) in pixels of the crop."""
        window = hann(self._first.config.grid)
        boxes = decode(maps['score'], maps['size'], maps['offset'], window).boxes
        return boxes * self._first.config.search_size


def _shared(one: Mapping[str, Array], other: Mapping[str, Array]) -> float:
    names = sorted((name for name in one if name.startswith('kept_')), key=lambda n: int(n[5:]))
    if not names:
        return 1.0
    a, b = one[names[-1]][0], other[names[-1]][0]
    return len(np.intersect1d(a, b)) / max(len(a), 1)


def summary(values: list[float], shared: list[float]) -> dict[str, float]:
    """What is printed and kept of one precision."""
    pixels = np.array(values)
    return {
        'frames': len(pixels),
        'median_px': float(np.median(pixels)),
        'p99_px': float(np.percentile(pixels, 99)),
        'max_px': float(pixels.max()),
        'share_within_1_px': float((pixels <= 1).mean()),
        'frames_beyond_1_px': int((pixels > 1).sum()),
        'same_tokens': float(np.mean(shared)),
    }


def main() -> None:
    """Run, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--root', required=True, help='folder of sequences')
    parser.add_argument('--model', default='rfgm_t256')
    parser.add_argument('--weights')
    parser.add_argument('--sequences', nargs='*')
    parser.add_argument('--frames', type=int, default=0, help='of each sequence; 0 takes all')
    options = parser.parse_args()
    config = get_model_config(options.model)
    if not isinstance(config, RFGMConfig):
        raise SystemExit(f'{options.model} is no RFGM')
    weights = read_weights(find_weights(options.model, options.weights), options.model)
    config = weights.config
    others: dict[str, BaseEngine] = {
        'bf16 torch': TorchEngine(config, weights.tensors, precision='bf16'),
        'fp16 torch': TorchEngine(config, weights.tensors, precision='fp16'),
        'bf16 openvino': create_engine(
            options.model, weights, backend='openvino', precision='bf16'
        ),
    }
    engine = Beside(TorchEngine(config, weights.tensors), others)
    tracker = SingleTargetTracker(engine, config, TrackerConfig(paper_mode=True))
    names = []
    for sequence in list_sequences(options.root):
        if options.sequences and sequence.name not in options.sequences:
            continue
        names.append(sequence.name)
        tracker.init(sequence.read(0), Box(*sequence.boxes[0].tolist()))
        for i in range(1, min(len(sequence), options.frames or len(sequence))):
            tracker.update(sequence.read(i))
            tracker.update_memory()
        last = {name: max(values) for name, values in engine.differences.items()}
        print(
            f'{sequence.name:20s}' + ''.join(f'  {n} {v:.3f}' for n, v in last.items()), flush=True
        )
    rows: dict[str, Any] = {
        name: summary(engine.differences[name], engine.same_tokens[name]) for name in others
    }
    for name, row in rows.items():
        print(f'{name:16s}' + ''.join(f'  {key} {value:.4g}' for key, value in row.items()))
    report = {
        'command': f'python benchmarks/half_precision.py --root DIR --model {options.model} '
        f'--frames {options.frames}',
        'date': datetime.now(timezone.utc).date().isoformat(),
        'machine': platform.machine(),
        'weights_sha256': weights.sha256,
        'sequences': names,
        'precisions': rows,
    }
    path = RESULTS / f'half_precision_{options.model}.json'
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
