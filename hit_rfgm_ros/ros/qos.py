"""Quality of service in rclpy's terms, and a word in the log where two ends do not match."""

from __future__ import annotations

from collections.abc import Callable
import logging
from typing import Any

from hit_rfgm_ros.nodes.host import QoS
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks


def profile(qos: QoS) -> Any:
    """The `QoSProfile` of a `QoS`."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=ReliabilityPolicy.RELIABLE if qos.reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL
        if qos.transient_local
        else DurabilityPolicy.VOLATILE,
    )


def subscription_events(log: logging.Logger, topic: str) -> Any:
    """Callbacks of a subscription that log a publisher which cannot be received."""
    # No others by default: each event listened to costs the executor time with every message.
    return SubscriptionEventCallbacks(
        incompatible_qos=_complaint(log, topic, 'publisher'), use_default_callbacks=False
    )


def publisher_events(log: logging.Logger, topic: str) -> Any:
    """Callbacks of a publisher that log a subscriber which cannot receive."""
    return PublisherEventCallbacks(
        incompatible_qos=_complaint(log, topic, 'subscriber'), use_default_callbacks=False
    )


def _complaint(log: logging.Logger, topic: str, other: str) -> Callable[[Any], None]:
    def complain(event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        log.error(
            'A %s on %s does not match in %s: nothing passes between it and this node; see '
            '`ros2 topic info --verbose %s`', other, topic, policy, topic,
        )  # fmt: skip

    return complain
