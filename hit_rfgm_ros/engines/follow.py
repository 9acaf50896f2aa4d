"""What a network needs to follow the golden sequence: crops, and a template or a memory.

RFGM's memory is driven as its own tracker does at its usual size, three templates: the first one
for ever, new ones appended while there is room, then the Token Filter's choice of tokens. Two
things differ, so that back ends can be compared. New templates are cut around the truth, every
third frame in which the target is seen: the memory then is the same whatever boxes were found
before, and a dozen frames see one, two and three templates and a filtered memory. And what the
filter keeps can be imposed: of two tokens that are all but equal one back end may keep the one,
another the other, and all later frames would differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import HEIGHT, WIDTH, golden_frame
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.geometry.centre import decode, hann
from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.types import Array, ImageU8
import numpy as np
from numpy.typing import NDArray

_TEMPLATES = 3  # in a full memory
_EVERY = 3  # frames from one memory update to the next
_BATCH = 4  # of the runs that check larger batches

Inputs = dict[str, Array]
Mask = NDArray[np.bool_]


class Choice(NamedTuple):
    """What a Token Filter said of its candidates.

    Attributes:
        relevance: (candidates,) logits of being kept.
        kept: (candidates,) the best of them.
    """

    relevance: Array
    kept: Mask


class Batch(NamedTuple):
    """Frames that are looked at in one call.

    Attributes:
        graph: to run.
        frames: their numbers.
        inputs: of the graph.
    """

    graph: str
    frames: tuple[int, ...]
    inputs: Inputs


class Follower(Protocol):
    """One engine's way along the golden sequence."""

    def inputs(self, crop: ImageU8) -> Inputs:
        """Inputs of the graph ``track`` for a search region (1, S, S, 3)."""

    def boxes(self, outputs: Inputs) -> Array:
        """(B, 4) cx, cy, w, h as fractions of the search region, from what the graph gave."""

    def remember(self, number: int, crop: ImageU8, imposed: Mask | None = None) -> Choice | None:
        """Update what is remembered after frame ``number``.

        Args:
            number: of the frame.
            crop: the search region of that frame.
            imposed: what the filter keeps, whatever it says.

        Returns:
            What the filter said, None where it did not run.
        """

    def batches(self, seen: Sequence[Inputs]) -> Iterator[Batch]:
        """Calls for several frames at once, made of the inputs of the frames 1, 2 and so on."""

    def padded(self, inputs: Inputs) -> Inputs:
        """The same inputs for ``track_padded``, with some padding."""


def follower(engine: BaseEngine) -> Follower:
    """Start an engine on the first frame."""
    if isinstance(engine.config, RFGMConfig):
        return _WithMemory(engine, engine.config)
    return _WithTemplate(engine)


class _WithTemplate:
    """HiT: the first template and nothing else."""

    def __init__(self, engine: BaseEngine) -> None:
        self._tokens = _template_tokens(engine, 0)

    def inputs(self, crop: ImageU8) -> Inputs:
        return {'search': crop, 'template_tokens': self._tokens}

    def boxes(self, outputs: Inputs) -> Array:
        return outputs['boxes']

    def remember(self, number: int, crop: ImageU8, imposed: Mask | None = None) -> Choice | None:
        return None

    def batches(self, seen: Sequence[Inputs]) -> Iterator[Batch]:
        yield Batch('track', tuple(range(1, 1 + _BATCH)), _stack(seen[:_BATCH]))

    def padded(self, inputs: Inputs) -> Inputs:
        return inputs


class _WithMemory:
    """RFGM: a memory of up to three templates' worth of tokens."""

    def __init__(self, engine: BaseEngine, config: RFGMConfig) -> None:
        self._engine, self._config = engine, config
        self._window = hann(config.grid)
        self._memory = _template_tokens(engine, 0)

    def inputs(self, crop: ImageU8) -> Inputs:
        return {'search': crop, 'memory': self._memory}

    def boxes(self, outputs: Inputs) -> Array:
        score, size, offset = (outputs[name] for name in ('score', 'size', 'offset'))
        return decode(score, size, offset, self._window).boxes

    def remember(self, number: int, crop: ImageU8, imposed: Mask | None = None) -> Choice | None:
        if number % _EVERY or not golden_frame(number).visible:
            return None
        new = _template_tokens(self._engine, number)
        room = self._config.template_tokens
        if self._memory.shape[1] < _TEMPLATES * room:
            self._memory = np.concatenate([self._memory, new], axis=1)
            return None
        choice = self._choose(new, crop)
        kept = choice.kept if imposed is None else imposed
        candidates = np.concatenate([self._memory[:, room:], new], axis=1)
        self._memory = np.concatenate([self._memory[:, :room], candidates[:, kept]], axis=1)
        return choice if self._config.has_filter else None

    def _choose(self, new: Array, crop: ImageU8) -> Choice:
        """The most relevant candidates, of equal ones the older; the newest without a filter."""
        count = self._memory.shape[1]
        relevance = np.arange(count, dtype=np.float64)
        if self._config.has_filter:
            inputs = {'memory': self._memory, 'template_tokens': new, 'search': crop}
            relevance = self._engine.run('filter', inputs)['relevance'][0].astype(np.float64)
        kept = np.zeros(count, bool)
        best = np.argsort(-relevance, kind='stable')
        kept[best[: (_TEMPLATES - 1) * self._config.template_tokens]] = True
        return Choice(relevance, kept)

    def batches(self, seen: Sequence[Inputs]) -> Iterator[Batch]:
        frames = tuple(range(3 * _EVERY, 3 * _EVERY + _BATCH))  # three templates
        yield Batch('track', frames, _stack([seen[i - 1] for i in frames]))
        frames = tuple(range(_EVERY, (1 + _BATCH) * _EVERY, _EVERY))  # one, two and three
        yield Batch('track_padded', frames, _pad([seen[i - 1] for i in frames]))

    def padded(self, inputs: Inputs) -> Inputs:
        return _pad([inputs], self._config.template_tokens)


def _template_tokens(engine: BaseEngine, number: int) -> Array:
    """Of a crop around the truth in a frame."""
    frame = golden_frame(number)
    factor = TrackerConfig().template_factor
    window = crop_window(frame.box, factor, engine.config.template_size, WIDTH, HEIGHT)
    crop = cut(frame.image, window, exact=True)
    return engine.run('template', {'template': crop[None]})['template_tokens']


def _stack(several: Sequence[Inputs]) -> Inputs:
    return {
        name: np.concatenate([np.asarray(inputs[name]) for inputs in several])
        for name in several[0]
    }


def _pad(several: Sequence[Inputs], surplus: int = 0) -> Inputs:
    """One batch of different memories; what fills them up must not matter, so it is large."""
    counts = np.array([inputs['memory'].shape[1] for inputs in several], np.int64)
    size = counts.max() + surplus
    filled = [
        {
            **inputs,
            'memory': np.pad(
                inputs['memory'],
                ((0, 0), (0, size - inputs['memory'].shape[1]), (0, 0)),
                constant_values=50.0,
            ),
        }
        for inputs in several
    ]
    return {**_stack(filled), 'memory_count': counts}
