"""What a reference said along the golden sequence, and the file in which it is kept."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.data.golden import LENGTH
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.follow import Mask
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import Weights
import numpy as np

_STAGES = 'relevance_stages'


@dataclass(frozen=True, eq=False)
class Reference:
    """A track of the golden sequence.

    Attributes:
        boxes: float64 (frames - 1, 4): cx, cy, w, h as fractions of each search region.
        choices: what the Token Filter kept of its candidates, by the number of the frame.
    """

    boxes: Array
    choices: dict[int, Mask]

    def first(self, frames: int) -> Reference:
        """The beginning, ``frames`` frames long with the first one."""
        return Reference(self.boxes[: frames - 1], self.choices)


def stored_path(model: str) -> Path:
    """Place of the stored reference boxes of a model's shipped weights."""
    return Path(__file__).resolve().parent.parent / 'share' / 'golden' / f'{model}.json'


def read_reference(weights: Weights, path: Path | None = None) -> Reference | None:
    """The stored track that was made with exactly these weights and stages, or None.

    Raises:
        EngineError: if the file is damaged.
    """
    path = path or stored_path(weights.model)
    if not weights.sha256 or not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding='utf-8'))
        if stored['weights_sha256'] != weights.sha256 or stored.get(_STAGES) != _stages(weights):
            return None
        boxes = np.array(stored['boxes'], np.float64)
        choices = {int(i): _to_mask(text) for i, text in stored.get('kept', {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f'{path} is no usable file of reference boxes: {error}') from error
    if boxes.shape != (LENGTH - 1, 4) or not np.isfinite(boxes).all():
        raise EngineError(f'{path}: expected {LENGTH - 1} boxes of 4 numbers, got {boxes.shape}')
    return Reference(boxes, choices)


def write_reference(
    engine: BaseEngine, weights: Weights, track: Reference, path: Path | None = None
) -> Path:
    """Store the track of a reference engine.

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
    content: dict[str, Any] = {
        'model': weights.model,
        'weights_sha256': weights.sha256,
        'made_by': f'hit-rfgm selftest --model {weights.model} --write-reference',
        'meaning': 'cx, cy, w, h as fractions of the search region, frames 1 to 119',
    }
    if _stages(weights) is not None:
        content[_STAGES] = _stages(weights)
    if track.choices:
        content['meaning'] += '; kept: bits of the candidates that the Token Filter keeps'
        content['kept'] = {
            str(i): np.packbits(mask).tobytes().hex() for i, mask in track.choices.items()
        }
    lines = ',\n  '.join(json.dumps(box) for box in track.boxes.tolist())
    head = json.dumps(content, indent=1)[:-2]
    path.write_text(f'{head},\n "boxes": [\n  {lines}\n ]\n}}\n', encoding='utf-8')
    return path


def _stages(weights: Weights) -> int | None:
    """Relevance stages of an RFGM: one file of weights serves several numbers of them."""
    config = weights.config
    return config.relevance_stages if isinstance(config, RFGMConfig) else None


def _to_mask(text: str) -> Mask:
    """Bits of whole bytes: a template's tokens are a multiple of eight."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)).astype(bool)
