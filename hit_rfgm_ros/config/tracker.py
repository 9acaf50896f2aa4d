"""Options of a tracker; each addition of ours has its own switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
import math
from typing import Any

from hit_rfgm_ros.config.names import did_you_mean
from hit_rfgm_ros.errors import ConfigError

BACKENDS = ('auto', 'tensorrt', 'onnxruntime', 'openvino', 'torch')
PRECISIONS = ('auto', 'fp32', 'fp16', 'bf16', 'int8')
DEVICES = 'auto|cpu|cuda(:[0-9]{1,3})?'  # pattern
MEMORY_KINDS = ('auto', 'none', 'fifo', 'score', 'gr')
WINDOWINGS = ('hann', 'none')
MEMORY_SIZES = (64, 4096)  # smallest and largest, in tokens
RFGM_OPTIONS = (  # without effect in networks that keep the first template alone
    'memory_kind',
    'memory_size',
    'update_interval',
    'memory_min_confidence',
    'windowing',
    'relevance_stages',
)


@dataclass(frozen=True)
class TrackerConfig:
    """How a tracker crops, judges and remembers. Durations are seconds of the source's time.

    Attributes:
        paper_mode: the official algorithm and nothing else: every addition below is off.
        fps: frames per second assumed where no stamps are given.
        search_factor: side of the search region over sqrt(width * height).
        template_factor: side of the template over sqrt(width * height).
        uncertain_below: confidence under which a target is UNCERTAIN; -1 takes the weights' own.
        lost_below: confidence under which a target counts as gone; -1 takes the weights' own.
        lost_after: seconds under `lost_below` before the state is LOST.
        found_after: seconds above `uncertain_below` before a LOST target is TRACKING again.
        max_scale_change: bound on the change of each side per frame (1.3 = 30 %); 0 is no bound.
        size_damping: share of the way that width and height move towards the network's in a
            frame, in (0, 1]; 1 moves all the way; -1 takes the weights' own.
        widen_search: let the search region grow while the target is uncertain.
        max_search_factor: bound on the widened search region.
        freeze_when_lost: keep the last believed box while the confidence is below `lost_below`.
        found_above: confidence that a LOST target must reach to be found again; -1 takes the
            weights' own.
        search_windows: further windows per frame around the last place while UNCERTAIN.
        search_scale: while unsure some windows are cut for a target larger or smaller by this
            factor; 1 tries no other sizes.
        scan_windows: further windows per frame while LOST.
        search_everywhere: while LOST, let the further windows walk over the whole image.
        min_box_size: smallest side of a box in pixels, at the start and later.
        min_visible: share of the first box that must lie in the image.
        memory_kind: what the memory of an RFGM keeps beside the first template, see
            `memory.tokens`; auto is gr where the weights have the ranker for it, else none.
        memory_size: most tokens in the memory, the 64 of the first template included.
        update_interval: frames between two memory updates; 0 is the paper's schedule.
        memory_min_confidence: no memory update below this confidence; -1 takes the weights' own,
            0 is off.
        windowing: weights on the score map; hann prefers the middle of the search region.
        relevance_stages: layers that leave out memory tokens; -1 is all that the weights have.
    """

    paper_mode: bool = False
    fps: float = 30.0
    search_factor: float = 4.0
    template_factor: float = 2.0
    uncertain_below: float = -1.0
    lost_below: float = -1.0
    lost_after: float = 1.0
    found_after: float = 0.1
    max_scale_change: float = 1.3
    size_damping: float = -1.0
    widen_search: bool = True
    max_search_factor: float = 8.0
    freeze_when_lost: bool = True
    found_above: float = -1.0
    search_windows: int = 2
    search_scale: float = 1.4
    scan_windows: int = 3
    search_everywhere: bool = True
    min_box_size: float = 4.0
    min_visible: float = 0.25
    memory_kind: str = 'auto'
    memory_size: int = 192
    update_interval: int = 0
    memory_min_confidence: float = -1.0
    windowing: str = 'hann'
    relevance_stages: int = -1

    def __post_init__(self) -> None:
        self._check('fps', 0 < self.fps < math.inf, 'above 0 and finite')
        self._check('search_factor', self.search_factor >= 1, 'at least 1')
        self._check('template_factor', self.template_factor >= 1, 'at least 1')
        for name in ('uncertain_below', 'lost_below', 'found_above'):
            value = getattr(self, name)
            self._check(name, value == -1 or 0 <= value <= 1, 'in [0, 1], or -1')
        for name in ('lost_after', 'found_after'):
            self._check(name, getattr(self, name) >= 0, 'at least 0')
        change = self.max_scale_change
        self._check('max_scale_change', change == 0 or change >= 1, 'at least 1, or 0')
        damping = self.size_damping
        self._check('size_damping', damping == -1 or 0 < damping <= 1, 'in (0, 1], or -1')
        self._check('search_scale', 1 <= self.search_scale <= 4, 'in [1, 4]')
        for name in ('search_windows', 'scan_windows'):
            self._check(name, 0 <= getattr(self, name) <= 64, 'in [0, 64]')
        self._check('min_box_size', self.min_box_size >= 1, 'at least 1')
        self._check('min_visible', 0 <= self.min_visible <= 1, 'in [0, 1]')
        self._check(
            'max_search_factor',
            self.max_search_factor >= self.search_factor,
            f'at least search_factor ({self.search_factor:g})',
        )
        self._check_rfgm()

    def _check_rfgm(self) -> None:
        least, most = MEMORY_SIZES
        for name, known in (('memory_kind', MEMORY_KINDS), ('windowing', WINDOWINGS)):
            self._check(name, getattr(self, name) in known, f'one of {", ".join(known)}')
        self._check(
            'memory_size', least <= self.memory_size <= most, f'in [{least}, {most}] tokens'
        )
        self._check('update_interval', self.update_interval >= 0, 'at least 0')
        gate = self.memory_min_confidence
        self._check('memory_min_confidence', gate == -1 or 0 <= gate <= 1, 'in [0, 1], or -1')
        self._check('relevance_stages', -1 <= self.relevance_stages <= 3, '0 to 3, or -1')

    def _check(self, name: str, ok: bool, wanted: str) -> None:
        if not ok:
            raise ConfigError(f'{name} must be {wanted}, got {getattr(self, name)!r}')

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> TrackerConfig:
        """Make a configuration from names and values.

        Raises:
            ConfigError: for an unknown name (the nearest known one is named) or a bad value.
        """
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in options.items():
            if name not in known:
                hint = did_you_mean(name, known) or f'known options: {", ".join(known)}'
                raise ConfigError(f'unknown option {name!r}: {hint}')
            values[name] = _convert(name, value, known[name].default)
        return cls(**values)


def _convert(name: str, value: Any, default: Any) -> Any:
    """Accept an integer for a float; refuse anything else of another type."""
    if isinstance(default, bool) or isinstance(value, bool):
        if isinstance(value, bool) and isinstance(default, bool):
            return value
        raise ConfigError(f'{name} must be a {type(default).__name__}, got {value!r}')
    if isinstance(default, float) and isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, type(default)):
        return value
    raise ConfigError(f'{name} must be a {type(default).__name__}, got {value!r}')
