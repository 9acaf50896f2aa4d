"""The services by which ROS tools read and set parameters, and `/parameter_events`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hit_rfgm_ros.dds.clock import NodeClock
from hit_rfgm_ros.dds.qos import PARAMETER_QOS
from hit_rfgm_ros.dds.rosout import stamp_now
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.param_store import SIM_TIME, ParameterStore
from hit_rfgm_ros.runtime.parameter import Parameter, nearest

if TYPE_CHECKING:
    from hit_rfgm_ros.dds.host import DdsHost


# `rcl_interfaces/msg/ParameterType`, and the field of a `ParameterValue` that holds each.
NOT_SET = 0
_CODES = {'bool': 1, 'int': 2, 'double': 3, 'string': 4, 'double_array': 8}
_VALUE_FIELDS = {
    1: 'bool_value', 2: 'integer_value', 3: 'double_value', 4: 'string_value',
    5: 'byte_array_value', 6: 'bool_array_value', 7: 'integer_array_value',
    8: 'double_array_value', 9: 'string_array_value',
}  # fmt: skip
_EVENT = 'rcl_interfaces/msg/ParameterEvent'


class ParameterServices:
    """Offers the parameters of a node; `use_sim_time` comes with the node's clock."""

    def __init__(self, host: DdsHost, store: ParameterStore[Any], clock: NodeClock) -> None:
        self._host = host
        self._store = store
        self._clock = clock
        self._table = {**store.table, SIM_TIME.name: SIM_TIME}
        self._events = host.publisher('/parameter_events', _EVENT, PARAMETER_QOS)
        answers: dict[str, tuple[str, Callable[[Any], Mapping[str, Any]]]] = {
            'describe_parameters': ('DescribeParameters', self._describe),
            'get_parameter_types': ('GetParameterTypes', self._types),
            'get_parameters': ('GetParameters', self._get),
            'list_parameters': ('ListParameters', self._list),
            'set_parameters': ('SetParameters', self._set),
            'set_parameters_atomically': ('SetParametersAtomically', self._set_atomically),
        }
        for name, (service, answer) in answers.items():
            host.service(f'~/{name}', f'rcl_interfaces/srv/{service}', answer, PARAMETER_QOS)
        self._tell('new_parameters', self._table)

    def _describe(self, request: Any) -> Mapping[str, Any]:
        # As rclpy does it: one unknown name makes the whole answer empty.
        return {'descriptors': self._each(request.names, self._descriptor)}

    def _types(self, request: Any) -> Mapping[str, Any]:
        return {'types': self._each(request.names, lambda row: _CODES[row.kind])}

    def _get(self, request: Any) -> Mapping[str, Any]:
        return {'values': self._each(request.names, lambda row: self._value(row.name))}

    def _each(self, names: list[str], tell: Callable[[Parameter], Any]) -> list[Any]:
        rows = [self._table.get(name) for name in names]
        return [] if None in rows else [tell(row) for row in rows if row is not None]

    def _list(self, request: Any) -> Mapping[str, Any]:
        names = [name for name in self._table if _is_listed(name, request.prefixes)]
        return {'result': {'names': names}}

    def _set(self, request: Any) -> Mapping[str, Any]:
        return {'results': [self._set_all([item]) for item in request.parameters]}

    def _set_atomically(self, request: Any) -> Mapping[str, Any]:
        return {'result': self._set_all(request.parameters)}

    def _set_all(self, parameters: list[Any]) -> Mapping[str, Any]:
        """Set all or none; the answer is a `SetParametersResult`."""
        try:
            values = {item.name: self._given(item) for item in parameters}
        except ConfigError as error:
            return {'successful': False, 'reason': str(error)}
        sim_time = values.pop(SIM_TIME.name, None)
        done, reason = self._store.set_many(values) if values else (True, '')
        if done:
            if sim_time is not None:
                self._clock.use_sim_time = sim_time
            self._tell('changed_parameters', [item.name for item in parameters])
        return {'successful': done, 'reason': reason}

    def _given(self, parameter: Any) -> Any:
        """Value of a `rcl_interfaces/Parameter`, checked."""
        row = self._table.get(parameter.name)
        if row is None:
            hint = nearest(parameter.name, self._table)
            raise ConfigError(f'unknown parameter {parameter.name!r}; {hint}'.rstrip('; '))
        if parameter.value.type not in _VALUE_FIELDS:
            raise ConfigError(f'{row.name} cannot be taken away; it must have a value')
        value = getattr(parameter.value, _VALUE_FIELDS[parameter.value.type])
        return row.check(value.tolist() if hasattr(value, 'tolist') else value)

    def _descriptor(self, row: Parameter) -> Mapping[str, Any]:
        limits = [row.allowed, '' if row.live else 'only before configure']
        descriptor: dict[str, Any] = {
            'name': row.name,
            'type': _CODES[row.kind],
            'description': row.text,
            'additional_constraints': '; '.join(filter(None, limits)),
        }
        if row.low is not None and row.high is not None:
            low = row.low if row.also is None else min(row.low, row.also)
            high = row.high if row.also is None else max(row.high, row.also)
            kind, number = (
                ('integer_range', int) if row.kind == 'int' else ('floating_point_range', float)
            )
            descriptor[kind] = [{'from_value': number(low), 'to_value': number(high), 'step': 0}]
        return descriptor

    def _value(self, name: str) -> Mapping[str, Any]:
        """Current value as a `ParameterValue`."""
        value = self._clock.use_sim_time if name == SIM_TIME.name else self._store.get(name)
        code = _CODES[self._table[name].kind]
        return {'type': code, _VALUE_FIELDS[code]: value}

    def _tell(self, what: str, names: Iterable[str]) -> None:
        self._events.publish({
            'stamp': stamp_now(),
            'node': self._host.name,
            what: [{'name': name, 'value': self._value(name)} for name in names],
        })  # fmt: skip


def _is_listed(name: str, prefixes: list[str]) -> bool:
    """Our names have no parts, so a prefix fits only as a whole."""
    return not prefixes or name in prefixes
