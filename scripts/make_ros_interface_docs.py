#!/usr/bin/env python3
"""Renews the generated parts of docs/ros_interface.md from the parameter tables and msg/, srv/.

A part stands between ``<!-- begin KIND NAME -->`` and ``<!-- end -->``; the rest of the page is
written by hand. With --check nothing is written, and the status is 1 if the page is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re
import sys

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hit_rfgm_ros.messages.definitions import split_service  # noqa: E402  # the checkout's own
from hit_rfgm_ros.runtime.parameter import Parameter  # noqa: E402
from hit_rfgm_ros.runtime.params import TRACKER_TABLE  # noqa: E402
from hit_rfgm_ros.runtime.player_params import PLAYER_TABLE  # noqa: E402
from hit_rfgm_ros.runtime.select_params import SELECT_TABLE  # noqa: E402

PAGE = ROOT / 'docs' / 'ros_interface.md'
TABLES = {
    'tracker': TRACKER_TABLE,
    'select_target': SELECT_TABLE,
    'video_player': PLAYER_TABLE,
}
_PART = re.compile(r'(<!-- begin (\w+) (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)
_LINE = re.compile(r'(?P<type>\S+) +(?P<name>\w+)(?:=(?P<value>\S+))? *(?:# *(?P<text>.*))?')


def renewed(page: str) -> str:
    """The page with every generated part as it should be."""
    makers = {'parameters': _parameters, 'message': _message, 'service': _service}

    def part(match: re.Match[str]) -> str:
        begin, kind, name, end = match.groups()
        return begin + '\n' + '\n'.join(makers[kind](name)) + '\n\n' + end

    return _PART.sub(part, page)


def _parameters(node: str) -> Iterator[str]:
    yield '| name | type | default | allowed | change | meaning |'
    yield '|---|---|---|---|---|---|'
    for row in TABLES[node].values():
        change = 'live' if row.live else 'start'
        cells = (f'`{row.name}`', row.kind, _value(row), row.allowed, change, row.text)
        yield _row(cells)


def _value(row: Parameter) -> str:
    if row.kind == 'bool':
        return str(row.default).lower()
    if row.kind == 'double':
        return repr(row.default)
    if row.kind == 'double_array':
        return '[' + ', '.join(map(repr, row.default)) + ']'
    return str(row.default) or '""'


def _message(name: str) -> Iterator[str]:
    text = (ROOT / 'msg' / f'{name}.msg').read_text(encoding='utf-8')
    yield from _intro(text)
    yield from _fields(text)


def _service(name: str) -> Iterator[str]:
    text = (ROOT / 'srv' / f'{name}.srv').read_text(encoding='utf-8')
    yield from _intro(text)
    for title, half in zip(('Request', 'Response'), split_service(text)):
        yield f'{title}:'
        yield ''
        yield from _fields(half)
        if title == 'Request':
            yield ''


def _intro(text: str) -> Iterator[str]:
    """The comment that a file begins with, as a paragraph."""
    for line in text.splitlines():
        if not line.startswith('#'):
            break
        yield line.lstrip('# ')
    yield ''


def _fields(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith('#')]
    found = [match.groupdict() for line in lines if (match := _LINE.fullmatch(line))]
    if len(found) != len(lines):
        raise SystemExit(f'a line was not understood in: {text}')
    yield '| field | type | meaning |'
    yield '|---|---|---|'
    for line in found:
        if line['value'] is None:
            yield _row((f'`{line["name"]}`', line['type'], line['text'] or ''))
    constants = [line for line in found if line['value'] is not None]
    if constants:
        yield ''
        yield '| constant | value | meaning |'
        yield '|---|---|---|'
        for line in constants:
            yield _row((f'`{line["name"]}`', line['value'], line['text'] or ''))


def _row(cells: tuple[str, ...]) -> str:
    return '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |'


def main() -> int:
    """Renew or check the page; gives the exit status."""
    page = PAGE.read_text(encoding='utf-8')
    new = renewed(page)
    if '--check' in sys.argv[1:]:
        return int(new != page)
    PAGE.write_text(new, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
