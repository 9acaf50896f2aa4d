"""What a tracker node must do, whatever middleware it runs on; each takes an `Operator`.

`test/dds` runs them against the node without ROS, `test/ros` against the rclpy node.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from faults import FAULTS, Context
from hit_rfgm_ros.trackers.factory import create_tracker
from hit_rfgm_ros.types import Box
import numpy as np
from operator_client import BASE, FRAME, STATE, Operator, overlap, stamp_of
import pytest

Scenario = Callable[[Operator], None]
SEEN = (STATE['TRACKING'], STATE['UNCERTAIN'])
REASON = {
    'OK': 0, 'OK_CLIPPED': 1, 'NOT_ACTIVE': 10, 'NO_IMAGE': 12, 'STAMP_NOT_IN_HISTORY': 13,
    'STAMP_IN_FUTURE': 14, 'BOX_NOT_FINITE': 20, 'BOX_EMPTY': 21, 'BOX_OUTSIDE': 22,
    'BOX_TOO_SMALL': 23, 'TOO_MANY_TARGETS': 30, 'UNKNOWN_ID': 31,
}  # fmt: skip


def follows_the_target(operator: Operator) -> None:
    """From a box on, one array per image, with its header, and the box on the target."""
    operator.step()
    answer = operator.init()
    assert answer.success
    assert stamp_of(answer_header(answer)) == BASE + (operator.number - 1) * FRAME
    target = int(answer.results[0].id)
    assert target > 0
    answers = operator.step(12)
    for message in answers:
        assert [int(each.id) for each in message.targets] == [target]
        assert message.header.frame_id == 'camera_optical_frame'
        assert message.image_width == 640
        assert message.image_height == 480
        each = message.targets[0]
        assert (each.header.stamp.sec, each.header.stamp.nanosec) == (
            message.header.stamp.sec,
            message.header.stamp.nanosec,
        )
        assert each.state in SEEN, each.reason
        assert bool(each.reason) == (each.state == STATE['UNCERTAIN'])
        assert 0 < each.confidence <= 1
    assert overlap(answers[-1].targets[0], operator.film.box(operator.number - 1)) > 0.6
    started = [
        message for message in operator.arrays
        if message.targets and message.targets[0].state == STATE['INITIALIZED']
    ]  # fmt: skip
    assert len(started) == 1
    assert started[0].targets[0].frames_since_init == 0


def starts_on_the_image_the_operator_saw(operator: Operator) -> None:
    """A box for a past image starts there, catches up, and ends on the target."""
    operator.step()
    seen = operator.number - 1
    operator.show(20)
    answer = operator.init(seen)
    assert answer.success
    target = int(answer.results[0].id)
    operator.show(15)

    def caught_up() -> Any:
        last = operator.arrays[-1] if operator.arrays else None
        if last is None or not last.targets or int(last.targets[0].id) != target:
            return None
        return last if last.targets[0].state in SEEN else None

    for _ in range(300):
        last = caught_up()
        if last is not None:
            break
        operator.show()
    assert last is not None, 'the target did not catch up'
    number = (stamp_of(last.header) - BASE) // FRAME
    assert overlap(last.targets[0], operator.film.box(number)) > 0.5
    for message in operator.arrays:
        for each in message.targets:
            if each.state == STATE['CATCHING_UP']:
                assert stamp_of(each.header) < stamp_of(message.header)


def follows_several_targets(operator: Operator) -> None:
    """Several boxes in one request; answers in their order, targets sorted by id, labels kept."""
    operator.step()
    boxes = [
        operator.film.box(operator.number - 1, label='cup'),
        {'x': 20.0, 'y': 20.0, 'width': 60.0, 'height': 50.0, 'label': 'corner'},
        {'x': 500.0, 'y': 380.0, 'width': 70.0, 'height': 60.0, 'label': ''},
    ]
    answer = operator.init(boxes=boxes)
    assert answer.success
    ids = [int(result.id) for result in answer.results]
    assert ids == sorted(set(ids))
    (message,) = operator.step(1)
    assert [int(target.id) for target in message.targets] == ids
    assert [target.label for target in message.targets] == ['cup', 'corner', '']
    removed = operator.call('remove_target', {'ids': [ids[1], 4_000_000]})
    assert not removed.success
    assert list(removed.removed) == [ids[1]]
    assert list(removed.unknown) == [4_000_000]
    (message,) = operator.step(1)
    assert [int(target.id) for target in message.targets] == [ids[0], ids[2]]


def refuses_bad_boxes(operator: Operator) -> None:
    """Each bad box is refused with its code and a sentence; the running target goes on."""
    operator.step()
    good = operator.init()
    running = int(good.results[0].id)
    nan, far = float('nan'), 1e6
    boxes = {
        'BOX_NOT_FINITE': {'x': nan, 'y': 0.0, 'width': 5.0, 'height': 5.0},
        'BOX_EMPTY': {'x': 5.0, 'y': 5.0, 'width': 0.0, 'height': 9.0},
        'BOX_OUTSIDE': {'x': far, 'y': far, 'width': 50.0, 'height': 50.0},
        'BOX_TOO_SMALL': {'x': 50.0, 'y': 50.0, 'width': 2.0, 'height': 2.0},
        'UNKNOWN_ID': {'id': 3_999_999, 'x': 50.0, 'y': 50.0, 'width': 40.0, 'height': 40.0},
        'OK_CLIPPED': {'x': -20.0, 'y': 100.0, 'width': 60.0, 'height': 40.0},
    }
    answer = operator.init(boxes=list(boxes.values()))
    assert not answer.success
    for name, result in zip(boxes, answer.results):
        assert result.reason == REASON[name], result.message
        assert result.message
        assert (result.id > 0) == (name == 'OK_CLIPPED')
    clipped = answer.results[-1].box_used
    assert (clipped.x, clipped.y, clipped.width, clipped.height) == (0, 100, 40, 40)
    assert operator.init(boxes=[]).success
    fifty = [{'x': 10.0 * k, 'y': 10.0, 'width': 30.0, 'height': 30.0} for k in range(50)]
    crowd = operator.init(boxes=fifty)
    assert len(crowd.results) == 50
    assert REASON['TOO_MANY_TARGETS'] in {int(result.reason) for result in crowd.results}
    (message,) = operator.step(1)
    assert running in [int(target.id) for target in message.targets]


def refuses_bad_stamps(operator: Operator) -> None:
    """Images that are gone, or have not come yet, are not replaced by others."""
    operator.step()
    late = operator.init(number=operator.number + 300)
    assert late.results[0].reason == REASON['STAMP_IN_FUTURE']
    early = operator.init(number=-900)
    assert early.results[0].reason == REASON['STAMP_NOT_IN_HISTORY']
    assert early.results[0].message
    (message,) = operator.step(1)
    assert not message.targets


def starts_again_with_the_same_id(operator: Operator) -> None:
    """A running target starts again on a new box and keeps its id; ids are never used twice."""
    operator.step()
    first = int(operator.init().results[0].id)
    operator.step(2)
    again = operator.init(boxes=[operator.film.box(operator.number - 1, id=first, label='cup')])
    assert again.success
    assert int(again.results[0].id) == first
    (message,) = operator.step(1)
    assert [(int(each.id), each.label) for each in message.targets] == [(first, 'cup')]
    assert message.targets[0].frames_since_init == 1
    other = operator.init(replace_all=True)
    assert int(other.results[0].id) > first
    (message,) = operator.step(1)
    assert [int(each.id) for each in message.targets] == [int(other.results[0].id)]


def says_when_the_target_is_lost(operator: Operator) -> None:
    """On pictures without the target it is LOST with a reason, and found when it is back."""
    operator.step()
    assert operator.init().success
    operator.step(3)
    height, width = operator.film.pictures[0].shape[:2]
    grey = np.full((height, width, 3), 127, np.uint8).reshape(-1)
    state = None
    for _ in range(120):
        (message,) = operator.step(1, data=grey)
        state = message.targets[0].state
        if state == STATE['LOST']:
            break
    assert state == STATE['LOST']
    assert message.targets[0].reason
    box = message.targets[0]
    assert box.width * box.height < 0.25 * width * height


def pauses_and_resets(operator: Operator) -> None:
    """While paused no image is processed and targets are kept; memory can be reset at any time."""
    operator.step()
    target = int(operator.init().results[0].id)
    operator.step(2)
    assert operator.call('pause', {'data': True}).success
    seen = len(operator.arrays)
    operator.show(5)
    time.sleep(0.5)
    assert len(operator.arrays) == seen
    assert operator.call('pause', {'data': False}).success
    (message,) = operator.step(1)
    assert [int(each.id) for each in message.targets] == [target]
    answer = operator.call('reset_memory', {})
    assert answer.success
    assert answer.message


def reports_a_camera_that_stops(operator: Operator) -> None:
    """No image for a second: an ERROR in the diagnostics, nothing published; then it goes on."""
    operator.step()
    assert operator.init().success
    operator.step(2)
    stopped = time.monotonic()
    operator.wait(lambda: _level(operator, 'input') == 2, 'ERROR of the input')
    assert time.monotonic() - stopped < 10
    seen = len(operator.arrays)
    time.sleep(0.5)
    assert len(operator.arrays) == seen
    operator.step(3)
    operator.wait(lambda: _level(operator, 'input') in (0, 1), 'recovery of the input')
    assert operator.arrays[-1].targets


def survives_bad_images(operator: Operator) -> None:
    """Images that cannot be are refused and counted, and the next good one is tracked."""
    operator.step()
    assert operator.init().success
    for bad in (
        {'encoding': 'secret9'},
        {'step': 1},
        {'width': 0},
        {'height': 2**32 - 1},
        {'data': np.zeros(100, np.uint8)},
    ):
        operator.show(1, **bad)
    (message,) = operator.step(1)
    assert message.targets[0].state in SEEN


def survives_a_loop_of_the_bag(operator: Operator) -> None:
    """Stamps that jump back by more than a second: the target is kept and goes on."""
    operator.step(2)
    operator.number += 300
    operator.step(1)
    assert operator.init().success
    operator.step(3)
    operator.number -= 200
    answers = operator.step(3)
    assert answers[-1].targets
    assert stamp_of(answers[-1].header) == BASE + (operator.number - 1) * FRAME


def recovers_from_every_fault(operator: Operator) -> None:
    """After each fault of the relay, good images are answered and the target is still there."""
    operator.step()
    target = int(operator.init().results[0].id)
    for name, fault in FAULTS.items():
        context = Context(seed=1, strength=0.5)
        for _ in range(12):
            for sent in fault(context, operator.film.image(operator.number)):
                operator.images.publish(sent.fields)
            operator.number += 1
            time.sleep(0.01)
        operator.number += 15  # half a second later, beyond every shuffled stamp
        (message,) = operator.step()
        assert [int(each.id) for each in message.targets] == [target], name
        (box,) = message.targets
        assert np.isfinite([box.x, box.y, box.width, box.height, box.confidence]).all(), name
        assert box.width * box.height < 0.25 * 640 * 480, name


def boxes_equal_the_offline_tracker(operator: Operator) -> None:
    """Not one of SCENARIOS: the node must run ONNX Runtime on one thread as the tracker here."""
    operator.step()
    first = operator.number - 1
    assert operator.init().success
    answers = operator.step(20)
    tracker = create_tracker('hit_tiny', backend='onnxruntime', threads=1)
    pictures = [operator.film.image(first + k)['data'].reshape(480, 640, 3) for k in range(21)]
    tracker.init(pictures[0], Box(*operator.film.box(first).values()), stamp=0.0)
    for k, message in enumerate(answers, start=1):
        result = tracker.update(pictures[k], stamp=k * FRAME / 1e9)
        target = message.targets[0]
        assert (target.x, target.y, target.width, target.height) == pytest.approx(
            tuple(result.box), abs=1e-6
        )
        assert target.confidence == pytest.approx(result.confidence, abs=1e-6)


SCENARIOS: tuple[Scenario, ...] = (
    follows_the_target,
    starts_on_the_image_the_operator_saw,
    follows_several_targets,
    refuses_bad_boxes,
    refuses_bad_stamps,
    starts_again_with_the_same_id,
    says_when_the_target_is_lost,
    pauses_and_resets,
    reports_a_camera_that_stops,
    survives_bad_images,
    survives_a_loop_of_the_bag,
    recovers_from_every_fault,
)


def answer_header(answer: Any) -> dict[str, Any]:
    """The stamp used, shaped as a header."""
    return {'stamp': {'sec': answer.stamp_used.sec, 'nanosec': answer.stamp_used.nanosec}}


def _level(operator: Operator, part: str) -> int | None:
    status = operator.statuses.get(part)
    if status is None:
        return None
    level = status.level  # a byte: rclpy gives bytes, rosbags an int
    return level[0] if isinstance(level, bytes) else int(level)
