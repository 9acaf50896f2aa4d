"""Images in: stamps, headers, drops, and how old what comes out may be."""

from collections.abc import Callable
import math
import tracemalloc
from types import ModuleType
from typing import Any

from hit_rfgm_ros.runtime.reports import Header, IncomingImage
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

MakeRig = Callable[..., Any]
BOX = Box(10, 8, 20, 16)


def test_each_image_gives_one_report_under_its_own_header(rig: Any) -> None:
    rig.send()
    (own,) = rig.started()
    headers = []
    for k in range(1, 6):
        rig.clock.advance(0.1)
        headers.append(rig.send(stamp=k / 3, frame_id=f'frame {k}\u00e4').header)
        rig.work()
    reports = rig.out.reports[2:]
    assert [report.header for report in reports] == headers
    for report, header in zip(reports, headers):
        assert [(target.id, target.header) for target in report.targets] == [(own, header)]
        assert (report.image_width, report.image_height) == (64, 48)


def test_without_targets_there_are_reports_too(rig: Any) -> None:
    rig.play(3)
    assert [report.targets for report in rig.out.reports] == [(), (), ()]
    assert rig.tracker.calls == []


def test_extreme_headers_come_out_as_they_came_in(rig: Any, rigs: ModuleType) -> None:
    for header in (
        Header(1, 1, ''),
        Header(2**31 - 1, 999_999_999, 'x' * 1000),
        Header(0, 1, 'back by much'),
        Header(-5, 17, 'before 1970'),
    ):
        image = rigs.make_image(rig.clock)
        rig.logic.on_image(IncomingImage(header, image.arrival, 'rgb8', image.data, 64, 48, 192))
        rig.work()
        assert rig.last.header == header


def test_the_newest_image_wins(rig: Any) -> None:
    for value in (1, 2, 3):
        rig.send(stamp=value / 10, value=value)
    assert rig.work() == 1
    assert rig.out.pictures[0].pixels[0, 0, 0] == 3
    assert rig.last.frames_dropped == 2
    assert rig.status('input').values['dropped: overwritten'] == '2'


def test_a_camera_of_30_images_per_second_and_a_tracker_of_5(rig: Any) -> None:
    """The image used is never older than two periods of the tracker, and nothing piles up."""
    rig.send()
    rig.started()
    period, cost = 1 / 30, 1 / 5
    sent, waits = 1, []
    rig.tracker.cost = cost
    tracemalloc.start()
    sizes = []
    for k in range(200):
        while sent * period <= rig.clock.passed:
            now = rig.clock.passed
            rig.clock.passed = sent * period  # when it arrived
            rig.send()
            rig.clock.passed = now
            sent += 1
        began = rig.clock.passed
        if not rig.logic.step():
            rig.clock.passed = sent * period
            continue
        waits.append(rig.last.age - (rig.clock.passed - began))
        if k in (100, 199):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    ages = [report.age for report in rig.out.reports[2:]]
    assert max(ages) < 2 * cost
    assert max(waits) <= period + 1e-9
    assert rig.last.frames_dropped > 4 * len(ages)
    assert sizes[1] - sizes[0] < 200_000  # the reports kept by this test


def test_after_a_stall_the_first_report_is_of_an_image_newer_than_the_stall(rig: Any) -> None:
    rig.send()
    rig.started()
    rig.clock.advance(0.1)
    rig.send()
    for k in range(60):  # two seconds pass within this update
        rig.clock.advance(1 / 30)
        rig.send(value=k)
    rig.work()
    assert rig.last.header.seconds == pytest.approx(rig.clock.now(), abs=0.04)
    assert rig.tracker.pixels[-1] == 59
    assert len(rig.tracker.named('update')) == 1


