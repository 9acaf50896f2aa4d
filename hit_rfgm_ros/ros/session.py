"""Begin and end ROS in a process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rclpy
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

# What rclpy raises for everything that the layers below it refuse.
RCLError = rclpy_implementation.RCLError


@contextmanager
def session(argv: Sequence[str]) -> Iterator[list[str]]:
    """Initialise ROS with the process' arguments; yield those that are not for ROS.

    Signals stay with `ros.main`: rclpy's handlers would end ROS under the feet of the nodes.

    Raises:
        SystemExit: if ROS refuses the arguments, a parameter file for one.
    """
    try:
        rclpy.init(args=list(argv), signal_handler_options=SignalHandlerOptions.NO)
    except RCLError as error:
        raise SystemExit(f'ROS refuses the arguments: {str(error).splitlines()[0]}') from None
    try:
        yield remove_ros_args(list(argv))[1:]
    finally:
        rclpy.try_shutdown()
