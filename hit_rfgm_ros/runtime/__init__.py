"""Node logic: what a tracker node decides, without ROS, DDS or torch."""
