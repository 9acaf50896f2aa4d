"""A tracker per camera; --show-args lists the arguments."""

from hit_rfgm_ros.ros.launching import multi_camera_launch

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Called by `ros2 launch`."""
    return multi_camera_launch()
