"""Reads pickled data as data: an interpreter of pickle's opcodes that cannot run anything.

Python's own unpickler imports what a file names and calls it with arguments from the file. This
one has no means to import or to call. It builds numbers, strings, lists and dictionaries; of what
else a file describes it keeps the name (`Name`) or a mark that something stood there (`Opaque`).
The only calls that it understands are those by which torch describes tensors, as records
(`TensorRecord`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap
import pickletools
import struct
from typing import Any
import warnings

from hit_rfgm_ros.errors import WeightsError

MAX_PICKLE_BYTES = 2**23
MAX_DIMENSIONS = 8
_DAMAGE = (ValueError, TypeError, IndexError, KeyError, OverflowError, struct.error)


@dataclass(frozen=True)
class Name:
    """A class or function that the file mentions, as text."""

    module: str
    name: str


class Opaque:
    """Something that was not rebuilt: an object of a class, an unknown call."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class StorageRecord:
    """Where a tensor's numbers lie.

    Attributes:
        kind: torch's name of the storage class, ``FloatStorage`` for one.
        key: name of the block of bytes in the file.
        count: numbers in it.
    """

    kind: str
    key: str
    count: int


@dataclass(frozen=True, eq=False)
class TensorRecord:
    """A tensor as the file describes it; nothing of it has been checked yet.

    Attributes:
        storage: the block that it looks at.
        offset: of its first number in the block, in numbers.
        shape, stride: one entry per dimension; strides in numbers.
    """

    storage: StorageRecord
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_pickle(stream: BytesIO | mmap, storages: dict[str, StorageRecord] | None = None) -> Any:
    """Read one pickle and leave the stream behind it.

    Args:
        stream: starts at the pickle's first byte.
        storages: gets every block of numbers that the pickle mentions, by key.

    Returns:
        Numbers, strings, bytes, lists, tuples, dictionaries (an OrderedDict is a plain dict), and
        the records of this module in place of anything else. Entries of a dictionary whose key is
        not a plain value are left out.

    Raises:
        WeightsError: if the bytes are no pickle, damaged, or use a feature that no checkpoint has.
    """
    machine = _Machine({} if storages is None else storages)
    start = stream.tell()
    try:
        with warnings.catch_warnings():  # old string escapes make the decoder warn
            warnings.simplefilter('ignore')
            for opcode, argument, place in pickletools.genops(stream):  # type: ignore[arg-type]
                if (place or 0) - start > MAX_PICKLE_BYTES:
                    raise ValueError('it is larger than that of any checkpoint')
                machine.step(opcode.name, argument)
        return machine.stack.pop()
    except _DAMAGE as error:
        raise WeightsError(f'the pickled part is damaged or no pickle ({error})') from error


