"""Our codec against cv_bridge, on every encoding that both know."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('cv_bridge', reason='needs cv_bridge')

from cv_bridge import CvBridge, CvBridgeError
from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.messages.reports import image_message
from hit_rfgm_ros.messages.requests import incoming_image
from hit_rfgm_ros.nodes.picture_codec import OwnCodec
from hit_rfgm_ros.ros.bridge_codec import BridgeCodec
from hit_rfgm_ros.ros.fill import fill
from hit_rfgm_ros.runtime.images import decode, encode
from hit_rfgm_ros.runtime.reports import Header
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros

HEADER = Header(1, 2, 'optical')
SIZE = (48, 64)
# Bytes of a pixel.
EXACT = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
MOSAIC = ('bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8')
YUV = ('yuv422', 'yuv422_yuy2', 'uyvy', 'yuyv')


def raw(encoding: str, depth: int, *, padding: int = 0) -> Image:
    """A message of random pixels."""
    height, width = SIZE
    rng = np.random.default_rng(len(encoding))
    step = width * depth + padding
    data = rng.integers(0, 256, (height, step), np.uint8)
    fields = {
        'header': {'frame_id': 'optical'}, 'height': height, 'width': width, 'step': step,
        'encoding': encoding, 'data': data,
    }  # fmt: skip
    return fill(Image(), fields)


def ours(message: Image) -> np.ndarray:
    """RGB, or grey as RGB."""
    return OwnCodec().picture(message, compressed=False)


def theirs(message: Image) -> np.ndarray:
    return np.asarray(CvBridge().imgmsg_to_cv2(message, 'rgb8'))


@pytest.mark.parametrize('encoding', list(EXACT))
def test_pixels_are_alike(encoding: str) -> None:
    message = raw(encoding, EXACT[encoding])
    np.testing.assert_array_equal(ours(message), theirs(message))


@pytest.mark.parametrize('padding', [5, 12])
@pytest.mark.parametrize('encoding', list(EXACT))
def test_padded_rows_do_not_shear_the_picture(encoding: str, padding: int) -> None:
    # cv_bridge takes padding for pixels: it is judged by what it makes of the rows without.
    message = raw(encoding, EXACT[encoding], padding=padding)
    row = SIZE[1] * EXACT[encoding]
    cut = np.asarray(message.data, np.uint8).reshape(SIZE[0], -1)[:, :row]
    expected = theirs(fill(message.__class__(), {
        'height': SIZE[0], 'width': SIZE[1], 'step': row, 'encoding': encoding, 'data': cut,
    }))  # fmt: skip
    np.testing.assert_array_equal(ours(message), expected)
    bridge = BridgeCodec(CvBridge())
    np.testing.assert_array_equal(bridge.picture(message, compressed=False), expected)


def test_what_cv_bridge_does_not_know_is_read_all_the_same() -> None:
    height, width = SIZE
    data = np.full((height * 3 // 2, width), 128, np.uint8)
    message = fill(Image(), {
        'height': height, 'width': width, 'step': width, 'encoding': 'nv12', 'data': data,
    })  # fmt: skip
    bridge = BridgeCodec(CvBridge())
    np.testing.assert_array_equal(bridge.picture(message, compressed=False), ours(message))


def test_a_message_that_is_cut_off_is_refused() -> None:
    message = raw('rgb8', 3)
    message.data = message.data[:-1]
    with pytest.raises(FrameError, match='cut off'):
        BridgeCodec(CvBridge()).picture(message, compressed=False)


@pytest.mark.parametrize('encoding', MOSAIC)
def test_mosaics_are_alike(encoding: str) -> None:
    message = raw(encoding, 1)
    np.testing.assert_array_equal(ours(message), theirs(message))


@pytest.mark.parametrize('encoding', YUV)
def test_yuv_is_alike(encoding: str) -> None:
    message = raw(encoding, 2)
    try:
        expected = theirs(message)
    except CvBridgeError as error:  # the cv_bridge of this distribution
        pytest.skip(f'cv_bridge does not know it: {error}')
    np.testing.assert_array_equal(ours(message), expected)


def test_sixteen_bits_have_the_same_order() -> None:
    message = raw('mono16', 2)
    values = np.asarray(CvBridge().imgmsg_to_cv2(message, 'passthrough'))
    pixels, _ = decode(incoming_image(message, 0.0))
    # Both may stretch as they like: what counts is that the same bytes are high and low.
    order = np.argsort(values.ravel(), kind='stable')
    assert np.all(np.diff(pixels.ravel()[order].astype(int)) >= 0)


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8', 'mono8'])
def test_messages_are_alike(encoding: str) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    own, bridge = OwnCodec(), BridgeCodec(CvBridge())
    made = [fill(Image(), codec.image(HEADER, picture, encoding)) for codec in (own, bridge)]
    assert made[0] == made[1]
    np.testing.assert_array_equal(
        bridge.picture(made[0], compressed=False), own.picture(made[1], compressed=False)
    )


def test_what_we_encode_cv_bridge_reads() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (*SIZE, 3), np.uint8)
    encoded = encode(picture, 'rgb', 'bgr8')
    message = fill(Image(), image_message(HEADER, encoded, 'bgr8'))
    np.testing.assert_array_equal(theirs(message), picture)
    assert message.header.stamp.nanosec == 2
