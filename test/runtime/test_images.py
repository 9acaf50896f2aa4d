"""Raw images: every encoding, and headers that lie."""

from dataclasses import replace
from pathlib import Path
import re
from typing import Any

from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.runtime.encodings import REFUSED
from hit_rfgm_ros.runtime.images import (
    ENCODINGS,
    MAX_PIXELS,
    MIN_SIDE,
    ImageError,
    check_image,
    decode,
    encode,
)
from hit_rfgm_ros.runtime.reports import Header, IncomingImage, Picture
from hit_rfgm_ros.types import Box
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.typing import NDArray
import pytest

COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (201, 117, 34))
SIZES = ((16, 12), (17, 12), (16, 13), (17, 13))
VIEWS = ('rgb8', 'bgr8', 'mono8', '8UC1', '8UC3')
BAYER = ('rggb', 'bggr', 'gbrg', 'grbg')
UYVY, YUYV = ('uyvy', 'yuv422'), ('yuyv', 'yuv422_yuy2')
YUV = (*UYVY, *YUYV, 'nv12', 'nv21', 'nv24')
GREY = ('mono8', 'mono16', '8UC1', '16UC1')

# The list of sensor_msgs/image_encodings.hpp, written down here once more.
EVERY = (
    *(f'{name}{depth}' for name in ('rgb', 'bgr', 'rgba', 'bgra', 'mono') for depth in (8, 16)),
    *(f'{kind}C{n}' for kind in ('8U', '8S', '16U', '16S', '32S', '32F', '64F') for n in '1234'),
    *(f'bayer_{name}{depth}' for name in BAYER for depth in (8, 16)),
    *YUV,
)


def yuv_of(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """BT.601, limited range, by its definition: luma 16 to 235, colour 16 to 240."""
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        round(16 + 219 / 255 * luma),
        round(128 + 112 / 255 * (blue - luma) / (1 - 0.114)),
        round(128 + 112 / 255 * (red - luma) / (1 - 0.299)),
    )


def wide(values: list[int], big_endian: bool) -> list[int]:
    """16 bit with a low byte that must not matter."""
    return [byte for value in values for byte in ((value, 173) if big_endian else (173, value))]


def bayer_rows(encoding: str, rgb: list[Any]) -> list[list[int]]:
    letters = encoding[6:10]
    return [
        [pixel['rgb'.index(letters[2 * (y % 2) + x % 2])] for x, pixel in enumerate(row)]
        for y, row in enumerate(rgb)
    ]


def yuv_rows(encoding: str, rgb: list[Any]) -> list[list[int]]:
    yuv = [[yuv_of(*pixel) for pixel in row] for row in rgb]
    if encoding in UYVY:
        return [[v for x, p in enumerate(row) for v in (p[1 + x % 2], p[0])] for row in yuv]
    if encoding in YUYV:
        return [[v for x, p in enumerate(row) for v in (p[0], p[1 + x % 2])] for row in yuv]
    luma = [[p[0] for p in row] for row in yuv]
    if encoding == 'nv24':
        return luma + [[v for p in row for v in p[1:]] for row in yuv]
    order = (1, 2) if encoding == 'nv12' else (2, 1)
    return luma + [[p[which] for p in row[::2] for which in order] for row in yuv[::2]]


def interleaved_rows(encoding: str, rgb: list[Any]) -> list[list[int]]:
    if 'UC' in encoding:
        order = {'1': 'y', '3': 'bgr', '4': 'bgra'}[encoding[-1]]
    else:
        order = 'y' if encoding.startswith('mono') else encoding.rstrip('0123456789')
    return [
        [77 if c == 'a' else p[0 if c == 'y' else 'rgb'.index(c)] for p in row for c in order]
        for row in rgb
    ]


