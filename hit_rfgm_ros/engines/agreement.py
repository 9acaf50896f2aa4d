"""Whether an engine says what the reference says, along a whole track.

The reference (torch in fp32, or boxes that it once gave) follows the target of the golden sequence
as a tracker would, each crop around its last box, and is put onto the target again when that comes
back into sight. The engine under test gets the same crops, so that a difference in one frame does
not hide in another. In fp32 its boxes must be the same to
1e-4 of the search region; in a reduced precision its mean overlap with the truth may be lower by
0.005 at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import time

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import HEIGHT, LENGTH, WIDTH, GoldenFrame, golden_frame
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.geometry.boxes import clip_box, iou
from hit_rfgm_ros.geometry.crop import CropWindow, crop_window, cut
from hit_rfgm_ros.types import Array, Box, ImageU8
from hit_rfgm_ros.weights.files import Weights
import numpy as np

MAX_BOX_DEVIATION = 1e-4  # fp32: fraction of the search region's side
MAX_OVERLAP_DROP = 0.005  # reduced precisions: mean IoU with the truth
_DECIMALS = 7  # of a stored box
_BATCH = 4  # of the run that checks larger batches


@dataclass(frozen=True)
class Agreement:
    """How far an engine is from the reference.

    Attributes:
        frames: frames compared.
        box_deviation: largest difference of a number of a box, in sides of the search region.
        overlap: mean IoU of the engine's boxes with the reference's.
        overlap_drop: mean IoU with the truth over visible frames, reference minus engine.
        fps: track graphs per second at a batch of one, nothing else counted.
        ok: the engine may be used.
    """

    frames: int
    box_deviation: float
    overlap: float
    overlap_drop: float
    fps: float
    ok: bool

    def __str__(self) -> str:
        return (
            f'over {self.frames} frames the largest box deviation is {self.box_deviation:.1e} '
            f'of the search region, mean IoU with the reference {self.overlap:.4f}, mean IoU '
            f'with the truth lower by {self.overlap_drop:.4f}'
        )


def lead(engine: BaseEngine, frames: int = LENGTH) -> Array:
    """Track the golden sequence as the paper does and keep what the network said.

    Returns:
        float64 (frames - 1, 4): cx, cy, w, h as fractions of each search region.

    Raises:
        EngineError: if the engine gives a number that is not finite.
    """
    tokens = _template_tokens(engine)
    boxes = np.empty((frames - 1, 4))
    before = golden_frame(0)
    target = before.box
    for i in range(1, frames):
        frame = golden_frame(i)
        window = _window(engine, target, frame, before)
        before = frame
        crop = cut(frame.image, window, exact=True)
        boxes[i - 1] = _track(engine, crop[None], tokens)[0]
        if not np.isfinite(boxes[i - 1]).all():
            raise EngineError(
                f'{engine.backend} gives no finite box in frame {i} of the golden sequence '
                f'({boxes[i - 1].tolist()}): the weights are unusable'
            )
        target = _next_box(window, boxes[i - 1])
    return boxes


def compare(engine: BaseEngine, reference: Array, *, trained: bool = True) -> Agreement:
    """Run an engine on the crops of a reference track.

    Args:
        engine: the one to judge; its precision decides what is asked of it.
        reference: what `lead` returned, or the beginning of it.
        trained: False for random weights, on which a reduced precision cannot be judged: then
            only numbers that are not finite are refused.
    """
    tokens = _template_tokens(engine)
    boxes = np.full(reference.shape, np.nan)
    overlaps, drops, seconds = [], [], 0.0
    crops = []
    for i, (frame, window, wanted) in enumerate(_reference_windows(engine, reference)):
        crop = cut(frame.image, window, exact=True)[None]
        start = time.perf_counter()
        boxes[i] = _track(engine, crop, tokens)[0]
        seconds += time.perf_counter() - start
        given = window.to_image(boxes[i])
        overlaps.append(iou(given, wanted))
        if frame.visible:
            drops.append(iou(wanted, frame.box) - iou(given, frame.box))
        if i < _BATCH:
            crops.append(crop)
    deviation = round(float(np.abs(boxes - reference).max()), _DECIMALS)
    if len(reference) == LENGTH - 1 and engine.max_batch >= _BATCH:
        deviation = max(deviation, _batch_deviation(engine, crops, tokens, boxes[:_BATCH]))
    overlap, drop = float(np.mean(overlaps)), float(np.mean(drops))
    if engine.precision == 'fp32':
        ok = deviation <= MAX_BOX_DEVIATION
    else:
        ok = bool(np.isfinite(boxes).all()) and (drop <= MAX_OVERLAP_DROP or not trained)
    fps = len(reference) / seconds
    return Agreement(len(reference), deviation, overlap, drop, fps, ok)


def stored_path(model: str) -> Path:
    """Place of the stored reference boxes of a model's shipped weights."""
    return Path(__file__).resolve().parent.parent / 'share' / 'golden' / f'{model}.json'


