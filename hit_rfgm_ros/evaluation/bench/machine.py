"""The machine that is measured, and what else it is doing meanwhile."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform
import time
from typing import Any

import cv2
from hit_rfgm_ros import __version__
from hit_rfgm_ros.engines.cpu import cpu_flags
from hit_rfgm_ros.evaluation.identity import machine

# Distributions that the speed depends on; cv2 goes by the name of its wheel.
_LIBRARIES = ('numpy', 'onnxruntime', 'openvino', 'torch')
_THREADS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
_STAT = Path('/proc/stat')
BUSY = 0.2  # cores that other programs may take before it is said


def describe() -> dict[str, Any]:
    """Processor, cores, system, versions, threads set from outside, load."""
    versions = {name: _version(name) for name in _LIBRARIES}
    return {
        **machine(),
        'flags': sorted(cpu_flags()),
        'kernel': platform.release(),
        'python': platform.python_version(),
        'versions': {
            'hit_rfgm_ros': __version__,
            'opencv': cv2.__version__,
            **{name: found for name, found in versions.items() if found},
        },
        'environment': {name: os.environ[name] for name in _THREADS if name in os.environ},
        'nice': os.nice(0) if hasattr(os, 'nice') else None,
        'load_average': [round(load, 2) for load in os.getloadavg()]
        if hasattr(os, 'getloadavg')
        else None,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


class OtherPrograms:
    """How many cores other programs keep busy, while entered; None where it cannot be told.

    What this process and the children that it has waited for use does not count.

    Attributes:
        cores: of the last time that it was left.
    """

    cores: float | None = None

    def __enter__(self) -> OtherPrograms:
        self._before = _look()
        return self

    def __exit__(self, *_: object) -> None:
        after = _look()
        if self._before is None or after is None or after[2] <= self._before[2]:
            return
        busy, own, elapsed = (now - then for now, then in zip(after, self._before))
        self.cores = round(max(0.0, (busy - own) / elapsed), 2)


def cores_of_others(seconds: float = 0.5) -> float | None:
    """How many cores other programs keep busy right now; None where it cannot be told."""
    with OtherPrograms() as others:
        time.sleep(seconds)
    return others.cores


def _look() -> tuple[float, float, float] | None:
    """Seconds of work of the whole machine, of ours, and of the clock."""
    try:
        # user nice system idle iowait irq softirq steal: all but idle and iowait is work
        ticks = [int(word) for word in _STAT.read_text(encoding='ascii').split()[1:9]]
    except (OSError, ValueError):
        return None
    times = os.times()
    busy = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf('SC_CLK_TCK')
    own = times.user + times.system + times.children_user + times.children_system
    return busy, own, times.elapsed
