"""Memory that Python has given back, but the C library keeps."""

from __future__ import annotations

import ctypes
import sys


def release_free_memory() -> None:
    """Hand what is free back to the system; takes milliseconds.

    Each thread that loads a network leaves tens of megabytes behind in an arena of glibc's, free
    but never returned: a node that is configured again and again would seem to grow. Elsewhere
    than with glibc it does nothing.
    """
    if sys.platform != 'linux':
        return
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
