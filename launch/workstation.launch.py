"""As tracker.launch.py, with the parameters for a workstation with a GPU."""

from hit_rfgm_ros.ros.launching import tracker_launch

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Called by `ros2 launch`."""
    return tracker_launch('workstation.yaml')
