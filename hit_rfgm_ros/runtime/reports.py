"""The values that go in and out of the node logic: images, requests, answers, reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from typing import NamedTuple

from hit_rfgm_ros.types import Box, ConfidenceKind
import numpy as np
from numpy.typing import NDArray

NANOSECONDS = 1_000_000_000


class Header(NamedTuple):
    """Header of an image, kept bit for bit.

    Attributes:
        sec, nanosec: the stamp as it came.
        frame_id: as it came.
    """

    sec: int = 0
    nanosec: int = 0
    frame_id: str = ''

    @property
    def stamp_ns(self) -> int:
        """The stamp in nanoseconds."""
        return self.sec * NANOSECONDS + self.nanosec

    @property
    def seconds(self) -> float:
        """The stamp in seconds; good to a microsecond for today's dates."""
        return self.sec + self.nanosec / NANOSECONDS


@dataclass(frozen=True)
class IncomingImage:
    """An image message as it arrived, not decoded.

    Attributes:
        header: of the message.
        arrival: monotonic seconds when it arrived at this node.
        encoding: of a raw image, as in sensor_msgs; of a compressed one the format text.
        data: (N,) uint8, a view of the message's bytes where the binding can give one.
        width, height: of a raw image in pixels; 0 for a compressed one.
        step: bytes of a row of a raw image.
        big_endian: byte order of a raw image of 16 bits.
        compressed: whether `data` is a JPEG or PNG file.
    """

    header: Header
    arrival: float
    encoding: str
    data: NDArray[np.uint8]
    width: int = 0
    height: int = 0
    step: int = 0
    big_endian: bool = False
    compressed: bool = False


