"""A video or composed scene as a camera, and a tracker on it; --show-args lists the arguments."""

from hit_rfgm_ros.ros.launching import demo_launch

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Called by `ros2 launch`."""
    return demo_launch()