def message(
    encoding: str, rgb: NDArray[np.uint8], *, pad: int = 0, big_endian: bool = False
) -> IncomingImage:
    """A message laid out pixel by pixel after the definition of its encoding; slow and plain."""
    make = bayer_rows if 'bayer' in encoding else yuv_rows if encoding in YUV else interleaved_rows
    rows = make(encoding, rgb.tolist())
    if '16' in encoding:
        rows = [wide(row, big_endian) for row in rows]
    height, width = rgb.shape[:2]
    step = len(rows[0]) + pad
    if encoding in ('nv12', 'nv21'):
        step += width % 2
    data = b''.join(
        bytes(row).ljust(2 * step if encoding == 'nv24' and i >= height else step, b'\xaa')
        for i, row in enumerate(rows)
    )
    return IncomingImage(
        Header(), 0.0, encoding, np.frombuffer(data, np.uint8), width, height, step, big_endian
    )


def as_rgb(picture: Picture) -> NDArray[np.int64]:
    pixels = picture.pixels.astype(int)
    return pixels[..., ::-1] if pixels.ndim == 3 and picture.color == 'bgr' else pixels


def plain(color: tuple[int, int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), color, np.uint8)


def noise(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)


@pytest.mark.parametrize('encoding', EVERY)
def test_every_encoding_of_ros_is_converted_or_refused_by_name(encoding: str) -> None:
    assert (encoding in ENCODINGS) != (encoding in REFUSED)


def test_the_page_for_people_names_every_encoding() -> None:
    page = Path(__file__).parents[2] / 'docs' / 'images_and_encodings.md'
    table = page.read_text(encoding='utf-8').partition('## Compressed')[0]
    rows = [row for row in table.splitlines() if row.startswith('| `')]
    named: dict[str, str] = {}
    for row in rows:
        first = re.sub(
            r'`(\w+)1` to `\w+4`', r'`\g<1>1` `\g<1>2` `\g<1>3` `\g<1>4`', row.split('|')[1]
        )
        named |= dict.fromkeys(re.findall(r'`(\w+)`', first), row)
    assert set(named) == set(EVERY)
    for name, row in named.items():
        assert ('refused' in row) == (name in REFUSED)
        assert ('view' in row) == (name in VIEWS)


def test_no_other_encodings_are_claimed() -> None:
    assert set(ENCODINGS) | set(REFUSED) == set(EVERY)


@pytest.mark.parametrize('encoding', [e for e in ENCODINGS if e not in GREY])
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('color', COLORS)
def test_colours_come_out_as_they_went_in(
    encoding: str, size: tuple[int, int], color: tuple[int, int, int]
) -> None:
    out = decode(message(encoding, plain(color, size), pad=5))
    assert out.pixels.shape == (size[1], size[0], 3)
    assert out.pixels.dtype == np.uint8
    # Values of YUV were rounded to whole numbers on their way.
    assert abs(as_rgb(out) - color).max() <= (2 if encoding in YUV else 0)


@pytest.mark.parametrize('encoding', [e for e in ENCODINGS if 'bayer' not in e and e not in YUV])
@pytest.mark.parametrize('pad', [0, 1, 6])
@pytest.mark.parametrize('big_endian', [False, True])
def test_pixels_stay_in_their_places(encoding: str, pad: int, big_endian: bool) -> None:
    rgb = noise((17, 13))
    rgb[0, :2, 0] = 0, 255
    out = as_rgb(decode(message(encoding, rgb, pad=pad, big_endian=big_endian)))
    truth = rgb[..., 0] if encoding in GREY else rgb
    # 16UC1 is stretched: 173 / 65535 of the range are lost to the low byte.
    assert abs(out - truth).max() <= (1 if encoding == '16UC1' else 0)


@pytest.mark.parametrize('encoding', [e for e in ENCODINGS if 'bayer' in e])
@pytest.mark.parametrize('big_endian', [False, True])
def test_a_mosaic_keeps_what_it_measured(encoding: str, big_endian: bool) -> None:
    rgb = noise((17, 13))
    out = as_rgb(decode(message(encoding, rgb, pad=3, big_endian=big_endian)))
    letters = encoding[6:10]
    for y in range(1, 12):
        for x in range(1, 16):
            channel = 'rgb'.index(letters[2 * (y % 2) + x % 2])
            assert out[y, x, channel] == rgb[y, x, channel]