class Picture(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: (H, W, 3) or (H, W) uint8; a view of the message where that is possible.
        color: ``rgb`` or ``bgr``; of no meaning for (H, W).
    """

    pixels: NDArray[np.uint8]
    color: str


class TargetState(IntEnum):
    """State in the message, `TrackedTarget.STATE_*`."""

    INITIALIZED = 1
    TRACKING = 2
    UNCERTAIN = 3
    LOST = 4
    CATCHING_UP = 5


class Reason(IntEnum):
    """Codes of `InitResult.msg`."""

    OK = 0
    OK_CLIPPED = 1
    NOT_ACTIVE = 10
    BACKEND_NOT_READY = 11
    NO_IMAGE = 12
    STAMP_NOT_IN_HISTORY = 13
    STAMP_IN_FUTURE = 14
    IMAGE_UNUSABLE = 15
    BOX_NOT_FINITE = 20
    BOX_EMPTY = 21
    BOX_OUTSIDE = 22
    BOX_TOO_SMALL = 23
    TOO_MANY_TARGETS = 30
    UNKNOWN_ID = 31
    CANCELLED = 40
    INTERNAL_ERROR = 255


@dataclass(frozen=True)
class BoxRequest:
    """`TargetBox.msg`: a box in image pixels, unchecked.

    Attributes:
        box: as given, may be anything.
        id: 0 for a new target.
        label: free text.
    """

    box: Box
    id: int = 0
    label: str = ''


@dataclass(frozen=True)
class InitRequest:
    """`InitTarget.srv`, request.

    Attributes:
        boxes: to start on.
        sec, nanosec: stamp of the image; 0, 0 takes the newest.
        replace_all: forget all targets first, if at least one box is accepted.
    """

    boxes: tuple[BoxRequest, ...]
    sec: int = 0
    nanosec: int = 0
    replace_all: bool = False


@dataclass(frozen=True)
class BoxAnswer:
    """`InitResult.msg`: what became of one box."""

    reason: Reason
    message: str
    id: int
    box_used: BoxRequest

    @property
    def success(self) -> bool:
        """Whether the box was accepted."""
        return self.reason in (Reason.OK, Reason.OK_CLIPPED)


@dataclass(frozen=True)
class InitAnswer:
    """`InitTarget.srv`, response.

    Attributes:
        results: one per box, same order.
        sec, nanosec: stamp of the image used, 0 if none.
    """

    results: tuple[BoxAnswer, ...]
    sec: int = 0
    nanosec: int = 0

    @property
    def success(self) -> bool:
        """Whether all boxes were accepted."""
        return all(result.success for result in self.results)


@dataclass(frozen=True)
class RemoveAnswer:
    """`RemoveTarget.srv`, response."""

    removed: tuple[int, ...]
    unknown: tuple[int, ...]
    message: str

    @property
    def success(self) -> bool:
        """Whether every id was known."""
        return not self.unknown


@dataclass(frozen=True)
class Bearing:
    """Where a box lies in the camera's optical frame, distortion removed.

    Attributes:
        direction: unit vector (x right, y down, z forward) to the box's centre.
        angular_width, angular_height: between the middles of opposite edges, radians.
    """

    direction: tuple[float, float, float]
    angular_width: float
    angular_height: float


@dataclass(frozen=True)
class TargetReport:
    """`TrackedTarget.msg`; see there for the meaning of each field."""

    header: Header
    id: int
    label: str
    box: Box
    confidence: float
    confidence_kind: ConfidenceKind
    state: TargetState
    reason: str = ''
    bearing: Bearing | None = None
    processing_time: float = 0.0
    frames_since_init: int = 0
    memory_tokens: int = 0
    last_memory_update: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class FrameReport:
    """`TrackedTargetArray.msg`; see there for the meaning of each field."""

    header: Header
    image_width: int
    image_height: int
    targets: tuple[TargetReport, ...]
    age: float
    latency: float
    frames_dropped: int


@dataclass(frozen=True)
class CameraInfo:
    """`sensor_msgs/CameraInfo` as far as it is used.

    Attributes:
        header: of the message.
        width, height: of the images that it belongs to, pixels.
        model: ``distortion_model``.
        d: distortion coefficients.
        k: (3, 3) intrinsic matrix of the raw image.
        r: (3, 3) rectification.
        p: (3, 4) projection of the rectified image.
        binning: pixels of the sensor per pixel of the image, across and down; 0 counts as 1.
        roi: part of the sensor that the image shows: x, y, width, height; no size is all of it.
    """

    header: Header
    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: NDArray[np.float64]
    r: NDArray[np.float64]
    p: NDArray[np.float64]
    binning: tuple[int, int] = (0, 0)
    roi: tuple[int, int, int, int] = (0, 0, 0, 0)

    def agrees_with(self, other: CameraInfo) -> bool:
        """Whether two calibrations are the same in all but their headers."""
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
            if field.name != 'header'
        )


@dataclass(frozen=True)
class Marker:
    """A `visualization_msgs/Marker` as far as it is used.

    Attributes:
        header: of the image.
        ns: namespace of the marker, the node's name.
        id: of the target.
        kind: ``LINE_STRIP``, ``TEXT_VIEW_FACING`` or ``DELETE`` (with `ns` and `id` only).
        points: of the strip in the optical frame, metres; for a text its one position.
        color: red, green, blue, alpha in [0, 1].
        scale: line width, or height of the letters, metres.
        text: of a text.
        lifetime: seconds.
    """

    header: Header
    ns: str
    id: int
    kind: str
    points: tuple[tuple[float, float, float], ...] = ()
    color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    scale: float = 0.01
    text: str = ''
    lifetime: float = 0.5


class Level(IntEnum):
    """Levels of `diagnostic_msgs/DiagnosticStatus`."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Status:
    """A `diagnostic_msgs/DiagnosticStatus`.

    Attributes:
        part: what it is about, ``input`` for one; the node's name is put before it.
        level: OK, WARN, ERROR or STALE.
        message: one line.
        values: names and texts in the order of showing.
        hardware_id: camera topic or device.
    """

    part: str
    level: Level
    message: str
    values: Mapping[str, str] = field(default_factory=dict)
    hardware_id: str = ''


class NodeState(str, Enum):
    """Life of a node, as ROS 2 names it."""

    UNCONFIGURED = 'unconfigured'
    INACTIVE = 'inactive'
    ACTIVE = 'active'
    FINALIZED = 'finalized'


@dataclass(frozen=True)
class Endpoint:
    """A publisher or subscriber seen on the network.

    Attributes:
        node: full name of its node, empty if it is unknown.
        topic: resolved name.
        type: ``sensor_msgs/msg/Image`` for one.
        reliable: its reliability.
        transient_local: its durability.
    """

    node: str
    topic: str
    type: str
    reliable: bool
    transient_local: bool = False
