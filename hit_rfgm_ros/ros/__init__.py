"""The nodes on rclpy; the only room that knows it."""
