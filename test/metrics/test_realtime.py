"""Which frames a tracker of given speed sees, and which box is judged where."""

from fractions import Fraction

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics.realtime import ReplayClock, StrictClock, VotClock
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

MS = st.integers(0, 400)


def replay(clock: ReplayClock, start: float, times: list[float], length: int) -> list[int]:
    """Frames processed; ``times`` are used up one by one, the last one again and again."""
    clock.took(start)
    processed = [0]
    while (frame := clock.next_frame()) < length:
        clock.took(times[min(len(processed), len(times)) - 1])
        processed.append(frame)
    return processed


@pytest.mark.parametrize(
    ('start', 'each', 'grace', 'expected'),
    [
        pytest.param(0.01, 0.12, 0, [0, 1, 1, 3, 3, 5, 5], id='120ms'),
        pytest.param(0.01, 0.12, 3, [0, 1, 2, 3, 4, 4, 6, 6, 8, 8], id='120ms-grace'),
        pytest.param(0.3, 0.04, 0, [0, 0, 0, 0, 0, 0, 6, 7], id='slow-start'),
        pytest.param(0.06, 0.06, 0, list(range(20)), id='60ms'),
        pytest.param(0.3, 0.12, 1, [0, 1, 1, 3, 3], id='the-start-uses-grace-up'),
    ],
)
def test_vot_rule_as_the_toolkit_runs(
    start: float, each: float, grace: int, expected: list[int]
) -> None:
    clock = VotClock(fps=20, grace=grace)
    processed = replay(clock, start, [each], len(expected))
    assert clock.valid(len(expected)).tolist() == expected
    assert processed == sorted(set(expected))


def test_vot_default_is_twenty_frames_and_three_slow_ones() -> None:
    clock = VotClock()
    replay(clock, 0.01, [0.051 + 0.05] * 9, 9)
    assert clock.valid(9).tolist() == [0, 1, 2, 3, 4, 4, 6, 6, 8]


def test_work_after_the_box_delays_the_next_frame_of_the_vot_rule() -> None:
    clock = VotClock(fps=20, grace=0)
    clock.took(0.01)
    assert clock.next_frame() == 1
    clock.took(0.04, after=0.07)  # on time itself
    assert clock.next_frame() == 2
    clock.took(0.04)  # seen as 110 ms: a debt of 60 ms
    assert clock.next_frame() == 4


def test_strict_rule_by_hand() -> None:
    clock = StrictClock(fps=10)
    # start done at .05 | 1: .1 to .35 | 3: .35 to .6 | 6: .6 to .85 | 8: .85 to 1.1 | 11: ...
    assert replay(clock, 0.05, [0.25], 12) == [0, 1, 3, 6, 8, 11]
    assert clock.valid(12).tolist() == [0, 0, 0, 0, 1, 1, 3, 3, 3, 6, 6, 8]


def test_strict_rule_costs_a_fast_tracker_one_frame() -> None:
    clock = StrictClock(fps=30)
    assert replay(clock, 0.001, [0.001], 6) == [0, 1, 2, 3, 4, 5]
    assert clock.valid(6).tolist() == [0, 0, 1, 2, 3, 4]


def test_a_box_that_is_done_at_the_very_arrival_counts() -> None:
    clock = StrictClock(fps=30)
    assert replay(clock, 0, [1 / 30], 300) == list(range(300))
    assert clock.valid(300).tolist() == [0, *range(299)]


def test_a_slow_start_is_judged_by_the_given_box() -> None:
    clock = StrictClock(fps=10)
    assert replay(clock, 0.55, [0.01], 8) == [0, 5, 6, 7]
    assert clock.valid(8).tolist() == [0, 0, 0, 0, 0, 0, 5, 6]


def test_work_after_the_box_keeps_it_valid_but_the_tracker_busy() -> None:
    clock = StrictClock(fps=10)
    clock.took(0)
    assert clock.next_frame() == 1
    clock.took(0.05, after=0.3)  # box at .15, free at .45
    assert clock.next_frame() == 4
    clock.took(0.02)
    assert clock.valid(6).tolist() == [0, 0, 1, 1, 1, 4]


@pytest.mark.parametrize('make', [VotClock, StrictClock])
@pytest.mark.parametrize('fps', [7.5, 29.97, 30, 240])
def test_without_latency_every_frame_has_its_own_box(
    make: type[VotClock] | type[StrictClock], fps: float
) -> None:
    clock = make(fps)
    assert replay(clock, 0.0, [0.0], 500) == list(range(500))
    assert clock.valid(500).tolist() == list(range(500))


@given(st.lists(st.tuples(MS, MS), min_size=1, max_size=40), st.sampled_from([5, 20, 30, 59.94]))
def test_strict_rule_holds_for_any_latencies(times: list[tuple[int, int]], fps: float) -> None:
    rate, length = Fraction(fps).limit_denominator(1000), 40
    clock = StrictClock(fps)
    begun = free = Fraction(0)
    done = [(Fraction(0), 0)]  # when a box was out, and of which frame
    clock.took(times[0][0] / 1000, times[0][1] / 1000)
    free = Fraction(sum(times[0]), 1000)
    while (frame := clock.next_frame()) < length:
        last = done[-1][1]
        begun = max(free, frame / rate)
        assert frame > last
        assert (frame + 1) / rate > begun  # nothing newer had arrived
        assert begun == free or frame == last + 1  # no waiting while there was something new
        seconds, after = times[min(len(done), len(times) - 1)]
        clock.took(seconds / 1000, after / 1000)
        done.append((begun + Fraction(seconds, 1000), frame))
        free = begun + Fraction(seconds + after, 1000)
    valid = clock.valid(length)
    assert valid.tolist() == [
        max(of for out, of in done if out <= number / rate) for number in range(length)
    ]
    assert (np.diff(valid) >= 0).all()
    assert (valid <= np.arange(length)).all()


@given(st.lists(MS, min_size=1, max_size=40), st.integers(0, 4))
def test_vot_rule_holds_for_any_latencies(times: list[int], grace: int) -> None:
    clock = VotClock(20, grace)
    processed = replay(clock, times[0] / 1000, [time / 1000 for time in times], 40)
    valid = clock.valid(40)
    assert set(valid.tolist()) == set(processed)
    assert valid[processed].tolist() == processed  # judged where it belongs, however late
    assert (np.diff(valid) >= 0).all()


def test_a_frame_in_work_has_no_box_yet() -> None:
    for clock in (VotClock(10), StrictClock(10)):
        clock.took(0)
        clock.next_frame()
        assert clock.valid(3).tolist() == [0, 0, 0]


@pytest.mark.parametrize('make', [VotClock, StrictClock])
def test_wrong_use_is_refused(make: type[VotClock] | type[StrictClock]) -> None:
    for fps in (0, -1, float('nan'), float('inf')):
        with pytest.raises(MetricError, match='frames per second'):
            make(fps)
    clock = make(30)
    with pytest.raises(MetricError, match='before took'):
        clock.next_frame()
    for seconds in (-1, float('nan'), float('inf')):
        with pytest.raises(MetricError, match='at least 0 s'):
            clock.took(seconds)
    clock.took(0.1)
    with pytest.raises(MetricError, match='twice'):
        clock.took(0.1)
