"""Fill a generated message from a mapping; pixels go in with one copy."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
import re
from typing import Any

import numpy as np

# Array type codes of what the generated classes keep numbers in.
_CODES = {
    'float': 'f', 'double': 'd', 'int8': 'b', 'uint8': 'B', 'octet': 'B', 'int16': 'h',
    'uint16': 'H', 'int32': 'i', 'uint32': 'I', 'int64': 'q', 'uint64': 'Q',
}  # fmt: skip
_SCALARS: dict[str, Callable[[Any], Any]] = {
    'boolean': bool,
    'octet': lambda value: value if isinstance(value, bytes) else bytes([int(value)]),
    'float': float,
    'double': float,
}
_SHAPE = re.compile(r'sequence<(?P<many>[^,>]+(?:<\d+>)?)(?:, *\d+)?>|(?P<fixed>.+)\[\d+\]')

Convert = Callable[[Any, Any], Any]


def message_class(type_name: str) -> Any:
    """Class of ``package/msg/Name`` or ``package/srv/Name``.

    Raises:
        ImportError: if the package is not sourced or has no such type.
    """
    package, kind, name = type_name.split('/')
    try:
        return getattr(import_module(f'{package}.{kind}'), name)
    except AttributeError:
        raise ImportError(f'{package} has no {kind} {name}; is its overlay sourced?') from None


def fill(message: Any, fields: Mapping[str, Any]) -> Any:
    """Set the fields of ``message`` that are given; the others keep what they have.

    Args:
        message: object of a generated class.
        fields: name to value: number, text, nested mapping, sequence of such; for sequences of
            numbers also bytes or an array, which are copied as a whole.

    Returns:
        The message.

    Raises:
        KeyError: for a field that the message does not have.
    """
    plan = _plan(message.__class__)
    for name, value in fields.items():
        setattr(message, name, plan[name](value, getattr(message, name)))
    return message


@cache
def _plan(cls: Any) -> dict[str, Convert]:
    types: dict[str, str] = cls.get_fields_and_field_types()
    return {name: _converter(text) for name, text in types.items()}


def _converter(text: str) -> Convert:
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return _one(text)
    element = shape['many'] or shape['fixed']
    if element in _CODES:
        return _numbers(_CODES[element], fixed=shape['many'] is None)
    convert, make = _one(element), _maker(element)
    return lambda value, _: [convert(item, make()) for item in value]


def _one(text: str) -> Convert:
    """Converter of a single value; a nested message is filled where it is."""
    if '/' in text:
        return _nested
    scalar = str if 'string' in text else _SCALARS.get(text, int)
    return lambda value, _: scalar(value)


def _nested(value: Any, old: Any) -> Any:
    return fill(old, value) if isinstance(value, Mapping) else value


def _maker(element: str) -> Callable[[], Any]:
    if '/' not in element:
        return lambda: None
    package, name = element.split('/')
    cls = message_class(f'{package}/msg/{name}')
    return lambda: cls()


def _numbers(code: str, *, fixed: bool) -> Convert:
    """Fixed lengths are numpy arrays in the generated classes, others are `array`."""
    if fixed:
        return lambda value, _: np.asarray(value, np.dtype(code)).reshape(-1)

    def convert(value: Any, _: Any) -> array[Any]:
        if isinstance(value, array) and value.typecode == code:
            return value
        if isinstance(value, (bytes, bytearray, memoryview, np.ndarray)):
            made: array[Any] = array(code)
            made.frombytes(_as_bytes(value, code))
            return made
        return array(code, value)

    return convert


def _as_bytes(value: Any, code: str) -> memoryview:
    if isinstance(value, np.ndarray):
        value = np.ascontiguousarray(value, np.dtype(code))
    return memoryview(value).cast('B')
