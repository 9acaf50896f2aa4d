"""Whether images come, and if not, which publishers there are and why they do not match."""

from __future__ import annotations

from collections.abc import Sequence

from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import Endpoint
from hit_rfgm_ros.runtime.stats import Rate

RAW = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'


class CameraWatch:
    """Notices that images cease, and that they come again; guarded by the lock of its owner.

    Attributes:
        rate: of the images that arrive, usable or not.
        stopped: whether the camera counts as stopped.
        last: monotonic seconds of the last image, None before the first one.
    """

    def __init__(self, since: float) -> None:
        """Expect images from ``since`` on (monotonic seconds)."""
        self.rate = Rate()
        self.stopped = False
        self.last: float | None = None
        self._since = since

    def arrived(self, arrival: float) -> float | None:
        """An image arrived; if the camera counted as stopped, the seconds that it was silent."""
        silent = self.silent(arrival)
        self.last = arrival
        self.rate.add(arrival)
        if not self.stopped:
            return None
        self.stopped = False
        return silent

    def silent(self, now: float) -> float:
        """Seconds since the last image, or since images are expected."""
        return now - (self._since if self.last is None else self.last)

    def check(self, now: float, timeout: float) -> bool:
        """Whether the camera counts as stopped from this moment on; a time-out of 0 is never."""
        if self.stopped or timeout <= 0 or self.silent(now) <= timeout:
            return False
        self.stopped = True
        return True


def expected_type(params: TrackerParams) -> str:
    """Type of the messages that the node subscribes to."""
    return COMPRESSED if params.image_transport == 'compressed' else RAW


def mismatch(endpoint: Endpoint, params: TrackerParams) -> str:
    """Why nothing can arrive from a publisher; empty if it matches."""
    wanted = expected_type(params)
    if endpoint.type != wanted:
        return (
            f'wrong type, this node takes {wanted} (image_transport is {params.image_transport})'
        )
    if params.image_reliability == 'reliable' and not endpoint.reliable:
        return (
            'best effort does not match a reliable subscription: '
            'set image_reliability to best_effort'
        )
    return ''


def explain(endpoints: Sequence[Endpoint], topic: str, params: TrackerParams) -> str:
    """Which publishers there are on a topic, and which of them do not match, in one line."""
    if not endpoints:
        return (
            f'nothing publishes on {topic}: is the camera running, is the name right '
            '(ros2 topic list), is ROS_DOMAIN_ID the same?'
        )
    return f'on {topic}: ' + '; '.join(_describe(endpoint, params) for endpoint in endpoints)


def _describe(endpoint: Endpoint, params: TrackerParams) -> str:
    name = endpoint.node or 'an unnamed node'
    reliability = 'reliable' if endpoint.reliable else 'best effort'
    durability = ', transient local' if endpoint.transient_local else ''
    verdict = mismatch(endpoint, params) or 'matches'
    return f'{name} ({endpoint.type}, {reliability}{durability}): {verdict}'
