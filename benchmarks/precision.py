"""What bf16 and int8 cost in accuracy: mean overlap on labelled sequences, paper mode.

    nice -n 5 python benchmarks/precision.py WEIGHTS --data DIR [--sequences bag ...]

DIR holds ``sequences`` (one-pass evaluation) and ``train/photos`` (the ranges of int8 are
measured there). Writes ``benchmarks/results/<cpu>/precision.json``. Needs the extra openvino.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import datetime, timezone
import json
from pathlib import Path
import tempfile

from cpu_forward import RESULTS, cpu_slug, processor
import cv2
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.calibration_crops import random_crops
from hit_rfgm_ros.metrics.one_pass import OnePassScores, one_pass_scores
from hit_rfgm_ros.trackers.factory import create_tracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box
from hit_rfgm_ros.weights.files import read_weights, write_weights
import numpy as np

PICTURES = 64  # that int8's ranges are measured on
CASES = (
    ('fp32', 'onnxruntime'),
    ('bf16', 'openvino'),
    ('int8', 'openvino'),
    ('int8', 'onnxruntime'),
)


def with_ranges(path: Path, photos: Path, out: Path) -> str:
    """Copy weights, the ranges of the activations measured and added; returns the model."""
    weights = read_weights(path)
    options = json.loads(weights.metadata.get('options', '{}'))
    config = replace(get_model_config(weights.model), **options)
    files = sorted(photos.rglob('*.jpg'))
    chosen = files[:: max(1, len(files) // PICTURES)]
    pictures = (cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in chosen)
    ranges = collect_ranges(config, weights.tensors, random_crops(pictures, config))
    metadata = {**weights.metadata, 'ranges': json.dumps(ranges)}
    write_weights(out, weights.model, weights.tensors, metadata)
    return weights.model


def follow(tracker: SingleTargetTracker, sequence: Sequence) -> OnePassScores:
    """One-pass evaluation: start on the first frame, never help."""
    first = Box(*sequence.boxes[0].tolist())
    boxes = [tracker.init(sequence.read(0), first).box]
    boxes += [tracker.update(sequence.read(i)).box for i in range(1, len(sequence))]
    return one_pass_scores(np.array([list(box) for box in boxes]), sequence.boxes)


def main() -> None:
    """Measure, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights', type=Path)
    parser.add_argument('--data', type=Path, required=True)
    parser.add_argument('--sequences', nargs='*')
    options = parser.parse_args()
    sequences = open_dataset('folder', options.data / 'sequences').sequences
    sequences = [s for s in sequences if not options.sequences or s.name in options.sequences]
    overlaps: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'weights.safetensors'
        model = with_ranges(options.weights, options.data / 'train' / 'photos', path)
        for precision, backend in CASES:
            tracker = create_tracker(
                model,
                weights=path,
                backend=backend,
                precision=precision,
                paper_mode=True,
                threads=1,
            )
            scores = {s.name: follow(tracker, s).mean_overlap for s in sequences}
            overlaps[f'{precision} {backend}'] = scores
            print(f'{precision} {backend}: {np.mean(list(scores.values())):.4f}', flush=True)
    means = {case: float(np.mean(list(scores.values()))) for case, scores in overlaps.items()}
    cpu = processor()
    report = {
        'command': 'python benchmarks/precision.py WEIGHTS --data DIR --sequences '
        + ' '.join(s.name for s in sequences),
        'date': datetime.now(timezone.utc).date().isoformat(),
        'cpu': cpu,
        'model': model,
        'weights_sha256': read_weights(options.weights).sha256,
        'mean_overlap': means,
        'per_sequence': overlaps,
    }
    path = RESULTS / cpu_slug(cpu) / 'precision.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
