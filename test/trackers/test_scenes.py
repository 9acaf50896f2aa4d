"""Whole scenes with known truth, followed by an engine that looks at the pixels."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, TrackResult, TrackState
import numpy as np
import pytest

Make = Callable[..., SingleTargetTracker]
Frame = tuple[np.ndarray, Box | None]
TRACKING, UNCERTAIN, LOST = TrackState.TRACKING, TrackState.UNCERTAIN, TrackState.LOST
FPS = 30


def follow(tracker: SingleTargetTracker, frames: list[Frame]) -> list[TrackResult]:
    """One result per frame, the first frame being the start."""
    first, box = frames[0]
    assert box is not None
    return [tracker.init(first, box), *(tracker.update(frame) for frame, _ in frames[1:])]


def overlaps(results: list[TrackResult], frames: list[Frame]) -> list[float]:
    return [iou(result.box, box) for result, (_, box) in zip(results, frames) if box is not None]


def moving(scenes: ModuleType, count: int, start: float, step: float, y: float) -> list[Frame]:
    return [scenes.target_at(start + step * k, y) for k in range(count)]


def test_a_moving_target_is_followed(make_tracker: Make, matcher: Any, scenes: ModuleType) -> None:
    frames = moving(scenes, 60, 40, 3.3, 90)
    results = follow(make_tracker(matcher), frames)
    assert min(overlaps(results, frames)) > 0.7
    assert {result.state for result in results} == {TRACKING}
    assert min(result.confidence for result in results) > 0.5
    assert set(matcher.batches) == {1}


def test_a_target_that_changes_its_size_is_followed(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    frames: list[Frame] = []
    for k in range(80):
        side = 32 * 1.01**k
        patch = scenes.resized(scenes.TARGET, round(side))
        frames.append(
            (
                scenes.frame_with((150 - side / 2, 120 - side / 2, patch)),
                Box(150 - side / 2, 120 - side / 2, side, side),
            )
        )
    results = follow(make_tracker(matcher), frames)
    assert np.mean(overlaps(results, frames)) > 0.7
    assert overlaps(results, frames)[-1] > 0.6  # it is more than twice as large by now
    assert results[-1].state is TRACKING


def test_a_covered_target_is_uncertain_then_lost_then_itself_again(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    visible, cover = scenes.target_at(120, 100), scenes.texture(9, 60, 60, 5.0)
    covered = (scenes.frame_with((106, 86, cover)), None)
    frames = [visible] * 20 + [covered] * 45 + [visible] * 15
    results = follow(make_tracker(matcher), frames)
    states = [result.state for result in results]
    assert set(states[:20]) == {TRACKING}
    assert set(states[20:50]) == {UNCERTAIN}
    assert set(states[50:65]) == {LOST}
    assert {result.box for result in results[20:65]} == {results[19].box}
    assert states[65 + 4] is TRACKING
    assert iou(results[-1].box, Box(120, 100, 32, 32)) > 0.8


def test_a_short_cover_is_never_a_loss(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    cover = scenes.texture(9, 240, 20, 5.0)
    frames = [
        (
            scenes.frame_with((40 + 3 * k, 100, scenes.TARGET), (150, 0, cover)),
            Box(40 + 3 * k, 100, 32, 32),
        )
        for k in range(70)
    ]
    results = follow(make_tracker(matcher), frames)
    states = [result.state for result in results]
    assert UNCERTAIN in states
    assert LOST not in states
    assert states[-1] is TRACKING
    assert overlaps(results, frames)[-1] > 0.7


@pytest.mark.parametrize(
    'place', [(280, 200), (5, 5), (280, 5), (100, 110), (0, 208)], ids=lambda p: f'{p[0]}-{p[1]}'
)
def test_a_target_that_leaves_is_lost_and_found_wherever_it_returns(
    make_tracker: Make, matcher: Any, scenes: ModuleType, place: tuple[int, int]
) -> None:
    away = (scenes.BACKGROUND, None)
    leaving = moving(scenes, 40, 200, 4, 100)  # gone at frame 30
    frames = leaving + [away] * 50 + [scenes.target_at(*place)] * (2 * FPS)
    results = follow(make_tracker(matcher, lost_after=0.5), frames)
    states = [result.state for result in results]
    assert states.index(LOST) - 30 <= FPS
    assert set(states[60:90]) == {LOST}
    assert states[-1] is TRACKING
    found = 90 + states[90:].index(TRACKING)
    assert found - 90 <= 2 * FPS
    assert iou(results[found].box, Box(*place, 32, 32)) > 0.5


def test_without_the_scan_only_the_neighbourhood_is_searched(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    away = (scenes.BACKGROUND, None)
    start = [scenes.target_at(60, 100)] * 10 + [away] * 40
    near, far = scenes.target_at(160, 140), scenes.target_at(280, 200)
    for back, options, found in (
        (far, {}, True),
        (far, {'search_everywhere': False}, False),
        (near, {'search_everywhere': False}, True),
        (near, {'search_everywhere': False, 'widen_search': False}, False),
    ):
        results = follow(make_tracker(matcher, **options), start + [back] * 60)
        assert (results[-1].state is TRACKING) is found


@pytest.mark.parametrize('side', [20, 56])
def test_a_target_that_returns_at_another_size_is_found(
    make_tracker: Make, matcher: Any, scenes: ModuleType, side: int
) -> None:
    patch = scenes.resized(scenes.TARGET, side)
    back = (scenes.frame_with((200, 130, patch)), Box(200, 130, side, side))
    frames = [scenes.target_at(80, 80)] * 5 + [(scenes.BACKGROUND, None)] * 40 + [back] * 70
    results = follow(make_tracker(matcher), frames)
    assert results[44].state is LOST
    assert results[-1].state is TRACKING
    assert overlaps(results, frames)[-1] > 0.6
    fixed = follow(make_tracker(matcher, search_scale=1.0), frames)
    assert fixed[-1].state is LOST


def test_a_jump_is_caught_by_the_widened_search(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    frames = [scenes.target_at(100, 100)] * 5 + [scenes.target_at(180, 110)] * 15
    results = follow(make_tracker(matcher), frames)
    assert LOST not in {result.state for result in results}
    assert overlaps(results, frames)[-1] > 0.8
    assert results[-1].state is TRACKING
    still = follow(make_tracker(matcher, widen_search=False), frames)
    assert overlaps(still, frames)[-1] == 0


def test_a_crossing_look_alike_is_not_taken_for_the_target(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    """It passes behind and in front; never is it the box above confidence 0.5."""
    twin = scenes.mixed(scenes.TARGET, scenes.texture(5, 32, 32, 3.0), 0.4)
    for in_front in (False, True):
        frames, others = [], []
        for k in range(80):
            target, other = (60 + 2 * k, 100, scenes.TARGET), (220 - 2 * k, 104, twin)
            frames.append(
                (
                    scenes.frame_with(*((target, other) if in_front else (other, target))),
                    Box(60 + 2 * k, 100, 32, 32),
                )
            )
            others.append(Box(220 - 2 * k, 104, 32, 32))
        results = follow(make_tracker(matcher), frames)
        for result, (_, truth), other in zip(results, frames, others):
            assert truth is not None
            mistaken = iou(result.box, other) > 0.5 > iou(result.box, truth)
            assert not (mistaken and result.confidence > 0.5 and result.state is TRACKING)
        assert overlaps(results, frames)[-1] > 0.7


def test_a_look_alike_is_not_found_instead_of_a_lost_target(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    twin = scenes.mixed(scenes.TARGET, scenes.texture(5, 32, 32, 3.0), 0.35)
    alone = (scenes.frame_with((200, 60, twin)), None)
    results = follow(make_tracker(matcher), [scenes.target_at(80, 100)] * 5 + [alone] * 90)
    assert results[-1].state is LOST
    assert TRACKING not in {result.state for result in results[10:]}


@pytest.mark.parametrize('level', [0, 255, 90], ids=['black', 'white', 'grey'])
def test_a_covered_camera_loses_the_target_and_the_box_does_not_grow(
    make_tracker: Make, matcher: Any, scenes: ModuleType, level: int
) -> None:
    flat = np.full_like(scenes.BACKGROUND, level)
    frames = [scenes.target_at(120, 100)] * 5 + [(flat, None)] * 150
    results = follow(make_tracker(matcher), frames)
    assert [result.state for result in results].index(LOST) <= 5 + FPS
    assert {result.box for result in results[5:]} == {results[4].box}
    assert max(result.confidence for result in results[5:]) < 0.15


def test_noise_loses_the_target_and_the_box_does_not_grow(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    noise = [(scenes.texture(100 + k, 240, 320, 1.0), None) for k in range(60)]
    results = follow(make_tracker(matcher), [scenes.target_at(120, 100)] * 5 + noise)
    assert results[-1].state is LOST
    assert {result.box for result in results[5:]} == {results[4].box}


def test_frozen_frames_leave_the_box_where_it_is(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    frames = moving(scenes, 10, 60, 3, 100)
    frames += [frames[-1]] * 300
    results = follow(make_tracker(matcher), frames)
    assert {result.state for result in results} == {TRACKING}
    boxes = np.array([tuple(result.box) for result in results[20:]])
    assert np.ptp(boxes, axis=0).max() < 1.0
    assert min(overlaps(results, frames)[10:]) > 0.8


def test_the_camera_comes_back_after_darkness(
    make_tracker: Make, matcher: Any, scenes: ModuleType
) -> None:
    black = (np.zeros_like(scenes.BACKGROUND), None)
    frames = [scenes.target_at(120, 100)] * 5 + [black] * 60 + [scenes.target_at(150, 120)] * 30
    results = follow(make_tracker(matcher), frames)
    assert results[60].state is LOST
    assert results[-1].state is TRACKING
    assert overlaps(results, frames)[-1] > 0.8


def test_paper_mode_never_says_lost(
    make_tracker: Make, matcher: Any, scenes: ModuleType, family: str
) -> None:
    frames = [scenes.target_at(120, 100)] * 5 + [(scenes.BACKGROUND, None)] * 60
    results = follow(make_tracker(matcher, paper_mode=True), frames)
    assert {result.state for result in results} == {TRACKING}
    assert ({result.confidence for result in results} == {0.0}) is (family == 'hit')
    assert set(matcher.batches) == {1}
