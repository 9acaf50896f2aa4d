"""The relay that spoils images: it passes on, spoils when told to, and ends when told to."""

from collections.abc import Callable
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

IMAGE = 'sensor_msgs/msg/Image'


@pytest.fixture
def relay(new_domain: int, repository: Any) -> Any:
    command = [sys.executable, str(repository / 'test/tools/fault_relay.py'), '--every', '0']
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_images_pass_or_are_spoilt_as_told(
    make_host: Callable[..., Any], until: Callable[..., Any], relay: Any
) -> None:
    from hit_rfgm_ros.nodes.host import QoS

    host = make_host('camera')
    got: list[Any] = []
    host.subscription('/faulty/image_raw', IMAGE, QoS(depth=100), got.append)
    images = host.publisher('/image_raw', IMAGE, QoS(depth=100))
    faults = host.publisher('/fault_relay/fault', 'std_msgs/msg/String', QoS())
    until(lambda: images.subscribers() and faults.subscribers(), 30.0)
    picture = np.arange(48, dtype=np.uint8)
    image = {'height': 4, 'width': 4, 'step': 12, 'encoding': 'rgb8', 'data': picture}

    def passed() -> bool:
        images.publish(image)
        return bool(got)

    until(passed, 30.0)
    assert bytes(got[0].data) == picture.tobytes()
    assert relay.stdout.readline().startswith(b'{"time"')
    faults.publish({'data': 'no such fault'})
    faults.publish({'data': 'black'})
    assert b'"fault": "black"' in relay.stdout.readline()

    def black() -> bool:
        images.publish(image)
        return bytes(got[-1].data) == bytes(48)

    until(black, 30.0)
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(10) == 0
