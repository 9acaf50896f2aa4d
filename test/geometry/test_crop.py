"""Crops, and the way back to the image, are the official ones; bad boxes are refused."""

from hashlib import sha256
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
from hit_rfgm_ros.data.stock import photograph
from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.geometry.boxes import clip_box
from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.types import Box
from hypothesis import assume, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

WIDTH, HEIGHT = 64, 48


def golden_cases() -> list[Any]:
    path = Path(__file__).parent.parent / 'golden' / 'geometry.json'
    return [
        pytest.param(picture, case, id=f'{picture["image"][0]}-{i}')
        for picture in json.loads(path.read_text(encoding='utf-8'))['images']
        for i, case in enumerate(picture['cases'])
    ]


@pytest.fixture(scope='module')
def images(fill: ModuleType) -> dict[tuple[int, ...], Any]:
    """Pictures of the golden cases, drawn once."""

    class Drawn(dict[tuple[int, ...], Any]):
        def __missing__(self, key: tuple[int, ...]) -> Any:
            self[key] = fill.image(*key)
            return self[key]

    return Drawn()


def picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Every pixel differs from 0 and from its neighbours."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [1 + columns % 250, 1 + rows % 250, 1 + (3 * rows + 7 * columns) % 250], axis=2
    ).astype(np.uint8)


def slow_crop(image: np.ndarray, x: int, y: int, side: int) -> np.ndarray:
    """Pixel by pixel; the official +1 in the padding never uses the last column and row."""
    height, width = image.shape[:2]
    out = np.zeros((side, side, 3), np.uint8)
    for row in range(side):
        for column in range(side):
            if 0 <= y + row < height - 1 and 0 <= x + column < width - 1:
                out[row, column] = image[y + row, x + column]
    return out


def test_there_are_all_golden_cases() -> None:
    assert len(golden_cases()) == 138


@pytest.mark.parametrize(('source', 'case'), golden_cases())
def test_golden_case(source: Any, case: Any, images: dict[tuple[int, ...], Any]) -> None:
    image = images[tuple(source['image'])]
    assert sha256(image.tobytes()).hexdigest() == source['image_sha256']
    height, width = image.shape[:2]
    size = case['output_size']
    window = crop_window(Box(*case['box']), case['factor'], size, width, height)
    x1, y1 = case['x1'], case['y1']
    assert (window.x, window.y, window.side) == (x1, y1, case['crop_size'])
    assert (window.x + window.side, window.y + window.side) == (case['x2'], case['y2'])
    assert list(window.pads) == case['pad_left_top_right_bottom']
    assert window.resize_factor == pytest.approx(case['resize_factor'], abs=1e-12)

    # Resized to its own side a crop is the padded, unresized one.
    own_size = crop_window(Box(*case['box']), case['factor'], window.side, width, height)
    padded = cut(image, own_size)
    assert sha256(padded.tobytes()).hexdigest() == case['padded_sha256']

    crop = cut(image, window)
    assert crop.shape == (size, size, 3)
    pixels = crop.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(pixels.mean(axis=0), case['crop_mean'], rtol=0, atol=0.05)
    np.testing.assert_allclose(pixels.std(axis=0), case['crop_std'], rtol=0, atol=0.05)
    samples = crop.ravel()[case['crop_samples']['index']].astype(int)
    assert np.abs(samples - case['crop_samples']['value']).max() <= 1

    for step in case['map']:
        mapped = window.to_image(np.array(step['network']), paper_mode=True)
        assert list(mapped) == pytest.approx(step['mapped'], abs=1e-3)
        clipped = clip_box(mapped, width, height)
        assert list(clipped) == pytest.approx(step['clipped'], abs=1e-3)


def ostrack_steps() -> list[Any]:
    path = Path(__file__).parent.parent / 'golden' / 'ostrack_dev.json'
    steps = json.loads(path.read_text(encoding='utf-8'))['tracker_steps']
    return [pytest.param(step, id=f'{step["picture"]}-{i}') for i, step in enumerate(steps)]


@pytest.mark.parametrize('step', ostrack_steps())
def test_ostrack_crops_and_clips_alike(step: Any) -> None:
    image = photograph(f'{step["picture"]}.png')
    width, height = step['image_size']
    assert image.shape == (height, width, 3)
    window = crop_window(Box(*step['state']), 4, 256, width, height)
    assert window.side == step['crop_side']
    assert window.resize_factor == pytest.approx(step['resize_factor'], abs=1e-11)
    crop = cut(image, window)
    if sha256(crop.tobytes()).hexdigest() != step['search_crop_sha256']:
        # another build of OpenCV may resize to a neighbouring grey level here and there
        assert crop.mean() == pytest.approx(step['search_crop_mean'], abs=0.05)
    assert list(clip_box(Box(*step['raw_box']), width, height)) == pytest.approx(
        step['box'], abs=1e-6
    )


