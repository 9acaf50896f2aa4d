"""Every encoding of sensor_msgs: how its rows lie in the message, and how it becomes a picture.

Pictures are 8 bit, colour or grey. Where a message has just that, the picture is a view of it;
all else is converted by OpenCV. `docs/images_and_encodings.md` has the table for people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
from hit_rfgm_ros.runtime.reports import Picture
from hit_rfgm_ros.types import Array, ImageU8
import numpy as np

Convert = Callable[[ImageU8, int, int, bool], Picture]


@dataclass(frozen=True)
class Encoding:
    """How the pixels of one encoding lie in a message.

    Attributes:
        min_step: width in pixels -> least bytes of a row.
        rows: height in pixels -> rows of ``step`` bytes in the message; more than the height for
            encodings with a second plane.
        convert: (rows, step) uint8, width, height, whether big endian -> picture.
        view: whether the picture is a view of the message.
        wide: whether a value has 16 bits, so that the byte order counts.
    """

    min_step: Callable[[int], int]
    rows: Callable[[int], int]
    convert: Convert
    view: bool = False
    wide: bool = False


def _pixels(data: ImageU8, width: int, size: int) -> ImageU8:
    """(rows, step) -> (rows, width, size), a view."""
    return data[:, : width * size].reshape(data.shape[0], width, size)


def _interleaved(color: str, channels: int, depth: int) -> Encoding:
    """Pixels of ``channels`` values of ``depth`` bytes; of 16 bits the high byte counts."""
    size = channels * depth
    used = 1 if channels == 1 else 3  # alpha is left out

    def convert(data: ImageU8, width: int, height: int, big_endian: bool) -> Picture:
        pixels = _pixels(data, width, size)
        high = 0 if big_endian else depth - 1
        if (used, depth) == (channels, 1):
            picture = pixels
        elif used == 1:
            picture = np.asarray(cv2.extractChannel(pixels, high), np.uint8)
        else:
            picture = np.empty((height, width, used), np.uint8)
            pairs = [pair for i in range(used) for pair in (depth * i + high, i)]
            cv2.mixChannels([pixels], [picture], pairs)
        return Picture(picture.reshape(height, width) if used == 1 else picture, color)

    view = used == channels and depth == 1
    return Encoding(lambda width: width * size, _same, convert, view, depth == 2)


def stretch(values: Array) -> ImageU8:
    """Values of no known scale -> 8 bit between the smallest and the largest one."""
    low, high = (int(value) for value in (values.min(), values.max()))
    if low == high:
        return np.full(values.shape, high >> 8, np.uint8)
    scale = 255.0 / (high - low)
    return np.asarray(cv2.convertScaleAbs(values, alpha=scale, beta=-low * scale), np.uint8)


def _plain_16(data: ImageU8, width: int, height: int, big_endian: bool) -> Picture:
    pixels = np.ascontiguousarray(data[:, : 2 * width])
    values = pixels.view('>u2' if big_endian else '<u2').astype(np.uint16)
    return Picture(stretch(values), 'rgb')


def _bayer(code: int, depth: int) -> Encoding:
    grey = _interleaved('rgb', 1, depth)

    def convert(data: ImageU8, width: int, height: int, big_endian: bool) -> Picture:
        mosaic = grey.convert(data, width, height, big_endian).pixels
        return Picture(np.asarray(cv2.cvtColor(mosaic, code), np.uint8), 'rgb')

    return Encoding(grey.min_step, _same, convert, False, depth == 2)


def _packed_422(code: int) -> Encoding:
    def convert(data: ImageU8, width: int, height: int, big_endian: bool) -> Picture:
        pixels = _pixels(data, width, 2)
        if width % 2:  # the last pixel lacks its second colour value: take its neighbour's
            pixels = np.concatenate([pixels, pixels[:, -2:-1]], axis=1)
        rgb = np.asarray(cv2.cvtColor(pixels, code), np.uint8)
        return Picture(rgb[:, :width], 'rgb')

    return Encoding(lambda width: 2 * width, _same, convert)


def _two_planes_420(code: int) -> Encoding:
    def convert(data: ImageU8, width: int, height: int, big_endian: bool) -> Picture:
        luma = data[:height, :width]
        chroma = _pixels(data[height:], _half(width), 2)
        if width % 2 or height % 2:  # OpenCV wants whole blocks of 2 x 2
            luma = np.pad(luma, ((0, height % 2), (0, width % 2)), 'edge')
        rgb = np.asarray(cv2.cvtColorTwoPlane(luma, chroma, code), np.uint8)
        return Picture(rgb[:height, :width], 'rgb')

    return Encoding(lambda width: 2 * _half(width), lambda height: height + _half(height), convert)


def _two_planes_444(data: ImageU8, width: int, height: int, big_endian: bool) -> Picture:
    luma = data[:height, :width]
    chroma = _pixels(data[height:].reshape(height, -1), width, 2)
    # OpenCV does not know it: write each pixel twice as UYVY and keep every other one.
    twice = np.empty((height, width, 4), np.uint8)
    cv2.mixChannels([luma, chroma], [twice], [1, 0, 0, 1, 2, 2, 0, 3])
    doubled = cv2.cvtColor(twice.reshape(height, 2 * width, 2), cv2.COLOR_YUV2RGB_UYVY)
    rgb = np.empty((height, width, 3), np.uint8)
    cv2.mixChannels([doubled.reshape(height, width, 6)], [rgb], [0, 0, 1, 1, 2, 2])
    return Picture(rgb, 'rgb')


def _same(height: int) -> int:
    return height


def _half(pixels: int) -> int:
    return (pixels + 1) // 2


_UYVY = _packed_422(cv2.COLOR_YUV2RGB_UYVY)
_YUYV = _packed_422(cv2.COLOR_YUV2RGB_YUY2)

# OpenCV names a mosaic by its second row from the second column on, ROS by its first two rows.
_BAYER = {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}

ENCODINGS: dict[str, Encoding] = {
    'rgb8': _interleaved('rgb', 3, 1),
    'bgr8': _interleaved('bgr', 3, 1),
    'rgba8': _interleaved('rgb', 4, 1),
    'bgra8': _interleaved('bgr', 4, 1),
    'rgb16': _interleaved('rgb', 3, 2),
    'bgr16': _interleaved('bgr', 3, 2),
    'rgba16': _interleaved('rgb', 4, 2),
    'bgra16': _interleaved('bgr', 4, 2),
    'mono8': _interleaved('rgb', 1, 1),
    'mono16': _interleaved('rgb', 1, 2),
    '8UC1': _interleaved('rgb', 1, 1),
    '8UC3': _interleaved('bgr', 3, 1),
    '8UC4': _interleaved('bgr', 4, 1),
    '16UC1': Encoding(lambda width: 2 * width, _same, _plain_16, wide=True),
    '16UC3': _interleaved('bgr', 3, 2),
    '16UC4': _interleaved('bgr', 4, 2),
    **{f'bayer_{name}8': _bayer(code, 1) for name, code in _BAYER.items()},
    **{f'bayer_{name}16': _bayer(code, 2) for name, code in _BAYER.items()},
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': _two_planes_420(cv2.COLOR_YUV2RGB_NV12),
    'nv21': _two_planes_420(cv2.COLOR_YUV2RGB_NV21),
    'nv24': Encoding(lambda width: width, lambda height: 3 * height, _two_planes_444),
}

_NUMBERS = 'holds numbers (depth or measurements) and no picture: track a colour or grey image '
_NUMBERS += 'of the same camera, or convert it to mono8 first'

REFUSED: dict[str, str] = {
    **{f'{kind}{channels}': _NUMBERS for kind in ('8SC', '16SC', '32SC') for channels in '1234'},
    **{f'{kind}{channels}': _NUMBERS for kind in ('32FC', '64FC') for channels in '1234'},
    **{
        f'{kind}2': 'does not say what its two channels are: if the camera sends YUV, let the '
        'driver name it yuyv or uyvy'
        for kind in ('8UC', '16UC')
    },
}