def read_reference(weights: Weights, path: Path | None = None) -> Array | None:
    """Stored boxes that were made with exactly these weights, or None.

    Raises:
        EngineError: if the file is damaged.
    """
    path = path or stored_path(weights.model)
    if not weights.sha256 or not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding='utf-8'))
        if stored['weights_sha256'] != weights.sha256:
            return None
        boxes = np.array(stored['boxes'], np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(f'{path} is no usable file of reference boxes: {error}') from error
    if boxes.shape != (LENGTH - 1, 4) or not np.isfinite(boxes).all():
        raise EngineError(f'{path}: expected {LENGTH - 1} boxes of 4 numbers, got {boxes.shape}')
    return boxes


def write_reference(engine: BaseEngine, weights: Weights, path: Path | None = None) -> Path:
    """Track with a reference engine and store its boxes.

    Raises:
        EngineError: if the weights lie in no file, or the engine is not torch in fp32.
    """
    if not weights.sha256:
        raise EngineError('reference boxes belong to a weights file; these weights lie in none')
    if (engine.backend, engine.precision) != ('torch', 'fp32'):
        raise EngineError(
            'reference boxes are made by torch in fp32, '
            f'not by {engine.backend} in {engine.precision}'
        )
    path = path or stored_path(weights.model)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        'model': weights.model,
        'weights_sha256': weights.sha256,
        'made_by': f'hit-rfgm selftest --model {weights.model} --write-reference',
        'meaning': 'cx, cy, w, h as fractions of the search region, frames 1 to 119',
    }
    lines = ',\n  '.join(json.dumps(box) for box in lead(engine).tolist())
    head = json.dumps(content, indent=1)[:-2]
    path.write_text(f'{head},\n "boxes": [\n  {lines}\n ]\n}}\n', encoding='utf-8')
    return path


def _template_tokens(engine: BaseEngine) -> Array:
    first = golden_frame(0)
    factor = TrackerConfig().template_factor
    window = crop_window(first.box, factor, engine.config.template_size, WIDTH, HEIGHT)
    crop = cut(first.image, window, exact=True)
    return engine.run('template', {'template': crop[None]})['template_tokens']


def _window(
    engine: BaseEngine, target: Box, frame: GoldenFrame, before: GoldenFrame
) -> CropWindow:
    """Search region around the last box, or around the truth where the target has come back."""
    returned = frame.visible and not before.visible
    factor = TrackerConfig().search_factor
    size = engine.config.search_size
    return crop_window(frame.box if returned else target, factor, size, WIDTH, HEIGHT)


def _track(engine: BaseEngine, crops: ImageU8, tokens: Array) -> Array:
    """(B, 4), rounded as in a file so that a stored track leads to the same crops."""
    output = engine.run('track', {'search': crops, 'template_tokens': tokens})
    return np.round(output['boxes'].astype(np.float64), _DECIMALS)


def _next_box(window: CropWindow, box: Array) -> Box:
    return clip_box(window.to_image(box), WIDTH, HEIGHT)


def _reference_windows(
    engine: BaseEngine, reference: Array
) -> Iterator[tuple[GoldenFrame, CropWindow, Box]]:
    """Each frame, its search region, and the reference's box in image pixels."""
    before = golden_frame(0)
    target = before.box
    for i, box in enumerate(reference, start=1):
        frame = golden_frame(i)
        window = _window(engine, target, frame, before)
        before = frame
        yield frame, window, window.to_image(box)
        target = _next_box(window, box)


def _batch_deviation(
    engine: BaseEngine, crops: list[ImageU8], tokens: Array, alone: Array
) -> float:
    """Largest difference between a batch and its members one by one; back ends differ in it."""
    together = np.repeat(np.asarray(tokens), len(crops), axis=0)
    return float(np.abs(_track(engine, np.concatenate(crops), together) - alone).max())
