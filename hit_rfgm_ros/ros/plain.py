"""A plain rclpy node with a parameter table; what `select_target` and `video_player` run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.log import pass_on_library_logs
from hit_rfgm_ros.ros.parameters import IntegersForDoubles, bind, take_given
from hit_rfgm_ros.ros.spin import Spinner
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.parameter import Parameters, table_of
from rclpy.node import Node

P = TypeVar('P', bound=Parameters)


class PlainNode(IntegersForDoubles, Node):  # type: ignore[misc]  # rclpy is untyped
    """A node of rclpy that takes integers for doubles."""


@dataclass(frozen=True)
class Opened(Generic[P]):
    """A node that is spun.

    Attributes:
        node: of rclpy.
        host: on that node.
        store: its parameters.
    """

    node: PlainNode
    host: RosHost
    store: ParameterStore[P]


@contextmanager
def open_node(name: str, params: P) -> Iterator[Opened[P]]:
    """Make a node, declare its parameters, and spin it in a thread.

    Args:
        name: of the node unless the arguments of the process say otherwise.
        params: the defaults.

    Raises:
        ConfigError: if a parameter has a bad value.
    """
    node = PlainNode(name, automatically_declare_parameters_from_overrides=True)
    try:
        host = RosHost(node)
        pass_on_library_logs(node)
        store = ParameterStore(table_of(type(params)), params)
        for warning in store.load(take_given(node)):
            host.log.warning(warning)
        if store.refused:
            raise ConfigError('; '.join(dict.fromkeys(store.refused.values())))
        bind(node, store)
        with Spinner([node], lambda: None):
            yield Opened(node, host, store)
    finally:
        node.destroy_node()
