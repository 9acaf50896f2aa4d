"""Key frames, the line of a CSV, and Ctrl-C that waits for the present frame."""

import signal

from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.outputs import KeyFrames, csv_line
from hit_rfgm_ros.cli.tracking import Step, follow
from hit_rfgm_ros.data.pictures import Frame
from hit_rfgm_ros.types import Box, ConfidenceKind, ImageU8, TrackResult, TrackState
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

IMAGE = np.zeros((48, 64, 3), np.uint8)


def step(number: int, state: TrackState = TrackState.TRACKING) -> Step:
    box = Box(1.23456, -2.0, 30.0, 40.0005)
    result = TrackResult(box, 0.87654, state, ConfidenceKind.CALIBRATED, '', number / 30)
    return Step(number, number / 30, result, 12.3456)


class Scripted:
    """A tracker whose box moves by one pixel per frame."""

    def __init__(self) -> None:
        self.calls: list[float | None] = []
        self.updates: list[int] = []  # calls of `update` by then

    def init(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> TrackResult:
        self.reset()
        self._box = box
        return self.update(frame, stamp=stamp)

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> TrackResult:
        self.calls.append(stamp)
        box = Box(self._box.x + len(self.calls) - 1, *list(self._box)[1:])
        return TrackResult(box, 1, TrackState.TRACKING, ConfidenceKind.PEAK, '', stamp or 0.0)

    def update_memory(self) -> int:
        self.updates.append(len(self.calls))
        return int(len(self.calls) == 3)

    def reset(self) -> None:
        self.calls = []


def frames(count: int, first: int = 0) -> list[Frame]:
    return [Frame(IMAGE, number / 30, number) for number in range(first, first + count)]


def test_a_csv_line_has_three_decimals_of_a_pixel() -> None:
    assert csv_line(step(7)) == '7,1.235,-2.000,30.000,40.001,0.8765,TRACKING,12.35'


@given(st.integers(1, 700), st.integers(1, 9))
def test_key_frames_are_spread_over_the_whole_source(length: int, count: int) -> None:
    kept = KeyFrames()
    for number in range(length):
        kept.write(IMAGE, step(number, TrackState.LOST))
    assert len(kept.kept) <= KeyFrames.MOST
    picked = [round(30 * stamp) for stamp, _ in kept.pick(count)]
    assert picked[0] == 0
    assert picked == sorted(set(picked))
    assert len(picked) == min(count, length)
    if count > 1:
        assert picked[-1] >= 0.95 * (length - 1) - 1


def test_following_starts_once_and_gives_every_stamp() -> None:
    tracker = Scripted()
    steps = follow(frames(4, first=10), tracker, Box(5, 6, 7, 8), [], Interruption())
    assert [one.number for one in steps] == [10, 11, 12, 13]
    assert [one.result.box.x for one in steps] == [5, 6, 7, 8]
    assert tracker.calls == [one.stamp for one in steps]


def test_the_memory_is_updated_after_a_frame_was_written() -> None:
    tracker, written = Scripted(), list[int]()

    class Writer:
        def write(self, image: ImageU8, step: Step) -> None:
            assert step.memory_ms is None
            written.append(len(tracker.updates))

    steps = follow(frames(5), tracker, Box(5, 6, 7, 8), [Writer()], Interruption())
    assert tracker.updates == [1, 2, 3, 4, 5]
    assert written == [0, 1, 2, 3, 4]
    assert [one.memory_ms is not None for one in steps] == [False, False, True, False, False]


def test_ctrl_c_ends_after_the_present_frame() -> None:
    class Presser:
        """Presses Ctrl-C while the third frame is written."""

        def __init__(self) -> None:
            self.seen = 0

        def write(self, image: ImageU8, step: Step) -> None:
            if step.number == 2:
                signal.raise_signal(signal.SIGINT)
            self.seen += 1

    presser = Presser()
    with Interruption() as interruption:
        steps = follow(frames(9), Scripted(), Box(5, 6, 7, 8), [presser], interruption)
    assert len(steps) == presser.seen == 3


def test_a_second_ctrl_c_stops_at_once() -> None:
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_former_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
