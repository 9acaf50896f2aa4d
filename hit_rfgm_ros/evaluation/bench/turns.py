"""Fair turns on a machine that is never quite idle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import random
from typing import TypeVar

T = TypeVar('T')


def shuffled_rounds(items: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Each item once per round, the order new in each: what drifts or disturbs meets all alike.

    Yields:
        Number of the round from 0 on, and the item.
    """
    for number in range(rounds):
        for item in random.sample(list(items), len(items)):
            yield number, item
