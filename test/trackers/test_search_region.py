"""The search region widens by windows of the usual size, and what they cover is known."""

import math
from typing import Any

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.geometry.crop import crop_window
from hit_rfgm_ros.trackers.search_region import (
    MAX_PLACES,
    SearchPolicy,
    around,
    over_image,
    scaled,
)
from hit_rfgm_ros.types import Box, TrackState
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

WIDTH, HEIGHT = 640, 480
BOX = Box(300, 200, 50, 40)
TRACKING, UNCERTAIN, LOST = TrackState.TRACKING, TrackState.UNCERTAIN, TrackState.LOST


def walk(state: TrackState, frames: int, box: Box = BOX, **options: Any) -> list[list[Box]]:
    policy = SearchPolicy(TrackerConfig.from_dict(options))
    return [policy.places(box, state, WIDTH, HEIGHT) for _ in range(frames)]


def distance(box: Box, place: Box = BOX) -> float:
    (x, y), (cx, cy) = box.center, place.center
    return math.hypot(x - cx, y - cy)


def test_one_window_while_tracking() -> None:
    assert walk(TRACKING, 3) == [[BOX]] * 3


@pytest.mark.parametrize('state', list(TrackState))
def test_paper_mode_has_one_window_always(state: TrackState) -> None:
    assert walk(state, 1, paper_mode=True) == [[BOX]]


@pytest.mark.parametrize(('state', 'extra'), [(UNCERTAIN, 2), (LOST, 3)])
def test_unsure_adds_a_few_windows_of_the_usual_size(state: TrackState, extra: int) -> None:
    for places in walk(state, 10):
        assert places[0] == BOX
        assert len(places) == 1 + extra
    same = walk(state, 10, search_scale=1.0)
    assert {(place.width, place.height) for places in same for place in places} == {(50, 40)}


@pytest.mark.parametrize('state', [UNCERTAIN, LOST])
def test_other_sizes_are_tried_at_the_last_place_first(state: TrackState) -> None:
    places = [place for frame in walk(state, 60, search_scale=1.5) for place in frame[1:]]
    assert places[:2] == [scaled(BOX, 1 / 1.5), scaled(BOX, 1.5)]
    assert max(map(distance, places[:2])) < 1e-9
    sizes = [place.width for place in places]
    assert sorted({round(size) for size in sizes}) == [33, 50, 75]
    elsewhere = [place.width for place in places if distance(place) > 1]
    assert (set(elsewhere) == {50}) is (state is UNCERTAIN)


def test_scaled_keeps_the_centre() -> None:
    box = scaled(BOX, 2.0)
    assert (box.width, box.height, box.center) == (100, 80, BOX.center)


def test_the_number_of_windows_is_an_option() -> None:
    assert len(walk(UNCERTAIN, 1, search_windows=5)[0]) == 6
    assert len(walk(LOST, 1, scan_windows=7)[0]) == 8
    assert walk(UNCERTAIN, 1, search_windows=0) == [[BOX]]
    assert walk(LOST, 1, scan_windows=0) == [[BOX]]


def test_widening_and_scanning_have_their_switches() -> None:
    assert walk(UNCERTAIN, 1, widen_search=False) == [[BOX]]
    assert len(walk(LOST, 1, widen_search=False)[0]) == 4  # still everywhere
    assert walk(LOST, 1, widen_search=False, search_everywhere=False) == [[BOX]]
    alone = {'search_everywhere': False, 'search_scale': 1.0}
    near = {place for places in walk(LOST, 50, **alone) for place in places}
    side = 4 * math.sqrt(BOX.area)
    assert max(map(distance, near)) <= 0.5 * math.sqrt(2) * side + 1e-9


@pytest.mark.parametrize(('factor', 'count'), [(4.0, 0), (4.1, 8), (8.0, 8), (8.8, 8), (8.9, 24)])
def test_the_widened_region_is_bounded(factor: float, count: int) -> None:
    places = around(BOX, TrackerConfig(max_search_factor=factor), 10_000, 10_000)
    assert len(places) == count
    if count:
        reach = max(abs(place.center[0] - BOX.center[0]) for place in places)
        side = math.sqrt(BOX.area)
        assert 2 * reach + 4 * side == pytest.approx(factor * side)


def test_near_places_come_first_and_all_come_again() -> None:
    seen = [place for places in walk(LOST, 200, search_scale=1.0) for place in places[1:]]
    plan = over_image(BOX, 4.0, WIDTH, HEIGHT)
    assert seen[: len(plan)] == plan
    assert seen[len(plan) : 2 * len(plan)] == plan
    assert list(map(distance, plan)) == sorted(map(distance, plan))
    assert len(set(plan)) == len(plan)


def test_a_new_place_or_state_starts_the_walk_anew() -> None:
    policy = SearchPolicy(TrackerConfig(search_scale=1.0))
    first = policy.places(BOX, UNCERTAIN, WIDTH, HEIGHT)
    assert policy.places(BOX, UNCERTAIN, WIDTH, HEIGHT) != first
    assert policy.places(BOX, LOST, WIDTH, HEIGHT)[1:] == over_image(BOX, 4, WIDTH, HEIGHT)[:3]
    assert policy.places(BOX, UNCERTAIN, WIDTH, HEIGHT) == first


@settings(max_examples=200, deadline=None)
@given(
    st.floats(6, 200),
    st.floats(6, 200),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_scan_sees_a_target_anywhere_in_the_image(
    width: float, height: float, x: float, y: float, at_x: float, at_y: float
) -> None:
    """Some window holds the target's centre within 0.3 of its side from the middle."""
    box = Box(x * (WIDTH - width), y * (HEIGHT - height), width, height)
    places = [box, *over_image(box, 4.0, WIDTH, HEIGHT)]
    target = Box(at_x * (WIDTH - width), at_y * (HEIGHT - height), width, height)
    reach = 0.3 * 4 * math.sqrt(box.area) + 1e-6
    cx, cy = target.center
    assert any(
        abs(place.center[0] - cx) <= reach and abs(place.center[1] - cy) <= reach
        for place in places
    )
    for place in places:  # and every window can be cut
        crop_window(place, 4.0, 256, WIDTH, HEIGHT)


def test_the_walk_over_a_large_image_with_a_tiny_target_is_bounded() -> None:
    places = over_image(Box(100, 100, 4, 4), 4.0, 7680, 4320)
    assert 500 < len(places) < 1.2 * MAX_PLACES
