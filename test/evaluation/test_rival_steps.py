"""The steps of an ONNX rival by hand-made numbers and slow references."""

from hit_rfgm_ros.errors import RivalError
from hit_rfgm_ros.evaluation.rivals.adapter_settings import Choice, Crops, Outputs, Pictures
from hit_rfgm_ros.evaluation.rivals.choice import choose
from hit_rfgm_ros.evaluation.rivals.graph import prepare
from hit_rfgm_ros.evaluation.rivals.outputs import Candidates, decode
from hit_rfgm_ros.evaluation.rivals.regions import Region, search_region, template_region
from hit_rfgm_ros.geometry.crop import crop_window, cut
from hit_rfgm_ros.types import Box
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

sides = st.floats(4, 90)
boxes = st.builds(Box, st.floats(-20, 100), st.floats(-20, 80), sides, sides)
SQUARE = Crops('square', 128, 256, 2, 4)
SIAMFC = Crops('siamfc', 127, 255, 0.5)
RECTANGLE = Crops('rectangle', 128, 256, 0.2, 2)
FRAME = np.random.default_rng(3).integers(0, 256, (90, 120, 3), np.uint8)


@given(boxes)
def test_square_is_the_crop_of_our_own_trackers(box: Box) -> None:
    region = search_region(box, SQUARE)
    window = crop_window(box, 4, 256, 120, 90)
    assert (region.x, region.y, region.width) == (window.x, window.y, window.side)
    np.testing.assert_array_equal(region.cut(FRAME, (0, 0, 0)), cut(FRAME, window))
    where = np.array([0.4, 0.6, 0.2, 0.3])
    np.testing.assert_allclose(
        tuple(region.to_image(where * 256)), tuple(window.to_image(where)), atol=1e-3
    )


def test_siamfc_by_hand() -> None:
    box = Box(40, 30, 20, 30)  # p = 25: sqrt(45 * 55) = 49.7
    assert template_region(box, SIAMFC) == Region(24, 19, 50, 50, 127)
    assert search_region(box, SIAMFC) == Region(-1, -6, 100, 100, 255)


def test_rectangle_by_hand() -> None:
    box = Box(40, 30, 20, 33)
    assert template_region(box, RECTANGLE) == Region(36, 23, 28, 46, 128)
    assert search_region(box, RECTANGLE) == Region(0, -36, 100, 165, 256)


@given(st.integers(-60, 130), st.integers(-60, 100), st.integers(1, 80), st.integers(1, 80))
def test_outside_of_the_frame_there_is_the_colour(x: int, y: int, width: int, height: int) -> None:
    color = (9, 99, 199)
    rows, columns = np.mgrid[y : y + height, x : x + width]
    inside = (rows >= 0) & (rows < 90) & (columns >= 0) & (columns < 120)
    expected = FRAME[rows.clip(0, 89), columns.clip(0, 119)]
    expected[~inside] = color
    if width == height:  # nothing is resized
        np.testing.assert_array_equal(
            Region(x, y, width, height, width).cut(FRAME, color), expected
        )
    stretched = Region(x, y, width, height, 32).cut(FRAME, color)
    assert stretched.shape == (32, 32, 3)
    if not inside.any():
        assert (stretched == color).all()


@given(boxes)
def test_the_target_comes_back_from_every_region(box: Box) -> None:
    for crops in (SQUARE, SIAMFC, RECTANGLE):
        region = search_region(box, crops)
        across, down = region.size / region.width, region.size / region.height
        cx, cy = box.center
        seen = [(cx - region.x) * across, (cy - region.y) * down]
        found = region.to_image(np.array([*seen, box.width * across, box.height * down]))
        np.testing.assert_allclose(tuple(found), tuple(box), atol=1e-6)
        np.testing.assert_allclose(seen, region.size / 2, atol=1.6 * max(across, down))


def test_distances_by_hand() -> None:
    box, score = np.zeros((1, 4, 16, 16)), np.zeros((1, 1, 16, 16))
    box[0, :, 9, 6] = 10, 20, 30, 40
    score[0, 0, 9, 6] = np.log(3)
    settings = Outputs('distances', 'b', 's', stride=16, activation='sigmoid')
    found = decode({'b': box, 's': score}, settings, 256)
    index = 9 * 16 + 6
    # The point is 16 * (6 - 8) + 128, 16 * (9 - 8) + 128 = 96, 144.
    np.testing.assert_allclose(found.boxes[index], [106, 154, 40, 60])
    assert found.scores[index] == pytest.approx(0.75)
    assert found.scores[0] == pytest.approx(0.5)


def test_distances_of_an_odd_map_are_told_from_its_middle() -> None:
    two = np.zeros((1, 2, 15, 15))
    two[0, 1, 7, 7] = np.log(9)
    settings = Outputs('distances', 'b', 's', stride=16, activation='softmax')
    found = decode({'b': np.full((1, 4, 15, 15), 5.0), 's': two}, settings, 255)
    index = found.scores.argmax()
    np.testing.assert_allclose(found.boxes[index], [127.5, 127.5, 10, 10])
    assert found.scores[index] == pytest.approx(0.9)


