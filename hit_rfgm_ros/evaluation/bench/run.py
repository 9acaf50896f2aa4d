"""Measuring: a process for each case and round, one at a time, in shuffled rounds.

A new process each time, since much of what makes two runs differ (where memory lies, what the
libraries choose at their start) stays the same within a process. See T. Kalibera and R. Jones,
Rigorous Benchmarking in Reasonable Time, ISMM 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.bench.cases import Case, Missing
from hit_rfgm_ros.evaluation.bench.frames import bench_frames
from hit_rfgm_ros.evaluation.bench.machine import OtherPrograms, describe
from hit_rfgm_ros.evaluation.bench.report import make_report, make_row
from hit_rfgm_ros.evaluation.bench.turns import shuffled_rounds
import numpy as np

_POLL = 0.05  # seconds between looks at Ctrl-C
_LIMIT = 1800.0  # seconds of one process; building the graphs of a large model takes minutes
_WORKER = 'hit_rfgm_ros.evaluation.bench.worker'


@dataclass(frozen=True)
class Amount:
    """How much is measured.

    Attributes:
        rounds: processes per case.
        frames: updates measured in each.
        size: width and height of the frames.
        cold: measure a start with an empty cache as well, once per case.
    """

    rounds: int = 7
    frames: int = 60
    size: tuple[int, int] = (1280, 720)
    cold: bool = False

    def turns(self, cases: int) -> int:
        """Processes in all."""
        return cases * (self.rounds + 1 + self.cold)


class _Stopped(Exception):  # noqa: N818 no error: Ctrl-C
    """It was ended before all was measured."""


def run_bench(
    cases: Sequence[Case],
    missing: Sequence[Missing],
    weights: Mapping[str, str],
    amount: Amount,
    *,
    progress: Callable[[str], object] = lambda _name: None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Measure all cases; one that fails is listed and the others go on.

    Args:
        cases: to measure.
        missing: known not to run here.
        weights: file, or ``random``, of each model.
        amount: how much.
        progress: called with the name of a case each time a process of it has ended.
        stop: looked at many times a second; what is measured till then is in the report.

    Returns:
        The report, see `bench.report`.
    """
    bench = _Bench(cases, missing, weights, amount, progress, stop)
    about: dict[str, Any] = {
        'date': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'amount': {
            'rounds': amount.rounds,
            'frames': amount.frames,
            'size': list(amount.size),
        },
        'machine': describe(),
    }
    with tempfile.TemporaryDirectory(prefix='hit_rfgm_bench_') as folder:
        try:
            with bench.others:
                bench.run(Path(folder))
        except _Stopped:
            about['interrupted'] = True
    about['machine']['other_cores'] = bench.others.cores
    return make_report(about, bench.rows(), bench.missing)


class _Bench:
    """What was measured so far."""

    def __init__(
        self,
        cases: Sequence[Case],
        missing: Sequence[Missing],
        weights: Mapping[str, str],
        amount: Amount,
        progress: Callable[[str], object],
        stop: Callable[[], bool],
    ) -> None:
        self.missing = list(missing)
        self.others = OtherPrograms()
        self._weights = weights
        self._amount = amount
        self._progress = progress
        self._stop = stop
        self._answers: dict[Case, list[dict[str, Any]]] = {case: [] for case in cases}
        self._cold: dict[Case, dict[str, float]] = {}
        self._failed: set[Case] = set()

    def run(self, folder: Path) -> None:
        frames, box = bench_frames(*self._amount.size)
        np.save(folder / 'frames.npy', frames)
        self._order = {'frames': str(folder / 'frames.npy'), 'box': list(box)}
        self._folder = folder
        for case in self._answers:  # builds the graphs that are not in the cache yet
            self._turn(case, 0)
        if self._amount.cold:
            for case in self._running():
                self._start_cold(case)
        for _, case in shuffled_rounds(self._running(), self._amount.rounds):
            if case in self._failed:
                continue
            answer = self._turn(case, self._amount.frames)
            if answer is not None:
                self._answers[case].append(answer)

    def rows(self) -> list[dict[str, Any]]:
        return [
            make_row(case, self._weights[case.model], answers, self._cold.get(case))
            for case, answers in self._answers.items()
            if answers
        ]

    def _running(self) -> list[Case]:
        return [case for case in self._answers if case not in self._failed]

    def _start_cold(self, case: Case) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as cache:
            answer = self._turn(case, 0, {'XDG_CACHE_HOME': cache})
            if answer is not None and any(Path(cache).rglob('*.graphs')):
                self._cold[case] = answer['start_s']

    def _turn(
        self, case: Case, count: int, environment: Mapping[str, str] | None = None
    ) -> dict[str, Any] | None:
        """One process; None and an entry in `missing` where it fails."""
        order = {
            **self._order,
            'case': case.as_dict(),
            'weights': self._weights[case.model],
            'count': count,
        }
        try:
            return run_process(order, self._folder, environment or {}, self._stop)
        except EvaluationError as error:
            self._failed.add(case)
            self.missing.append(Missing(case, str(error)))
            return None
        finally:
            self._progress(case.name)


def run_process(
    order: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str],
    stop: Callable[[], bool],
) -> dict[str, Any]:
    """Measure one case once, in a process of its own.

    Args:
        order: see `worker.measure`.
        folder: for what passes between the processes.
        environment: variables to add.
        stop: looked at many times a second.

    Raises:
        EvaluationError: if the case does not run here, or its process ended without an answer.
    """
    path = folder / 'answer.json'
    path.unlink(missing_ok=True)
    with (folder / 'messages').open('w+b') as messages:
        process = subprocess.Popen(
            [sys.executable, '-m', _WORKER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C comes to us alone
        )
        with _ended(process):
            assert process.stdin is not None
            process.stdin.write(json.dumps(dict(order)).encode())
            process.stdin.close()
            _wait(process, stop)
        messages.seek(0)
        said = messages.read().decode(errors='replace').strip().splitlines()
    if not path.exists():
        raise EvaluationError(_death(process.returncode, said))
    answer: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    if 'error' in answer:
        raise EvaluationError(answer['error'])
    return answer


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no process behind."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], stop: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT
    while process.poll() is None:
        if stop():
            raise _Stopped
        if time.monotonic() > end:
            raise EvaluationError(f'its process took more than {_LIMIT:.0f} s and was ended')
        try:
            process.wait(_POLL)
        except subprocess.TimeoutExpired:
            continue


def _death(code: int, said: Sequence[str]) -> str:
    """Why a process ended without an answer."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = ': killed, perhaps for want of memory' if name == 'SIGKILL' else ''
        return f'its process ended by {name}{hint}'
    return f'its process ended with exit code {code}: {said[-1] if said else "without a word"}'
