"""The demo as a robot would have it: camera, tracker node and client in three processes over DDS.

Nothing leaves this machine: discovery is limited to it, without multicast, in a DDS domain and a
namespace of the demo's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
import json
import os
from pathlib import Path
import queue
import tempfile
import time
from typing import Any

import click
from hit_rfgm_ros.cli.children import Child, ChildError
from hit_rfgm_ros.cli.demo_recorder import Recorder
from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.node_options import NodeSettings
from hit_rfgm_ros.cli.running import open_host
from hit_rfgm_ros.cli.session import Outcome, Session, open_outputs, overlaps_of, plot_outcome
from hit_rfgm_ros.cli.tracker_options import TrackerSettings
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.data.scene import Scene
from hit_rfgm_ros.messages.client import frame_report
from hit_rfgm_ros.messages.values import read_header
from hit_rfgm_ros.nodes.host import Host, QoS
from hit_rfgm_ros.nodes.init_call import call_init
from hit_rfgm_ros.nodes.picture_codec import OwnCodec
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.reports import BoxRequest, Header, InitRequest, Level, Reason
import numpy as np

READY_WITHIN = 300.0  # seconds: the first time engines are built and checked
SILENCE = 20.0  # seconds without an image or a box while the camera runs
QUIET_END = 1.5  # seconds after the camera has ended
_DOMAINS = (60, 99)  # those of the demo; ports above belong to the system's short-lived ones
_WAITING = 150  # images and boxes; above it images are let go, and drawn again later
_RETRY = (Reason.NO_IMAGE, Reason.STAMP_IN_FUTURE, Reason.STAMP_NOT_IN_HISTORY)


def run_loop(session: Session, scene: Scene, source: str) -> tuple[Outcome, Recorder]:
    """Run the three processes, and write what the session asks for.

    Args:
        session: `Session.frames` is not used.
        scene: the same that the camera plays.
        source: its name for ``hit-rfgm play``.

    Returns:
        What came of the processed frames, and all of it frame by frame.

    Raises:
        ChildError: if one of the processes fails; its last lines are shown.
        HitRfgmError: of the tracker node or the files.
        KeyboardInterrupt: after Ctrl-C before the first frame.
    """
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        stack.enter_context(_only_this_machine())
        domain, namespace = _place()
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='hit_rfgm_demo_')))
        common = ['--domain', str(domain), '--namespace']
        topic = f'/{namespace}/camera/image_raw'
        click.echo('Starting the tracker node ...', err=True)
        parameters = [
            word for pair in parameters_of(session.settings) for word in ('--param', pair)
        ]
        tracker = stack.enter_context(
            Child(
                'tracker',
                ['node', *common, namespace, '--remap', f'image_raw:={topic}', *parameters],
                logs / 'tracker.log',
            )
        )
        host = stack.enter_context(
            closing(open_host(NodeSettings('client', namespace, {}, domain, 'warn')))
        )
        client = _Client(host, topic)
        info = client.wait_ready(tracker, interruption)
        click.echo('Starting the camera ...', err=True)
        camera = stack.enter_context(
            Child(
                'camera',
                ['play', source, *common, f'{namespace}/camera', '--stamp', 'file'],
                logs / 'camera.log',
            )
        )
        return _record(session, scene, client, info, [tracker, camera], interruption)


def parameters_of(settings: TrackerSettings) -> Iterator[str]:
    """The options of a tracker as parameters ``name=value`` of the node.

    Raises:
        click.UsageError: for an option that the node does not have, or a value that it refuses.
    """
    values = {
        'model': settings.model,
        'weights': settings.weights or '',
        'backend': settings.backend,
        'device': settings.device,
        'precision': settings.precision,
        'paper_mode': settings.paper_mode,
        'num_threads': settings.threads,
        'max_targets': 1,
        # No image shall be lost on the way: those that are dropped, the tracker had no time for.
        'image_reliability': 'reliable',
        **settings.options,
    }
    for name in settings.options:
        if name not in TRACKER_TABLE:
            flag = '--' + name.replace('_', '-')
            raise click.UsageError(
                f'{flag} is no parameter of the tracker node; add --single-process.'
            )
    with wrong_use():
        TrackerParams.from_values(values)
    for name, value in values.items():
        yield f'{name}={str(value).lower() if isinstance(value, bool) else value}'


class _Client:
    """Listens to camera and tracker, and starts the target.

    Attributes:
        events: ``(kind, message, arrival)`` as they come in, kind ``image`` or ``report``.
    """

    def __init__(self, host: Host, image_topic: str) -> None:
        self.events: queue.Queue[tuple[str, Any, float]] = queue.Queue()
        self._host = host
        self._info: queue.Queue[Any] = queue.Queue()
        self._failure = ''
        host.subscription(
            'tracker/model_info',
            'std_msgs/msg/String',
            QoS(depth=1, transient_local=True),
            self._info.put,
        )
        host.subscription(
            '/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', QoS(depth=10), self._diagnose
        )
        for kind, topic, type_name in (
            ('report', 'tracker/targets', 'hit_rfgm_ros/msg/TrackedTargetArray'),
            ('image', image_topic, 'sensor_msgs/msg/Image'),
        ):
            host.subscription(topic, type_name, QoS(depth=10), self._put(kind))

    def wait_ready(self, tracker: Child, interruption: Interruption) -> dict[str, Any]:
        """What the node says of its network, once it is loaded."""
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            if interruption.requested:
                raise KeyboardInterrupt
            try:
                info: dict[str, Any] = json.loads(self._info.get(timeout=0.1).data)
            except queue.Empty:
                _check(tracker)
                if self._failure:
                    raise ChildError(self._failure) from None
            else:
                return info
        tracker.show_log()
        raise ChildError(f'the tracker node was not ready after {READY_WITHIN:g} s')

    def init(self, header: Header, session: Session) -> int:
        """Start the target on the frame with that header; its id."""
        request = InitRequest((BoxRequest(session.box),), header.sec, header.nanosec)
        until = time.monotonic() + 2.0
        while True:
            (result,) = call_init(self._host, 'tracker', request, timeout=10.0).results
            if result.success:
                return result.id
            # The image may be on its way to the tracker still.
            if result.reason not in _RETRY or time.monotonic() > until:
                raise ChildError(f'the tracker node refused the first box: {result.message}')
            time.sleep(0.03)

    def _diagnose(self, message: Any) -> None:
        """The node lives on when its network cannot be loaded, and tells so."""
        backend = f'{self._host.resolve("tracker")}: backend'
        for status in message.status:
            if status.name == backend and status.level >= Level.ERROR:
                self._failure = status.message

    def _put(self, kind: str) -> Callable[[Any], None]:
        def put(message: Any) -> None:
            # An image can be drawn again, boxes cannot.
            if kind == 'report' or self.events.qsize() < _WAITING:
                self.events.put((kind, message, time.time()))

        return put


def _record(
    session: Session,
    scene: Scene,
    client: _Client,
    info: dict[str, Any],
    children: list[Child],
    interruption: Interruption,
) -> tuple[Outcome, Recorder]:
    files = open_outputs(session, info['backend'])
    recorder = Recorder(scene, files.outputs)
    began = time.perf_counter()
    with files:
        _follow(session, client, recorder, children, interruption)
        if not interruption.requested:
            recorder.finish()
        if not recorder.steps:
            if interruption.requested:
                raise KeyboardInterrupt
            children[-1].show_log()
            raise ChildError('not one box came back from the tracker node')
        outcome = Outcome(
            recorder.steps,
            None if session.truth is None else overlaps_of(recorder.steps, session.truth),
            f'{info["backend"]} on {info["device"]} in {info["precision"]}',
            str(info.get('choice', '')),
            time.perf_counter() - began,
            interruption.requested,
        )
        if files.key_frames is not None:
            plot_outcome(session, outcome, files.key_frames)
    return outcome, recorder


def _follow(
    session: Session,
    client: _Client,
    recorder: Recorder,
    children: list[Child],
    interruption: Interruption,
) -> None:
    """Take in images and boxes until the camera has ended and all has come."""
    codec = OwnCodec()
    target = 0
    last = time.monotonic()
    while not interruption.requested:
        if _is_over(children, time.monotonic() - last):
            return
        try:
            kind, message, arrival = client.events.get(timeout=0.1)
        except queue.Empty:
            continue
        last = time.monotonic()
        if kind == 'report':
            recorder.take_report(frame_report(message), target, arrival)
            if len(recorder.timeline) == session.total:
                return
            continue
        header = read_header(message.header)
        recorder.take_image(
            recorder.number_of(header.stamp_ns),
            np.ascontiguousarray(codec.picture(message, compressed=False)),
        )
        if not target:
            target = client.init(header, session)


def _is_over(children: list[Child], silence: float) -> bool:
    for child in children:
        child.check()
    tracker, camera = children
    _check(tracker)
    if camera.status == 0:
        return silence > QUIET_END
    if silence > SILENCE:
        tracker.show_log()
        camera.show_log()
        raise ChildError(f'neither image nor box came for {SILENCE:g} s')
    return False


def _check(tracker: Child) -> None:
    """The tracker must go on, and has not even ended in peace."""
    tracker.check()
    if tracker.status is not None:
        tracker.show_log()
        raise ChildError('the tracker process ended before its time')


def _place() -> tuple[int, str]:
    """A domain that others do not use, and a namespace that no other demo has."""
    first, last = _DOMAINS
    return first + os.getpid() % (last - first + 1), f'demo_{os.getpid()}'


@contextmanager
def _only_this_machine() -> Iterator[None]:
    """Keep DDS of this process and its children on this machine."""
    before = dict(os.environ)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    for name in ('ROS_LOCALHOST_ONLY', 'ROS_STATIC_PEERS', 'ROS_DOMAIN_ID', 'CYCLONEDDS_URI'):
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