def test_centre_by_hand() -> None:
    score, size, offset = (
        np.zeros((1, 1, 16, 16)),
        np.zeros((1, 2, 16, 16)),
        np.zeros((1, 2, 16, 16)),
    )
    size[0, :, 3, 5], offset[0, :, 3, 5] = (0.25, 0.5), (0.5, 0.75)
    settings = Outputs('centre', score='s', size='w', offset='o')
    found = decode({'s': score, 'w': size, 'o': offset}, settings, 256)
    np.testing.assert_allclose(found.boxes[3 * 16 + 5], [88, 60, 64, 128])


@pytest.mark.parametrize(
    ('order', 'unit', 'values'),
    [
        ('cxcywh', 'fraction', [0.5, 0.25, 0.25, 0.125]),
        ('cxcywh', 'pixel', [128, 64, 64, 32]),
        ('xyxy', 'fraction', [0.375, 0.1875, 0.625, 0.3125]),
        ('xyxy', 'pixel', [96, 48, 160, 80]),
    ],
)
def test_a_box_in_all_its_forms(order: str, unit: str, values: list[float]) -> None:
    settings = Outputs('boxes', 'b', 's', order=order, unit=unit)
    found = decode({'b': np.array([[values]]), 's': np.array([[0.2, 0.7]])}, settings, 256)
    np.testing.assert_allclose(found.boxes, [[128, 64, 64, 32]])
    assert found.scores == [0.7]


@pytest.mark.parametrize(
    ('box', 'score', 'message'),
    [
        ((1, 4, 16, 16), (1, 1, 16, 15), 'must be a square of cells'),
        ((1, 4, 15, 15), (1, 1, 16, 16), r"'b' must be \(1, 4, 16, 16\)"),
    ],
)
def test_maps_that_do_not_fit_are_named(box: tuple, score: tuple, message: str) -> None:
    with pytest.raises(RivalError, match=message):
        decode(
            {'b': np.ones(box), 's': np.ones(score)}, Outputs('distances', 'b', 's', stride=1), 9
        )


def test_numbers_that_are_none_are_named() -> None:
    with pytest.raises(RivalError, match="'b' holds numbers that are not finite"):
        decode({'b': np.array([1, 2, np.nan, 3])}, Outputs('boxes', 'b'), 256)
    with pytest.raises(RivalError, match='one box of four numbers'):
        decode({'b': np.ones((2, 4))}, Outputs('boxes', 'b'), 256)


def test_without_settings_the_highest_score_wins() -> None:
    candidates = Candidates(np.ones((4, 4)), np.array([0.1, 0.4, 0.8, 0.2]), 2)
    chosen = choose(candidates, (1.0, 1.0), Choice())
    assert (chosen.index, chosen.trust) == (2, pytest.approx(0.8))


def test_penalty_and_window_by_a_slow_reference() -> None:
    random = np.random.default_rng(5)
    found = Candidates(random.uniform(10, 90, (49, 4)), random.uniform(0, 1, 49), 7)
    settings = Choice('added', window_weight=0.4, penalty=0.2)
    window = np.hanning(7)
    best, rank_of_best = None, -1.0
    for index, (box, score) in enumerate(zip(found.boxes, found.scores)):
        padded = [np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2)) for w, h in (box[2:], (40, 30))]
        s, r = padded[0] / padded[1], (box[2] / box[3]) / (40 / 30)
        penalty = np.exp(-(max(r, 1 / r) * max(s, 1 / s) - 1) * 0.2)
        rank = penalty * score * 0.6 + window[index // 7] * window[index % 7] * 0.4
        if rank > rank_of_best:
            best, rank_of_best, trust = index, rank, penalty * score
    chosen = choose(found, (40.0, 30.0), settings)
    assert chosen.index == best
    assert chosen.trust == pytest.approx(trust)


def test_a_multiplied_window_prefers_the_middle() -> None:
    scores = np.full(25, 0.5)
    scores[0] = 0.6
    found = Candidates(np.ones((25, 4)), scores, 5)
    assert choose(found, (1.0, 1.0), Choice('multiplied')).index == 12
    assert choose(found, (1.0, 1.0), Choice()).index == 0


@pytest.mark.parametrize('layout', ['nchw', 'nhwc'])
@pytest.mark.parametrize('color', ['rgb', 'bgr'])
def test_pixels_go_in_as_described(layout: str, color: str) -> None:
    pictures = Pictures(color, layout, 1 / 255, (0.1, 0.2, 0.3), (0.5, 0.25, 0.125))
    picture = FRAME[:8, :8]
    values = picture[..., ::-1] if color == 'bgr' else picture
    expected = (values / 255 - (0.1, 0.2, 0.3)) / (0.5, 0.25, 0.125)
    if layout == 'nchw':
        expected = expected.transpose(2, 0, 1)
        values = values.transpose(2, 0, 1)
    got = prepare(picture, pictures, np.float32)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[0], expected, atol=1e-5)
    np.testing.assert_array_equal(prepare(picture, pictures, np.uint8)[0], values)
