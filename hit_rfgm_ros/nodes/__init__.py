"""The nodes, written once against `nodes.host.Host`; rclpy and plain DDS each provide one."""
