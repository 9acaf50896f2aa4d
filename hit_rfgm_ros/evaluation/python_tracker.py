"""A user's own tracker in Python as a contender: a file, and the name of what makes it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import reprlib
import sys
from typing import Any, Protocol

from hit_rfgm_ros.errors import ConfigError, EvaluationError
from hit_rfgm_ros.evaluation.contender import Answer, ContenderSpec, versions
from hit_rfgm_ros.types import Box, ImageU8
from hit_rfgm_ros.weights.files import file_sha256


class PythonTracker(Protocol):
    """What the user's factory returns."""

    def init(self, frame: ImageU8, box: Box) -> object:
        """Start on ``box`` in ``frame``, (H, W, 3) uint8 RGB; what is returned is not used."""

    def update(self, frame: ImageU8) -> Answer | Iterable[float]:
        """Find the target in the next frame: x, y, width, height, or an `Answer`."""


class PythonContender:
    """Implements `Contender` with a `PythonTracker`."""

    def __init__(self, spec: ContenderSpec) -> None:
        """Import the user's file and call the factory.

        Args:
            spec: its options are ``file`` and ``factory``, a name in that file.

        Raises:
            ConfigError: if there is no such file or name.
        """
        path, factory = Path(spec.options['file']), str(spec.options['factory'])
        self.name = spec.name
        self._tracker: PythonTracker = _load(path, factory)()
        self.about: dict[str, Any] = {**describe_python(spec), 'versions': versions()}

    def start(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> None:
        """See `Contender`."""
        self._tracker.init(frame, box)

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> Answer:
        """See `Contender`."""
        said = self._tracker.update(frame)
        if isinstance(said, Answer):
            return said
        try:
            return Answer(Box(*map(float, said)))
        except (TypeError, ValueError) as error:
            raise EvaluationError(
                f'update of {self.name} returned {reprlib.repr(said)}; expected x, y, width, '
                f'height, or an Answer'
            ) from error

    def after(self) -> None:
        """See `Contender`."""

    def close(self) -> None:
        """See `Contender`."""


def describe_python(spec: ContenderSpec) -> dict[str, Any]:
    """What is known of a user's tracker before its file is imported.

    Raises:
        OSError: if the file cannot be read.
    """
    path = Path(spec.options['file'])
    factory = str(spec.options['factory'])
    return {'kind': 'python', 'file': path.name, 'sha256': file_sha256(path), 'factory': factory}


def _load(path: Path, factory: str) -> Any:
    found = spec_from_file_location(f'user_tracker_{path.stem}', path)
    if not path.is_file() or found is None or found.loader is None:
        raise ConfigError(f'{path} is no Python file; give FILE.py:NAME')
    module = module_from_spec(found)
    sys.path.insert(0, str(path.resolve().parent))  # as for a program: it may have other files
    found.loader.exec_module(module)
    try:
        return getattr(module, factory)
    except AttributeError as error:
        raise ConfigError(f'{path} has nothing of the name {factory!r}') from error
