"""What a process uses: memory, processor time, threads, open files; read from /proc."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import time

import numpy as np

_TICKS = os.sysconf('SC_CLK_TCK')
_PAGE = os.sysconf('SC_PAGE_SIZE')


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
        self._folder = Path('/proc') / str(pid)
        self.samples: list[Sample] = []

    def sample(self) -> Sample:
        """Look once; raises OSError when the process is gone."""
        fields = (self._folder / 'stat').read_text(encoding='ascii').rpartition(')')[2].split()
        sample = Sample(
            time=time.monotonic(),
            rss_mb=int(fields[21]) * _PAGE / 1e6,
            cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
            threads=int(fields[17]),
            files=len(list((self._folder / 'fd').iterdir())),
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


def children(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        for tasks in Path(f'/proc/{parent}/task').glob('*/children'):
            found += [int(child) for child in tasks.read_text(encoding='ascii').split()]
    return found


def find_process(pid: int, words: tuple[str, ...]) -> int:
    """The descendant of ``pid`` whose command line holds all ``words``, the youngest of them."""
    matches = []
    for candidate in children(pid):
        line = Path(f'/proc/{candidate}/cmdline').read_bytes().replace(b'\0', b' ').decode()
        if all(word in line for word in words):
            matches.append(candidate)
    return matches[-1] if matches else pid
