"""Nodes in several processes, some of which are killed."""

from collections.abc import Callable, Iterator
import os
import signal
import subprocess
import sys
import time
from typing import Any

from hit_rfgm_ros.nodes.host import QoS
import numpy as np
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

IMAGE = 'sensor_msgs/msg/Image'
BOOL = 'std_srvs/srv/SetBool'

# What the other process does: an image every 10 ms, and a service.
PEER = """
import signal
import numpy as np
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.nodes.host import QoS
signal.signal(signal.SIGINT, signal.default_int_handler)
host = DdsHost('peer')
images = host.publisher('image_raw', 'sensor_msgs/msg/Image', QoS(5))
pixels = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)
count = [0]
def show():
    count[0] += 1
    images.publish({'header': {'stamp': {'sec': count[0]}}, 'height': 48, 'width': 64,
                    'encoding': 'mono8', 'step': 64, 'data': pixels})
host.timer(0.01, show)
host.service('~/set', 'std_srvs/srv/SetBool', lambda request: {'success': request.data})
host.subscription('big', 'sensor_msgs/msg/Image', QoS(10), lambda image: None)
print('up', flush=True)
try:
    host.spin()
except KeyboardInterrupt:
    host.close()
    print('closed', flush=True)
"""

Make = Callable[..., Any]
Until = Callable[..., Any]


@pytest.fixture
def start(new_domain: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Starts peers; those left over are killed."""
    # A peer that is killed counts as gone after this time; usually it is ten seconds.
    monkeypatch.setenv(
        'CYCLONEDDS_URI',
        '<CycloneDDS><Domain><Discovery><LeaseDuration>1s</LeaseDuration></Discovery>'
        '</Domain></CycloneDDS>',
    )
    started = []

    def run() -> Any:
        peer = subprocess.Popen([sys.executable, '-c', PEER], stdout=subprocess.PIPE, text=True)
        started.append(peer)
        assert peer.stdout is not None
        assert peer.stdout.readline() == 'up\n'
        return peer

    yield run
    for peer in started:
        if peer.poll() is None:
            peer.kill()
        peer.wait()
        peer.stdout.close()


def test_images_and_calls_cross_processes(start: Any, make_host: Make, until: Until) -> None:
    start()
    host = make_host()
    got: list[Any] = []
    host.subscription('image_raw', IMAGE, QoS(1, False), got.append)
    client = host.client('/peer/set', BOOL)
    assert client.call({'data': True}, 10.0).success
    until(lambda: len(got) > 20)
    stamps = [image.header.stamp.sec for image in got]
    assert stamps == sorted(stamps)
    assert np.array_equal(got[-1].data, np.arange(64 * 48, dtype=np.uint8))


def test_a_peer_that_leaves_is_gone_at_once(start: Any, make_host: Make, until: Until) -> None:
    peer = start()
    host = make_host()
    until(lambda: host.publishers_on('image_raw'))
    peer.send_signal(signal.SIGINT)
    assert peer.stdout.readline() == 'closed\n'
    assert peer.wait(5) == 0
    until(lambda: not host.publishers_on('image_raw'), 0.8)


def test_a_killed_peer_does_no_harm(start: Any, make_host: Make, until: Until) -> None:
    first = start()
    host = make_host()
    got: list[Any] = []
    host.subscription('image_raw', IMAGE, QoS(1, False), got.append)
    client = host.client('/peer/set', BOOL)
    until(lambda: got)
    assert client.wait(10.0)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    with pytest.raises(TimeoutError):
        client.call({'data': True}, 0.2)
    # It is found out, and a new one takes its place.
    until(lambda: not host.publishers_on('image_raw'))
    start()
    count = len(got)
    until(lambda: len(got) > count)
    assert client.call({'data': True}, 10.0).success


@pytest.mark.parametrize('depth', [1, 10])
def test_a_stopped_subscriber_does_not_hold_up_the_publisher(
    start: Any, make_host: Make, until: Until, depth: int
) -> None:
    peer = start()
    publisher = make_host().publisher('big', IMAGE, QoS(depth))
    until(publisher.subscribers)
    pixels = np.zeros((480, 640, 3), np.uint8)
    publisher.publish({'data': pixels})
    peer.send_signal(signal.SIGSTOP)
    durations = []
    for _ in range(60):
        began = time.monotonic()
        publisher.publish({'data': pixels})
        durations.append(time.monotonic() - began)
        time.sleep(0.01)
    peer.send_signal(signal.SIGCONT)
    assert sorted(durations)[30] < 0.03


def test_a_killed_subscriber_does_not_hold_up_the_publisher(
    start: Any, make_host: Make, until: Until
) -> None:
    peer = start()
    publisher = make_host().publisher('big', IMAGE, QoS(1))
    until(publisher.subscribers)
    peer.kill()
    pixels = np.zeros((480, 640, 3), np.uint8)
    began = time.monotonic()
    for _ in range(20):
        publisher.publish({'data': pixels})
    assert time.monotonic() - began < 2.0
    until(lambda: publisher.subscribers() == 0)
