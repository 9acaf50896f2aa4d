"""One target: paper mode to the letter, bad input, time, and the bounds on the box."""

from collections.abc import Callable
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.errors import FrameError, GeometryError, TrackerError
from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.trackers import centre_features, corner_features
from hit_rfgm_ros.trackers.confidence import Calibration
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, ConfidenceKind, TrackState
import numpy as np
import pytest

Make = Callable[..., SingleTargetTracker]
HEIGHT, WIDTH = 240, 320
BOX = Box(100, 80, 60, 40)
FRAME = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
PAPER = {'hit': (0.0, ConfidenceKind.NONE), 'rfgm': (pytest.approx(0.9999), ConfidenceKind.PEAK)}
TRACKING, UNCERTAIN, LOST = TrackState.TRACKING, TrackState.UNCERTAIN, TrackState.LOST


def golden_maps() -> list[Any]:
    path = Path(__file__).parent.parent / 'golden' / 'geometry.json'
    return [
        pytest.param(picture['image'][1:], case, id=f'{picture["image"][0]}-{i}')
        for picture in json.loads(path.read_text(encoding='utf-8'))['images']
        for i, case in enumerate(picture['cases'])
        if case['factor'] == 4 and case['output_size'] == 256
    ]


def test_there_are_enough_golden_maps() -> None:
    assert len(golden_maps()) > 50


@pytest.mark.parametrize(('shape', 'case'), golden_maps())
def test_paper_mode_maps_and_clips_as_the_official_code(
    make_tracker: Make, scripted: Any, family: str, shape: list[int], case: Any
) -> None:
    frame = np.zeros((*shape, 3), np.uint8)
    for step in case['map']:
        tracker = make_tracker(scripted, paper_mode=True)
        try:
            tracker.init(frame, Box(*case['box']))
        except GeometryError:  # its template window holds no pixel: no track can start there
            return
        scripted.box = tuple(step['network'])
        result = tracker.update(frame)
        assert list(result.box) == pytest.approx(step['clipped'], abs=1e-3)
        assert result.state is TRACKING
        assert result.reason == ''
        assert (result.confidence, result.confidence_kind) == PAPER[family]


def test_paper_mode_is_always_tracking_in_one_window(
    make_tracker: Make, scripted: Any, family: str
) -> None:
    tracker = make_tracker(scripted, paper_mode=True)
    assert tracker.init(FRAME, BOX).confidence == {'hit': 0, 'rfgm': 1}[family]
    scripted.sure, scripted.box = 0.0, (0.3, 0.4, 0.9, 0.9)
    for _ in range(60):
        result = tracker.update(FRAME)
        assert (result.state, result.reason, scripted.windows) == (TRACKING, '', 1)
    assert result.box.width == WIDTH  # it grows as it does there


def test_the_first_result_is_the_given_box(make_tracker: Make, scripted: Any) -> None:
    result = make_tracker(scripted).init(FRAME, BOX, stamp=12.5)
    assert (result.box, result.stamp, result.state) == (BOX, 12.5, TRACKING)
    assert (result.confidence, result.confidence_kind) == (1.0, ConfidenceKind.PEAK)


def test_the_box_is_measured_from_the_window_that_was_cut(
    make_tracker: Make, scripted: Any
) -> None:
    tracker = make_tracker(scripted, size_damping=1.0)
    tracker.init(FRAME, BOX)  # the window's side is ceil(4 * sqrt(2400)) = 196, from (32, 2)
    scripted.box = (0.5, 0.25, 0.3, 0.2)
    box = tracker.update(FRAME).box
    assert list(box) == pytest.approx([32 + 98 - 29.4, 2 + 49 - 19.6, 58.8, 39.2], abs=1e-4)


# --- options, one by one


@pytest.mark.parametrize(('bound', 'ratio'), [(1.3, 1.3), (1.05, 1.05), (0.0, 196 * 0.8 / 60)])
def test_max_scale_change_bounds_each_side(
    make_tracker: Make, scripted: Any, bound: float, ratio: float
) -> None:
    tracker = make_tracker(scripted, max_scale_change=bound)
    tracker.init(FRAME, BOX)
    scripted.box = (0.5, 0.5, 0.8, 40 / 196)
    box = tracker.update(FRAME).box
    assert box.width == pytest.approx(60 * ratio, rel=1e-5)
    assert box.height == pytest.approx(40, rel=1e-5)


