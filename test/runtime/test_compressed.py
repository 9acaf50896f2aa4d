"""JPEG and PNG messages, whole and damaged."""

import resource
import struct
from typing import Any
import zlib

import cv2
from hit_rfgm_ros.runtime.compressed import decode, read_size
from hit_rfgm_ros.runtime.images import MAX_PIXELS, ImageError, check_image
from hit_rfgm_ros.runtime.images import decode as decode_image
from hit_rfgm_ros.runtime.reports import Header, IncomingImage
import numpy as np
from numpy.typing import NDArray
import pytest

Bytes = NDArray[np.uint8]
WIDTH, HEIGHT = 45, 30
SMOOTH = np.stack(
    np.broadcast_arrays(
        np.linspace(20, 230, WIDTH)[None],
        np.linspace(220, 30, HEIGHT)[:, None],
        np.full((1, 1), 90.0),
    ),
    axis=2,
).astype(np.uint8)


def packed(suffix: str, pixels: NDArray[Any], *options: int) -> Bytes:
    done, data = cv2.imencode(suffix, pixels, options)
    assert done
    return np.asarray(data, np.uint8).ravel()


def as_data(raw: bytes) -> Bytes:
    return np.frombuffer(raw, np.uint8)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))


def png(width: int, height: int, depth: int, color: int, row: bytes, *extra: bytes) -> Bytes:
    """A PNG written by hand: every row is ``row``."""
    head = struct.pack('>IIBBBBB', width, height, depth, color, 0, 0, 0)
    body = zlib.compress((b'\0' + row) * height)
    return as_data(
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', head)
        + b''.join(extra)
        + chunk(b'IDAT', body)
        + chunk(b'IEND', b'')
    )


