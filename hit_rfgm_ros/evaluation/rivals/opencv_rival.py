"""OpenCV's trackers as rivals, each in a process of its own.

OpenCV for C++ keeps CSRT and KCF in its contrib modules, whose wheel overwrites the files of the
wheel that this package needs. So they run under another interpreter (see `rivals.environment`);
MIL, Nano and Vit run under ours where that environment was not made.
"""

from __future__ import annotations

from collections.abc import Sequence
import logging
from pathlib import Path
import sys
from typing import Any

from hit_rfgm_ros.errors import GeometryError, RivalError
from hit_rfgm_ros.evaluation.contender import Answer
from hit_rfgm_ros.evaluation.rivals.environment import OPENCV_CONTRIB, python_of
from hit_rfgm_ros.evaluation.rivals.process import TrackerProcess
from hit_rfgm_ros.geometry.boxes import check_box, format_box, visible_share
from hit_rfgm_ros.types import Box, ImageU8, TrackState
from hit_rfgm_ros.weights.files import file_sha256

OPENCV_MODELS = {'csrt': 0, 'kcf': 0, 'mil': 0, 'nano': 2, 'vit': 1}  # name: its model files
_CONTRIB_ONLY = ('csrt', 'kcf')
_SCRIPT = Path(__file__).with_name('opencv_worker.py')

_log = logging.getLogger(__name__)


class OpenCvRival:
    """One of OpenCV's trackers with its default settings; implements `Contender`.

    It starts from the box rounded to whole pixels, and gets its pictures as BGR. Where it says
    that the target was not found, the last box is kept and the state is LOST; the same where it
    refuses a box or a frame, which is a warning besides.
    """

    def __init__(
        self,
        name: str,
        rival: str,
        command: Sequence[str],
        models: Sequence[Path] = (),
        *,
        threads: int = 0,
    ) -> None:
        """Start its process.

        Args:
            name: of the folder of its results.
            rival: csrt, kcf, mil, nano or vit.
            command: the interpreter with its options, see `interpreter`.
            models: its networks; for nano backbone and head, for vit one file.
            threads: of OpenCV; 0 leaves it to OpenCV.

        Raises:
            RivalError: if its OpenCV lacks the tracker or refuses the models.
        """
        self.name = name
        script = [str(_SCRIPT), rival, str(threads), *map(str, models)]
        self._process = TrackerProcess(rival, [*command, *script])
        self.about: dict[str, Any] = {
            'kind': 'rival',
            'rival': rival,
            'models': {path.name: file_sha256(path) for path in models},
            'versions': self._process.about,
        }

    def start(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> None:
        """See `Contender`."""
        check_box(box)
        height, width = frame.shape[:2]
        if not visible_share(box, width, height):
            raise GeometryError(
                f'the box {format_box(box)} lies outside the {width}x{height} frame: give a box '
                'in pixels of this frame'
            )
        sides = [max(1, round(side)) for side in (box.width, box.height)]
        request = {'do': 'start', 'box': [round(box.x), round(box.y), *sides]}
        answer = self._process.ask(request, frame)
        if 'refused' in answer:
            _log.warning(
                '%s cannot start on %s: %s', self.name, format_box(box), answer['refused']
            )

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> Answer:
        """See `Contender`."""
        answer = self._process.ask({'do': 'update'}, frame)
        if 'refused' in answer:
            _log.warning('%s failed on a frame: %s', self.name, answer['refused'])
        return Answer(
            Box(*answer['box']),
            answer['score'],
            TrackState.TRACKING if answer['found'] else TrackState.LOST,
            seconds=answer['seconds'],
        )

    def after(self) -> None:
        """See `Contender`: there is nothing to do."""

    def close(self) -> None:
        """See `Contender`."""
        self._process.close()


def interpreter(rival: str) -> list[str]:
    """The interpreter that runs one of OpenCV's trackers, with its options.

    Raises:
        RivalError: if the tracker needs an environment that is not made.
    """
    python = python_of(OPENCV_CONTRIB)
    if python is not None:
        return [str(python), '-I']  # nothing of our own environment
    if rival in _CONTRIB_ONLY:
        raise RivalError(
            f'{rival} is only in OpenCV with the contrib modules; make an environment for it '
            f'with: hit-rfgm eval --install {OPENCV_CONTRIB}'
        )
    return [sys.executable]