def test_max_scale_change_bounds_shrinking_too(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted, max_scale_change=1.25)
    tracker.init(FRAME, BOX)
    scripted.box = (0.5, 0.5, 0.01, 0.01)
    assert list(tracker.update(FRAME).box)[2:] == pytest.approx([48, 32])


@pytest.mark.parametrize('damping', [1.0, 0.5, 0.1])
def test_size_damping_goes_part_of_the_way(
    make_tracker: Make, scripted: Any, damping: float
) -> None:
    tracker = make_tracker(scripted, size_damping=damping)
    tracker.init(FRAME, BOX)
    scripted.box = (0.6, 0.5, 72 / 196, 40 / 196)
    box = tracker.update(FRAME).box
    confidence = tracker.update(FRAME).confidence
    share = damping if damping == 1 else damping * confidence
    assert box.width == pytest.approx(60 * 1.2**share, rel=1e-3)
    assert box.center[0] == pytest.approx(32 + 0.6 * 196, abs=1e-3)  # the place is not damped


def test_weights_bring_their_own_size_correction(make_tracker: Make, scripted: Any) -> None:
    calibration = Calibration(size_damping=0.5, size_factor=0.5, lost_below=0, uncertain_below=0)
    scripted.box = (0.5, 0.5, 120 / 196, 80 / 196)  # twice too large, as always with them
    tracker = make_tracker(scripted, calibration=calibration)
    tracker.init(FRAME, BOX)
    assert list(tracker.update(FRAME).box)[2:] == pytest.approx([60, 40], rel=1e-3)
    undamped = make_tracker(scripted, calibration=calibration, size_damping=1.0)
    undamped.init(FRAME, Box(100, 80, 50, 40))
    assert undamped.update(FRAME).box.width > 54  # an option outranks the weights


def test_thresholds_are_the_weights_own_unless_given(make_tracker: Make, scripted: Any) -> None:
    scripted.sure = 0.5
    calibration = Calibration(uncertain_below=0.9, lost_below=0.0)
    states = {}
    for name, options in (('own', {}), ('given', {'uncertain_below': 0.0})):
        tracker = make_tracker(scripted, calibration=calibration, **options)
        tracker.init(FRAME, BOX)
        states[name] = tracker.update(FRAME).state
    assert states == {'own': UNCERTAIN, 'given': TRACKING}


@pytest.mark.parametrize(
    ('family', 'names', 'sign'),
    [('hit', ('mass_min', corner_features), 1), ('rfgm', ('rival', centre_features), -1)],
    indirect=['family'],
)
def test_a_fitted_calibration_gives_probabilities(
    make_tracker: Make, scripted: Any, names: tuple[str, ModuleType], sign: int
) -> None:
    used, features = names[0], names[1].FEATURES
    weights = tuple(4.0 * sign if name == used else 0.0 for name in features)
    fitted = Calibration(weights=weights, bias=-2.0 * sign, features=features)
    tracker = make_tracker(scripted, calibration=fitted)
    assert tracker.init(FRAME, BOX).confidence_kind is ConfidenceKind.CALIBRATED
    assert tracker.update(FRAME).confidence == pytest.approx(1 / (1 + math.exp(-2)), abs=1e-3)
    scripted.sure = 0.0
    assert tracker.update(FRAME).confidence < 0.2


