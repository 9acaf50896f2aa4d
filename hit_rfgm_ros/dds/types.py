"""DDS types made of the interface definitions, so that no type is written down twice."""

from __future__ import annotations

from functools import cache
from typing import Any

from hit_rfgm_ros.dds.binding import idl, idl_annotations, idl_types
from hit_rfgm_ros.dds.names import dds_type
from hit_rfgm_ros.messages.definitions import Definitions

# Kinds of rosbags' field descriptions (`rosbags.interfaces.Nodetype`).
_BASE, _NAME, _ARRAY, _SEQUENCE = 1, 2, 3, 4
_LONGEST_BOUND = 65535  # that the wheel can express

_SCALARS = {
    'bool': bool, 'byte': idl_types.uint8, 'char': idl_types.uint8,
    'int8': idl_types.int8, 'uint8': idl_types.uint8,
    'int16': idl_types.int16, 'uint16': idl_types.uint16,
    'int32': idl_types.int32, 'uint32': idl_types.uint32,
    'int64': idl_types.int64, 'uint64': idl_types.uint64,
    'float32': idl_types.float32, 'float64': idl_types.float64,
}  # fmt: skip

# Before the fields of each request and reply: the client's id and the number of the request.
_CALL = {'client_id_of_call': idl_types.uint64, 'number_of_call': idl_types.int64}


class DdsTypes:
    """The DDS types of one set of definitions; made on first use, then kept."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._made: dict[tuple[str, bool], Any] = {}

    def message(self, type_name: str) -> Any:
        """The type of a topic, ``sensor_msgs/msg/Image`` for one.

        Raises:
            ConfigError: if the type is not known.
        """
        return self._get(type_name, False)

    def call(self, type_name: str) -> Any:
        """The type of requests or replies, ``std_srvs/srv/Trigger_Request`` for one.

        Raises:
            ConfigError: if the type is not known.
        """
        return self._get(type_name, True)

    def _get(self, type_name: str, call: bool) -> Any:
        if (type_name, call) not in self._made:
            self._made[type_name, call] = self._make(type_name, call)
        return self._made[type_name, call]

    def _make(self, type_name: str, call: bool) -> Any:
        fields = dict(_CALL) if call else {}
        for name, description in self._definitions.fields(type_name):
            fields[name] = self._annotation(description)
        if not fields:
            fields['structure_needs_at_least_one_member'] = idl_types.uint8
        class_name = type_name.replace('/', '_') + ('_call' if call else '')
        # Only final types travel as the first version of CDR, the one that ROS knows.
        return idl_annotations.final(idl.make_idl_struct(class_name, dds_type(type_name), fields))

    def _annotation(self, description: Any) -> Any:
        kind, detail = description
        if kind == _BASE:
            name, bound = detail
            if name != 'string':
                return _SCALARS[name]
            return idl_types.bounded_str[bound] if bound else str
        if kind == _NAME:
            return self.message(detail)
        inner, length = detail
        if kind == _ARRAY:
            return idl_types.array[self._annotation(inner), length]
        if 0 < length <= _LONGEST_BOUND:
            return idl_types.sequence[self._annotation(inner), length]
        return idl_types.sequence[self._annotation(inner)]


@cache
def dds_types(definitions: Definitions) -> DdsTypes:
    """The types of a set of definitions, shared within the process."""
    return DdsTypes(definitions)


def is_flat(definitions: Definitions, type_name: str) -> bool:
    """Whether reading a message costs the same whatever is in it.

    That is so without lists of messages or texts: arrays of numbers are taken as a whole.
    """
    for _, (kind, detail) in definitions.fields(type_name):
        if kind == _NAME and not is_flat(definitions, detail):
            return False
        if kind in (_ARRAY, _SEQUENCE):
            inner_kind, inner = detail[0]
            if inner_kind == _NAME or inner[0] == 'string':
                return False
    return True
