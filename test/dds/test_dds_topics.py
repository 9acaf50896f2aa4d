"""Publishers and subscriptions of nodes on the wire, timers, callbacks that fail."""

from collections.abc import Callable
import gc
import logging
from pathlib import Path
import threading
import time
from typing import Any

from hit_rfgm_ros.errors import ConfigError, HitRfgmError
from hit_rfgm_ros.nodes.host import QoS
import numpy as np
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds.binding import DdsError

IMAGE = 'sensor_msgs/msg/Image'
TEXT = 'std_msgs/msg/String'
SENSOR = QoS(depth=1, reliable=False)

Make = Callable[..., Any]
Until = Callable[..., Any]


def test_messages_go_both_ways(make_host: Make, until: Until) -> None:
    nodes = make_host('a'), make_host('b')
    for sender, receiver in (nodes, nodes[::-1]):
        topic = f'{sender.name}_to'
        got: list[Any] = []
        receiver.subscription(topic, TEXT, QoS(), got.append)
        publisher = sender.publisher(topic, TEXT, QoS())
        until(publisher.subscribers)
        for number in range(5):
            publisher.publish({'data': f'Nachricht {number} für dich'})
        until(lambda got=got: len(got) == 5)
        assert [message.data for message in got] == [f'Nachricht {n} für dich' for n in range(5)]


@pytest.mark.parametrize('padding', [0, 1, 7])
def test_an_image_keeps_header_step_and_pixels(
    make_host: Make, until: Until, padding: int
) -> None:
    got: list[Any] = []
    make_host('b').subscription('image_raw', IMAGE, SENSOR, got.append)
    publisher = make_host('a').publisher('image_raw', IMAGE, QoS(depth=5))
    until(publisher.subscribers)
    step = 3 * 33 + padding
    pixels = np.random.default_rng(1).integers(0, 256, (21, step), np.uint8)
    publisher.publish({
        'header': {'stamp': {'sec': 2**31 - 1, 'nanosec': 999_999_999}, 'frame_id': 'cam/öptic'},
        'height': 21, 'width': 33, 'encoding': 'rgb8', 'step': step, 'data': pixels,
    })  # fmt: skip
    (image,) = until(lambda: got)
    assert (image.header.stamp.sec, image.header.stamp.nanosec) == (2**31 - 1, 999_999_999)
    assert image.header.frame_id == 'cam/öptic'
    assert (image.height, image.width, image.step, image.encoding) == (21, 33, step, 'rgb8')
    assert np.array_equal(image.data.reshape(21, step), pixels)