def test_unsure_the_size_is_kept_and_lost_the_whole_box(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(
        scripted, uncertain_below=0.6, lost_below=0.3, widen_search=False, lost_after=100.0
    )
    tracker.init(FRAME, BOX)
    scripted.box, scripted.sure = (0.55, 0.5, 0.4, 0.4), 0.5
    result = tracker.update(FRAME)
    assert result.state is UNCERTAIN
    assert 0.3 <= result.confidence < 0.6
    assert (result.box.width, result.box.height) == (60, 40)
    assert result.box.center != BOX.center
    scripted.sure = 0.1
    assert tracker.update(FRAME).box == result.box


def test_freeze_when_lost_off_follows_the_network(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted, freeze_when_lost=False, search_everywhere=False)
    tracker.init(FRAME, BOX)
    scripted.box, scripted.sure = (0.52, 0.5, 0.25, 0.25), 0.0
    lefts = [tracker.update(FRAME).box.x for _ in range(20)]
    assert lefts == sorted(set(lefts))  # it moves on in every frame


def test_unsure_adds_windows_and_sure_takes_them_away(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted)
    tracker.init(FRAME, BOX)
    counts = []
    for sure in (1.0, 0.0, 0.0, 1.0, 1.0):
        scripted.sure = sure
        tracker.update(FRAME)
        counts.append(scripted.windows)
    assert counts == [1, 1, 3, 3, 1]


@pytest.mark.parametrize('growth', [1.2, 0.8])
def test_a_network_that_grows_or_shrinks_is_bounded(
    make_tracker: Make, scripted: Any, growth: float
) -> None:
    scripted.box = (0.5, 0.5, 0.25 * growth, 0.25 * growth)
    tracker = make_tracker(scripted)
    tracker.init(FRAME, BOX)
    for _ in range(300):
        box = tracker.update(FRAME).box
        assert 4 <= box.width <= WIDTH
        assert 4 <= box.height <= HEIGHT


@pytest.mark.parametrize('many', [False, True])
def test_the_first_frame_is_a_moment_not_an_age(
    make_tracker: Make, make_multi: Callable[..., Any], scripted: Any, many: bool
) -> None:
    """With stamps far from zero the steady size still needs half a second to follow."""
    tracker = (make_multi if many else make_tracker)(scripted, lost_below=0.0)
    (tracker.add if many else tracker.init)(FRAME, BOX, stamp=1e6)
    scripted.box = (0.5, 0.5, 0.38, 0.26)
    tracker.update(FRAME, stamp=1e6 + 0.03)  # a glimpse of a larger box
    scripted.sure = 0.1  # in doubt from here on
    tracker.update(FRAME, stamp=1e6 + 0.06)
    result = tracker.update(FRAME, stamp=1e6 + 0.09)
    box = result[1].box if many else result.box
    assert box.width < 1.05 * BOX.width


# --- time


def test_lost_by_stamps_and_not_by_frames(make_tracker: Make, scripted: Any) -> None:
    scripted.sure = 0.0
    slow = make_tracker(scripted, fps=1000.0)
    slow.init(FRAME, BOX, stamp=50.0)
    states = [slow.update(FRAME, stamp=50.0 + k / 4).state for k in range(1, 7)]
    assert states == [UNCERTAIN] * 4 + [LOST] * 2
    quick = make_tracker(scripted, lost_after=0.01, fps=1000.0)
    quick.init(FRAME, BOX)
    states = [quick.update(FRAME).state for k in range(1, 20)]
    assert 10 <= states.index(LOST) <= 11


def test_equal_and_backward_stamps_are_followed_without_aging(
    make_tracker: Make, scripted: Any
) -> None:
    tracker = make_tracker(scripted)
    tracker.init(FRAME, BOX, stamp=10.0)
    scripted.sure = 0.0
    for stamp in (10.0, 10.0, 10.0, 3.0, 3.5):
        result = tracker.update(FRAME, stamp=stamp)
        assert (result.stamp, result.state) == (stamp, UNCERTAIN)
    assert tracker.update(FRAME, stamp=4.0).state is LOST


def test_a_new_start_begins_a_new_time(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted, fps=10.0)
    tracker.init(FRAME, BOX, stamp=99.0)
    assert tracker.init(FRAME, BOX).stamp == 0.0
    assert tracker.update(FRAME).stamp == pytest.approx(0.1)


# --- bad input


def test_update_before_init_and_after_reset(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted)
    with pytest.raises(TrackerError, match=r'before init\(\)'):
        tracker.update(FRAME)
    tracker.init(FRAME, BOX)
    tracker.update(FRAME)
    tracker.reset()
    tracker.reset()
    with pytest.raises(TrackerError, match=r'before init\(\)'):
        tracker.update(FRAME)


NAN, INF = math.nan, math.inf
BAD_BOXES = [
    pytest.param((10, 10, 0, 20), 'above 0 pixels', id='zero'),
    pytest.param((10, 10, 20, -5), 'above 0 pixels', id='negative'),
    pytest.param((NAN, 10, 20, 20), 'finite', id='nan'),
    pytest.param((10, 10, INF, 20), 'finite', id='infinite'),
    pytest.param((10, 10, 0.5, 0.5), 'min_box_size', id='sub-pixel'),
    pytest.param((10, 10, 50, 3.9), 'min_box_size', id='too-thin'),
    pytest.param((400, 10, 20, 20), '0% of the box', id='outside'),
    pytest.param((-40, 10, 40, 20), '0% of the box', id='touching-from-outside'),
    pytest.param((-16, 10, 20, 20), '20% of the box', id='hardly-visible'),
    pytest.param((-5000, -5000, 11000, 11000), 'of the box', id='far-too-large'),
]


@pytest.mark.parametrize(('values', 'message'), BAD_BOXES)
def test_a_refused_start_leaves_the_track_untouched(
    make_tracker: Make, scripted: Any, values: tuple[float, ...], message: str
) -> None:
    tracker, twin = make_tracker(scripted), make_tracker(scripted)
    for each in (tracker, twin):
        each.init(FRAME, BOX, stamp=1.0)
        each.update(FRAME, stamp=1.5)
    with pytest.raises(GeometryError, match=message):
        tracker.init(FRAME, Box(*values), stamp=9.0)
    with pytest.raises(FrameError, match='uint8'):
        tracker.init(FRAME.astype(float), BOX, stamp=9.0)
    with pytest.raises(TrackerError, match='stamp'):
        tracker.init(FRAME, BOX, stamp=NAN)
    assert tracker.update(FRAME) == twin.update(FRAME)


@pytest.mark.parametrize(
    'values',
    [
        pytest.param((-100, -100, 600, 500), id='larger-than-the-image'),
        pytest.param((0, 0, WIDTH, HEIGHT), id='whole-image'),
        pytest.param((-9, -4, 20, 10), id='partly-outside'),
        pytest.param((WIDTH - 5, HEIGHT - 5, 5, 5), id='corner'),
        pytest.param((50.25, 60.75, 4.0, 4.0), id='smallest'),
        pytest.param((20, 100, 280, 4), id='long-and-thin'),
    ],
)
@pytest.mark.parametrize('answer', [(0.5, 0.5, 0.25, 0.25), (0.9, 0.9, 0.9, 0.9), (0, 0, -1, 0.5)])
def test_odd_boxes_are_followed_without_trouble(
    make_tracker: Make, scripted: Any, values: tuple[float, ...], answer: tuple[float, ...]
) -> None:
    tracker = make_tracker(scripted)
    tracker.init(FRAME, Box(*values))
    for sure in (1.0, 0.4, 0.0):
        scripted.box, scripted.sure = answer, sure
        for _ in range(40):
            box = tracker.update(FRAME).box
            assert np.isfinite(tuple(box)).all()
            assert min(box.width, box.height) >= 4


def test_the_limits_of_a_start_have_their_options(make_tracker: Make, scripted: Any) -> None:
    make_tracker(scripted, min_box_size=1.0).init(FRAME, Box(10, 10, 1.5, 1.5))
    make_tracker(scripted, min_visible=0.0).init(FRAME, Box(-59, 10, 60, 60))
    make_tracker(scripted, paper_mode=True).init(FRAME, Box(-50, 10, 49, 49))  # its crop overlaps
    with pytest.raises(GeometryError, match='overlaps the image'):
        make_tracker(scripted, paper_mode=True).init(FRAME, Box(-200, 10, 49, 49))


BAD_FRAMES = [
    pytest.param(np.zeros((0, 0, 3), np.uint8), id='empty'),
    pytest.param(FRAME.astype(np.float32), id='float'),
    pytest.param(np.zeros((HEIGHT, WIDTH, 4), np.uint8), id='four-channels'),
    pytest.param(None, id='none'),
]


@pytest.mark.parametrize('frame', BAD_FRAMES)
def test_a_bad_frame_is_refused_and_the_track_goes_on(
    make_tracker: Make, scripted: Any, frame: Any
) -> None:
    tracker, twin = make_tracker(scripted), make_tracker(scripted)
    for each in (tracker, twin):
        each.init(FRAME, BOX)
    with pytest.raises(FrameError):
        tracker.update(frame)
    assert tracker.update(FRAME) == twin.update(FRAME)


def pictures(
    tracker: SingleTargetTracker, engine: Any, first: Any, second: Any
) -> list[np.ndarray]:
    tracker.init(first, Box(5, 190, 60, 60))  # reaches over two edges: padding as well
    tracker.update(second)
    return [np.asarray(picture) for picture in engine.searches]


@pytest.mark.parametrize(
    ('view', 'options'),
    [
        pytest.param(lambda f: np.ascontiguousarray(f[:, :, ::-1]), {'color': 'bgr'}, id='bgr'),
        pytest.param(lambda f: f[:, :, ::-1], {'color': 'bgr'}, id='reversed-channels'),
        pytest.param(lambda f: np.asfortranarray(f), {}, id='fortran'),
        pytest.param(lambda f: np.repeat(f, 2, 1)[:, ::2], {}, id='every-other-column'),
        pytest.param(lambda f: f[::-1].copy()[::-1], {}, id='upside-down-view'),
    ],
)
def test_memory_layout_and_colour_order_do_not_matter(
    make_tracker: Make, scenes: ModuleType, view: Any, options: dict[str, Any]
) -> None:
    engine, other = scenes.MatchingEngine(), scenes.MatchingEngine()
    before = FRAME.copy()
    plain = pictures(make_tracker(engine), engine, FRAME, FRAME)
    viewed = pictures(make_tracker(other, **options), other, view(FRAME), view(FRAME))
    np.testing.assert_array_equal(plain, viewed)
    np.testing.assert_array_equal(FRAME, before)  # the caller's frame is never written to


def test_grey_frames_are_three_equal_channels(make_tracker: Make, scenes: ModuleType) -> None:
    grey = FRAME[:, :, 0]
    seen = []
    for frame in (np.stack([grey] * 3, 2), grey, grey[:, :, None]):
        engine = scenes.MatchingEngine()
        seen.append(pictures(make_tracker(engine), engine, frame, frame))
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
@pytest.mark.parametrize(
    ('family', 'output'),
    [
        ('hit', 'boxes'),
        ('hit', 'score_tl'),
        ('hit', 'score_br'),
        ('hit', 'correlation'),
        ('rfgm', 'score'),
        ('rfgm', 'size'),
        ('rfgm', 'offset'),
    ],
    indirect=['family'],
)
def test_numbers_that_are_not_finite_keep_the_box(
    make_tracker: Make, scenes: ModuleType, output: str, bad: float
) -> None:
    class Broken(scenes.ScriptedEngine):
        broken = False

        def run(self, graph: str, inputs: Any) -> Any:
            outputs = super().run(graph, inputs)
            if self.broken and graph == 'track':
                outputs[output][:, 1] = bad
            return outputs

    engine = Broken()
    tracker = make_tracker(engine)
    tracker.init(FRAME, BOX)
    before = tracker.update(FRAME).box
    engine.broken = True
    results = [tracker.update(FRAME) for _ in range(32)]
    assert {result.box for result in results} == {before}
    assert {result.confidence for result in results} == {0.0}
    assert results[0].state is UNCERTAIN
    assert 'not finite' in results[0].reason
    assert results[-1].state is LOST
    engine.broken = False
    assert [tracker.update(FRAME).state for _ in range(6)][-1] is TRACKING


def test_paper_mode_keeps_the_box_over_bad_numbers(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted, paper_mode=True)
    tracker.init(FRAME, BOX)
    before = tracker.update(FRAME).box
    scripted.box = (NAN, 0.5, 0.2, 0.2)
    result = tracker.update(FRAME)
    assert (result.box, result.state) == (before, TRACKING)
    assert 'not finite' in result.reason


def test_a_frame_of_another_scale_scales_the_box(make_tracker: Make, scripted: Any) -> None:
    tracker = make_tracker(scripted)
    tracker.init(FRAME, Box(100, 80, 40, 40))
    double = np.repeat(np.repeat(FRAME, 2, 0), 2, 1)
    result = tracker.update(double)
    assert result.state is TRACKING
    assert iou(result.box, Box(200, 160, 80, 80)) > 0.98


def test_a_frame_of_another_shape_is_a_loss_with_a_reason(
    make_tracker: Make, scenes: ModuleType
) -> None:
    frame, box = scenes.target_at(200, 100)
    tracker = make_tracker(scenes.MatchingEngine())
    tracker.init(frame, box)
    cropped = frame[:, 100:]  # 220x240: the target is at (100, 100) now
    result = tracker.update(cropped)
    assert result.state is LOST
    assert '320x240 to 220x240' in result.reason
    results = [tracker.update(cropped) for _ in range(40)]
    assert results[-1].state is TRACKING  # and found again in the new picture
    assert iou(results[-1].box, Box(100, 100, box.width, box.height)) > 0.5
