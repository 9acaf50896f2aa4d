"""The thread that does the work."""

from collections.abc import Callable, Iterator
import time
from typing import Any

from hit_rfgm_ros.runtime.worker import Worker
from hit_rfgm_ros.types import Box
import pytest

BOX = Box(10, 8, 20, 16)


@pytest.fixture
def worker(rig: Any) -> Iterator[Worker]:
    made = Worker(rig.logic)
    made.start()
    yield made
    rig.tracker.gate.set()
    assert made.stop(20)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_it_works_on_what_comes(rig: Any, worker: Worker) -> None:
    rig.send()
    until(lambda: len(rig.out.reports) == 1)
    assert rig.init(BOX).success
    until(lambda: len(rig.out.reports) == 2)
    rig.clock.advance(0.1)
    rig.send()
    until(lambda: len(rig.out.reports) == 3)
    assert rig.target(1).box == Box(11, 8, 20, 16)


def test_an_image_is_taken_up_without_delay(rig: Any, worker: Worker) -> None:
    time.sleep(0.05)
    began = time.perf_counter()
    rig.send()
    until(lambda: bool(rig.out.reports))
    assert time.perf_counter() - began < 0.2  # it does not poll


def test_it_stops_at_once_and_starts_again(rig: Any, worker: Worker) -> None:
    began = time.perf_counter()
    assert worker.stop(2)
    assert time.perf_counter() - began < 0.2  # it is woken
    assert worker.stop(2)
    rig.send()
    worker.start()
    worker.start()
    until(lambda: bool(rig.out.reports))


def test_it_says_if_it_cannot_stop_because_the_network_hangs(rig: Any, worker: Worker) -> None:
    rig.send()
    rig.init(BOX)
    until(lambda: bool(rig.out.reports))
    rig.tracker.gate.clear()
    rig.clock.advance(0.1)
    rig.send()
    assert rig.tracker.inside.wait(20)
    assert not worker.stop(0.05)
    rig.logic.shutdown()  # does not wait for it
    rig.tracker.gate.set()
    assert worker.stop(20)
    assert len(rig.out.reports) == 2  # what it was at is not told


def test_a_bug_is_logged_and_told_and_does_not_end_the_thread(
    rig: Any, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(report: Any, picture: Any) -> None:
        raise AssertionError('never raise here')

    good = rig.out.report
    rig.out.report = broken
    rig.send()
    until(lambda: bool(rig.out.failures))
    assert rig.out.failures == ['internal error: AssertionError: never raise here']
    assert any(record.exc_info for record in caplog.records)
    rig.out.report = good
    rig.logic.cleanup()
    rig.up()
    rig.send()
    until(lambda: bool(rig.out.reports))


def test_it_may_be_stopped_by_what_it_calls(rig: Any, worker: Worker) -> None:
    stopped = []
    rig.out.failed = lambda reason: stopped.append(worker.stop(5))
    rig.out.report = None
    rig.send()
    until(lambda: stopped == [True])
