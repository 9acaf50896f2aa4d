"""Waiting for what other processes do, on machines of any speed."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import TypeVar

T = TypeVar('T')


def eventually(happened: Callable[[], T], timeout: float = 30.0, doing: str = '') -> T:
    """Ask until the answer is true; fail if that takes too long."""
    until = time.monotonic() + timeout
    while True:
        answer = happened()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f'did not happen in {timeout:g} s: {doing or happened}')
        time.sleep(0.05)