JPEG = packed('.jpg', SMOOTH)
PROGRESSIVE = packed('.jpg', SMOOTH, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = packed('.jpg', SMOOTH, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
GREY_JPEG = packed('.jpg', SMOOTH[..., 0])
PNG = packed('.png', SMOOTH)
GREY_PNG = packed('.png', SMOOTH[..., 0])
FILES = {
    'jpeg': JPEG,
    'progressive': PROGRESSIVE,
    'restarts': RESTARTS,
    'grey jpeg': GREY_JPEG,
    'png': PNG,
    'grey png': GREY_PNG,
}


def refusal(data: Bytes, form: str = '') -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(form, data)
    return caught.value


@pytest.mark.parametrize('name', FILES)
def test_files_are_decoded_in_the_colours_they_have(name: str) -> None:
    data = FILES[name]
    assert read_size('', data) == (WIDTH, HEIGHT)
    picture = decode('', data)
    assert picture.color == 'bgr'
    truth = SMOOTH[..., 0] if 'grey' in name else SMOOTH
    assert picture.pixels.shape == truth.shape
    assert abs(picture.pixels.astype(int) - truth).max() <= (0 if 'png' in name else 12)


@pytest.mark.parametrize(
    'form',
    ['jpeg', 'jpg', 'png', '', 'bgr8; jpeg compressed bgr8', 'rgb8; png compressed', 'mono8; ?'],
)
@pytest.mark.parametrize('name', ['jpeg', 'png'])
def test_the_data_decide_whatever_the_format_says(form: str, name: str) -> None:
    assert (decode(form, FILES[name]).pixels == decode('', FILES[name]).pixels).all()


def test_compressed_messages_go_through_the_same_functions_as_raw_ones() -> None:
    image = IncomingImage(Header(), 0.0, 'jpeg', JPEG, compressed=True)
    assert check_image(image) == (WIDTH, HEIGHT)
    assert decode_image(image).pixels.shape == (HEIGHT, WIDTH, 3)


def test_palettes_and_alpha_become_plain_colours() -> None:
    palette = chunk(b'PLTE', bytes([10, 20, 30, 200, 100, 50])) + chunk(b'tRNS', b'\x80')
    row = bytes([0, 1] * 8)
    pixels = decode('', png(16, 12, 8, 3, row, palette)).pixels
    assert pixels[0, :2].tolist() == [[30, 20, 10], [50, 100, 200]]
    pixels = decode('', png(16, 12, 8, 6, bytes([10, 20, 30, 99] * 16))).pixels
    assert (pixels == (30, 20, 10)).all()
    pixels = decode('', png(16, 12, 8, 4, bytes([77, 9] * 16))).pixels
    assert pixels.shape == (12, 16)
    assert (pixels == 77).all()


@pytest.mark.parametrize('depth', [1, 2, 4])
def test_few_bits_of_grey_span_the_whole_range(depth: int) -> None:
    pixels = decode('', png(16, 12, depth, 0, b'\xff' * (2 * depth))).pixels
    assert pixels.shape == (12, 16)
    assert (pixels == 255).all()


def test_of_16_bits_the_high_byte_counts() -> None:
    color = decode('', png(16, 12, 16, 2, bytes([10, 250, 20, 250, 30, 250] * 16)))
    assert (color.pixels == (30, 20, 10)).all()
    grey = png(16, 12, 16, 0, bytes(b for x in range(16) for b in (x, 250)))
    assert decode('mono16; png compressed ', grey).pixels[0].tolist() == list(range(16))
    stretched = decode('16UC1; png compressed ', grey).pixels[0]
    assert stretched.tolist() == [17 * x for x in range(16)]


def test_the_orientation_tag_does_not_turn_the_picture() -> None:
    tag = struct.pack('<2sHIHHHIHHI', b'II', 42, 8, 1, 0x112, 3, 1, 6, 0, 0)
    body = b'Exif\0\0' + tag
    segment = b'\xff\xe1' + struct.pack('>H', len(body) + 2) + body
    turned = as_data(JPEG[:2].tobytes() + segment + JPEG[2:].tobytes())
    assert cv2.imdecode(turned, cv2.IMREAD_COLOR).shape == (WIDTH, HEIGHT, 3)
    assert (decode('', turned).pixels == decode('', JPEG).pixels).all()


def test_frames_of_motion_jpeg_come_without_huffman_tables() -> None:
    raw = JPEG.tobytes()
    while (place := raw.find(b'\xff\xc4')) > 0:
        length = int.from_bytes(raw[place + 2 : place + 4], 'big')
        raw = raw[:place] + raw[place + 2 + length :]
    assert (decode('', as_data(raw)).pixels == decode('', JPEG).pixels).all()


@pytest.mark.parametrize('name', FILES)
def test_what_follows_the_end_is_ignored(name: str) -> None:
    longer = np.concatenate([FILES[name], np.zeros(500, np.uint8)])
    assert (decode('', longer).pixels == decode('', FILES[name]).pixels).all()


@pytest.mark.parametrize('name', FILES)
def test_every_cut_is_refused(name: str) -> None:
    data = FILES[name]
    for length in range(len(data)):
        error = refusal(data[:length])
        assert error.kind in ('data', 'format', 'truncated', 'corrupt')
    assert refusal(data[:-1]).kind == 'truncated'


@pytest.mark.parametrize('name', ['jpeg', 'restarts', 'grey jpeg'])
def test_a_scan_that_ends_too_early_is_refused_though_the_end_is_marked(name: str) -> None:
    data = FILES[name]
    scan = data.tobytes().index(b'\xff\xda') + 14
    for length in range(scan + 4, len(data) - 60):
        cut = data[:length] if data[length - 1] != 0xFF else data[: length - 1]
        assert refusal(as_data(cut.tobytes() + b'\xff\xd9')).kind == 'truncated'


@pytest.mark.parametrize('shape', [(32, 48), (30, 45), (30, 45, 3), (16, 16, 3)])
@pytest.mark.parametrize('progressive', [0, 1])
def test_a_whole_picture_of_medium_grey_is_no_cut_one(
    shape: tuple[int, ...], progressive: int
) -> None:
    data = packed('.jpg', np.full(shape, 128, np.uint8), cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    assert (decode('', data).pixels == 128).all()


def test_a_damaged_png_is_known_by_its_checksum() -> None:
    for place in range(30, len(PNG) - 12, 5):
        damaged = PNG.copy()
        damaged[place] ^= 1
        assert refusal(damaged).kind in ('corrupt', 'truncated')


def resized(data: Bytes, width: int, height: int) -> Bytes:
    """The same JPEG or PNG, claiming another size; the checksum is right."""
    raw = bytearray(data.tobytes())
    if raw[:2] == b'\xff\xd8':
        place = max(raw.find(b'\xff\xc0'), raw.find(b'\xff\xc2'))
        raw[place + 5 : place + 9] = struct.pack('>HH', height, width)
    else:
        raw[16:24] = struct.pack('>II', width, height)
        raw[29:33] = struct.pack('>I', zlib.crc32(raw[12:29]))
    return as_data(bytes(raw))


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize(
    ('size', 'kind'),
    [
        ((65535, 65535), 'size'),
        ((8192, MAX_PIXELS // 8192 + 1), 'size'),
        ((0, 30), 'size'),
        ((9, 30), 'size'),
        ((8192, 8192), 'truncated'),
    ],
)
def test_huge_and_tiny_claims_are_refused_by_the_header(
    name: str, size: tuple[int, int], kind: str
) -> None:
    claimed = resized(FILES[name], *size)
    with pytest.raises(ImageError) as caught:
        read_size('', claimed)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ('start', 'name'),
    [
        (b'RIFF\x10\0\0\0WEBPVP8 ', 'WebP'),
        (b'II*\0\x08\0\0\0', 'TIFF'),
        (b'GIF89a', 'GIF'),
        (b'BM\x10\0', 'BMP'),
        (b'\0\0\0\x20ftypavif', 'AVIF'),
        (b'\0\0\0\x01\x67\x42', 'H.264'),
        (b'hello', 'neither JPEG nor PNG'),
    ],
)
def test_other_files_are_refused_by_name(start: bytes, name: str) -> None:
    error = refusal(as_data(start.ljust(200, b'\x07')), form='bgr8; jpeg compressed bgr8')
    assert error.kind == 'format'
    assert name in str(error)
    assert 'raw topic' in str(error)


def test_compressed_depth_is_refused_by_name() -> None:
    error = refusal(as_data(b'\0' * 12 + PNG.tobytes()), form='16UC1; compressedDepth png')
    assert error.kind == 'format'
    assert 'compressedDepth' in str(error)


def test_nothing_at_all_is_refused() -> None:
    assert refusal(JPEG[:0]).kind == 'data'


def frame_header(marker: int, depth: int, components: int) -> Bytes:
    body = struct.pack('>BHHB', depth, 30, 45, components)
    body += b''.join(bytes([i, 0x11, 0]) for i in range(components))
    segment = bytes([0xFF, marker]) + struct.pack('>H', len(body) + 2) + body
    return as_data(b'\xff\xd8' + segment + b'\0' * 500 + b'\xff\xd9')


@pytest.mark.parametrize(
    ('marker', 'depth', 'components', 'word'),
    [
        (0xC0, 8, 4, 'CMYK'),
        (0xC0, 8, 2, '2 channels'),
        (0xC1, 12, 3, '12 bits'),
        (0xC3, 8, 3, 'lossless'),
        (0xC9, 8, 3, 'arithmetic'),
    ],
)
def test_rare_kinds_of_jpeg_are_refused_by_name(
    marker: int, depth: int, components: int, word: str
) -> None:
    error = refusal(frame_header(marker, depth, components))
    assert error.kind == 'format'
    assert word in str(error)


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    raw = PROGRESSIVE.tobytes()
    scan = raw[raw.rindex(b'\xff\xda') : -2]
    assert 'scans' in str(refusal(as_data(raw[:-2] + scan * 100 + b'\xff\xd9')))


def test_an_animated_png_is_refused() -> None:
    control = chunk(b'acTL', struct.pack('>II', 1, 0))
    assert 'animated' in str(refusal(png(16, 12, 8, 0, bytes(16), control)))


def test_ten_thousand_damaged_files_do_no_harm() -> None:
    random = np.random.default_rng(7)
    files = list(FILES.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decoded = 0
    for turn in range(10_000):
        data = files[turn % len(files)].copy()
        for place in random.integers(0, len(data), random.integers(1, 4)):
            data[place] ^= 1 << random.integers(8)
        if turn % 3 == 0:
            data = data[: random.integers(len(data))]
        try:
            pixels = decode('', data).pixels
        except ImageError as error:
            assert len(str(error)) < 400  # noqa: PT017 - the error is not what is tested
            continue
        decoded += 1
        assert pixels.dtype == np.uint8
    assert decoded > 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100_000  # KiB
