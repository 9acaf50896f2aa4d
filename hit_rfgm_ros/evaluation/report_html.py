"""Small pieces of HTML. Whatever is no markup is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
import math
from typing import Any

from hit_rfgm_ros.evaluation.report_data import Entry
from hit_rfgm_ros.viz.report_lines import Line


@dataclass(frozen=True)
class Column:
    """A column of numbers in a table of trackers.

    Attributes:
        label: its head.
        path: of the number in the scores of a tracker, keys joined by dots.
        form: how it is written, a format specification.
        better: 1 if more is better, -1 if less is, 0 if neither.
        title: what it is, in full.
        unit: behind the number.
    """

    label: str
    path: str
    form: str = '.2f'
    better: int = 1
    title: str = ''
    unit: str = ''

    def value(self, scores: Mapping[str, Any]) -> float | None:
        """The number of a tracker, None if it has none."""
        found: Any = scores
        for key in self.path.split('.'):
            found = found.get(key) if isinstance(found, Mapping) else None
        known = isinstance(found, (int, float)) and math.isfinite(found)
        return float(found) if known else None

    def text(self, value: float | None) -> str:
        """The number as it is written."""
        return '-' if value is None else f'{value:{self.form}}{self.unit}'


def tracker_table(entries: Sequence[Entry], columns: Iterable[Column], caption: str) -> str:
    """A table of trackers that can be sorted; columns without a number are left out.

    Runs in real time stay below their tracker, and are not marked as best.
    """
    kept = [one for one in columns if any(one.value(e.scores) is not None for e in entries)]
    best = {column: _best(column, entries) for column in kept}
    head = ''.join(_head(column) for column in kept)
    rows = []
    for entry in entries:
        cells = ''.join(_cell(c, c.value(entry.scores), best[c], entry) for c in kept)
        kind = ' class="child"' if entry.parent else ''
        rows.append(f'<tr{kind}><th scope="row">{tracker_name(entry)}</th>{cells}</tr>')
    return (
        f'{paragraph(caption)}<div class="wide"><table class="sortable">'
        f'<thead><tr>{head_button("tracker", 0)}{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div>'
    )


def head_button(label: str, better: int, title: str = '') -> str:
    """Head of a column, as a button that sorts; ``better`` 0 begins with the lowest."""
    hint = f' title="{escape(title)}"' if title else ''
    return (
        f'<th scope="col" data-better="{better}"{hint}><button type="button">{escape(label)}'
        f'</button></th>'
    )


def swatch(line: Line) -> str:
    """A dot in the colour of a tracker; a ring for a run in real time."""
    ring = ' ring' if line.child else ''
    return f'<i class="dot{ring}" style="--dot:var(--series-{line.index})"></i>'


def tracker_name(entry: Entry) -> str:
    """Name of a tracker with its dot."""
    return f'{swatch(entry.line)}{escape(entry.name)}'


def jpeg_image(data: bytes, alt: str, size: tuple[int, int]) -> str:
    """A picture that lies in the page itself."""
    coded = base64.b64encode(data).decode('ascii')
    width, height = size
    return (
        f'<img src="data:image/jpeg;base64,{coded}" alt="{escape(alt)}" width="{width}" '
        f'height="{height}" loading="lazy">'
    )


def section(anchor: str, title: str, *parts: str) -> str:
    """A part of the page; nothing if all of its parts are empty."""
    inside = ''.join(parts)
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{inside}</section>' if inside else ''


def paragraph(text: str) -> str:
    """A line of explanation."""
    return f'<p class="note">{escape(text)}</p>'


def count(number: int, word: str) -> str:
    """A number of things, as ``1 frame`` or ``2 frames``."""
    return f'{number:,} {word}{"" if number == 1 else "s"}'


def bullet_list(items: Iterable[str]) -> str:
    """A list of lines; nothing without any."""
    lines = ''.join(f'<li>{escape(item)}</li>' for item in items)
    return f'<ul>{lines}</ul>' if lines else ''


def _head(column: Column) -> str:
    return head_button(column.label, column.better, column.title)


def _best(column: Column, entries: Iterable[Entry]) -> float | None:
    if not column.better:
        return None
    values = [column.value(entry.scores) for entry in entries if entry.parent is None]
    known = [column.better * value for value in values if value is not None]
    return column.better * max(known) if len(known) > 1 else None


def _cell(column: Column, value: float | None, best: float | None, entry: Entry) -> str:
    data = '' if value is None else f' data-value="{value!r}"'
    is_best = best is not None and entry.parent is None and column.text(value) == column.text(best)
    mark = ' class="best"' if is_best and value is not None else ''
    return f'<td{data}{mark}>{escape(column.text(value))}</td>'