@pytest.mark.parametrize(
    ('box', 'padded'),
    [
        pytest.param(Box(-14, 19, 10, 10), 0, id='left'),
        pytest.param(Box(27, -14, 10, 10), 1, id='above'),
        pytest.param(Box(66, 19, 10, 10), 2, id='right'),
        pytest.param(Box(27, 50, 10, 10), 3, id='below'),
    ],
)
def test_a_box_outside_whose_search_region_overlaps_is_cropped(box: Box, padded: int) -> None:
    window = crop_window(box, 4, 40, WIDTH, HEIGHT)
    crop = cut(picture(), window)
    assert window.pads[padded] > 20  # more than half is black
    assert crop.any()
    np.testing.assert_array_equal(crop, slow_crop(picture(), window.x, window.y, window.side))


@pytest.mark.parametrize(
    ('x', 'raises'),
    [
        pytest.param(-8, True, id='ends-at-the-left-edge'),  # x2 == 0
        pytest.param(-7, False, id='one-column-at-the-left'),
        pytest.param(WIDTH - 2, False, id='one-usable-column-at-the-right'),
        pytest.param(WIDTH - 1, True, id='only-the-last-column'),  # never used officially
        pytest.param(WIDTH, True, id='beyond'),
    ],
)
def test_a_crop_without_a_usable_pixel_is_refused_exactly(x: int, raises: bool) -> None:
    for box, size in (
        (Box(x + 2, 10, 4, 4), (WIDTH, HEIGHT)),
        (Box(10, x + 2, 4, 4), (HEIGHT, WIDTH)),
    ):
        if raises:
            with pytest.raises(GeometryError, match='overlaps the image'):
                crop_window(box, 2, 8, *size)
        else:
            window = crop_window(box, 2, 8, *size)
            assert window.side == 8
            assert cut(picture(*size), window).any()


@pytest.mark.parametrize(
    'values',
    [
        pytest.param((0, 0, 0, 10), id='zero-width'),
        pytest.param((0, 0, 10, -1), id='negative-height'),
        pytest.param((math.nan, 0, 10, 10), id='nan'),
        pytest.param((0, math.inf, 10, 10), id='infinite'),
        pytest.param((0, 0, 1e-200, 1e-200), id='vanishing'),
        pytest.param((0, 0, 1e200, 1e200), id='overflowing'),
        pytest.param((0, 0, 1e6, 1e6), id='far-larger-than-the-image'),
    ],
)
def test_an_unusable_box_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError):
        crop_window(Box(*values), 4, 256, WIDTH, HEIGHT)


def test_a_box_below_one_pixel_gives_a_crop() -> None:
    window = crop_window(Box(20.3, 20.3, 0.1, 0.1), 4, 256, WIDTH, HEIGHT)
    assert window.side == 1
    assert cut(picture(), window).shape == (256, 256, 3)


@pytest.mark.parametrize(('x', 'left'), [(1.5, 0), (2.5, 2), (3.5, 2), (0.5, 0), (-0.5, -2)])
def test_half_pixels_round_to_even(x: float, left: int) -> None:
    # side 4: left = round(x + 1 - 2)
    assert crop_window(Box(x, 20, 2, 2), 2, 8, WIDTH, HEIGHT).x == left
    assert crop_window(Box(20, x, 2, 2), 2, 8, WIDTH, HEIGHT).y == left


def test_a_crop_inside_the_image_takes_every_pixel() -> None:
    window = crop_window(Box(12, 12, 8, 8), 2, 16, WIDTH, HEIGHT)
    assert window.pads == (0, 0, 0, 0)
    np.testing.assert_array_equal(cut(picture(), window), picture()[8:24, 8:24])


def test_a_strided_image_is_cropped_alike() -> None:
    image = picture()
    window = crop_window(Box(30, 30, 20, 20), 2, 40, WIDTH, HEIGHT)
    strided = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)[::2, ::2]
    assert not strided.flags['C_CONTIGUOUS']
    np.testing.assert_array_equal(cut(strided, window), cut(image, window))


@pytest.mark.parametrize('box', [Box(12, 12, 8, 8), Box(-2, -2, 8, 8)], ids=['inside', 'padded'])
@pytest.mark.parametrize('size', [16, 40], ids=['own-size', 'resized'])
@pytest.mark.parametrize('exact', [False, True])
def test_a_crop_is_put_where_it_is_asked_to_be(box: Box, size: int, exact: bool) -> None:
    window = crop_window(box, 2, size, WIDTH, HEIGHT)
    place = np.full((size, size, 3), 77, np.uint8)
    given = cut(picture(), window, out=place, exact=exact)
    np.testing.assert_array_equal(place, cut(picture(), window, exact=exact))
    assert np.shares_memory(given, place)


def test_a_crop_shares_no_memory_with_the_image() -> None:
    image = picture()
    for size in (16, 40):
        crop = cut(image, crop_window(Box(12, 12, 8, 8), 2, size, WIDTH, HEIGHT))
        assert not np.shares_memory(crop, image)


