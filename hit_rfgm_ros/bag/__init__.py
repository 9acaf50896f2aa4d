"""Recorded bags of ROS 2 (rosbag2: sqlite3 and MCAP), read, tracked through and written."""