_NUMBERS = ('INT', 'BININT', 'BININT1', 'BININT2', 'LONG', 'LONG1', 'LONG4', 'FLOAT', 'BINFLOAT')
_BYTES = ('BINBYTES', 'SHORT_BINBYTES', 'BINBYTES8', 'BYTEARRAY8')
_STRINGS = ('STRING', 'BINSTRING', 'SHORT_BINSTRING')
_TEXTS = ('UNICODE', 'SHORT_BINUNICODE', 'BINUNICODE', 'BINUNICODE8')
_PUSH = frozenset(_NUMBERS + _BYTES + _STRINGS + _TEXTS)
_CONSTANTS = {'NONE': None, 'NEWTRUE': True, 'NEWFALSE': False}
_TUPLES = {'EMPTY_TUPLE': 0, 'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}
_GET = ('GET', 'BINGET', 'LONG_BINGET')
_PUT = ('PUT', 'BINPUT', 'LONG_BINPUT')
_NOTHING = ('PROTO', 'FRAME', 'STOP')
_PLAIN_KEYS = (str, bytes, int, float, type(None))


class _Machine:
    """The stack and the memo of pickle's little language; `step` executes one opcode."""

    def __init__(self, storages: dict[str, StorageRecord]) -> None:
        self._storages = storages
        self.stack: list[Any] = []
        self._marks: list[list[Any]] = []  # stacks below each open mark
        self._memo: dict[int, Any] = {}
        self._actions: dict[str, Callable[[Any], object]] = {
            'MARK': self._mark,
            'POP': self._pop,
            'POP_MARK': lambda _: self._unmark(),
            'DUP': lambda _: self._push(self.stack[-1]),
            'MEMOIZE': lambda _: self._remember(len(self._memo)),
            'EMPTY_LIST': lambda _: self._push([]),
            'LIST': lambda _: self._push(self._unmark()),
            'APPEND': lambda _: self._extend([self.stack.pop()]),
            'APPENDS': lambda _: self._extend(self._unmark()),
            'TUPLE': lambda _: self._push(tuple(self._unmark())),
            'EMPTY_DICT': lambda _: self._push({}),
            'DICT': lambda _: self._make_dict(self._unmark()),
            'SETITEM': lambda _: self._set_items(self._take(2)),
            'SETITEMS': lambda _: self._set_items(self._unmark()),
            'EMPTY_SET': lambda _: self._push(Opaque()),
            'FROZENSET': lambda _: self._opaque(self._unmark()),
            'ADDITEMS': lambda _: self._unmark(),
            'GLOBAL': self._global,
            'STACK_GLOBAL': lambda _: self._push(_name(*self._take(2))),
            'REDUCE': lambda _: self._push(_reduce(*self._take(2))),
            'BUILD': lambda _: self._take(1),  # drops an object's state
            'INST': lambda _: self._opaque(self._unmark()),
            'OBJ': lambda _: self._opaque(self._unmark()),
            'NEWOBJ': lambda _: self._opaque(self._take(2)),
            'NEWOBJ_EX': lambda _: self._opaque(self._take(3)),
            'BINPERSID': self._persistent,
        }

    def step(self, opcode: str, argument: Any) -> None:
        """Execute one opcode with its argument as `pickletools` reads it."""
        if opcode in _PUSH:
            self._push(argument)
        elif opcode in _CONSTANTS:
            self._push(_CONSTANTS[opcode])
        elif opcode in _TUPLES:
            self._push(tuple(self._take(_TUPLES[opcode])))
        elif opcode in _GET:
            self._push(self._memo[int(argument)])
        elif opcode in _PUT:
            self._remember(int(argument))
        elif opcode in self._actions:
            self._actions[opcode](argument)
        elif opcode not in _NOTHING:
            raise ValueError(f'opcode {opcode} is not used by checkpoints')

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _mark(self, _: Any) -> None:
        self._marks.append(self.stack)
        self.stack = []

    def _unmark(self) -> list[Any]:
        """What was pushed since the last mark."""
        items, self.stack = self.stack, self._marks.pop()
        return items

    def _pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._unmark()

    def _take(self, count: int) -> list[Any]:
        """Pop the ``count`` topmost values, lowest first."""
        if count > len(self.stack):
            raise IndexError('its stack is empty')
        split = len(self.stack) - count
        items = self.stack[split:]
        del self.stack[split:]
        return items

    def _remember(self, place: int) -> None:
        self._memo[place] = self.stack[-1]

    def _opaque(self, _: list[Any]) -> None:
        self._push(Opaque())

    def _global(self, argument: str) -> None:
        self._push(_name(*argument.split(' ', 1)))

    def _persistent(self, _: Any) -> None:
        record = _storage(self.stack.pop())
        if isinstance(record, StorageRecord):
            self._storages[record.key] = record
        self._push(record)

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _make_dict(self, items: list[Any]) -> None:
        self._push({})
        self._set_items(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            pairs = zip(items[::2], items[1::2])
            target.update({key: value for key, value in pairs if isinstance(key, _PLAIN_KEYS)})


def _name(module: Any, name: Any) -> Name:
    if isinstance(module, str) and isinstance(name, str):
        return Name(module, name)
    raise ValueError('a class is named by something that is no text')


def _storage(identity: Any) -> StorageRecord | Opaque:
    """The persistent id by which torch names a block of numbers."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != 'storage':
        return Opaque()
    _, kind, key, _, count = identity[:5]
    if not isinstance(kind, Name) or not isinstance(key, str) or not _is_count(count):
        return Opaque()
    if any(part is not None for part in identity[5:]):
        return Opaque()  # a view of another storage, in very old files
    return StorageRecord(kind.name, key, count)


def _reduce(function: Any, arguments: Any) -> Any:
    """The outcome of a call, for the few functions that describe tensors and dictionaries."""
    if not isinstance(function, Name) or not isinstance(arguments, tuple):
        return Opaque()
    if function == Name('collections', 'OrderedDict'):
        return {} if not arguments else _from_pairs(arguments[0])
    if function == Name('torch', 'Size'):
        return arguments[0] if arguments else Opaque()
    if function.module != 'torch._utils':
        return Opaque()
    if function.name in ('_rebuild_parameter', '_rebuild_parameter_with_state'):
        return arguments[0] if arguments else Opaque()
    if function.name in ('_rebuild_tensor', '_rebuild_tensor_v2'):
        return _tensor(arguments)
    return Opaque()


def _from_pairs(pairs: Any) -> Any:
    """An OrderedDict as Python 2 wrote it: a list of [key, value]."""
    if not isinstance(pairs, list):
        return Opaque()
    return {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], _PLAIN_KEYS)
    }


def _tensor(arguments: tuple[Any, ...]) -> TensorRecord | Opaque:
    if len(arguments) < 4:
        return Opaque()
    storage, offset, shape, stride = arguments[:4]
    fits = (
        isinstance(storage, StorageRecord)
        and _is_count(offset)
        and isinstance(shape, tuple)
        and isinstance(stride, tuple)
        and len(shape) == len(stride) <= MAX_DIMENSIONS
        and all(_is_count(number) for number in (*shape, *stride))
    )
    return TensorRecord(storage, offset, shape, stride) if fits else Opaque()


def _is_count(value: Any) -> bool:
    """Tell whether a value is a whole number that can be a size: 0 .. 2^40."""
    return type(value) is int and 0 <= value <= 2**40