def test_a_grey_image_gives_one_channel_of_the_same_crop() -> None:
    image = picture()
    window = crop_window(Box(-2, 12, 8, 8), 4, 40, WIDTH, HEIGHT)
    grey = cut(np.ascontiguousarray(image[:, :, 0]), window)
    assert grey.shape == (40, 40)
    np.testing.assert_array_equal(grey, cut(image, window)[:, :, 0])


def test_the_exact_resize_is_within_a_grey_level(fill: ModuleType) -> None:
    image = fill.image(301, 96, 128)
    window = crop_window(Box(30, 30, 20, 14), 4, 256, 128, 96)
    difference = cut(image, window).astype(int) - cut(image, window, exact=True)
    assert np.abs(difference).max() <= 1


boxes = st.builds(
    Box,
    st.floats(-80, 140),
    st.floats(-80, 120),
    st.floats(0.2, 60),
    st.floats(0.2, 60),
)


@settings(max_examples=80)
@given(box=boxes, factor=st.floats(1, 4))
def test_a_crop_is_what_a_slow_reference_gives(box: Box, factor: float) -> None:
    image = picture()
    before = image.copy()
    try:
        window = crop_window(box, factor, 8, WIDTH, HEIGHT)
    except GeometryError:
        assume(False)
    window = crop_window(box, factor, window.side, WIDTH, HEIGHT)
    crop = cut(image, window)
    np.testing.assert_array_equal(crop, slow_crop(image, window.x, window.y, window.side))
    np.testing.assert_array_equal(image, before)  # nothing is written into the frame
    assert crop.flags['C_CONTIGUOUS']


@settings(max_examples=200)
@given(box=boxes, factor=st.floats(1, 4))
def test_a_crop_is_refused_exactly_when_it_holds_no_usable_pixel(box: Box, factor: float) -> None:
    side = math.ceil(math.sqrt(box.width * box.height) * factor)
    x = round(box.x + 0.5 * box.width - 0.5 * side)
    y = round(box.y + 0.5 * box.height - 0.5 * side)
    usable = x + side > 0 and y + side > 0 and x < WIDTH - 1 and y < HEIGHT - 1
    try:
        window = crop_window(box, factor, 256, WIDTH, HEIGHT)
    except GeometryError:
        assert not usable
    else:
        assert usable
        assert (window.x, window.y, window.side) == (x, y, side)


@settings(max_examples=200)
@given(
    box=st.builds(Box, st.floats(0, 40), st.floats(0, 30), st.floats(1, 40), st.floats(1, 30)),
    other=boxes,
    factor=st.sampled_from([2.0, 4.0]),
)
def test_a_box_survives_the_way_into_the_crop_and_back(
    box: Box, other: Box, factor: float
) -> None:
    window = crop_window(box, factor, 256, WIDTH, HEIGHT)
    back = window.to_image(window.to_crop(other))
    assert list(back) == pytest.approx(list(other), abs=1e-6 * (window.side + 300))


@settings(max_examples=100)
@given(
    box=st.builds(Box, st.floats(0, 40), st.floats(0, 30), st.floats(1, 40), st.floats(1, 30)),
    factor=st.sampled_from([2.0, 4.0]),
)
def test_paper_mode_is_off_by_at_most_half_a_pixel(box: Box, factor: float) -> None:
    window = crop_window(box, factor, 256, WIDTH, HEIGHT)
    network = np.array([0.4, 0.6, 0.25, 0.125])
    ours, paper = window.to_image(network), window.to_image(network, paper_mode=True)
    assert abs(ours.x - paper.x) <= 0.5 + 1e-4
    assert abs(ours.y - paper.y) <= 0.5 + 1e-4
    assert (ours.width, ours.height) == (paper.width, paper.height)


@settings(max_examples=150, deadline=None)
@given(
    st.floats(-40, 80),
    st.floats(-40, 80),
    st.floats(4, 120),
    st.floats(4, 120),
    st.sampled_from([1, 2, 16, 32, 64]),
    st.sampled_from([64, 128]),
    st.booleans(),
)
def test_skipped_padding_changes_no_pixel(
    x: float, y: float, width: float, height: float, multiple: int, size: int, exact: bool
) -> None:
    try:
        window = crop_window(Box(x, y, width, height), 4, size, WIDTH, HEIGHT, multiple=multiple)
    except GeometryError:
        assume(False)
    assert window.side % multiple == 0
    image = picture()
    left, top, right, bottom = window.pads
    inside = image[
        window.y + top : window.y + window.side - bottom,
        window.x + left : window.x + window.side - right,
    ]
    whole = np.pad(inside, ((top, bottom), (left, right), (0, 0)))
    how = cv2.INTER_LINEAR_EXACT if exact else cv2.INTER_LINEAR
    expected = cv2.resize(whole, (size, size), interpolation=how)
    out = np.full((size, size, 3), 7, np.uint8)
    np.testing.assert_array_equal(cut(image, window, exact=exact), expected)
    np.testing.assert_array_equal(cut(image, window, out, exact=exact), expected)
    np.testing.assert_array_equal(out, expected)
