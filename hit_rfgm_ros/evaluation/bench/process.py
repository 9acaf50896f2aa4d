"""What a measuring process says about itself: memory, the device, and how fast its machine is."""

from __future__ import annotations

import hashlib
from pathlib import Path
import time

from hit_rfgm_ros.optional import require

_CONTROL_BYTES = 4 * 2**20
_STATUS = Path('/proc/self/status')


def memory_mb() -> tuple[float | None, float | None]:
    """Resident memory of this process now and at its peak, 10^6 bytes; None where not known.

    The peak is that of `/proc/self/status`: the one of `getrusage` is inherited from the process
    that started this one.
    """
    try:
        lines = _STATUS.read_text(encoding='utf-8').splitlines()
    except OSError:
        return None, None
    fields = dict(line.split(':', 1) for line in lines if ':' in line)
    now, peak = (_megabytes(fields.get(name)) for name in ('VmRSS', 'VmHWM'))
    return now, peak


def _megabytes(text: str | None) -> float | None:
    return None if text is None else int(text.split()[0]) * 1024 / 1e6


def device_name(device: str) -> str | None:
    """Name of the GPU that was used; None on a CPU."""
    if not device.startswith('cuda'):
        return None
    torch = require('torch', extra='torch', purpose='a GPU')
    return str(torch.cuda.get_device_name(device))


def control_ms(times: int = 9) -> dict[str, float]:
    """Milliseconds of a piece of work that never changes: the median of some goes.

    It has nothing to do with tracking. Where it takes another time, the machine was faster or
    slower.
    """
    data = bytes(_CONTROL_BYTES)
    wall, cpu = [], []
    for _ in range(times):
        begun, used = time.perf_counter(), time.process_time()
        hashlib.sha256(data).digest()
        wall.append(1e3 * (time.perf_counter() - begun))
        cpu.append(1e3 * (time.process_time() - used))
    return {'wall': sorted(wall)[times // 2], 'cpu': sorted(cpu)[times // 2]}
