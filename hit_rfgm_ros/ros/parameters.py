"""A parameter table as parameters of an rclpy node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hit_rfgm_ros.runtime.param_store import STANDARD, STANDARD_PREFIX, ParameterStore
from hit_rfgm_ros.runtime.parameter import Parameter as Row
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.parameter import Parameter

TYPES = {
    'bool': Parameter.Type.BOOL,
    'int': Parameter.Type.INTEGER,
    'double': Parameter.Type.DOUBLE,
    'string': Parameter.Type.STRING,
    'double_array': Parameter.Type.DOUBLE_ARRAY,
}


class IntegersForDoubles:
    """Lets a node take ``3`` where its table has a double; put it before rclpy's class.

    rclpy itself refuses that, whether it comes from `ros2 param set` or a launch file, and it
    does so before any callback of ours (before Iron there is none that could change the value).

    Attributes:
        table: rows by name; settable.
    """

    table: Mapping[str, Row] = {}

    def set_parameters(self, parameter_list: Sequence[Any]) -> Any:
        """Set parameters one by one, see rclpy."""
        converted = self._converted(parameter_list)
        return super().set_parameters(converted)  # type: ignore[misc]  # of rclpy's class

    def set_parameters_atomically(self, parameter_list: Sequence[Any]) -> Any:
        """Set all parameters or none, see rclpy."""
        converted = self._converted(parameter_list)
        return super().set_parameters_atomically(converted)  # type: ignore[misc]  # likewise

    def _converted(self, parameters: Sequence[Any]) -> list[Any]:
        return [self._convert(parameter) for parameter in parameters]

    def _convert(self, parameter: Any) -> Any:
        row = self.table.get(parameter.name)
        kind, given = row.kind if row else '', parameter.type_
        if kind == 'double' and given is Parameter.Type.INTEGER:
            return Parameter(parameter.name, TYPES[kind], float(parameter.value))
        # `[]` comes as an array of whatever the sender tried first.
        if kind == 'double_array' and (
            given is Parameter.Type.INTEGER_ARRAY or _is_empty_array(parameter)
        ):
            return Parameter(parameter.name, TYPES[kind], [float(v) for v in parameter.value])
        return parameter


def take_given(node: Any) -> dict[str, Any]:
    """Values given at start, by file or command line, of any type; they are undeclared.

    Args:
        node: made with ``automatically_declare_parameters_from_overrides=True``: a declaration
            with a type would raise for the first value that does not fit.
    """
    given = {}
    for name, parameter in node.get_parameters_by_prefix('').items():
        if name in STANDARD or name.startswith(STANDARD_PREFIX):
            continue
        if parameter.value is not None:
            given[name] = parameter.value
        node.undeclare_parameter(name)
    return given


def bind(
    node: Any, store: ParameterStore[Any], changed: Callable[[], None] = lambda: None
) -> None:
    """Declare all rows with the store's values; what is set from now on goes to the store.

    Args:
        node: an `IntegersForDoubles`.
        store: the one that decides.
        changed: called after values were set.
    """
    node.table = store.table
    for name, row in store.table.items():
        _declare(node, row, store.get(name))

    def on_set(parameters: Sequence[Any]) -> Any:
        own = {item.name: item.value for item in parameters if item.name in store.table}
        if not own:
            return SetParametersResult(successful=True)
        successful, reason = store.set_many(own)
        if successful:
            changed()
        return SetParametersResult(successful=successful, reason=reason)

    node.add_on_set_parameters_callback(on_set)


def _declare(node: Any, row: Row, value: Any) -> None:
    if row.kind != 'double_array':
        node.declare_parameter(row.name, value, _descriptor(row), ignore_override=True)
        return
    # The type of an empty array cannot be seen: it is declared by type, then set.
    node.declare_parameter(row.name, TYPES[row.kind], _descriptor(row), ignore_override=True)
    node.set_parameters([Parameter(row.name, TYPES[row.kind], list(value))])


def _descriptor(row: Row) -> Any:
    when = 'at any time' if row.live else 'only before configure'
    allowed = f'{row.allowed}; ' if row.allowed else ''
    made = ParameterDescriptor(
        name=row.name,
        type=TYPES[row.kind].value,
        description=row.text,
        additional_constraints=f'{allowed}may change {when}',
    )
    if row.low is not None and row.high is not None:
        # A value beside the range, -1 for one, must pass; the table refuses what lies between.
        low = row.low if row.also is None else min(row.low, row.also)
        if row.kind == 'int':
            made.integer_range = [IntegerRange(from_value=int(low), to_value=int(row.high))]
        else:
            made.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(row.high))
            ]
    return made


def _is_empty_array(parameter: Any) -> bool:
    return parameter.type_.name.endswith('_ARRAY') and len(parameter.value) == 0
