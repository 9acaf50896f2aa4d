"""One-pass evaluation on folder sequences, and what the states say where the target is gone.

Run: python benchmarks/one_pass.py --root ../shared/data/sequences [--out FILE.json]
"""

from __future__ import annotations

import argparse
from datetime import date
import json
from pathlib import Path
import platform
import time

from hit_rfgm_ros import TrackState, create_tracker
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.metrics.one_pass import one_pass_scores
from hit_rfgm_ros.trackers.single import SingleTargetTracker
import numpy as np


def run_sequence(tracker: SingleTargetTracker, sequence: Sequence) -> dict[str, float]:
    """Track one sequence from its first box; times leave reading the pictures out."""
    first = sequence.box(0)
    if first is None:
        raise SystemExit(f'{sequence.name}: the first frame has no box')
    boxes, states, spent = [], [], 0.0
    for index in range(len(sequence)):
        frame = sequence.read(index)
        began = time.perf_counter()
        result = tracker.update(frame) if index else tracker.init(frame, first)
        spent += time.perf_counter() - began
        boxes.append(tuple(result.box))
        states.append(result.state)
    scores = one_pass_scores(np.array(boxes), sequence.boxes)
    gone = ~np.isfinite(sequence.boxes).all(axis=1)
    still = [state is TrackState.TRACKING for state, absent in zip(states, gone) if absent]
    return {
        'auc': 100 * scores.auc,
        'precision': 100 * scores.precision,
        'mean_overlap': scores.mean_overlap,
        'frames': len(sequence),
        'absent_frames': int(gone.sum()),
        'absent_called_tracking': int(sum(still)),
        'fps': len(sequence) / spent,
    }


def still_box(sequence: Sequence) -> float:
    """AUC of a box that never moves."""
    boxes = np.repeat(sequence.boxes[:1], len(sequence), axis=0)
    return 100 * one_pass_scores(boxes, sequence.boxes).auc


def main() -> None:
    """Run, print a table, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--root', type=Path, required=True)
    parser.add_argument('--model', default='hit_tiny')
    parser.add_argument('--weights')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--paper-mode', action='store_true')
    parser.add_argument('--out', type=Path)
    arguments = parser.parse_args()
    tracker = create_tracker(
        arguments.model,
        weights=arguments.weights,
        backend=arguments.backend,
        precision=arguments.precision,
        paper_mode=arguments.paper_mode,
    )
    rows = {}
    print(f'{"sequence":24s}    AUC  prec.  still  absent: called tracking')
    for sequence in open_dataset('folder', arguments.root).sequences:
        row = run_sequence(tracker, sequence)
        row['still_box_auc'] = still_box(sequence)
        rows[sequence.name] = row
        absent = f'{row["absent_called_tracking"]:.0f} of {row["absent_frames"]:.0f}'
        print(
            f'{sequence.name:24s} {row["auc"]:6.1f} {row["precision"]:6.1f} '
            f'{row["still_box_auc"]:6.1f} {absent:>24s}',
            flush=True,
        )
    means = {
        key: float(np.mean([row[key] for row in rows.values()]))
        for key in ('auc', 'precision', 'mean_overlap', 'still_box_auc', 'fps')
    }
    print(
        f'mean of {len(rows)} sequences: AUC {means["auc"]:.1f}, precision '
        f'{means["precision"]:.1f}, a box that never moves {means["still_box_auc"]:.1f}, '
        f'{means["fps"]:.0f} fps'
    )
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        about = {
            'date': date.today().isoformat(),
            'machine': platform.machine(),
            'model': arguments.model,
            'engine': tracker.engine.choice,
            'paper_mode': arguments.paper_mode,
        }
        arguments.out.write_text(
            json.dumps({'about': about, 'mean': means, 'sequences': rows}, indent=1) + '\n'
        )


if __name__ == '__main__':
    main()
