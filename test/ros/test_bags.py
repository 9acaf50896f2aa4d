"""Bags go both ways: ROS plays and lists ours, and we track through what ROS recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
from types import ModuleType

import hit_rfgm_ros
from hit_rfgm_ros.cli.main import main
from hit_rfgm_ros.data.golden import golden_frame
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('rosbag2_py', reason='needs rosbag2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.messages.client import frame_report
from hit_rfgm_ros.ros.fill import fill, message_class
from hit_rfgm_ros.ros.session import session
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from waiting import eventually

pytestmark = pytest.mark.ros

STORAGES = ['mcap', 'sqlite3']
BOX = golden_frame(0).box
INIT = ','.join(f'{value:g}' for value in BOX)
COUNT = 8


@pytest.fixture(scope='module')
def bags() -> ModuleType:
    """The helper of test/bag."""
    path = Path(__file__).parent.parent / 'bag' / 'bags.py'
    spec = spec_from_file_location('test_bags_helper', path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules['test_bags_helper'] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def node() -> Iterator[Node]:
    """A node that is spun in a thread."""
    with session(['test']):
        made = Node('test_bags')
        executor = SingleThreadedExecutor()
        executor.add_node(made)
        ended = threading.Event()

        def spin() -> None:
            while not ended.is_set():
                executor.spin_once(timeout_sec=0.05)

        thread = threading.Thread(target=spin)
        thread.start()
        yield made
        ended.set()
        thread.join()
        executor.shutdown()
        made.destroy_node()


def track(path: Path, out: Path) -> Path:
    """Track through a bag with our command."""
    with pytest.raises(SystemExit) as end:
        main(
            [
                *('bag', str(path), '--out', str(out), '--init', f'{INIT},ball'),
                *('--image-topic', '/camera/image_raw', '--backend', 'onnxruntime'),
                *('--threads', '1'),
            ]
        )
    assert not end.value.code
    return out


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A command that is ended with the test; signals to it are ours to send."""
    made = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield made
    finally:
        made.kill()
        made.communicate()


@pytest.mark.parametrize('storage', STORAGES)
def test_ros_lists_our_bag(bags: ModuleType, tmp_path: Path, storage: str) -> None:
    out = track(bags.write_bag(tmp_path / 'old', bags.recording(COUNT), storage), tmp_path / 'new')
    done = subprocess.run(
        ['ros2', 'bag', 'info', str(out)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    listed = set(re.findall(r'Topic: (\S+) \| Type: (\S+) \| Count: (\d+)', done.stdout))
    count = str(COUNT)
    assert listed == {
        ('/camera/image_raw', 'sensor_msgs/msg/Image', count),
        ('/words', 'std_msgs/msg/String', count),
        ('/tracker/targets', 'hit_rfgm_ros/msg/TrackedTargetArray', count),
        ('/tracker/detections', 'vision_msgs/msg/Detection2DArray', count),
        ('/tracker/image_annotated/compressed', 'sensor_msgs/msg/CompressedImage', count),
    }
    assert f'Storage id:        {storage}' in done.stdout


@pytest.mark.parametrize('storage', STORAGES)
def test_ros_plays_our_bag(bags: ModuleType, tmp_path: Path, node: Node, storage: str) -> None:
    out = track(bags.write_bag(tmp_path / 'old', bags.recording(COUNT), storage), tmp_path / 'new')
    heard: dict[str, list[object]] = {'targets': [], 'detections': []}
    for name, kind in (
        ('targets', 'hit_rfgm_ros/msg/TrackedTargetArray'),
        ('detections', 'vision_msgs/msg/Detection2DArray'),
    ):
        node.create_subscription(message_class(kind), f'/tracker/{name}', heard[name].append, 10)
    with process('ros2', 'bag', 'play', str(out), '--delay', '3') as player:
        said, _ = player.communicate(timeout=60)
    assert player.returncode == 0, said
    eventually(lambda: len(heard['targets']) == len(heard['detections']) == COUNT, doing=said)
    expected = [frame_report(m.value) for m in bags.read_bag(out, '/tracker/targets')]
    assert [frame_report(message) for message in heard['targets']] == expected


@pytest.mark.parametrize('storage', STORAGES)
def test_we_track_through_a_bag_that_ros_recorded(
    bags: ModuleType, tmp_path: Path, node: Node, storage: str
) -> None:
    recorded = tmp_path / 'recorded'
    kind = message_class('sensor_msgs/msg/Image')
    publisher = node.create_publisher(kind, '/camera/image_raw', 10)
    command = ['ros2', 'bag', 'record', '-s', storage, '-o', str(recorded), '/camera/image_raw']
    with process(*command) as recorder:
        eventually(lambda: publisher.get_subscription_count() == 1, doing='recorder')
        for index in range(COUNT):
            pixels = bags.picture(index)
            fields = {
                'header': bags.header(bags.stamp_of(index)),
                'height': pixels.shape[0],
                'width': pixels.shape[1],
                'encoding': 'rgb8',
                'step': 3 * pixels.shape[1],
                'data': pixels.reshape(-1),
            }
            publisher.publish(fill(kind(), fields))
            # The recorder stores what it has heard in its own time.
            rclpy.clock.Clock().sleep_for(rclpy.duration.Duration(seconds=0.05))
        rclpy.clock.Clock().sleep_for(rclpy.duration.Duration(seconds=0.5))
        recorder.send_signal(signal.SIGINT)
        said, _ = recorder.communicate(timeout=30)
    assert (recorded / 'metadata.yaml').is_file(), said
    out = track(recorded, tmp_path / 'new')
    given = [frame_report(m.value) for m in bags.read_bag(out, '/tracker/targets')]
    assert [report.header.stamp_ns for report in given] == [
        bags.stamp_of(index) for index in range(COUNT)
    ]
    tracker = hit_rfgm_ros.create_tracker('hit_tiny', backend='onnxruntime', threads=1)
    expected = [tracker.init(bags.picture(0), BOX, stamp=0.0).box]
    for index in range(1, COUNT):
        stamp = (bags.stamp_of(index) - bags.stamp_of(0)) / 1e9
        expected.append(tracker.update(bags.picture(index), stamp=stamp).box)
    assert [report.targets[0].box for report in given] == expected
    assert np.isfinite([tuple(box) for box in expected]).all()