@pytest.mark.parametrize('encoding', YUV)
@pytest.mark.parametrize('size', SIZES)
def test_luma_is_sharp_and_colour_where_it_belongs(encoding: str, size: tuple[int, int]) -> None:
    rgb = plain((200, 60, 40), size)
    rgb[: size[1] // 4 * 2, : size[0] // 4 * 2] = 30, 90, 210
    out = as_rgb(decode(message(encoding, rgb, pad=3)))
    assert abs(out - rgb).max() <= 2


@pytest.mark.parametrize('encoding', VIEWS)
@pytest.mark.parametrize('pad', [0, 7])
def test_nothing_is_copied_where_nothing_has_to_be(encoding: str, pad: int) -> None:
    image = message(encoding, noise((17, 13)), pad=pad)
    assert np.shares_memory(decode(image).pixels, image.data)
    assert ENCODINGS[encoding].view
    assert sum(entry.view for entry in ENCODINGS.values()) == len(VIEWS)


@pytest.mark.parametrize('encoding', ['bgr8', 'mono8'])
def test_the_crop_takes_padded_views_of_a_message_as_they_are(encoding: str) -> None:
    pixels = decode(message(encoding, noise((64, 48)), pad=7)).pixels
    assert not pixels.flags.writeable
    for box in (Box(20, 10, 20, 20), Box(-5, 30, 20, 20)):
        window = crop_window(box, 2, 64, 64, 48)
        assert (cut(pixels, window) == cut(pixels.copy(), window)).all()


def test_a_plain_16_bit_image_is_stretched_from_its_smallest_to_its_largest_value() -> None:
    depth = np.linspace(400, 3000, 16 * 12).astype('<u2').reshape(12, 16)
    image = IncomingImage(
        Header(), 0.0, '16UC1', depth.view(np.uint8).ravel(), 16, 12, 32, big_endian=False
    )
    pixels = decode(image).pixels
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert (np.diff(pixels.ravel().astype(int)) >= 0).all()
    level = replace(image, data=np.full(16 * 12, 0x1234, '<u2').view(np.uint8))
    assert (decode(level).pixels == 0x12).all()


@pytest.mark.parametrize('encoding', ['32FC1', '64FC3', '16SC1', '8SC3', '8UC2'])
def test_a_refusal_says_what_to_do(encoding: str) -> None:
    image = IncomingImage(Header(), 0.0, encoding, np.zeros(10**5, np.uint8), 20, 20, 640)
    with pytest.raises(ImageError, match=encoding) as caught:
        check_image(image)
    assert caught.value.kind == 'encoding'
    assert 'convert it' in str(caught.value) or 'driver' in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'words'), [('RGB8', 'rgb8'), ('', 'accepted are'), ('jpeg', 'accepted are')]
)
def test_an_unknown_encoding_names_the_nearest_or_all(name: str, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        check_image(IncomingImage(Header(), 0.0, name, np.zeros(9, np.uint8), 20, 20, 60))


def test_a_text_from_outside_cannot_flood_the_log() -> None:
    with pytest.raises(ImageError) as caught:
        check_image(IncomingImage(Header(), 0.0, 'x\n' * 10**6, np.zeros(9, np.uint8), 20, 20, 60))
    assert len(str(caught.value)) < 600
    assert '\n' not in str(caught.value)


GOOD = message('bgr8', noise((20, 15)), pad=4)


@pytest.mark.parametrize(
    ('change', 'kind'),
    [
        ({'width': 0}, 'size'),
        ({'height': 0}, 'size'),
        ({'width': MIN_SIDE - 1}, 'size'),
        ({'width': 2**32 - 1, 'height': 2**32 - 1, 'step': 2**32 - 1}, 'size'),
        ({'width': MAX_PIXELS // 10 + 1, 'height': 10}, 'size'),
        ({'step': 0}, 'step'),
        ({'step': 59}, 'step'),
        ({'step': 65}, 'data'),
        ({'height': 16}, 'data'),
        ({'data': GOOD.data[:-1]}, 'data'),
        ({'data': GOOD.data[:0]}, 'data'),
        ({'encoding': 'rgba16'}, 'step'),
    ],
)
def test_headers_that_lie_are_refused(change: dict[str, Any], kind: str) -> None:
    for function in (check_image, decode):
        with pytest.raises(ImageError) as caught:
            function(replace(GOOD, **change))
        assert caught.value.kind == kind


def test_more_data_than_needed_is_accepted() -> None:
    longer = replace(GOOD, data=np.concatenate([GOOD.data, GOOD.data]))
    assert check_image(longer) == (20, 15)
    assert (decode(longer).pixels == decode(GOOD).pixels).all()


number = st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))


@settings(max_examples=400, deadline=None)
@given(
    encoding=st.one_of(st.sampled_from(EVERY), st.text(max_size=12)),
    width=number,
    height=number,
    step=number,
    size=st.integers(0, 5000),
    big_endian=st.booleans(),
)
def test_no_header_raises_anything_but_an_image_error(
    encoding: str, width: int, height: int, step: int, size: int, big_endian: bool
) -> None:
    data = np.zeros(size, np.uint8)
    image = IncomingImage(Header(), 0.0, encoding, data, width, height, step, big_endian)
    try:
        checked = check_image(image)
    except ImageError:
        return
    picture = decode(image)
    assert checked == (width, height) == picture.pixels.shape[1::-1]
    # What is allocated is bounded by what had been received.
    assert picture.pixels.size <= 3 * size


@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(sorted(ENCODINGS)),
    width=st.integers(MIN_SIDE, 24),
    height=st.integers(MIN_SIDE, 24),
    pad=st.integers(0, 9),
    big_endian=st.booleans(),
    data=st.data(),
)
def test_good_headers_of_any_size_decode(
    encoding: str, width: int, height: int, pad: int, big_endian: bool, data: st.DataObject
) -> None:
    kind = ENCODINGS[encoding]
    step = kind.min_step(width) + pad
    fill = data.draw(st.integers(0, 255))
    pixels = np.full(step * kind.rows(height), fill, np.uint8)
    picture = decode(
        IncomingImage(Header(), 0.0, encoding, pixels, width, height, step, big_endian)
    )
    assert picture.pixels.shape[:2] == (height, width)
    assert picture.color in ('rgb', 'bgr')


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'rgba8', 'bgra8', '8UC3', 'rgb16', 'bgr16'])
@pytest.mark.parametrize('color', ['rgb', 'bgr'])
def test_what_is_written_is_read_back(encoding: str, color: str) -> None:
    rgb = noise((17, 13))
    written = encode(rgb if color == 'rgb' else rgb[..., ::-1], color, encoding)
    assert written.shape[0] == 13
    image = IncomingImage(
        Header(), 0.0, encoding, written.ravel(), 17, 13, written.shape[1], big_endian=False
    )
    assert (as_rgb(decode(image)) == rgb).all()


@pytest.mark.parametrize('encoding', ['mono8', '8UC1', 'mono16'])
def test_grey_is_written_from_grey_and_from_colour(encoding: str) -> None:
    grey = noise((17, 13))[..., 0]
    for pixels in (grey, np.repeat(grey[..., None], 3, axis=2)):
        written = encode(pixels, 'rgb', encoding)
        image = IncomingImage(
            Header(), 0.0, encoding, written.ravel(), 17, 13, written.shape[1], big_endian=False
        )
        assert (decode(image).pixels == grey).all()
    colored = encode(grey, 'bgr', 'bgr8').reshape(13, 17, 3)
    assert (colored == grey[..., None]).all()


def test_writing_copies_only_what_changes() -> None:
    rgb = noise((17, 13))
    assert np.shares_memory(encode(rgb, 'bgr', 'bgr8'), rgb)
    assert (encode(rgb[:, 2:15], 'bgr', 'bgr8') == rgb[:, 2:15].reshape(13, -1)).all()


def test_writing_refuses_what_it_cannot() -> None:
    with pytest.raises(ImageError, match='yuyv'):
        encode(noise((16, 12)), 'rgb', 'yuyv')
