"""Whether an engine says what the reference says, along a whole track.

The reference (torch in fp32, or what it once said) follows the target of the golden sequence as a
tracker would, each crop around its last box, and is put onto the target again when that comes
back into sight. The engine under test gets the same crops, so that a difference in one frame does
not hide in another. In fp32 its boxes must be the same to 1e-4 of the search region; in a reduced
precision its mean overlap with the truth may be lower by 0.005 at most.

RFGM chooses: tokens to keep, and the cell with the highest score. Where two are equal within the
rounding of float32, two right engines may choose differently, and the box jumps. That is rare, so
in fp32 `STRAY_FRAMES` of the whole track may be further off; a mistake shows in more frames than
that. What the Token Filter keeps is imposed (see `follow`) and judged by itself: in fp32 by how
much less relevant a token that the reference keeps may be than one that it does not, see
`MAX_RELEVANCE_GAP`. A reduced precision keeps what it thinks right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import time

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import HEIGHT, LENGTH, WIDTH, GoldenFrame, golden_frame
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.follow import Choice, Follower, Inputs, Mask, follower
from hit_rfgm_ros.engines.reference import Reference
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.geometry.boxes import clip_box, iou
from hit_rfgm_ros.geometry.crop import CropWindow, crop_window, cut
from hit_rfgm_ros.types import Array, Box
import numpy as np

MAX_BOX_DEVIATION = 1e-4  # fp32: fraction of the search region's side
MAX_OVERLAP_DROP = 0.005  # reduced precisions: mean IoU with the truth
# fp32: what the Token Filter may err between the logits of two tokens, times their size where that
# is above 1. Of a probability it is 1e-5 at most, and less where this saturates.
MAX_RELEVANCE_GAP = 4e-5
STRAY_FRAMES = 2  # fp32, networks that choose: of the whole track; one of a short one
_DECIMALS = 7  # of a stored box


@dataclass(frozen=True)
class Agreement:
    """How far an engine is from the reference.

    Attributes:
        frames: frames compared.
        box_deviation: largest difference of a number of a box, in sides of the search region.
        pixels: the same in pixels of the search region's crop.
        stray_frames: frames and members of batches whose box is off by more than
            `MAX_BOX_DEVIATION`.
        relevance_gap: fp32: how much less relevant a token that the reference's Token Filter
            keeps was found than one that it does not, as `MAX_RELEVANCE_GAP`; 0 where both keep
            the same.
        overlap: mean IoU of the engine's boxes with the reference's.
        overlap_drop: mean IoU with the truth over visible frames, reference minus engine.
        fps: track graphs per second at a batch of one, nothing else counted.
        ok: the engine may be used.
    """

    frames: int
    box_deviation: float
    pixels: float
    stray_frames: int
    relevance_gap: float
    overlap: float
    overlap_drop: float
    fps: float
    ok: bool

    def __str__(self) -> str:
        gap = f', relevance wrong by {self.relevance_gap:.1e}' if self.relevance_gap else ''
        return (
            f'over {self.frames} frames the largest box deviation is {self.box_deviation:.1e} '
            f'of the search region ({self.pixels:.2g} px of the crop; {self.stray_frames} above '
            f'{MAX_BOX_DEVIATION:.0e}){gap}, mean IoU with the reference {self.overlap:.4f}, '
            f'mean IoU with the truth lower by {self.overlap_drop:.4f}'
        )


def lead(engine: BaseEngine, frames: int = LENGTH) -> Reference:
    """Track the golden sequence as the paper does and keep what the network said.

    Raises:
        EngineError: if the engine gives a number that is not finite.
    """
    way = follower(engine)
    boxes = np.empty((frames - 1, 4))
    choices: dict[int, Mask] = {}
    before = golden_frame(0)
    target = before.box
    for i in range(1, frames):
        frame = golden_frame(i)
        window = _window(engine.config, target, frame, before)
        before = frame
        crop = cut(frame.image, window, exact=True)[None]
        boxes[i - 1] = _boxes(engine, way, 'track', way.inputs(crop))[0]
        if not np.isfinite(boxes[i - 1]).all():
            raise EngineError(
                f'{engine.backend} gives no finite box in frame {i} of the golden sequence '
                f'({boxes[i - 1].tolist()}): the weights are unusable'
            )
        target = _next_box(window, boxes[i - 1])
        choice = way.remember(i, crop)
        if choice is not None:
            choices[i] = choice.kept
    return Reference(boxes, choices)


def compare(
    engine: BaseEngine, reference: Reference, *, trained: bool = True, padded: bool = False
) -> Agreement:
    """Run an engine on the crops of a reference track.

    Args:
        engine: the one to judge; its precision decides what is asked of it.
        reference: what `lead` returned, or the beginning of it.
        trained: False for random weights, on which a reduced precision cannot be judged: then
            only numbers that are not finite are refused.
        padded: judge the graph ``track_padded`` in the place of ``track``.
    """
    exact = engine.precision == 'fp32'
    way = follower(engine)
    boxes = np.full(reference.boxes.shape, np.nan)
    overlaps, drops, seconds, gap = [], [], 0.0, 0.0
    seen: list[Inputs] = []
    places = _reference_windows(engine.config, reference.boxes)
    for i, (frame, window, wanted) in enumerate(places, start=1):
        crop = cut(frame.image, window, exact=True)[None]
        seen.append(way.inputs(crop))
        graph, inputs = ('track_padded', way.padded(seen[-1])) if padded else ('track', seen[-1])
        start = time.perf_counter()
        boxes[i - 1] = _boxes(engine, way, graph, inputs)[0]
        seconds += time.perf_counter() - start
        given = window.to_image(boxes[i - 1])
        overlaps.append(iou(given, wanted))
        if frame.visible:
            drops.append(iou(wanted, frame.box) - iou(given, frame.box))
        kept = reference.choices.get(i)
        choice = way.remember(i, crop, kept if exact or padded else None)
        if exact:
            gap = max(gap, _gap(choice, kept))
    off = np.abs(boxes - reference.boxes).max(1)
    if len(boxes) == LENGTH - 1 and not padded:
        off = np.concatenate([off, _batch_deviations(engine, way, seen, boxes)])
    return _judge(engine, off, gap, overlaps, drops, len(boxes) / seconds, trained)


def _judge(
    engine: BaseEngine,
    off: Array,
    gap: float,
    overlaps: Sequence[float],
    drops: Sequence[float],
    fps: float,
    trained: bool,
) -> Agreement:
    overlap, drop = float(np.mean(overlaps)), float(np.mean(drops))
    deviation = round(float(off.max()), _DECIMALS)
    stray = int((~(np.round(off, _DECIMALS) <= MAX_BOX_DEVIATION)).sum())  # NaN counts
    finite = bool(np.isfinite(off).all())
    if engine.precision == 'fp32':
        allowed = _allowed_strays(engine.config, len(overlaps))
        ok = finite and stray <= allowed and gap <= MAX_RELEVANCE_GAP
    else:
        ok = finite and (drop <= MAX_OVERLAP_DROP or not trained)
    pixels = deviation * engine.config.search_size
    return Agreement(len(overlaps), deviation, pixels, stray, gap, overlap, drop, fps, ok)


def _allowed_strays(config: ModelConfig, frames: int) -> int:
    if not isinstance(config, RFGMConfig):
        return 0
    return STRAY_FRAMES if frames == LENGTH - 1 else 1


def _gap(choice: Choice | None, kept: Mask | None) -> float:
    """By how much the order of the candidates contradicts what is kept; 0 where it does not.

    Float32 rounds logits in proportion to their size, so large ones may differ by more.
    """
    if choice is None or kept is None:
        return 0.0
    if not np.isfinite(choice.relevance).all():
        return np.inf
    left, taken = float(choice.relevance[~kept].max()), float(choice.relevance[kept].min())
    return max(0.0, left - taken) / max(1.0, abs(left), abs(taken))


def _boxes(engine: BaseEngine, way: Follower, graph: str, inputs: Inputs) -> Array:
    """(B, 4), rounded as in a file so that a stored track leads to the same crops."""
    boxes = way.boxes(engine.run(graph, inputs))
    return np.round(boxes.astype(np.float64), _DECIMALS)


def _window(
    config: ModelConfig, target: Box, frame: GoldenFrame, before: GoldenFrame
) -> CropWindow:
    """Search region around the last box, or around the truth where the target has come back."""
    returned = frame.visible and not before.visible
    factor = TrackerConfig().search_factor
    box = frame.box if returned else target
    return crop_window(box, factor, config.search_size, WIDTH, HEIGHT)


def _next_box(window: CropWindow, box: Array) -> Box:
    return clip_box(window.to_image(box), WIDTH, HEIGHT)


def _reference_windows(
    config: ModelConfig, reference: Array
) -> Iterator[tuple[GoldenFrame, CropWindow, Box]]:
    """Each frame, its search region, and the reference's box in image pixels."""
    before = golden_frame(0)
    target = before.box
    for i, box in enumerate(reference, start=1):
        frame = golden_frame(i)
        window = _window(config, target, frame, before)
        before = frame
        yield frame, window, window.to_image(box)
        target = _next_box(window, box)


def _batch_deviations(
    engine: BaseEngine, way: Follower, seen: Sequence[Inputs], alone: Array
) -> Array:
    """Differences between batches and their members one by one; back ends differ in it."""
    off = [np.empty(0)]
    for graph, frames, inputs in way.batches(seen):
        if len(frames) <= engine.max_batch and graph in engine.graphs:
            together = _boxes(engine, way, graph, inputs)
            off.append(np.abs(together - alone[np.array(frames) - 1]).max(1))
    return np.concatenate(off)
