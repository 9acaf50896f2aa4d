"""What goes to /diagnostics, from what stands on the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

from hit_rfgm_ros.runtime.camera_watch import explain, mismatch
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.loading import Loading
from hit_rfgm_ros.runtime.reports import Endpoint, Level, NodeState, Status
from hit_rfgm_ros.runtime.stats import Window

SHOWN = (50, 99)  # percentiles
RECENT = 5.0  # seconds that a refused image counts as news


def input_status(desk: Desk, publishers: Sequence[Endpoint]) -> Status:
    """The camera: rate, age, drops by cause, refused images by kind, publishers.

    Called with the lock held.
    """
    now = desk.clock.monotonic()
    camera, intake = desk.camera, desk.intake
    wrong = [
        f'{endpoint.node or "unnamed"}: {text}'
        for endpoint in publishers
        if (text := mismatch(endpoint, desk.params))
    ]
    values = {
        'topic': desk.topic,
        'rate': f'{camera.rate.per_second(now):.1f} Hz',
        'last image': 'none' if camera.last is None else f'{camera.silent(now):.2f} s ago',
        **_milliseconds('age at arrival', _both(desk.arrival_ages)),
        'accepted': str(intake.accepted),
        **_counts('dropped', intake.drops),
        **_counts('refused', intake.refused),
        'without stamp': str(intake.zero_stamps),
        'time jumps': str(intake.time_jumps),
        'history': f'{len(intake.history)} images, {intake.history.size / 1e6:.1f} MB',
        'camera_info': _calibration(desk),
        'publishers': str(len(publishers)),
        'publishers that do not match': '; '.join(wrong) or 'none',
    }
    level, message = _judge_input(desk, now, publishers, wrong)
    return Status('input', level, message, values, desk.topic)


def _judge_input(
    desk: Desk, now: float, publishers: Sequence[Endpoint], wrong: Sequence[str]
) -> tuple[Level, str]:
    camera = desk.camera
    if not desk.active:
        return Level.OK, 'not active'
    if camera.stopped:
        text = explain(publishers, desk.topic, desk.params)
        return Level.ERROR, f'no image for {camera.silent(now):.1f} s; {text}'
    if desk.refusal is not None and now - desk.refusal[0] < RECENT:
        return Level.WARN, f'images are refused: {desk.refusal[1]}'
    if wrong:
        return Level.WARN, f'a publisher does not match: {wrong[0]}'
    if desk.params.publish_bearing and camera.last is not None and not desk.calibration:
        return Level.WARN, 'publish_bearing is on, but no camera_info has arrived'
    if desk.paused:
        return Level.OK, 'paused'
    return Level.OK, 'images arrive' if camera.last is not None else 'waiting for the first image'


def tracker_status(desk: Desk) -> Status:
    """The targets and the time that each stage takes; called with the lock held."""
    now = desk.clock.monotonic()
    states = desk.book.states()
    waiting = states.pop('INITIALIZED', 0)
    values = {'targets': str(len(desk.book))}
    values |= {name: str(count) for name, count in sorted(states.items())}
    if waiting:
        values['INITIALIZED'] = str(waiting)
    values['output rate'] = f'{desk.outputs.per_second(now):.1f} Hz'
    values |= _milliseconds('age at output', _both(desk.ages))
    for stage, times in desk.stages.percentiles(*SHOWN).items():
        values |= _milliseconds(stage, times)
    values |= _memory(desk)
    values['paused'] = str(desk.paused).lower()
    failing = [entry for entry in desk.book if entry.failing_since is not None]
    if failing:
        text = f'the network fails on target {failing[0].id}: {failing[0].reason}'
        return Status('tracker', Level.WARN, text, values)
    if desk.memory.failure and len(desk.book):
        text = f'a memory could not be updated: {desk.memory.failure}'
        return Status('tracker', Level.WARN, text, values)
    listed = ', '.join(f'{count} {name}' for name, count in sorted(desk.book.states().items()))
    return Status('tracker', Level.OK, listed or 'no targets', values)


def _memory(desk: Desk) -> dict[str, str]:
    """Size and updates of the targets' memories; nothing where the network keeps none."""
    memory = desk.memory
    tokens = {str(entry.id): entry.memory_tokens for entry in desk.book if entry.memory_tokens}
    if not (tokens or memory.count or memory.failed):
        return {}
    sizes = ', '.join(f'{size} of target {own}' for own, size in tokens.items())
    return {
        'memory tokens': sizes or 'none',
        'memory updates': str(memory.count),
        'memory updates failed': str(memory.failed),
        **_milliseconds('memory update', _both(memory.times)),
    }


def backend_status(
    desk: Desk, loading: Loading | None, info: Mapping[str, object] | None
) -> Status:
    """The network: what runs it, why nothing faster does, how far loading is.

    Called with the lock held.

    Args:
        desk: the node.
        loading: under way or done; None while the node is not configured.
        info: of the loaded tracker; None before.
    """
    values = {'model': desk.params.model}
    device = ''
    if info is not None:
        values |= {name: str(value) for name, value in info.items()}
        device = str(info.get('device', ''))
    if desk.failure:
        return Status('backend', Level.ERROR, desk.failure, values, device)
    if info is not None:
        return Status('backend', Level.OK, _ready(desk.params.model, info), values, device)
    if loading is not None:
        return Status('backend', Level.WARN, f'loading: {loading}', values)
    text = 'ended' if desk.state is NodeState.FINALIZED else 'not configured'
    return Status('backend', Level.OK, text, values)


def _ready(model: str, info: Mapping[str, object]) -> str:
    parts = [str(info[name]) for name in ('backend', 'device', 'precision') if name in info]
    return f'{model} on {", ".join(parts)}' if parts else f'{model} is ready'


def _calibration(desk: Desk) -> str:
    if not desk.params.publish_bearing:
        return 'not used'
    return desk.calibration or 'none has arrived'


def _both(window: Window) -> tuple[float, ...]:
    return tuple(window.percentile(percent) for percent in SHOWN)


def _milliseconds(name: str, times: Sequence[float]) -> dict[str, str]:
    return {
        f'{name} p{percent}': 'unknown' if math.isnan(time) else f'{time * 1e3:.1f} ms'
        for percent, time in zip(SHOWN, times)
    }


def _counts(name: str, counts: Mapping[str, int]) -> dict[str, str]:
    shown = {name: str(sum(counts.values()))}
    return shown | {f'{name}: {cause}': str(count) for cause, count in sorted(counts.items())}
