"""Boxes of requests: properties that hold for all of them."""

import math

from hit_rfgm_ros.geometry.boxes import visible_share
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import BoxRequest, InitRequest, Reason
from hit_rfgm_ros.runtime.requests import judge_box, judge_boxes
from hit_rfgm_ros.types import Box
from hypothesis import given
from hypothesis import strategies as st

SIZE = (640, 480)
NUMBER = st.one_of(
    st.floats(-200, 900), st.floats(allow_nan=True, allow_infinity=True), st.integers(-9, 700)
)
BOX = st.builds(Box, NUMBER, NUMBER, NUMBER, NUMBER)
PARAMS = st.builds(
    TrackerParams,
    min_visible=st.floats(0, 1),
    min_box_size=st.floats(1, 50),
    max_targets=st.integers(1, 6),
)


@given(BOX, PARAMS)
def test_an_accepted_box_lies_in_the_image_and_is_large_enough(
    box: Box, params: TrackerParams
) -> None:
    verdict = judge_box(box, SIZE, params)
    assert verdict.message
    if not verdict.good:
        assert verdict.box is box
        return
    used = verdict.box
    assert min(used.width, used.height) >= params.min_box_size
    assert min(used.x, used.y) >= 0
    assert used.x + used.width <= SIZE[0] * (1 + 1e-12)
    assert used.y + used.height <= SIZE[1] * (1 + 1e-12)
    assert visible_share(box, *SIZE) >= params.min_visible
    inside = min(box.x, box.y) >= 0 and box.x + box.width <= 640 and box.y + box.height <= 480
    assert (verdict.reason is Reason.OK) is inside
    if inside:
        assert used is box


@given(BOX, PARAMS)
def test_a_refused_box_is_refused_for_what_is_wrong(box: Box, params: TrackerParams) -> None:
    reason = judge_box(box, SIZE, params).reason
    finite = all(map(math.isfinite, box))
    assert (reason is Reason.BOX_NOT_FINITE) is not finite
    if finite:
        assert (reason is Reason.BOX_EMPTY) is (box.width <= 0 or box.height <= 0)


@given(
    st.lists(st.builds(BoxRequest, BOX, st.integers(0, 5)), max_size=12),
    st.sets(st.integers(1, 5)),
    PARAMS,
    st.booleans(),
)
def test_a_request_never_gives_more_targets_than_there_is_room_for(
    boxes: list[BoxRequest], known: set[int], params: TrackerParams, replace_all: bool
) -> None:
    request = InitRequest(tuple(boxes), replace_all=replace_all)
    verdicts = judge_boxes(request, SIZE, params, known)
    assert len(verdicts) == len(boxes)
    pairs = list(zip(boxes, verdicts))
    again = [box.id for box, verdict in pairs if verdict.good and box.id]
    new = [box for box, verdict in pairs if verdict.good and not box.id]
    assert len(set(again)) == len(again)
    assert set(again) <= known
    left = set(again) if replace_all else known
    assert not new or len(left) + len(new) <= params.max_targets
    for box, verdict in pairs:
        if verdict.reason is Reason.TOO_MANY_TARGETS:
            assert len(left) + len(new) >= params.max_targets
        if verdict.reason is Reason.CANCELLED:
            assert box.id in again
        if verdict.reason is Reason.UNKNOWN_ID:
            assert box.id not in known
