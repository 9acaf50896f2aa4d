"""A box by mouse or as numbers, sent to a real tracker node on DDS."""

from collections.abc import Callable, Iterator
import threading
import time
from typing import Any

import cv2
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.dds.graph import observe
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.messages.reports import compressed_message, image_message
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.nodes.init_call import SERVICE_TYPE, CallError
from hit_rfgm_ros.nodes.select_target import SelectError, TargetSelector
from hit_rfgm_ros.nodes.selection import Selection
from hit_rfgm_ros.runtime.select_params import SelectParams
import numpy as np
import pytest

BOX = tuple(golden_frame(0).box)


@pytest.fixture
def operator(node_domain: int) -> Iterator[DdsHost]:
    host = DdsHost('select_target', domain=node_domain)
    yield host
    host.close()


def run(host: DdsHost, said: list[str], window: Any = None, **values: Any) -> int:
    params = SelectParams.from_values({'timeout': 8.0, **values})
    return TargetSelector(host, params, say=said.append, window=window).run()


def hand(*places: tuple[float, float], key: str = 'enter') -> Callable[[Selection], None]:
    """Somebody at the window: drags over the places, then presses a key."""

    def at_the_window(selection: Selection) -> None:
        while selection.render() is None:
            time.sleep(0.01)
        if places:
            selection.press(*places[0])
            for place in places[1:]:
                selection.move(*place)
                selection.render()
                time.sleep(0.05)
            selection.release(*places[-1])
        selection.key(key)

    return at_the_window


class Camera:
    """Shows the golden sequence until it is told to stop."""

    def __init__(self, bench: Any, *, compressed: bool = False) -> None:
        self._bench = bench
        self._end = threading.Event()
        self._compressed = None
        if compressed:
            self._compressed = bench.other.publisher(
                'image_raw/compressed', 'sensor_msgs/msg/CompressedImage', QoS(5)
            )
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 0
        while not self._end.wait(0.1):
            own, image = self._bench.header(number), golden_frame(number % 120).image
            self._bench.images.publish(image_message(own, image, 'rgb8'))
            if self._compressed is not None:
                data = cv2.imencode('.jpg', image[..., ::-1])[1]
                self._compressed.publish(compressed_message(own, np.ravel(data), 'jpeg'))
            number += 1

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def test_a_box_as_numbers_starts_a_target_on_the_newest_image(
    bench: Any, operator: DdsHost
) -> None:
    bench.show(0)
    said: list[str] = []
    assert run(operator, said, box=BOX, label='cup') == 0
    (array,) = bench.wait(lambda: [a for a in bench.arrays if a.targets][:1], 'the target')
    (target,) = array.targets
    assert (target.x, target.y, target.width, target.height) == pytest.approx(BOX)
    assert target.label == 'cup'
    assert said[0].startswith(f'target {target.id} (cup) accepted')


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_a_dragged_box_goes_out_with_the_stamp_of_the_image_it_was_drawn_on(
    bench: Any, operator: DdsHost, transport: str
) -> None:
    x, y, width, height = (round(value) for value in BOX)
    said: list[str] = []
    shown: list[Any] = []

    def window(selection: Selection) -> None:
        # The golden frames are small, so the window shows them twice as large.
        hand((2 * (x + width), 2 * y), (9, 9), (2 * x, 2 * (y + height)))(selection)
        shown.append(selection.header)

    with Camera(bench, compressed=transport == 'compressed'):
        assert run(operator, said, window, image_transport=transport) == 0
        (array,) = bench.wait(lambda: [a for a in bench.arrays if a.targets][:1], 'the target')
    (target,) = array.targets
    assert (target.x, target.y, target.width, target.height) == (x, y, width, height)
    assert target.state == 1
    assert bench.key(target) == tuple(shown[0])


def test_a_refused_box_says_why_and_fails(bench: Any, operator: DdsHost) -> None:
    bench.show(0)
    said: list[str] = []
    assert run(operator, said, box=(5000.0, 10.0, 20.0, 20.0)) == 1
    assert said[0].startswith('refused, BOX_OUTSIDE: ')


def test_a_stamp_that_is_gone_is_never_replaced_by_another_image(
    bench: Any, operator: DdsHost
) -> None:
    bench.show(0)
    said: list[str] = []
    assert run(operator, said, box=BOX, stamp=12.5) == 1
    assert said[0].startswith('refused, STAMP_NOT_IN_HISTORY: ')


def test_leaving_sends_nothing(bench: Any, operator: DdsHost) -> None:
    said: list[str] = []
    with Camera(bench):
        assert run(operator, said, hand(key='escape')) == 1
    assert said == ['left without a box; nothing was sent']
    assert not any(array.targets for array in bench.arrays)


def test_a_tracker_that_is_not_there_names_those_that_are(bench: Any, operator: DdsHost) -> None:
    def offers() -> list[str]:
        return [name for name, kind in observe(0.5).services if kind == SERVICE_TYPE]

    params = SelectParams.from_values({'box': BOX, 'tracker': 'front/tracker', 'timeout': 0.5})
    selector = TargetSelector(operator, params, offers=offers)
    with pytest.raises(CallError, match=r'no node offers /front/tracker/init_target .*/tracker$'):
        selector.run()


def test_without_images_it_says_who_publishes(operator: DdsHost, node_domain: int) -> None:
    other = DdsHost('wrong_camera', domain=node_domain)
    try:
        other.publisher('image_raw', 'std_msgs/msg/String', QoS(5))
        with pytest.raises(SelectError, match=r'/wrong_camera with std_msgs/msg/String'):
            run(operator, [], hand(), timeout=1.0)
        with pytest.raises(SelectError, match='nobody publishes there'):
            run(operator, [], hand(), timeout=0.2, image_topic='/nowhere/image_raw')
    finally:
        other.close()


def test_images_that_cannot_be_decoded_are_named(operator: DdsHost, node_domain: int) -> None:
    other = DdsHost('camera', domain=node_domain)
    try:
        camera = other.publisher('image_raw', 'sensor_msgs/msg/Image', QoS(5))
        stop = threading.Event()

        def send() -> None:
            while not stop.wait(0.05):
                camera.publish({'width': 8, 'height': 8, 'step': 8, 'encoding': 'mono9'})

        thread = threading.Thread(target=send)
        thread.start()
        with pytest.raises(SelectError, match=r'can be used: .*mono9'):
            run(operator, [], hand(), timeout=1.0)
        stop.set()
        thread.join()
    finally:
        other.close()


def test_without_a_display_it_says_how_to_give_the_box(
    operator: DdsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    with pytest.raises(SelectError, match=r'DISPLAY is not set.*hit-rfgm init --box'):
        run(operator, [])
    with pytest.raises(SelectError, match='there is no box'):
        run(operator, [], show='false')