def test_an_image_that_waited_too_long_is_dropped(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(max_frame_age=0.5).up()
    rig.send()
    rig.clock.advance(0.51)
    assert rig.work() == 1
    assert rig.out.reports == []
    rig.send()
    rig.clock.advance(0.49)
    rig.work()
    assert rig.last.frames_dropped == 1
    assert rig.status('input').values['dropped: too_old'] == '1'
    for _ in range(30):
        rig.clock.advance(0.1)
        rig.send()
        rig.clock.advance(0.6)
        rig.work()
    told = [r for r in caplog.records if 'max_frame_age' in r.message]
    assert len(told) == 3  # in 21 seconds: not one for each


def test_the_same_stamp_twice_is_one_image(rig: Any) -> None:
    rig.send(stamp=1.0)
    rig.send(stamp=1.0)
    rig.work()
    assert len(rig.out.reports) == 1
    assert rig.last.frames_dropped == 1
    assert rig.status('input').values['dropped: duplicate'] == '1'


def test_an_overtaken_image_is_dropped(rig: Any) -> None:
    rig.send(stamp=5.0)
    rig.work()
    rig.send(stamp=4.0)
    assert rig.work() == 0
    assert rig.status('input').values['dropped: out_of_order'] == '1'
    rig.send(stamp=5.0 + 1e-9)
    assert rig.work() == 1


@pytest.mark.parametrize('policy', ['keep', 'clear'])
def test_stamps_that_jump_back_begin_anew(
    make_rig: MakeRig, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(time_jump=policy).up()
    rig.send(stamp=10.0)
    (own,) = rig.started()
    rig.send(stamp=10.5)
    rig.send(stamp=2.0, value=7)  # 10.5 had not been worked on
    for stamp in (10.0, 10.5):  # no longer kept
        assert rig.init(BOX, stamp=stamp).results[0].reason.name == 'STAMP_IN_FUTURE'
    rig.work()
    assert rig.last.header.seconds - rig.clock.offset == pytest.approx(2.0)
    assert rig.last.frames_dropped == 1
    assert rig.logic.targets == ((own,) if policy == 'keep' else ())
    assert [target.id for target in rig.last.targets] == ([own] if policy == 'keep' else [])
    assert rig.tracker.boxes.keys() == ({own} if policy == 'keep' else set())
    told = [r.message for r in caplog.records if 'went back by 8.500 s' in r.message]
    assert len(told) == 1
    assert ('kept' if policy == 'keep' else 'forgotten') in told[0]
    assert rig.status('input').values['time jumps'] == '1'


def test_a_bag_that_loops_is_tracked_in_every_round(rig: Any) -> None:
    rig.send(stamp=0.0)
    (own,) = rig.started()
    for _ in range(5):
        for k in range(30):
            rig.clock.advance(0.1)
            rig.send(stamp=k / 10 + 0.05)
            rig.work()
    assert len(rig.out.reports) == 2 + 150
    assert all([t.id for t in report.targets] == [own] for report in rig.out.reports[2:])


def test_images_without_stamp_are_tracked_by_their_arrival(
    rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rig.send(zero_stamp=True)
    (own,) = rig.started()
    for _ in range(4):
        rig.play(1, 0.25, zero_stamp=True)
    stamps = [call[2] for call in rig.tracker.named('update')]
    assert np.diff([0.0, *stamps]) == pytest.approx(0.25)
    assert rig.last.header == Header(0, 0, 'camera_optical_frame')
    assert rig.target(own).header == rig.last.header
    assert math.isnan(rig.last.latency)
    assert rig.status('input').values['without stamp'] == '5'
    assert sum('no stamp' in r.message for r in caplog.records) == 1


def test_the_tracker_goes_by_the_stamps_to_the_nanosecond(rig: Any) -> None:
    rig.send(stamp=0.0)
    rig.started()
    for k in range(1, 4):
        rig.send(stamp=3600.0 * k + k * 1e-9)
        rig.work()
    stamps = [call[2] for call in rig.tracker.named('update')]
    assert stamps == [3600.000000001, 7200.000000002, 10800.000000003]


def test_stamps_that_begin_late_go_on_where_the_arrivals_were(rig: Any) -> None:
    rig.send(zero_stamp=True)
    rig.started()
    rig.play(2, 0.5, zero_stamp=True)
    rig.play(2, 0.5)
    rig.play(1, 0.5, zero_stamp=True)
    stamps = [call[2] for call in rig.tracker.named('update')]
    assert stamps == pytest.approx([0.5, 1.0, 1.0, 1.5, 2.0])


def test_age_counts_from_arrival_and_latency_from_the_stamp(rig: Any) -> None:
    rig.clock.advance(2.0)
    rig.send(stamp=1.5)
    rig.clock.advance(0.25)
    rig.work()
    assert rig.last.age == pytest.approx(0.25)
    assert rig.last.latency == pytest.approx(0.75, abs=1e-5)


@pytest.mark.parametrize(
    ('offset', 'known'),
    [(0.0, True), (0.9, True), (1.1, False), (-59.0, True), (-61.0, False), (-1e9, False)],
)
def test_a_latency_that_says_that_clocks_differ_is_none(
    rig: Any, offset: float, known: bool
) -> None:
    rig.send(stamp=offset)
    rig.work()
    assert math.isnan(rig.last.latency) is not known


@pytest.mark.parametrize('stamp', [0.5, -11.0])
def test_clocks_that_differ_are_named_once(
    rig: Any, stamp: float, caplog: pytest.LogCaptureFixture
) -> None:
    for k in range(3):
        rig.send(stamp=stamp + k / 100)
        rig.work()
    assert len(rig.out.reports) == 3  # and drop nothing
    assert sum('clocks of camera and node differ' in r.message for r in caplog.records) == 1


def test_a_simulated_clock_that_has_not_begun_drops_nothing_and_is_named(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(max_frame_age=0.5).up()
    rig.clock.offset = 0.0
    rig.send()
    rig.play(2)
    assert len(rig.out.reports) == 2
    assert math.isnan(rig.last.latency)
    assert sum('use_sim_time' in r.message for r in caplog.records) == 1


@pytest.mark.parametrize(
    'changes',
    [
        {'encoding': 'pink8'},
        {'step': 3},
        {'data': np.zeros(5, np.uint8)},
        {'width': 0},
        {'height': 0},
        {'width': 2**31, 'step': 2**33},
    ],
)
def test_an_unusable_image_is_counted_named_once_and_harms_nothing(
    rig: Any, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rig.send()
    (own,) = rig.started()
    for _ in range(5):
        rig.send(**changes)
        rig.work()
    assert sum('are refused' in r.message for r in caplog.records) == 1
    status = rig.status('input')
    assert status.values['refused'] == status.values['dropped: refused'] == '5'
    assert status.level.name == 'WARN'
    rig.play(1)
    assert rig.last.frames_dropped == 5
    assert rig.target(own).state.name == 'TRACKING'
    rig.clock.advance(6)
    assert rig.status('input').level.name == 'OK'


def test_a_damaged_file_is_found_when_it_is_used(rig: Any, rigs: ModuleType) -> None:
    rig.send(**rigs.cut_jpeg())
    rig.work()
    assert rig.out.reports == []
    assert rig.status('input').values['refused'] == '1'
    assert rig.init(BOX).results[0].reason.name == 'NO_IMAGE'


def test_size_and_encoding_may_change_in_mid_stream(rig: Any) -> None:
    rig.send()
    rig.started()
    rig.play(1, width=32, height=24)
    assert (rig.last.image_width, rig.last.image_height) == (32, 24)
    data = np.zeros(64 * 48, np.uint8)
    rig.play(1, encoding='mono8', data=data, step=64)
    assert len(rig.out.reports) == 4
