"""Quality of service: from the node's `QoS` to Cyclone's policies, and back from what is seen."""

from __future__ import annotations

from typing import Any

from hit_rfgm_ros.dds.binding import INFINITE, Policy, Qos
from hit_rfgm_ros.nodes.host import QoS

SERVICE_QOS = QoS(depth=10)
PARAMETER_QOS = QoS(depth=1000)
CLOCK_QOS = QoS(depth=1, reliable=False)

# Writing holds the interpreter, so it must never wait for a slow reader for long.
_MAX_BLOCKING = 50_000_000  # ns


def policies(qos: QoS, user_data: str = '', *, lifespan: int = INFINITE) -> Any:
    """Policies of a reader or writer.

    Args:
        qos: as the node asks for it.
        user_data: keys and values for USER_DATA, ``key=value;`` each.
        lifespan: nanoseconds after which a sample is not delivered any more.
    """
    history = Policy.History.KeepLast(max(1, qos.depth))
    found = [
        history,
        Policy.Reliability.Reliable(_MAX_BLOCKING)
        if qos.reliable
        else Policy.Reliability.BestEffort,
        Policy.WriterDataLifecycle(autodispose=False),
        # ROS knows the first version of CDR only.
        Policy.DataRepresentation(use_cdrv0_representation=True),
    ]
    if qos.transient_local:
        found.append(Policy.Durability.TransientLocal)
        found.append(Policy.DurabilityService(0, history, -1, -1, -1))
    else:
        found.append(Policy.Durability.Volatile)
    if lifespan != INFINITE:
        found.append(Policy.Lifespan(lifespan))
    if user_data:
        found.append(Policy.Userdata(user_data.encode()))
    return Qos(*found)


def is_reliable(seen: Any) -> bool:
    """Whether a discovered endpoint is reliable."""
    return Policy.Reliability in seen and seen[Policy.Reliability] != Policy.Reliability.BestEffort


def is_transient_local(seen: Any) -> bool:
    """Whether a discovered endpoint keeps messages for late joiners."""
    return Policy.Durability in seen and seen[Policy.Durability] != Policy.Durability.Volatile
