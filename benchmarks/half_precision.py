"""How far fp16 and bf16 move RFGM's boxes, in pixels of the search region's crop.

    nice -n 5 python benchmarks/half_precision.py --root DIR [--sequences bag ...] [--frames 40]

The tracker (paper mode) follows every sequence with torch in fp32. Each call of the network, or
every ``--every``-th of a sequence, is repeated on the same crop and the same memory in the other
precisions, decoded with the tracker's window, and the boxes are compared: the largest difference
of x, y, width and height, in pixels of the crop. Where two cells have nearly the same score
another precision may choose the other one, and the box jumps: such frames are listed with the
lead that the first cell has over the second in fp32, and with the overlap that both boxes have
with the truth. Torch runs fp16 on most CPUs slowly, but with the arithmetic of fp16; ``--others``
chooses what to compare. Puts what was compared into
``benchmarks/results/half_precision_<model>.json``. Needs the extras torch and openvino.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
import json
import platform
from typing import Any

from cpu_forward import RESULTS
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.geometry.centre import Centres, decode, hann
from hit_rfgm_ros.geometry.crop import crop_window
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Array, Box
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import read_weights
import numpy as np

LIMIT = 1.0  # pixels of the crop
OTHERS = ('fp16 torch', 'bf16 torch', 'bf16 openvino')


@dataclass
class Look:
    """One frame in fp32 and in another precision.

    Attributes:
        pixels: largest difference of a number of the box.
        jumped: another cell was chosen.
        lead: by how much the windowed score of the best cell exceeds the second, in fp32, as a
            share of it.
        same_tokens: share of the tokens kept by the last stage that both keep.
        boxes: (cx, cy, w, h) as fractions of the crop, fp32 and the other.
        overlaps: with the truth, fp32 and the other; empty where there is no truth.
    """

    pixels: float
    jumped: bool
    lead: float
    same_tokens: float
    boxes: tuple[Array, Array]
    overlaps: tuple[float, ...] = ()


@dataclass
class Beside:
    """An engine that answers as the first one does, and asks the others the same now and then.

    Attributes:
        first: what the tracker runs on.
        others: engines to compare, by name.
        asking: whether the others are asked.
        looks: what the last comparison gave, by name.
    """

    first: BaseEngine
    others: Mapping[str, BaseEngine]
    asking: bool = True
    looks: dict[str, Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = self.first
        self.backend, self.device, self.precision = first.backend, first.device, first.precision

    def run(self, graph: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one graph of the first engine; compare where it finds boxes."""
        outputs = self.first.run(graph, inputs)
        if graph == 'track' and self.asking:
            for name, engine in self.others.items():
                self.looks[name] = self._compare(outputs, engine.run(graph, inputs))
        return outputs

    def prepare(self, graphs: Collection[str]) -> None:
        """Let the first engine load graphs."""
        self.first.prepare(graphs)

    def _compare(self, outputs: Mapping[str, Array], found: Mapping[str, Array]) -> Look:
        window = hann(self.first.config.grid)
        one, other = (self._centre(maps, window) for maps in (outputs, found))
        second, best = np.sort(outputs['score'][0] * window)[-2:]
        return Look(
            pixels=float(np.abs(one.boxes - other.boxes).max()) * self.first.config.search_size,
            jumped=bool(one.cell[0] != other.cell[0]),
            lead=float(1 - second / best),
            same_tokens=_shared(outputs, found),
            boxes=(one.boxes[0], other.boxes[0]),
        )

    @staticmethod
    def _centre(maps: Mapping[str, Array], window: Array) -> Centres:
        return decode(maps['score'], maps['size'], maps['offset'], window)


def _shared(one: Mapping[str, Array], other: Mapping[str, Array]) -> float:
    names = sorted((name for name in one if name.startswith('kept_')), key=lambda n: int(n[5:]))
    if not names:
        return 1.0
    a, b = one[names[-1]][0], other[names[-1]][0]
    return len(np.intersect1d(a, b)) / max(len(a), 1)


def follow(
    tracker: SingleTargetTracker, engine: Beside, sequence: Sequence, frames: int, every: int
) -> list[tuple[int, dict[str, Look]]]:
    """Track one sequence; number and comparisons of every ``every``-th frame."""
    seen = []
    config = engine.first.config
    box = tracker.init(sequence.read(0), Box(*sequence.boxes[0].tolist())).box
    for i in range(1, min(len(sequence), frames or len(sequence))):
        frame = sequence.read(i)
        height, width = frame.shape[:2]
        window = crop_window(box, TrackerConfig().search_factor, config.search_size, width, height)
        engine.asking, engine.looks = i % every == 0, {}
        box = tracker.update(frame).box
        tracker.update_memory()
        truth = sequence.box(i)
        if truth is not None:
            for look in engine.looks.values():
                look.overlaps = tuple(iou(window.to_image(b), truth) for b in look.boxes)
        if engine.looks:
            seen.append((i, engine.looks))
    return seen


