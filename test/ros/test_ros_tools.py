"""`select_target` and `video_player` under rclpy, and a camera whose QoS does not match."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import signal
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.ros.host import RosHost
from programs import READY, Program, interrupt, program, ros2_any
from stage import Stage
from waiting import eventually

pytestmark = pytest.mark.ros

RUN = ('ros2', 'run', 'hit_rfgm_ros')


@pytest.fixture(scope='module')
def tracker(host: RosHost, outputs: Path) -> Iterator[Program]:
    with program(*RUN, 'tracker', '--ros-args', '-p', 'num_threads:=1', folder=outputs) as running:
        running.says(READY)
        yield running


@pytest.fixture
def stage(host: RosHost, tracker: Program) -> Iterator[Stage]:
    made = Stage(host)
    made.connected()
    made.forget()
    yield made
    made.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of ten pictures, each of another grey."""
    for number in range(10):
        cv2.imwrite(
            str(tmp_path / f'{number:02}.png'), np.full((48, 64, 3), 20 * number, np.uint8)
        )
    return tmp_path


def select(*parameters: str) -> Any:
    words = [word for parameter in parameters for word in ('-p', parameter)]
    return ros2_any('run', 'hit_rfgm_ros', 'select_target', '--ros-args', *words)


def test_a_box_on_the_command_line_starts_a_target(stage: Stage) -> None:
    stage.track()
    done = select('box:=[100, 60, 48, 48]', 'label:=cup', 'show:="false"')
    assert done.returncode == 0, done.stdout + done.stderr
    (target,) = stage.track().targets
    assert target.label == 'cup'


def test_a_stamp_on_the_command_line_names_the_frame(stage: Stage) -> None:
    number = stage.show()
    eventually(lambda: stage.report_of(stage.header(number)))
    stage.track()
    header = stage.header(number)
    stamp = f'{header.sec}.{header.nanosec:09}'
    assert select('box:=[100, 60, 48, 48]', f'stamp:={stamp}').returncode == 0
    eventually(lambda: [r for r in stage.reports if r.header == header and r.targets])


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        (('box:=[900, 60, 48, 48]',), 'BOX_OUTSIDE'),
        (('box:=[1, 2, 3]',), 'x, y, width, height'),
        (('show:="false"',), 'there is no box'),
        (('box:=[1, 2, 30, 30]', 'tracker:=trakcer', 'timeout:=1'), '/tracker'),
        (('boxx:=[1, 2, 30, 30]', 'show:="false"'), "did you mean 'box'"),
    ],
)
def test_what_cannot_be_started_ends_with_a_status_and_the_reason(
    stage: Stage, parameters: tuple[str, ...], words: str
) -> None:
    stage.track()
    done = select(*parameters)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert 'Traceback' not in done.stdout + done.stderr


def test_without_a_display_it_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    done = select()
    assert done.returncode != 0
    assert 'box:=[x, y, width, height]' in done.stdout + done.stderr


def test_interrupting_the_selection_is_no_success(outputs: Path) -> None:
    parameters = ('-p', 'box:=[1, 2, 30, 30]', '-p', 'tracker:=nobody', '-p', 'timeout:=60')
    with program(*RUN, 'select_target', '--ros-args', *parameters, folder=outputs) as running:
        eventually(lambda: 'select_target' in ros2_any('node', 'list').stdout)
        assert interrupt(running.leaf) < 2.0
        assert running.ends() != 0


def test_a_folder_is_played_as_a_camera(host: RosHost, outputs: Path, pictures: Path) -> None:
    images: list[Any] = []
    infos: list[Any] = []
    compressed: list[Any] = []
    qos = QoS(depth=50)
    listening = [
        host.subscription('/cam/image', 'sensor_msgs/msg/Image', qos, images.append),
        host.subscription('/cam/camera_info', 'sensor_msgs/msg/CameraInfo', qos, infos.append),
        host.subscription(
            '/cam/image/compressed', 'sensor_msgs/msg/CompressedImage', qos, compressed.append
        ),
    ]
    parameters = (
        f'source:={pictures}', 'rate:=20', 'encoding:=mono8', 'publish_compressed:=true',
        'frame_id:=optical', 'stamp:=file',
    )  # fmt: skip
    words = [word for parameter in parameters for word in ('-p', parameter)]
    with program(
        *RUN, 'video_player', '--ros-args', '-r', 'image_raw:=/cam/image', *words, folder=outputs
    ) as running:
        assert running.ends() == 0, running.output
    eventually(lambda: len(images) == len(infos) == len(compressed) == 10)
    for part in listening:
        part.close()
    assert [bytes(image.data)[0] for image in images] == [20 * number for number in range(10)]
    for image, info in zip(images, infos):
        assert image.header == info.header
        assert (image.encoding, image.width, image.height, image.step) == ('mono8', 64, 48, 64)
        assert (info.width, info.height, image.header.frame_id) == (64, 48, 'optical')
    stamps = [image.header.stamp.nanosec for image in images]
    assert stamps == [50_000_000 * number for number in range(10)]


def test_a_source_that_is_not_there_is_named(outputs: Path) -> None:
    command = (*RUN, 'video_player', '--ros-args', '-p', 'source:=/no/such.mp4')
    with program(*command, folder=outputs) as running:
        assert running.ends() != 0
        assert '/no/such.mp4' in running.output
        assert 'Traceback' not in running.output


def test_an_interrupt_ends_the_player_with_status_0(outputs: Path, pictures: Path) -> None:
    command = (
        *RUN, 'video_player', '--ros-args', '-p', f'source:={pictures}', '-p', 'loop:=true',
        '-p', 'wait_for_subscriber:=false',
    )  # fmt: skip
    with program(*command, folder=outputs) as running:
        eventually(lambda: 'video_player' in ros2_any('node', 'list').stdout)
        assert interrupt(running.leaf, signal.SIGTERM) < 2.0
        assert running.ends() == 0


def test_a_camera_whose_qos_does_not_match_is_named(host: RosHost, outputs: Path) -> None:
    statuses: list[Any] = []
    host.subscription(
        '/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', QoS(), statuses.append
    )
    camera = Stage(host, '/strict/tracker', '/strict/image_raw', reliable=False)
    parameters = ('-p', 'image_reliability:=reliable', '-p', 'num_threads:=1')
    command = (*RUN, 'tracker', '--ros-args', '-r', '__ns:=/strict', *parameters)
    with program(*command, folder=outputs) as running:
        running.says(r'A publisher on /strict/image_raw does not match in RELIABILITY')
        running.says(r'/probe \(sensor_msgs/msg/Image, best.effort\)')

        def diagnosed() -> bool:
            return any(
                status.name == '/strict/tracker: input' and 'best' in status.message
                for message in statuses
                for status in message.status
            )

        eventually(diagnosed)
    camera.close()
