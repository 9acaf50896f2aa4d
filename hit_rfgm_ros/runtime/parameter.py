"""One row of a parameter table, and the tables: frozen dataclasses whose fields are the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
import math
from typing import Any, TypeVar

from hit_rfgm_ros.config.names import did_you_mean
from hit_rfgm_ros.errors import ConfigError

T = TypeVar('T')
P = TypeVar('P', bound='Parameters')

_SHOWN = 80  # characters of a refused value

_KINDS = {bool: 'bool', int: 'int', float: 'double', str: 'string', tuple: 'double_array'}


@dataclass(frozen=True)
class Parameter:
    """What is known about one parameter.

    Attributes:
        name: as in the YAML file and in `ros2 param`.
        default: its type is the parameter's: bool, int, float, str, or tuple of floats.
        text: one sentence, with the unit.
        low, high: bounds of a number, both included; None where there is none.
        choices: the values of a string that are allowed; empty allows all.
        also: a number outside the bounds that is allowed too, -1 for "the weights' own".
        live: whether it may change while the node runs; else only before configure.
    """

    name: str
    default: Any
    text: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    also: float | None = None
    live: bool = False

    @property
    def kind(self) -> str:
        """``bool``, ``int``, ``double``, ``string`` or ``double_array``."""
        return _KINDS[type(self.default)]

    @property
    def allowed(self) -> str:
        """The allowed values in words, empty where all are."""
        if self.choices:
            return ', '.join(choice or "''" for choice in self.choices)
        if self.low is None or self.high is None:
            return ''
        also = '' if self.also is None else f', or {self.also:g}'
        return f'{self.low:g} to {self.high:g}{also}'

    def check(self, value: Any) -> Any:
        """Convert ``value`` to the parameter's type, or refuse it.

        An integer is accepted for a double; nothing else is converted.

        Raises:
            ConfigError: naming the parameter, what is allowed and what was given.
        """
        converted = self._convert(value)
        if self.choices and converted not in self.choices:
            near = did_you_mean(converted, self.choices)
            hint = f'; {near}' if near else ''
            raise ConfigError(
                f'{self.name} must be one of {self.allowed}; got {shown(value)}{hint}'
            )
        if isinstance(converted, (int, float)) and not isinstance(converted, bool):
            self._check_range(converted)
        return converted

    def _convert(self, value: Any) -> Any:
        kind = self.kind
        if kind == 'bool' and isinstance(value, bool):
            return value
        if kind == 'int' and isinstance(value, int) and not isinstance(value, bool):
            return value
        if kind == 'double' and _is_number(value):
            return self._to_float(value)
        if kind == 'string' and isinstance(value, str):
            return value
        if kind == 'double_array' and not isinstance(value, (str, bytes)):
            items = _as_tuple(value)
            if items is not None and all(_is_number(item) for item in items):
                return tuple(self._to_float(item) for item in items)
        raise ConfigError(f'{self.name} must be of type {kind}; got {shown(value)}')

    def _to_float(self, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            allowed = f' in {self.allowed}' if self.allowed else ''
            raise ConfigError(f'{self.name} must be a finite number{allowed}; got {shown(value)}')
        return number

    def _check_range(self, value: float) -> None:
        if self.low is None or self.high is None or value == self.also:
            return
        if not self.low <= value <= self.high:
            raise ConfigError(f'{self.name} must be in {self.allowed}; got {shown(value)}')


def row(
    default: T,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    also: float | None = None,
    live: bool = False,
) -> T:
    """Declare a field of a table; the arguments are those of `Parameter`."""
    metadata = {
        'text': text, 'low': low, 'high': high, 'choices': choices, 'also': also, 'live': live,
    }  # fmt: skip
    made: T = field(default=default, metadata=metadata)
    return made


def table_of(cls: type) -> dict[str, Parameter]:
    """The rows of a dataclass whose fields were declared with `row`, by name."""
    rows = {}
    for item in fields(cls):
        if item.default is MISSING:
            raise TypeError(f'{cls.__name__}.{item.name} has no default')
        rows[item.name] = Parameter(item.name, item.default, **item.metadata)
    return rows


@dataclass(frozen=True)
class Parameters:
    """Base of the parameters of a node: a frozen dataclass whose fields are made by `row`.

    A value is checked where it is given, by `from_values` or `changed`.
    """

    @classmethod
    def from_values(cls: type[P], values: Mapping[str, Any]) -> P:
        """Make one from names and values as people write them.

        Raises:
            ConfigError: for an unknown name (the nearest one is named) or a bad value.
        """
        return cls().changed(values)

    def changed(self: P, values: Mapping[str, Any]) -> P:
        """The same with some values replaced.

        Raises:
            ConfigError: for an unknown name or a bad value, or values that do not fit together.
        """
        table = table_of(type(self))
        checked = {}
        for name, value in values.items():
            if name not in table:
                raise ConfigError(
                    f'unknown parameter {name!r}; {nearest(name, table) or "see the docs"}'
                )
            checked[name] = table[name].check(value)
        made = replace(self, **checked)
        made.check_together()
        return made

    def values(self) -> dict[str, Any]:
        """Names and values."""
        return asdict(self)

    def check_together(self) -> None:
        """Refuse values that are fine alone but do not fit together.

        Raises:
            ConfigError: naming both.
        """


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """``did you mean 'x'?`` for an unknown name, or an empty text."""
    return did_you_mean(name, known, cutoff=0.5)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_tuple(value: Any) -> tuple[Any, ...] | None:
    try:
        return tuple(value)
    except TypeError:
        return None


def shown(value: Any) -> str:
    """A refused value in a message: cut short, and with its type where that says more."""
    if value is None:
        return "nothing (an empty text is '')"
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return f'a huge {type(value).__name__}'
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + '...'
    return text if isinstance(value, (bool, int, float)) else f'{text} ({type(value).__name__})'
