"""Thousands of random calls in any order and from many threads: one answer each, no id twice."""

from collections.abc import Callable
from contextlib import suppress
import math
import random
import threading
import time
from types import ModuleType
from typing import Any

from hit_rfgm_ros.errors import TrackerError
from hit_rfgm_ros.runtime.reports import BoxRequest, InitAnswer, InitRequest, NodeState, Reason
from hit_rfgm_ros.runtime.worker import Worker
from hit_rfgm_ros.types import Box
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

MakeRig = Callable[..., Any]

NUMBERS = st.one_of(st.floats(-20, 90), st.sampled_from([math.nan, math.inf, 0.0, -1e300, 1e308]))
BOXES = st.builds(Box, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
GOOD = st.builds(Box, st.floats(0, 40), st.floats(0, 30), st.floats(8, 20), st.floats(8, 16))
REQUESTS = st.builds(BoxRequest, st.one_of(GOOD, GOOD, BOXES), st.integers(0, 12), st.just('x'))


class Machine(RuleBasedStateMachine):
    """The node logic under random calls, against a model of its ids and its life."""

    make: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.rig = self.make(
            model='rfgm_t256',
            update_interval=2,
            max_targets=5,
            catch_up_budget=0.3,
            remove_lost_after=5.0,
        )
        self.given: set[int] = set()  # ids up to now
        self.alive: set[int] = set()
        self.seen = 0  # reports

    @rule()
    def configure(self) -> None:
        if self.rig.logic.state is not NodeState.UNCONFIGURED:
            return
        self.rig.logic.configure()
        assert self.rig.logic.wait_ready(20)

    @rule()
    def activate(self) -> None:
        try:
            self.rig.logic.activate()
            assert self.rig.logic.state is NodeState.ACTIVE
        except TrackerError:
            assert self.rig.logic.state is NodeState.UNCONFIGURED

    @rule()
    def bring_up(self) -> None:
        self.configure()
        self.activate()

    @rule()
    def deactivate(self) -> None:
        self.rig.logic.deactivate()
        assert self.rig.logic.state in (NodeState.INACTIVE, NodeState.UNCONFIGURED)

    @rule(sure=st.integers(0, 3))
    def cleanup(self, sure: int) -> None:
        if sure:
            return  # seldom
        self.rig.logic.cleanup()
        assert self.rig.logic.state is NodeState.UNCONFIGURED
        self.alive.clear()

    @rule(
        later=st.one_of(st.floats(0.001, 0.2), st.sampled_from([0.0, 0.033, 3.0])),
        back=st.sampled_from([0.0] * 8 + [0.5, 30.0]),
        kind=st.sampled_from(['good'] * 6 + ['zero', 'bad', 'cut']),
    )
    def image(self, later: float, back: float, kind: str) -> None:
        self.rig.clock.advance(later)
        changes = {'encoding': 'pink8'} if kind == 'bad' else {}
        if kind == 'cut':
            changes = CUT
        stamp = self.rig.clock.passed - back
        self.rig.send(stamp, zero_stamp=kind == 'zero', **changes)

    @rule(
        boxes=st.lists(REQUESTS, max_size=4),
        back=st.one_of(st.none(), st.floats(-0.1, 3.0)),
        replace_all=st.booleans(),
    )
    def init(self, boxes: list[BoxRequest], back: float | None, replace_all: bool) -> None:
        stamp = None if back is None else self.rig.clock.passed - back
        answer = self.rig.init(*boxes, stamp=stamp, replace_all=replace_all)
        check_answer(boxes, answer)
        good = [result.id for result in answer.results if result.success]
        assert len(set(good)) == len(good)
        if good and replace_all:
            self.alive.clear()
        for result, box in zip(answer.results, boxes):
            if result.success and not box.id:
                assert result.id > max(self.given, default=0)
                self.given.add(result.id)
        self.alive |= set(good)

    @rule(ids=st.lists(st.integers(0, 12), max_size=3))
    def remove(self, ids: list[int]) -> None:
        answer = self.rig.logic.remove_targets(ids)
        wanted = set(ids) if ids else set(self.alive)
        assert set(answer.removed) == wanted & self.alive
        assert set(answer.unknown) == wanted - self.alive
        self.alive -= wanted

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        done, text = self.rig.logic.pause(paused)
        assert done is (self.rig.logic.state is NodeState.ACTIVE)
        assert text

    @rule()
    def reset_memory(self) -> None:
        done, text = self.rig.logic.reset_memory()
        assert done is (self.rig.logic.state is not NodeState.UNCONFIGURED)
        assert text

    @rule(count=st.integers(1, 5))
    def step(self, count: int) -> None:
        for _ in range(count):
            self.rig.logic.step()

    @rule(failing=st.sets(st.integers(1, 12), max_size=3), cost=st.sampled_from([0.0, 0.02, 0.4]))
    def trouble(self, failing: set[int], cost: float) -> None:
        if self.rig.builder.trackers:
            tracker = self.rig.tracker
            tracker.failing, tracker.failing_starts, tracker.cost = failing, failing, cost
            tracker.failing_memories, tracker.memory_cost = failing, cost

    @rule(policy=st.sampled_from(['keep', 'clear']), age=st.sampled_from([0.0, 0.1]))
    def change(self, policy: str, age: float) -> None:
        params = self.rig.logic.params
        self.rig.logic.set_params(params.changed({'time_jump': policy, 'max_frame_age': age}))

    @rule()
    def watch(self) -> None:
        self.rig.logic.watch()
        for status in self.rig.logic.diagnostics():
            assert status.message

    @invariant()
    def ids_are_those_of_the_model(self) -> None:
        # a jump of the stamps or a long loss may forget targets, nothing may add any
        targets = set(self.rig.logic.targets)
        assert targets <= self.alive
        if targets != self.alive:
            assert 'clear' in self.rig.logic.params.time_jump or self.rig.clock.passed > 5
        self.alive = targets

    @invariant()
    def reports_are_sound(self) -> None:
        for report in self.rig.out.reports[self.seen :]:
            check_report(report, self.given)
        self.seen = len(self.rig.out.reports)

    def teardown(self) -> None:
        if self.rig.builder.trackers:
            self.rig.tracker.failing = self.rig.tracker.failing_starts = set()
        self.rig.logic.shutdown()
        self.rig.work()
        assert self.rig.logic.targets == ()


CUT: dict[str, Any] = {}


def check_answer(boxes: list[BoxRequest], answer: InitAnswer) -> None:
    assert len(answer.results) == len(boxes)
    for box, result in zip(boxes, answer.results):
        assert result.success == (result.reason in (Reason.OK, Reason.OK_CLIPPED))
        assert result.success == (result.id > 0)
        assert result.message
        assert result.reason is not Reason.INTERNAL_ERROR
        if result.success:
            assert box.id in (0, result.id)
            used = result.box_used.box
            assert used.x >= 0
            assert used.y >= 0
            assert used.x + used.width <= 64 + 1e-9
            assert used.y + used.height <= 48 + 1e-9


def check_report(report: Any, given: set[int]) -> None:
    ids = [target.id for target in report.targets]
    assert ids == sorted(set(ids))
    assert set(ids) <= given
    for target in report.targets:
        assert all(map(math.isfinite, (*target.box, target.confidence)))
        assert target.memory_tokens in (0, 64, 128, 192)
        assert (target.memory_tokens > 64) == (target.last_memory_update != (0, 0))
        assert bool(target.reason) or target.state.name in (
            'INITIALIZED',
            'TRACKING',
            'CATCHING_UP',
        )
        if target.state.name != 'CATCHING_UP':
            assert target.header == report.header


def test_thousands_of_random_calls_in_a_row(make_rig: MakeRig, rigs: ModuleType) -> None:
    CUT.update(rigs.cut_jpeg())
    machine = type('Machine', (Machine,), {'make': staticmethod(make_rig)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_thousands_of_random_calls_from_many_threads(make_rig: MakeRig) -> None:
    rig = make_rig(max_targets=5, catch_up_budget=0.05).up()
    worker = Worker(rig.logic)
    worker.start()
    answers: list[tuple[list[BoxRequest], InitAnswer]] = []
    errors: list[BaseException] = []
    slowest = [0.0]

    def call(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(250):
                began = time.perf_counter()
                one_call(rig, chance, answers)
                slowest[0] = max(slowest[0], time.perf_counter() - began)
        except Exception as error:
            rig.log.exception('a call failed')
            errors.append(error)

    threads = [threading.Thread(target=call, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), 'a deadlock'
    assert errors == []
    rig.logic.shutdown()
    assert worker.stop(20)
    assert slowest[0] < 1.0
    assert rig.out.failures == []
    given = [
        r.id for boxes, a in answers for b, r in zip(boxes, a.results) if r.success and not b.id
    ]
    assert len(set(given)) == len(given) > 50
    for boxes, answer in answers:
        check_answer(boxes, answer)
    for report in rig.out.reports:
        check_report(report, set(given))


def one_call(rig: Any, chance: random.Random, answers: list[Any]) -> None:
    what = chance.random()
    logic = rig.logic
    if what < 0.45:
        rig.clock.advance(chance.choice([0.001, 0.01, 0.03]))
        rig.send(value=chance.randrange(255))
    elif what < 0.75:
        boxes = [
            BoxRequest(Box(chance.uniform(-9, 60), 5, 20, 20), chance.choice([0, 0, 0, 1, 2, 3]))
            for _ in range(chance.randrange(4))
        ]
        sec, nanosec = 0, 0
        if chance.random() < 0.3:
            reports = rig.out.reports  # what an operator may have seen
            sec, nanosec, _ = reports[-1].header if reports else (0, 0, '')
        answer = logic.init_targets(InitRequest(tuple(boxes), sec, nanosec, chance.random() < 0.1))
        answers.append((boxes, answer))
    elif what < 0.85:
        logic.remove_targets([chance.randrange(1, 200) for _ in range(chance.randrange(3))])
    elif what < 0.95:
        chance.choice([logic.watch, logic.diagnostics, logic.reset_memory, logic.step])()
        logic.pause(chance.random() < 0.3)
    else:
        life(logic, chance)


def life(logic: Any, chance: random.Random) -> None:
    steps = [logic.deactivate, logic.activate, logic.cleanup, logic.configure, logic.activate]
    for act in steps[: chance.choice([2, 5])]:
        with suppress(TrackerError):  # another thread was faster
            act()
    logic.wait_ready(0.05)
