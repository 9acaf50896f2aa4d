"""Options of commands made from a parameter table, so that both say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import click
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.parameter import Parameter, nearest

_YES = ('true', 'yes', 'on')
_NO = ('false', 'no', 'off')
_TYPES = {'int': int, 'double': float}


def parameter_options(
    table: Mapping[str, Parameter], *, leave_out: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an option per parameter to a command, which gets those given as ``values``."""
    rows = [row for name, row in table.items() if name not in leave_out]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_values(**given: Any) -> Any:
            options = {row.name: given.pop(row.name) for row in rows}
            values = {name: value for name, value in options.items() if value is not None}
            return command(values=values, **given)

        decorated: Callable[..., Any] = with_values
        for row in reversed(rows):
            decorated = _option(row)(decorated)
        return decorated

    return decorate


def parse_value(row: Parameter, text: str) -> Any:
    """Make the value of a parameter of a text as people type it.

    Raises:
        ConfigError: if it is of another type, or not allowed.
    """
    value: Any = text
    words = text.strip().lower()
    if row.kind == 'bool' and words in _YES + _NO:
        value = words in _YES
    elif row.kind in _TYPES:
        value = _number(text, _TYPES[row.kind])
    elif row.kind == 'double_array':
        inner = text.strip().strip('[]').strip()
        value = [_number(part, float) for part in inner.split(',')] if inner else []
    return row.check(value)


def parse_pairs(table: Mapping[str, Parameter], pairs: Sequence[str]) -> dict[str, Any]:
    """Make names and values of texts ``name=value``.

    Raises:
        ConfigError: for an unknown name (the nearest one is named) or a bad value.
    """
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition('=')
        name = name.strip()
        if not equals:
            raise ConfigError(f'{pair!r} is not name=value')
        if name not in table:
            hint = nearest(name, table)
            raise ConfigError(f'unknown parameter {name!r}' + (f': {hint}' if hint else ''))
        values[name] = parse_value(table[name], text)
    return values


def _number(text: str, kind: Callable[[str], Any]) -> Any:
    """A number, or the text itself, which the check then refuses by name."""
    try:
        return kind(text)
    except ValueError:
        return text


def _option(row: Parameter) -> Callable[..., Any]:
    flag = '--' + row.name.replace('_', '-')
    if row.kind == 'bool':
        off = flag.replace('--', '--no-', 1)
        shown = flag if row.default else off
        text = f'{row.text} [default: {shown}]'
        return click.option(f'{flag}/{off}', row.name, default=None, help=text)
    return click.option(
        flag,
        row.name,
        metavar='|'.join(row.choices) or _METAVARS[row.kind],
        callback=_parsed(row),
        help=row.text + _default(row),
    )


_METAVARS = {'int': 'N', 'double': 'X', 'string': 'TEXT', 'double_array': 'X,Y,W,H'}


def _default(row: Parameter) -> str:
    if row.default in ('', ()):
        return ''
    shown = f'{row.default:g}' if isinstance(row.default, float) else row.default
    return f' [default: {shown}]'


def _parsed(row: Parameter) -> Callable[..., Any]:
    def parsed(_context: click.Context, _option: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parse_value(row, text)
        except ConfigError as error:
            raise click.BadParameter(str(error)) from error

    return parsed
