"""Columns of numbers for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def number(value: float | None, form: str, unit: str = '') -> str:
    """A number as text, a dash where there is none.

    Args:
        value: to show.
        form: of `format`.
        unit: to put behind it.
    """
    return '-' if value is None else f'{value:{form}}{unit}'


def count(how_many: int, word: str) -> str:
    """A number of things, as ``1 frame`` or ``2 frames``."""
    return f'{how_many} {word}{"" if how_many == 1 else "s"}'


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines in columns: the first one to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for first, *numbers in rows:
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:])]
        yield '  '.join([first.ljust(widths[0]), *cells]).rstrip()
