"""What runs in a worker process: it keeps its tracker open from sequence to sequence."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
import os
from pathlib import Path
import signal
from threading import Thread

import cv2
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.evaluation.contender import Contender, ContenderSpec, open_contender
from hit_rfgm_ros.evaluation.identity import Workers, keep_identity
from hit_rfgm_ros.evaluation.results import Results, write_sequence
from hit_rfgm_ros.evaluation.run import Pace, run_sequence


@dataclass(frozen=True)
class Job:
    """One sequence for one tracker.

    Attributes:
        spec: of the tracker.
        pace: None waits for the tracker.
        sequence: to be run.
        out: folder of the evaluation.
    """

    spec: ContenderSpec
    pace: Pace | None
    sequence: Sequence
    out: Path

    @property
    def tracker(self) -> str:
        """Name of the folder of the results."""
        return self.pace.name(self.spec.name) if self.pace else self.spec.name

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.out / self.tracker


def is_done(job: Job) -> bool:
    """Whether the boxes of a job lie there, one per frame."""
    return Results(job.out).is_done(job.tracker, job.sequence.name, len(job.sequence))


class Worker:
    """One worker process."""

    def __init__(self, stop: Event, frames: Synchronized[int], workers: Workers) -> None:
        """Make it.

        Args:
            stop: set when sequences under way are to be given up.
            frames: done so far, of all workers.
            workers: how many there are, and their threads.
        """
        self._stop = stop
        self._frames = frames
        self._workers = workers
        self._open: tuple[str, Contender] | None = None
        self._refused: dict[str, HitRfgmError] = {}

    def carry_out(self, job: Job) -> bool:
        """Run a job and write its files, unless another call has; False if it is given up.

        Raises:
            HitRfgmError: of the tracker or the sequence.
        """
        counted = 0

        def watch(index: int) -> bool:
            nonlocal counted
            self._count(index + 1 - counted)
            counted = index + 1
            return self._stop.is_set()

        try:
            contender = self._contender(job)
            if is_done(job):
                return True
            track = run_sequence(contender, job.sequence, job.pace, watch=watch)
        except BaseException:
            self._close()  # nobody knows what state it is in
            raise
        finally:
            self._count(len(job.sequence) - counted)
        if track is None:
            return False
        write_sequence(job.folder, job.sequence.name, track.boxes, track.notes)
        return True

    def _count(self, frames: int) -> None:
        with self._frames.get_lock():
            self._frames.value += frames

    def _contender(self, job: Job) -> Contender:
        """The tracker of a job, built only once even if that fails."""
        if job.tracker in self._refused:
            raise self._refused[job.tracker]
        if self._open is None or self._open[0] != job.tracker:
            self._close()
            try:
                contender = open_contender(job.spec)
                self._open = (job.tracker, contender)
                keep_identity(job.folder, contender, job.spec, job.pace, self._workers)
            except HitRfgmError as error:
                self._refused[job.tracker] = error
                raise
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


_worker: Worker | None = None


def begin(stop: Event, frames: Synchronized[int], workers: Workers) -> None:
    """Make this process a worker; see `Worker`."""
    global _worker
    # Ctrl-C reaches every process of a terminal; the parent alone decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    if workers.threads:
        cv2.setNumThreads(workers.threads)
    _worker = Worker(stop, frames, workers)


def carry_out(job: Job) -> bool:
    """See `Worker.carry_out`."""
    assert _worker is not None
    return _worker.carry_out(job)


def _end_with_parent() -> None:
    """A parent that was killed tells nobody; without it nobody waits for the results."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
