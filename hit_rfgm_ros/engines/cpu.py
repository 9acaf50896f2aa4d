"""What the processor can do, as far as it decides whether a precision is worth asking for."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from pathlib import Path
import platform

# Instructions that make a precision faster than fp32, as Linux names them (x86 and Arm).
FAST = {
    'fp16': ('avx512_fp16', 'amx_fp16', 'fphp'),
    'bf16': ('avx512_bf16', 'amx_bf16', 'bf16'),
    'int8': ('avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp', 'i8mm'),
}
_NAMED = ('avx', 'avx2', 'fma', 'f16c', 'avx512f', 'asimd', *chain(*FAST.values()))


@lru_cache(maxsize=1)
def cpu_flags() -> frozenset[str]:
    """Instruction sets of this machine that matter here; empty where they cannot be read."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        return frozenset()
    found: set[str] = set()
    for line in text.splitlines():
        name, _, value = line.partition(':')
        if name.strip() in ('flags', 'Features'):
            found.update(value.split())
    return frozenset(found.intersection(_NAMED))


def cpu_name() -> str:
    """Architecture and, where it is known, the processor's name."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        text = ''
    for line in text.splitlines():
        name, _, value = line.partition(':')
        if name.strip() == 'model name':
            return f'{value.strip()} ({platform.machine()})'
    return platform.machine()


def is_fast(precision: str) -> bool:
    """Tell whether a precision can be faster than fp32 here; unknown processors count as fast."""
    flags = cpu_flags()
    return precision not in FAST or not flags or not flags.isdisjoint(FAST[precision])