def summary(looks: list[Look]) -> dict[str, float]:
    """What is printed and kept of one precision."""
    pixels = np.array([look.pixels for look in looks])
    overlaps = np.array([look.overlaps for look in looks if look.overlaps])
    return {
        'frames': len(pixels),
        'share_within_1_px': float((pixels <= LIMIT).mean()),
        'frames_beyond_1_px': int((pixels > LIMIT).sum()),
        'other_cell': sum(look.jumped for look in looks),
        'median_px': float(np.median(pixels)),
        'p99_px': float(np.percentile(pixels, 99)),
        'max_px': float(pixels.max()),
        'max_px_same_cell': max((look.pixels for look in looks if not look.jumped), default=0.0),
        'same_tokens': float(np.mean([look.same_tokens for look in looks])),
        'overlap_fp32': float(overlaps[:, 0].mean()),
        'overlap': float(overlaps[:, 1].mean()),
    }


def beyond(looks: Mapping[tuple[str, int], Look]) -> list[dict[str, Any]]:
    """The frames that are off by more than `LIMIT`."""
    kept = ('pixels', 'jumped', 'lead', 'overlaps')
    return [
        {'sequence': name, 'frame': i, **{k: v for k, v in asdict(look).items() if k in kept}}
        for (name, i), look in looks.items()
        if look.pixels > LIMIT
    ]


def main() -> None:
    """Run, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--root', required=True, help='folder of sequences')
    parser.add_argument('--model', default='rfgm_t256')
    parser.add_argument('--weights')
    parser.add_argument('--sequences', nargs='*')
    parser.add_argument('--frames', type=int, default=0, help='of each sequence; 0 takes all')
    parser.add_argument('--every', type=int, default=1, help='compare one frame of so many')
    parser.add_argument('--others', nargs='+', default=list(OTHERS), choices=OTHERS)
    options = parser.parse_args()
    config = get_model_config(options.model)
    if not isinstance(config, RFGMConfig):
        raise SystemExit(f'{options.model} is no RFGM')
    weights = read_weights(find_weights(options.model, options.weights), options.model)

    def made(precision: str, backend: str) -> BaseEngine:
        return create_engine(
            options.model, weights, backend=backend, device='cpu', precision=precision
        )

    others = {name: made(*name.split()) for name in options.others}
    engine = Beside(made('fp32', 'torch'), others)
    tracker = SingleTargetTracker(engine, weights.config, TrackerConfig(paper_mode=True))
    found: dict[str, dict[tuple[str, int], Look]] = {name: {} for name in others}
    names = []
    for sequence in open_dataset('folder', options.root).sequences:
        if options.sequences and sequence.name not in options.sequences:
            continue
        names.append(sequence.name)
        for i, looks in follow(tracker, engine, sequence, options.frames, options.every):
            for name, look in looks.items():
                found[name][sequence.name, i] = look
        print(sequence.name, len(next(iter(found.values()))), flush=True)
    rows: dict[str, Any] = {}
    for name, looks in found.items():
        rows[name] = summary(list(looks.values()))
        print(f'{name:16s}' + ''.join(f'  {key} {value:.4g}' for key, value in rows[name].items()))
        rows[name]['beyond'] = beyond(looks)
        for row in rows[name]['beyond']:
            one, other = row['overlaps'] or (float('nan'), float('nan'))
            print(
                f'    {row["sequence"]} {row["frame"]}: {row["pixels"]:.1f} px, lead '
                f'{row["lead"]:.2%}, overlap with the truth {one:.3f} in fp32, {other:.3f} here'
            )
    path = RESULTS / f'half_precision_{options.model}.json'
    report = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
    about = {
        'command': 'python benchmarks/half_precision.py --root DIR '
        f'--model {options.model} --frames {options.frames} --every {options.every} '
        f'--others {" ".join(map(repr, options.others))}',
        'date': datetime.now(timezone.utc).date().isoformat(),
        'machine': platform.machine(),
        'weights_sha256': weights.sha256,
        'sequences': names,
    }
    report.update({name: {**about, **row} for name, row in rows.items()})
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
