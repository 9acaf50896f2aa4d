"""What is to be done with a bag, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hit_rfgm_ros.bag.parts import Topic
from hit_rfgm_ros.bag.reader import Bag
from hit_rfgm_ros.errors import BagError
from hit_rfgm_ros.messages.definitions import Definitions, MessageError
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import NANOSECONDS, BoxRequest

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'


@dataclass(frozen=True)
class BagJob:
    """What is to be done.

    Attributes:
        boxes: to start on, with their labels.
        out: folder of the new bag.
        image_topic: None takes the only one of the bag.
        stamp: of the image to start on, nanoseconds; None takes the first image.
        params: of the tracker.
        name: of the node that the results seem to come from; topics begin with it.
        storage: ``mcap`` or ``sqlite3``; empty takes that of the old bag.
        only_results: leave out what the old bag held.
        annotated: how annotated images are written: compressed, raw or none.
        camera_info: topic of the calibration, for bearings; empty for none.
    """

    boxes: tuple[BoxRequest, ...]
    out: Path
    image_topic: str | None = None
    stamp: int | None = None
    params: TrackerParams = field(default_factory=TrackerParams)
    name: str = 'tracker'
    storage: str = ''
    only_results: bool = False
    annotated: str = 'compressed'
    camera_info: str = ''


@dataclass
class BagOutcome:
    """What came of it.

    Attributes:
        images: read from the bag.
        processed: of these; the others were unusable, doubled or out of order.
        states: reports of targets, by state.
        messages: copied from the old bag.
        info: what is known about the tracker.
        damage: what of the old bag could not be read.
        interrupted: whether it was stopped.
    """

    images: int = 0
    processed: int = 0
    states: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    info: Mapping[str, object] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    interrupted: bool = False


def choose_images(bag: Bag, wanted: str | None) -> Topic:
    """The image topic that is meant.

    Raises:
        BagError: naming the image topics of the bag, if it is not one of them.
    """
    images = [topic for topic in bag.topics if topic.type in (IMAGE, COMPRESSED)]
    there = ', '.join(f'{topic.name} ({topic.messages} messages)' for topic in images) or 'none'
    if wanted is None:
        used = [topic for topic in images if topic.messages]
        if len(used) != 1:
            raise BagError(
                f'{bag.path} has {len(used)} image topics with messages; choose one with '
                f'--image-topic; there are: {there}'
            )
        return used[0]
    chosen = find_topic(bag, wanted, (IMAGE, COMPRESSED), f'image topics: {there}')
    if not chosen.messages:
        raise BagError(f'{chosen.name} of {bag.path} holds no message; image topics: {there}')
    return chosen


def find_topic(bag: Bag, wanted: str, types: tuple[str, ...], there: str) -> Topic:
    """A topic by name, with or without its first slash.

    Raises:
        BagError: if there is none of these types; ``there`` says what there is.
    """
    named = [topic for topic in bag.topics if topic.name.lstrip('/') == wanted.lstrip('/')]
    for topic in named:
        if topic.type in types:
            return topic
    if named:
        raise BagError(
            f'{wanted} of {bag.path} is of type {named[0].type}, wanted is '
            f'{" or ".join(types)}; {there}'
        )
    raise BagError(f'{bag.path} has no topic {wanted}; {there}')


def first_stamp(bag: Bag, images: Topic, definitions: Definitions, job: BagJob) -> int | None:
    """Stamp of the image to start on in nanoseconds; None stands for the first image.

    Raises:
        BagError: if no image has the stamp that was asked for, within `init_stamp_tolerance`.
    """
    if job.stamp is None:
        return None
    tolerance = round(job.params.init_stamp_tolerance * NANOSECONDS)
    best: int | None = None
    seen = []
    for record in bag.records([images]):
        stamp = header_stamp(definitions, images.type, record.data)
        seen.append(stamp)
        if best is None or abs(stamp - job.stamp) < abs(best - job.stamp):
            best = stamp
        if best == job.stamp or (best - job.stamp) > tolerance < stamp - job.stamp:
            break  # stamps grow: no nearer one comes
    if best is None or abs(best - job.stamp) > tolerance:
        span = f'{_seconds(min(seen))} to {_seconds(max(seen))}' if seen else 'none could be read'
        raise BagError(
            f'no image on {images.name} has the stamp {_seconds(job.stamp)} (+- '
            f'{job.params.init_stamp_tolerance:g} s); stamps looked at: {span}'
        )
    return best


def header_stamp(definitions: Definitions, type_name: str, data: bytes) -> int:
    """Stamp of an image message in nanoseconds, 0 where the message is damaged."""
    try:
        # Only the beginning of the message is looked at.
        stamp = definitions.deserialize('builtin_interfaces/msg/Time', data[:12])
    except MessageError:
        return 0
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def _seconds(stamp: int) -> str:
    whole, part = divmod(stamp, NANOSECONDS)
    return f'{whole}.{part:09d}'
