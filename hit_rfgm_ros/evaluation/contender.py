"""What is evaluated: our own models and rivals, all behind the same few calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol

from hit_rfgm_ros import __version__
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.trackers.factory import create_tracker
from hit_rfgm_ros.trackers.parts import RANDOM
from hit_rfgm_ros.types import Box, ConfidenceKind, ImageU8, TrackResult, TrackState
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import file_sha256

# Option: reckon with the times of the frames. Else they are 1/30 s apart, whatever the data set
# says, since one-pass evaluation knows no time.
OWN_TIME = 'own_time'
# Fields of `about` of their own; threads change the speed, not the boxes.
_SAID_APART = ('model', 'weights', 'backend', 'device', 'precision', 'paper_mode', 'threads')


@dataclass(frozen=True)
class Answer:
    """What a tracker says about one frame.

    Attributes:
        box: of the target in image pixels.
        confidence: None where the tracker gives none.
        state: None where the tracker gives none.
        seconds: that finding the box took, where the tracker itself knows better than a clock
            around the call (it works in another process); None where it does not.
    """

    box: Box
    confidence: float | None = None
    state: TrackState | None = None
    seconds: float | None = None


class Contender(Protocol):
    """A tracker that is evaluated; one is used for many sequences, one after the other.

    Attributes:
        name: of the folder of its results.
        about: what it is (model, sha256 of the weights, back end, precision, versions), ready
            for JSON. Results are only added to those of a tracker with the same `about`.
    """

    name: str
    about: dict[str, Any]

    def start(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> None:
        """Start on ``box`` in the first frame of a sequence; what was before is forgotten.

        Args:
            frame: (H, W, 3) uint8 RGB.
            box: in image pixels.
            stamp: seconds of the source, for trackers that reckon with time.
        """

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> Answer:
        """Find the target in the next frame."""

    def after(self) -> None:
        """What may be done once the box is out (a memory update); no part of the latency."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass(frozen=True)
class ContenderSpec:
    """How to open a contender; it can be sent to another process.

    Attributes:
        name: of the folder of its results.
        kind: ``model`` (one of ours), ``rival`` (a known tracker of others), ``onnx`` (a user's
            network with its description) or ``python`` (a user's tracker in Python).
        options: for ``model`` the arguments of `create_tracker`, and `OWN_TIME`.
    """

    name: str
    kind: Literal['model', 'rival', 'onnx', 'python']
    options: dict[str, Any] = field(default_factory=dict)


def open_contender(spec: ContenderSpec) -> Contender:
    """Build the tracker that a specification names.

    Raises:
        HitRfgmError: if it cannot be built here, with what to do.
    """
    if spec.kind == 'model':
        return ModelContender(spec)
    if spec.kind in ('rival', 'onnx'):
        from hit_rfgm_ros.evaluation.rivals import open_rival

        return open_rival(spec)
    if spec.kind == 'python':
        from hit_rfgm_ros.evaluation.python_tracker import PythonContender

        return PythonContender(spec)
    raise ConfigError(f'a contender is a model, a rival, onnx or python, got {spec.kind!r}')


class ModelContender:
    """One of our own models; implements `Contender`."""

    def __init__(self, spec: ContenderSpec) -> None:
        """Build the tracker; for the errors see `create_tracker`."""
        self.name = spec.name
        options = dict(spec.options)
        self._own_time = options.pop(OWN_TIME, False)
        self._tracker = create_tracker(**options)
        engine = self._tracker.engine
        self.about: dict[str, Any] = {
            'kind': 'model',
            'model': spec.options['model'],
            'weights_sha256': weights_sha256(spec),
            'backend': engine.backend,
            'device': engine.device,
            'precision': engine.precision,
            'paper_mode': self._tracker.options.paper_mode,
            'options': own_options(spec),
            'versions': versions(engine.backend),
        }

    def start(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> None:
        """See `Contender`."""
        self._tracker.reset()
        self._tracker.init(frame, box, stamp=stamp if self._own_time else None)

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> Answer:
        """See `Contender`."""
        return _answer(self._tracker.update(frame, stamp=stamp if self._own_time else None))

    def after(self) -> None:
        """See `Contender`."""
        self._tracker.update_memory()

    def close(self) -> None:
        """See `Contender`."""
        self._tracker.reset()


def own_options(spec: ContenderSpec) -> dict[str, Any]:
    """The options of one of our models that `ModelContender.about` does not name apart."""
    return {name: value for name, value in sorted(spec.options.items()) if name not in _SAID_APART}


def weights_sha256(spec: ContenderSpec) -> str:
    """Checksum of the weights that one of our models would be run with; empty for random ones."""
    weights = spec.options.get('weights')
    if weights == RANDOM:
        return ''
    return file_sha256(find_weights(spec.options['model'], weights))


def versions(*libraries: str) -> dict[str, str]:
    """Versions of this package and of the libraries that the boxes of a tracker depend on."""
    found = {name: str(import_module(name).__version__) for name in ('numpy', 'cv2', *libraries)}
    return {'hit_rfgm_ros': __version__, **found}


def _answer(result: TrackResult) -> Answer:
    known = result.confidence_kind is not ConfidenceKind.NONE
    return Answer(result.box, result.confidence if known else None, result.state)
