"""Runs one of OpenCV's trackers in a process of its own; started by `rivals.process`.

A script, not a module: it is run by its path, by an interpreter that may know nothing but numpy
and OpenCV, and must not import this package.

Each request on stdin is a line of JSON; ``start`` and ``update`` are followed by the frame's bytes
(height x width x 3, uint8, RGB). Each answer on stdout is a line of JSON, with ``error`` where a
request failed. The first line says who is there. The end of stdin ends it.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

import cv2
import numpy as np

# What random numbers begin with in a new process, by OpenCV and by C.
OPENCV_SEED, C_SEED = -1, 1


def make_tracker(name: str, models: list[str]) -> Any:
    """One of OpenCV's trackers with its default settings.

    Args:
        name: csrt, kcf, mil, nano or vit.
        models: paths of its networks; for nano backbone and head, for vit one.
    """
    label = name.capitalize() if name in ('nano', 'vit') else name.upper()
    create = getattr(cv2, f'Tracker{label}_create', None)
    if create is None:
        raise LookupError(f'OpenCV {cv2.__version__} of {sys.executable} has no Tracker{label}')
    if not models:
        return create()
    settings = getattr(cv2, f'Tracker{label}_Params')()
    fields = ('backbone', 'neckhead') if name == 'nano' else ('net',)
    for field, model in zip(fields, models):
        setattr(settings, field, model)
    return create(settings)


def _seed() -> None:
    """Track every target as a new process would: MIL draws from both kinds of numbers."""
    cv2.setRNGSeed(OPENCV_SEED)
    if os.name == 'posix':
        ctypes.CDLL(None).srand(C_SEED)


class Desk:
    """Answers the requests for one tracker."""

    def __init__(self, name: str, models: list[str]) -> None:
        self._name, self._models = name, models
        self._tracker: Any = None
        self._box: list[float] = []

    def start(self, frame: Any, box: list[int]) -> dict[str, Any]:
        """Begin anew; ``box`` is x, y, width, height in whole pixels."""
        _seed()
        self._tracker = make_tracker(self._name, self._models)
        self._box = [float(value) for value in box]
        try:
            self._tracker.init(frame, tuple(box))
        except cv2.error as error:  # MIL for one takes no box at the edge of the frame
            self._tracker = None
            return {'refused': str(error)}
        return {}

    def update(self, frame: Any) -> dict[str, Any]:
        """Find the target; not found, the last box is kept."""
        if not self._box:
            raise LookupError('update before start')
        answer = {'found': False, 'box': self._box, 'score': None, 'seconds': 0.0}
        if self._tracker is None:
            return answer
        began = time.perf_counter()
        try:
            answer['found'], box = self._tracker.update(frame)
        except cv2.error as error:
            return {**answer, 'seconds': time.perf_counter() - began, 'refused': str(error)}
        answer['seconds'] = time.perf_counter() - began
        if answer['found']:
            self._box = answer['box'] = [float(value) for value in box]
        if self._models:  # the others have no score, they answer with a constant
            answer['score'] = float(self._tracker.getTrackingScore())
        return answer

    def answer(self, request: dict[str, Any], read: Callable[[int], bytes]) -> dict[str, Any]:
        """The answer to one request; ``read`` gives the bytes that follow it."""
        shape = (request['height'], request['width'], 3)
        data = np.frombuffer(read(shape[0] * shape[1] * 3), np.uint8).reshape(shape)
        frame = cv2.cvtColor(data, cv2.COLOR_RGB2BGR)
        if request['do'] == 'start':
            return self.start(frame, request['box'])
        return self.update(frame)


def main(name: str, threads: int, models: list[str]) -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the business of the parent
    # Whatever libraries print goes to stderr; stdout is for answers alone.
    out = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)
    if threads:
        cv2.setNumThreads(threads)
    desk = Desk(name, models)

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=out, flush=True)

    try:
        make_tracker(name, models)
    except (LookupError, cv2.error) as error:
        say({'error': str(error)})
        return
    say({'opencv': cv2.__version__, 'numpy': np.__version__})
    for line in iter(sys.stdin.buffer.readline, b''):
        try:
            say(desk.answer(json.loads(line), sys.stdin.buffer.read))
        except (LookupError, cv2.error) as error:
            say({'error': str(error)})


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
