"""Messages are filled from mappings as the nodes give them."""

from __future__ import annotations

from array import array
import math

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from diagnostic_msgs.msg import DiagnosticArray
from hit_rfgm_ros.msg import TrackedTargetArray
from hit_rfgm_ros.ros.fill import fill, message_class
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image

pytestmark = pytest.mark.ros


def through_the_wire(message: object) -> object:
    """The message after writing and reading it: the C side refuses wrong Python types."""
    return deserialize_message(serialize_message(message), type(message))


def test_nested_messages_and_lists_of_them_are_filled() -> None:
    header = {'stamp': {'sec': 7, 'nanosec': 8}, 'frame_id': 'optical'}
    target = {
        'header': header, 'id': np.uint32(3), 'x': 1, 'width': np.float32(2.5), 'state': 2,
        'label': 'cup', 'has_bearing': np.bool_(True), 'bearing': {'z': 1},
        'last_memory_update': {'sec': 5},
    }  # fmt: skip
    made = fill(
        TrackedTargetArray(),
        {'header': header, 'image_width': 640, 'targets': [target, {}], 'latency': math.nan},
    )
    read = through_the_wire(made)
    assert read.header.stamp.nanosec == 8
    assert read.header.frame_id == 'optical'
    first, second = read.targets
    assert (first.id, first.x, first.width, first.label) == (3, 1.0, 2.5, 'cup')
    assert first.has_bearing
    assert first.bearing.z == 1.0
    assert first.last_memory_update.sec == 5
    assert second.id == 0
    assert math.isnan(read.latency)


@pytest.mark.parametrize('kind', ['bytes', 'array', 'view', 'memoryview'])
def test_pixels_go_in_as_a_whole(kind: str) -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    data = {
        'bytes': pixels.tobytes(),
        'array': pixels,
        'view': np.repeat(pixels, 2, axis=1)[:, ::2],
        'memoryview': memoryview(pixels),
    }[kind]
    message = fill(Image(), {'data': data, 'height': 4, 'width': 6, 'step': 18})
    assert isinstance(message.data, array)
    assert bytes(through_the_wire(message).data) == pixels.tobytes()


def test_numbers_of_a_fixed_and_a_free_length_are_filled() -> None:
    matrix = np.arange(9.0).reshape(3, 3)
    read = through_the_wire(fill(CameraInfo(), {'k': matrix, 'd': (0.1, 0, 0, 0, 0)}))
    np.testing.assert_array_equal(read.k, matrix.ravel())
    np.testing.assert_array_equal(read.d, [0.1, 0, 0, 0, 0])


def test_a_byte_is_given_as_a_number() -> None:
    status = {'name': 'n', 'level': 2, 'values': [{'key': 'a', 'value': 'b'}]}
    read = through_the_wire(fill(DiagnosticArray(), {'status': [status]}))
    assert read.status[0].level == b'\x02'
    assert read.status[0].values[0].key == 'a'


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(KeyError, match='widht'):
        fill(Image(), {'widht': 3})


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(ImportError, match='no msg Imagge'):
        message_class('sensor_msgs/msg/Imagge')
