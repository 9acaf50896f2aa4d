"""The work of an evaluation, spread over processes and machines, and resumed where it stopped.

A job is one sequence for one tracker. Processes share nothing but the files: under torchrun each
rank takes every WORLD_SIZE-th job, and whatever lies there complete is not done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Many
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import active_children, get_context
import os
from typing import Any, NamedTuple

from hit_rfgm_ros.errors import ConfigError, EvaluationError
from hit_rfgm_ros.evaluation.identity import Workers, cores
from hit_rfgm_ros.evaluation.worker import Job, begin, carry_out, is_done

_POLL = 0.1  # seconds between looks at Ctrl-C and the number of frames
_CRASHES = 3  # pools that broke one after the other without a sequence done


class Failure(NamedTuple):
    """A sequence that could not be run."""

    tracker: str
    sequence: str
    error: BaseException


@dataclass
class Outcome:
    """What became of the jobs.

    Attributes:
        done: how many were carried out.
        failures: those that could not be.
        interrupted: whether it was ended before all were begun.
    """

    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False


def rank_of(environment: Mapping[str, str] = os.environ) -> tuple[int, int, int]:
    """Rank, number of ranks, and how many of them are on this machine; 0, 1, 1 without torchrun.

    Raises:
        ConfigError: if the variables make no sense.
    """
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE')
    texts = [environment.get(name, default) for name, default in zip(names, '011')]
    if not all(text.isdecimal() for text in texts) or int(texts[0]) >= int(texts[1]):
        said = ', '.join(f'{name}={text}' for name, text in zip(names, texts))
        raise ConfigError(f'{said} in the environment: RANK is below WORLD_SIZE, both numbers')
    rank, size, local = map(int, texts)
    return rank, size, max(local, 1)


def spread(jobs: int, given: int = 0) -> Workers:
    """How many threads each worker gets, so that together they are as many as the processors.

    Args:
        jobs: worker processes of this call.
        given: threads that were asked for; 0 leaves a single worker to the libraries.
    """
    _, size, local = rank_of()
    together = jobs * local
    threads = given or (max(1, cores() // together) if together > 1 else 0)
    return Workers(jobs, threads, size)


def share_of(jobs: Many[Job]) -> list[Job]:
    """The jobs of this rank that are not done yet.

    Which rank has which does not depend on what is done, so that no two take the same.
    """
    rank, size, _ = rank_of()
    return [job for job in jobs[rank::size] if not is_done(job)]


def run_jobs(
    jobs: Many[Job],
    workers: Workers,
    *,
    progress: Callable[[int], object] = lambda _frames: None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Carry out jobs; one that fails does not keep the others from being done.

    Args:
        jobs: see `share_of`.
        workers: processes, and threads of each.
        progress: called with the number of frames done since the last call.
        stop: looked at many times a second; sequences under way are given up then.
    """
    outcome = Outcome()
    waiting = [_with_threads(job, workers.threads) for job in jobs]
    if workers.jobs > 1:  # the longest first, so that no process is left with it at the end;
        order = list(dict.fromkeys(job.tracker for job in waiting))  # one tracker after the other
        waiting.sort(key=lambda job: (order.index(job.tracker), -len(job.sequence)))
    crashes = 0
    while waiting and not outcome.interrupted and crashes < _CRASHES:
        before = outcome.done
        waiting = _Pool(waiting, workers, outcome, progress, stop).run()
        crashes = 0 if outcome.done > before else crashes + 1
    if waiting and not outcome.interrupted:
        error = EvaluationError('not run, for the worker processes end again and again')
        outcome.failures += [Failure(job.tracker, job.sequence.name, error) for job in waiting]
    return outcome


class _Pool:
    """One pool of processes; it is used until all is done or one of them dies."""

    def __init__(
        self,
        waiting: list[Job],
        workers: Workers,
        outcome: Outcome,
        progress: Callable[[int], object],
        stop: Callable[[], bool],
    ) -> None:
        self._waiting = waiting
        self._workers = workers
        self._outcome = outcome
        self._progress = progress
        self._stop = stop
        context = get_context('spawn')  # a fork would copy the threads' locks of the libraries
        self._given_up = context.Event()
        self._frames = context.Value('q', 0)
        self._told = 0
        self._broken = False
        self._running: dict[Future[bool], Job] = {}
        self._executor = ProcessPoolExecutor(
            min(workers.jobs, len(waiting)),
            mp_context=context,
            initializer=begin,
            initargs=(self._given_up, self._frames, workers),
        )

    def run(self) -> list[Job]:
        """Work; returns what was not begun."""
        with _threads_in_environment(self._workers.threads), self._executor:
            try:
                while self._running or (self._waiting and self._may_go_on()):
                    self._submit()
                    self._collect()
            except KeyboardInterrupt:  # the second one: nobody waits for a slow frame any more
                for process in active_children():
                    process.terminate()
                raise
            finally:
                self._given_up.set()  # before the executor waits for its processes
        return self._waiting

    def _may_go_on(self) -> bool:
        return not (self._broken or self._outcome.interrupted)

    def _submit(self) -> None:
        """Give each process something to do, and no more: what runs is known."""
        while self._may_go_on() and self._waiting and len(self._running) < self._workers.jobs:
            job = self._waiting.pop(0)
            try:
                self._running[self._executor.submit(carry_out, job)] = job
            except BrokenProcessPool:
                self._waiting.insert(0, job)
                self._broken = True

    def _collect(self) -> None:
        finished, _ = wait(self._running, timeout=_POLL, return_when=FIRST_COMPLETED)
        if self._stop() and not self._outcome.interrupted:
            self._outcome.interrupted = True
            self._given_up.set()
        frames = self._frames.value
        self._progress(frames - self._told)
        self._told = frames
        for future in finished:
            self._note(self._running.pop(future), future)

    def _note(self, job: Job, future: Future[bool]) -> None:
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            self._broken = True
            error = EvaluationError(
                'its worker process ended: killed, out of memory, or a crash of a library'
            )
        if error is None:
            self._outcome.done += future.result()
        elif not (self._outcome.interrupted and self._broken):
            self._outcome.failures.append(Failure(job.tracker, job.sequence.name, error))


def _with_threads(job: Job, threads: int) -> Job:
    if not threads or job.spec.options.get('threads') or job.spec.kind == 'python':
        return job
    options: dict[str, Any] = {**job.spec.options, 'threads': threads}
    return replace(job, spec=replace(job.spec, options=options))


@contextmanager
def _threads_in_environment(threads: int) -> Iterator[None]:
    """Let processes that are started meanwhile have so many threads in their libraries."""
    if not threads:
        yield
        return
    before = os.environ.get('OMP_NUM_THREADS')
    os.environ['OMP_NUM_THREADS'] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ['OMP_NUM_THREADS']
        else:
            os.environ['OMP_NUM_THREADS'] = before
