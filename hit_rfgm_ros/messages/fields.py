"""Mappings from field names to values, made into the objects that rosbags serialises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hit_rfgm_ros.config.names import did_you_mean
import numpy as np
from numpy.typing import NDArray

Maker = Callable[[Mapping[str, Any]], Any]

# Kinds of rosbags' field descriptions (`rosbags.interfaces.Nodetype`).
_BASE, _NAME, _ARRAY = 1, 2, 3

_DTYPES = {'byte': np.uint8, 'char': np.uint8, 'octet': np.uint8, 'bool': np.bool_}


class Makers:
    """One function per type that makes a message of a mapping; built on first use."""

    def __init__(self, typestore: Any) -> None:
        self._typestore = typestore
        self._made: dict[str, Maker] = {}

    def __call__(self, type_name: str) -> Maker:
        """The function of a type.

        It raises ValueError for what does not fit, naming the field.
        """
        if type_name not in self._made:
            self._made[type_name] = self._make(type_name)
        return self._made[type_name]

    def _make(self, type_name: str) -> Maker:
        cls = self._typestore.types[type_name]
        converters = {
            name: self._converter(description)
            for name, description in self._typestore.fielddefs[type_name][1]
        }

        def make(fields: Mapping[str, Any]) -> Any:
            unknown = fields.keys() - converters.keys()
            if unknown:
                raise ValueError(_unknown_field(min(unknown), converters))
            values = []
            for name, convert in converters.items():
                try:
                    values.append(convert(fields.get(name)))
                except (TypeError, ValueError, OverflowError) as error:
                    raise ValueError(f'{name}: {error}') from error
            return cls(*values)

        return make

    def _converter(self, description: Any) -> Callable[[Any], Any]:
        """A function from a given value, None for a missing one, to that of the field."""
        kind, detail = description
        if kind == _BASE:
            return _scalar(detail[0])
        if kind == _NAME:
            return self._nested(detail)
        (inner_kind, inner), length = detail
        fixed = length if kind == _ARRAY else None
        if inner_kind == _BASE and inner[0] != 'string':
            return _numbers(inner[0], fixed)
        convert = self._nested(inner) if inner_kind == _NAME else _scalar('string')
        return _list_of(convert, fixed)

    def _nested(self, type_name: str) -> Callable[[Any], Any]:
        cls = self._typestore.types[type_name]

        def convert(value: Any) -> Any:
            if isinstance(value, cls):
                return value
            return self(type_name)({} if value is None else _mapping(value))

        return convert


def _scalar(type_name: str) -> Callable[[Any], Any]:
    if type_name == 'string':
        return _string
    if type_name == 'bool':
        return bool
    if type_name.startswith('float'):
        return lambda value: 0.0 if value is None else float(value)
    return lambda value: 0 if value is None else int(value)


def _string(value: Any) -> str:
    if value is None:
        return ''
    if not isinstance(value, str):
        raise TypeError(f'must be text; got {value!r}')
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f'must be a mapping of fields; got {value!r}')
    return value


def _numbers(type_name: str, fixed: int | None) -> Callable[[Any], NDArray[Any]]:
    dtype = np.dtype(_DTYPES.get(type_name, type_name))

    def convert(value: Any) -> NDArray[Any]:
        if value is None:
            return np.zeros(fixed or 0, dtype)
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = np.frombuffer(value, dtype) if len(value) else ()
        # No copy where it is contiguous and of this type already: images come this way.
        array = np.ascontiguousarray(value, dtype).reshape(-1)
        if fixed is not None and len(array) != fixed:
            raise ValueError(f'must hold {fixed} numbers; got {len(array)}')
        return array

    return convert


def _list_of(convert: Callable[[Any], Any], fixed: int | None) -> Callable[[Any], list[Any]]:
    def converted(value: Any) -> list[Any]:
        if value is None:
            return [convert(None) for _ in range(fixed or 0)]
        if isinstance(value, (str, bytes, Mapping)):
            raise TypeError(f'must be a list; got {value!r}')
        items = [convert(item) for item in value]
        if fixed is not None and len(items) != fixed:
            raise ValueError(f'must hold {fixed} items; got {len(items)}')
        return items

    return converted


def _unknown_field(name: str, known: Mapping[str, Any]) -> str:
    hint = did_you_mean(name, known) or f'there are: {", ".join(known)}'
    return f'there is no field {name!r}; {hint}'