def test_a_large_image_is_handled_as_a_whole(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    make_host('b').subscription('image_raw', IMAGE, SENSOR, got.append)
    publisher = make_host('a').publisher('image_raw', IMAGE, QoS(depth=1))
    until(publisher.subscribers)
    pixels = np.zeros((1080, 1920, 3), np.uint8)
    pixels[-1, -1] = 1, 2, 3
    began = time.thread_time()
    publisher.publish({'height': 1080, 'width': 1920, 'step': 5760, 'data': pixels})
    # Element by element it would be ten times as much.
    assert time.thread_time() - began < 0.1
    (image,) = until(lambda: got)
    assert image.data[-3:].tolist() == [1, 2, 3]
    assert image.data.base is not None  # a view of what came in


def test_late_joiners_get_the_last_messages_of_latched_topics(
    make_host: Make, until: Until
) -> None:
    latched = QoS(depth=2, transient_local=True)
    publisher = make_host('a').publisher('~/model_info', TEXT, latched)
    for text in ('old', 'middle', 'new'):
        publisher.publish({'data': text})
    got: list[Any] = []
    make_host('b').subscription('/a/model_info', TEXT, latched, got.append)
    until(lambda: len(got) == 2)
    assert [message.data for message in got] == ['middle', 'new']


def test_namespaces_keep_nodes_apart(make_host: Make, until: Until) -> None:
    got: dict[str, list[str]] = {'left': [], 'right': []}
    publishers = {}
    for side, texts in got.items():
        host = make_host('tracker', namespace=side)
        assert host.name == f'/{side}/tracker'
        host.subscription(
            'chatter', TEXT, QoS(), lambda message, texts=texts: texts.append(message.data)
        )
        publishers[side] = host.publisher('chatter', TEXT, QoS())
    for side, publisher in publishers.items():
        until(publisher.subscribers)
        publisher.publish({'data': side})
    until(lambda: all(got.values()))
    time.sleep(0.05)
    assert got == {'left': ['left'], 'right': ['right']}


def test_remapped_topics_meet(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    host = make_host('b', remappings={'image_raw': '/front/camera'})
    host.subscription('image_raw', TEXT, QoS(), got.append)
    publisher = make_host('camera', namespace='front').publisher('camera', TEXT, QoS())
    until(publisher.subscribers)
    publisher.publish({'data': 'x'})
    until(lambda: got)
    assert host.resolve('image_raw') == '/front/camera'


def test_a_failing_callback_is_logged_and_ends_nothing(
    make_host: Make, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    got = []

    def callback(message: Any) -> None:
        got.append(message.data)
        if message.data == 'bad':
            raise ZeroDivisionError('of the test')
        if message.data == 'refused':
            raise HitRfgmError('said the test')

    host = make_host()
    host.subscription('chatter', TEXT, QoS(), callback)
    publisher = make_host('other').publisher('chatter', TEXT, QoS())
    until(publisher.subscribers)
    for text in ('bad', 'refused', 'good'):
        publisher.publish({'data': text})
    until(lambda: got == ['bad', 'refused', 'good'])
    assert 'ZeroDivisionError: of the test' in caplog.text
    assert 'said the test' in caplog.text


def test_a_flood_of_failures_is_not_a_flood_of_lines(
    make_host: Make, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    got = []

    def callback(message: Any) -> None:
        got.append(message)
        raise HitRfgmError('no')

    make_host().subscription('chatter', TEXT, QoS(depth=100), callback)
    publisher = make_host('other').publisher('chatter', TEXT, QoS(depth=100))
    until(publisher.subscribers)
    for _ in range(50):
        publisher.publish({'data': ''})
    until(lambda: len(got) == 50)
    assert sum(record.levelno == logging.WARNING for record in caplog.records) <= 3


def test_a_closed_subscription_hears_nothing(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    kept: list[Any] = []
    host = make_host()
    subscription = host.subscription('chatter', TEXT, QoS(), got.append)
    host.subscription('chatter', TEXT, QoS(), kept.append)
    publisher = make_host('other').publisher('chatter', TEXT, QoS())
    until(lambda: publisher.subscribers() == 2)
    subscription.close()
    subscription.close()
    until(lambda: publisher.subscribers() == 1)
    publisher.publish({'data': ''})
    until(lambda: kept)
    assert not got


def test_a_subscription_may_be_closed_in_its_own_callback(make_host: Make, until: Until) -> None:
    host = make_host()
    got: list[Any] = []
    subscription = host.subscription(
        'chatter', TEXT, QoS(), lambda message: (got.append(message), subscription.close())
    )
    publisher = make_host('other').publisher('chatter', TEXT, QoS())
    until(publisher.subscribers)
    publisher.publish({'data': ''})
    until(lambda: got)
    until(lambda: publisher.subscribers() == 0)


def test_a_closed_publisher_refuses(make_host: Make) -> None:
    publisher = make_host().publisher('chatter', TEXT, QoS())
    publisher.close()
    publisher.close()
    assert publisher.subscribers() == 0
    with pytest.raises(DdsError, match='sending failed'):
        publisher.publish({'data': ''})


def test_a_topic_can_have_one_type_only_in_a_name(make_host: Make) -> None:
    host = make_host()
    with pytest.raises(ConfigError, match='not known'):
        host.publisher('chatter', 'std_msgs/msg/Nonsense', QoS())
    with pytest.raises(ConfigError, match='name'):
        host.publisher('chat ter', TEXT, QoS())


def test_publishing_from_many_threads(make_host: Make, until: Until) -> None:
    got: list[Any] = []
    make_host('b').subscription('chatter', TEXT, QoS(depth=1000), got.append)
    publisher = make_host('a').publisher('chatter', TEXT, QoS(depth=1000))
    until(publisher.subscribers)

    def send() -> None:
        for _ in range(50):
            publisher.publish({'data': 'x' * 100})

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(got) == 200)


def test_timers_repeat_and_stop(make_host: Make, until: Until) -> None:
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(time.monotonic())
        raise ZeroDivisionError('must not stop it')

    timer = make_host().timer(0.02, tick)
    began = time.monotonic()
    until(lambda: len(ticks) >= 5)
    assert ticks[0] - began > 0.01
    assert ticks[4] - began > 0.08
    timer.close()
    timer.close()
    time.sleep(0.03)
    count = len(ticks)
    time.sleep(0.1)
    assert len(ticks) == count


def test_a_host_closes_quickly_and_twice(make_host: Make) -> None:
    host = make_host()
    host.subscription('chatter', TEXT, QoS(), lambda _: None)
    host.service('~/x', 'std_srvs/srv/Trigger', lambda _: {})
    host.timer(10.0, lambda: None)
    spinning = threading.Thread(target=host.spin)
    spinning.start()
    began = time.monotonic()
    host.close()
    host.close()
    spinning.join(5.0)
    assert not spinning.is_alive()
    assert time.monotonic() - began < 2.0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith('dds')]


def test_a_host_may_close_in_its_own_callback(make_host: Make) -> None:
    host = make_host()
    host.timer(0.01, host.close)
    host.spin()


def test_ten_lives_of_a_host_leave_nothing(make_host: Make) -> None:
    for _ in range(10):
        host = make_host()
        host.subscription('chatter', TEXT, QoS(), lambda _: None)
        host.close()
    assert threading.active_count() < 5


@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='needs /proc')
def test_two_thousand_messages_leave_no_trace(make_host: Make, until: Until) -> None:
    count = [0]

    def callback(_message: Any) -> None:
        count[0] += 1

    make_host('b').subscription('image_raw', IMAGE, QoS(depth=10), callback)
    publisher = make_host('a').publisher('image_raw', IMAGE, QoS(depth=10))
    until(publisher.subscribers)
    pixels = np.zeros(100_000, np.uint8)

    def send(number: int) -> None:
        for _ in range(number):
            before = count[0]
            publisher.publish({'data': pixels})
            until(lambda before=before: count[0] > before)
        gc.collect()

    send(200)
    before = resident()
    send(2000)
    # A leak of the messages would be 200 MB.
    assert resident() - before < 20e6


def resident() -> float:
    """Memory of this process in bytes."""
    return int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1]) * 4096.0
