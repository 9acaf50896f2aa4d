"""What a process uses over time: memory, processor time, threads, open files."""

from __future__ import annotations

from dataclasses import dataclass
import time

import numpy as np
import psutil


@dataclass(frozen=True)
class Sample:
    """One look at a process.

    Attributes:
        time: monotonic seconds.
        rss_mb: resident memory, 10^6 bytes.
        cpu: processor seconds used so far, all threads.
        threads, files: how many there are.
    """

    time: float
    rss_mb: float
    cpu: float
    threads: int
    files: int


class ProcessWatch:
    """Looks at one process again and again.

    Attributes:
        samples: so far.
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.samples: list[Sample] = []

    def sample(self) -> Sample:
        """Look once; raises psutil.NoSuchProcess when the process is gone."""
        with self._process.oneshot():
            cpu = self._process.cpu_times()
            sample = Sample(
                time=time.monotonic(),
                rss_mb=self._process.memory_info().rss / 1e6,
                cpu=cpu.user + cpu.system,
                threads=self._process.num_threads(),
                files=self._process.num_fds(),
            )
        self.samples.append(sample)
        return sample

    def growth(self, skip: float) -> float:
        """Slope of the memory in MB per hour, by least squares, without the first ``skip`` s."""
        start = self.samples[0].time + skip
        rows = [(s.time, s.rss_mb) for s in self.samples if s.time >= start]
        if len(rows) < 3:
            return float('nan')
        times, memory = np.array(rows).T
        return float(np.polyfit(times - times[0], memory, 1)[0] * 3600)

    def cores(self) -> float:
        """Cores kept busy on average between the first and the last look."""
        first, last = self.samples[0], self.samples[-1]
        return (last.cpu - first.cpu) / max(last.time - first.time, 1e-9)


def find_process(pid: int, words: tuple[str, ...]) -> int:
    """The descendant of ``pid``, or itself, whose command line holds all ``words``."""
    top = psutil.Process(pid)
    for process in reversed([top, *top.children(recursive=True)]):
        line = ' '.join(process.cmdline())
        if all(word in line for word in words):
            return process.pid
    return pid
