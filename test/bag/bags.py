"""Bags for the tests: the golden sequence as a recording, in every storage and encoding."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.messages.definitions import load_definitions
from hit_rfgm_ros.runtime.images import encode
import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
PERIOD = SECOND // 30
DELAY = 4_000_000  # from the stamp of an image to its recording, nanoseconds
IMAGES = '/camera/image_raw'
WORDS = '/words'
LATCHED = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    QosTime(0, 0),
    QosTime(0, 0),
    QosLiveliness.AUTOMATIC,
    QosTime(0, 0),
    False,
)


class Message(NamedTuple):
    """A message that came back out of a bag."""

    topic: str
    type: str
    stamp: int
    value: Any


def stamp_of(index: int) -> int:
    """header.stamp of a frame of the sequence, nanoseconds."""
    return START + index * PERIOD


def picture(index: int) -> NDArray[np.uint8]:
    return golden_frame(index).image


def header(stamp: int) -> dict[str, Any]:
    sec, nanosec = divmod(stamp, SECOND)
    return {'stamp': {'sec': sec, 'nanosec': nanosec}, 'frame_id': 'camera_optical_frame'}


def raw(pixels: NDArray[np.uint8], stamp: int, encoding: str = 'rgb8') -> bytes:
    """sensor_msgs/Image of an RGB picture."""
    rows = bayer(pixels) if encoding == 'bayer_rggb8' else encode(pixels, 'rgb', encoding)
    fields = {
        'header': header(stamp),
        'height': pixels.shape[0],
        'width': pixels.shape[1],
        'encoding': encoding,
        'step': rows.shape[1],
        'data': rows,
    }
    return load_definitions().serialize('sensor_msgs/msg/Image', fields)


def bayer(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a sensor behind a mosaic of RGGB sees."""
    mosaic = pixels[..., 1].copy()
    mosaic[::2, ::2] = pixels[::2, ::2, 0]
    mosaic[1::2, 1::2] = pixels[1::2, 1::2, 2]
    return mosaic


def packed(pixels: NDArray[np.uint8], stamp: int, suffix: str = '.jpg') -> bytes:
    """sensor_msgs/CompressedImage of an RGB picture."""
    _, data = cv2.imencode(suffix, pixels[..., ::-1])
    fields = {
        'header': header(stamp),
        'format': 'jpeg' if suffix == '.jpg' else 'png',
        'data': np.asarray(data).reshape(-1),
    }
    return load_definitions().serialize('sensor_msgs/msg/CompressedImage', fields)


def write_bag(
    path: Path,
    records: Sequence[tuple[str, str, int, bytes]],
    storage: str = 'mcap',
    compression: str = 'NONE',
    qos: Sequence[Qos] = (),
) -> Path:
    """Write (topic, type, stamp, data) in the order given."""
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    writer.set_compression(CompressionMode[compression], CompressionFormat.ZSTD)
    typestore = load_definitions().typestore
    connections: dict[str, Any] = {}
    with writer:
        for topic, kind, stamp, data in records:
            if topic not in connections:
                connections[topic] = writer.add_connection(
                    topic, kind, typestore=typestore, offered_qos_profiles=list(qos)
                )
            writer.write(connections[topic], stamp, data)
    return path


def recording(
    count: int = 12, encoding: str = 'rgb8', indices: Sequence[int] | None = None
) -> list[tuple[str, str, int, bytes]]:
    """Frames of the sequence with words in between, as records for `write_bag`."""
    made = []
    for place, index in enumerate(range(count) if indices is None else indices):
        recorded = stamp_of(place) + DELAY
        made.append((IMAGES, *image_record(index, encoding, recorded)))
        text = load_definitions().serialize('std_msgs/msg/String', {'data': f'word {place}'})
        made.append((WORDS, 'std_msgs/msg/String', recorded + PERIOD // 2, text))
    return made


def image_record(index: int, encoding: str, recorded: int) -> tuple[str, int, bytes]:
    """Type, time of recording and data of a frame."""
    if encoding.startswith('.'):
        data = packed(picture(index), stamp_of(index), encoding)
        return 'sensor_msgs/msg/CompressedImage', recorded, data
    return 'sensor_msgs/msg/Image', recorded, raw(picture(index), stamp_of(index), encoding)


def read_bag(path: Path, *topics: str) -> list[Message]:
    """What a bag holds, with rosbags' own reader and the types of ours."""
    definitions = load_definitions()
    found = []
    with Reader(path) as reader:
        for connection, stamp, data in reader.messages():
            if not topics or connection.topic in topics:
                value = definitions.deserialize(connection.msgtype, data)
                found.append(Message(connection.topic, connection.msgtype, stamp, value))
    return found
