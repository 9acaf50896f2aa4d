"""Does the confidence tell target from no target? AUROC over composed scenes, in the loop.

Each frame of each scene is tracked; a frame counts as "target" where at least half of the object
is seen, as "no target" where it is gone, and not at all in between.

Run: python benchmarks/confidence.py [--seeds 5] [--out FILE.json]
"""

from __future__ import annotations

import argparse
from datetime import date
import json
from pathlib import Path

from hit_rfgm_ros import create_tracker
from hit_rfgm_ros.data.scene_presets import PRESETS, compose_scene
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.metrics.reliability import auroc
import numpy as np

GONE = 0.02  # share of the object that may be seen while it counts as gone
SEEN = 0.5


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--model', default='hit_tiny')
    parser.add_argument('--weights')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--out', type=Path)
    arguments = parser.parse_args()
    tracker = create_tracker(arguments.model, weights=arguments.weights, backend=arguments.backend)
    confidences, shares, overlaps = [], [], []
    for name in PRESETS:
        for seed in range(arguments.seeds):
            scene = compose_scene(name, seed=seed)
            boxes = []
            for index, frame in enumerate(scene):
                stamp = float(scene.stamps[index])
                if index == 0:
                    result = tracker.init(frame, scene.init_box, stamp=stamp)
                else:
                    result = tracker.update(frame, stamp=stamp)
                boxes.append(tuple(result.box))
                confidences.append(result.confidence)
            overlap = iou_arrays(np.array(boxes), scene.boxes)
            shares.append(scene.shares)
            overlaps.append(overlap)
            visible = scene.shares >= SEEN
            print(
                f'{name:12s} seed {seed}: overlap while visible {overlap[visible].mean():.3f}, '
                f'{(scene.shares <= GONE).sum()} of {len(scene)} frames without the target',
                flush=True,
            )
    share, confidence = np.concatenate(shares), np.array(confidences)
    overlap = np.concatenate(overlaps)
    judged = (share >= SEEN) | (share <= GONE)
    values = {
        'auroc': auroc(confidence[judged], share[judged] >= SEEN),
        'overlap': float(overlap[share >= SEEN].mean()),
        'frames': int(judged.sum()),
        'frames_without_target': int((share <= GONE).sum()),
    }
    print(', '.join(f'{key} {value:.4g}' for key, value in values.items()))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        about = {'date': date.today().isoformat(), 'engine': tracker.engine.choice}
        arguments.out.write_text(json.dumps({'about': about, **values}, indent=1) + '\n')


if __name__ == '__main__':
    main()
