"""The player on DDS: what it sends, when, and how it ends."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
import threading
import time
from typing import Any

import cv2
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.data.pictures import CameraSource, Frame
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.errors import ConfigError, FrameError
from hit_rfgm_ros.messages.requests import incoming_compressed, incoming_image
from hit_rfgm_ros.nodes import video_player
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.nodes.video_player import VideoPlayer
from hit_rfgm_ros.runtime.images import decode
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.player_params import PLAYER_TABLE, PlayerParams
import numpy as np
import pytest

COUNT = 8
RATE = 10.0  # slow enough that a busy machine leaves no image out


class Viewer:
    """A player, who listens to it, and the thread that it plays in."""

    def __init__(self, domain: int, values: dict[str, Any], topics: dict[str, str]) -> None:
        self.host = DdsHost('video_player', domain=domain)
        self.store = ParameterStore(PLAYER_TABLE, PlayerParams.from_values(values))
        self.player = VideoPlayer(self.host, self.store)
        self.other = DdsHost('viewer', domain=domain)
        self.got: dict[str, list[Any]] = {topic: [] for topic in topics}
        self.times: list[float] = []
        for topic, kind in topics.items():
            self.other.subscription(topic, f'sensor_msgs/msg/{kind}', QoS(50), self._take(topic))
        self._thread = threading.Thread(target=self.player.run)

    def _take(self, topic: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            if topic == 'image_raw':
                self.times.append(time.monotonic())
            self.got[topic].append(message)

        return take

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        time.sleep(0.1)  # the last ones are on their way

    def close(self) -> None:
        self.player.stop()
        if self._thread.ident:
            self._thread.join(5)
        for part in (self.player, self.host, self.other):
            part.close()


@pytest.fixture
def view(node_domain: int) -> Iterator[Callable[..., Viewer]]:
    made = []

    def make(source: object, topics: dict[str, str] | None = None, **values: Any) -> Viewer:
        listened = topics or {'image_raw': 'Image', 'camera_info': 'CameraInfo'}
        made.append(Viewer(node_domain, {'source': str(source), **values}, listened))
        return made[-1]

    yield make
    for viewer in made:
        viewer.close()


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('player') / 'clip'
    folder.mkdir()
    for index in range(COUNT):
        cv2.imwrite(str(folder / f'{index}.png'), golden_frame(index).image[..., ::-1])
    return folder


def stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def rgb(message: Any) -> np.ndarray:
    picture = decode(incoming_image(message, 0.0))
    return picture.pixels if picture.color == 'rgb' else picture.pixels[..., ::-1]


def test_all_images_come_whole_in_order_with_their_calibration(
    view: Callable[..., Viewer], clip: Path
) -> None:
    viewer = view(clip, rate=RATE, frame_id='front_optical_frame')
    viewer.start()
    viewer.join()
    images, infos = viewer.got['image_raw'], viewer.got['camera_info']
    assert viewer.player.sent == len(images) == len(infos) == COUNT
    for index, (image, info) in enumerate(zip(images, infos)):
        np.testing.assert_array_equal(rgb(image), golden_frame(index).image)
        assert image.encoding == 'bgr8'
        assert image.header == info.header
        assert image.header.frame_id == 'front_optical_frame'
        assert (info.width, info.height) == (image.width, image.height)
    stamps = [stamp_ns(image) for image in images]
    assert stamps == sorted(set(stamps))
    assert abs(stamps[-1] / 1e9 - time.time()) < 10


@pytest.mark.parametrize('encoding', ['rgb8', 'mono8'])
def test_other_encodings(view: Callable[..., Viewer], clip: Path, encoding: str) -> None:
    viewer = view(clip, rate=RATE, encoding=encoding)
    viewer.start()
    viewer.join()
    image = viewer.got['image_raw'][0]
    assert image.encoding == encoding
    expected = golden_frame(0).image
    if encoding == 'mono8':
        expected = cv2.cvtColor(expected, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(decode(incoming_image(image, 0.0)).pixels, expected)


def test_compressed_images_lie_beside_the_raw_ones(
    view: Callable[..., Viewer], clip: Path
) -> None:
    topics = {'image_raw': 'Image', 'image_raw/compressed': 'CompressedImage'}
    viewer = view(clip, topics, rate=RATE, publish_compressed=True, jpeg_quality=95)
    viewer.start()
    viewer.join()
    raw, small = viewer.got['image_raw'], viewer.got['image_raw/compressed']
    assert len(raw) == len(small) == COUNT
    assert [image.header for image in raw] == [image.header for image in small]
    shown = decode(incoming_compressed(small[0], 0.0)).pixels
    difference = np.abs(shown[..., ::-1].astype(int) - golden_frame(0).image)
    assert difference.mean() < 4


def test_it_waits_for_somebody_who_listens(node_domain: int, clip: Path) -> None:
    viewer = Viewer(node_domain, {'source': str(clip), 'rate': RATE}, {})
    try:
        viewer.start()
        time.sleep(0.8)
        assert viewer.player.sent == 0
        images: list[Any] = []
        viewer.other.subscription(
            'image_raw', 'sensor_msgs/msg/Image', QoS(50, reliable=False), images.append
        )
        viewer.join()
        # Nothing is missed, though discovery takes its time.
        assert len(images) == COUNT
    finally:
        viewer.close()


def test_stamps_of_the_file_count_from_a_whole_second_and_on_through_the_loop(
    view: Callable[..., Viewer], clip: Path
) -> None:
    viewer = view(clip, rate=40.0, stamp='file', loop=True, start=3)
    viewer.start()
    while len(viewer.times) < 12:
        time.sleep(0.01)
    viewer.player.stop()
    viewer.join()
    stamps = [stamp_ns(image) for image in viewer.got['image_raw']]
    assert stamps[0] % 10**9 == 0
    steps = [round((stamp - stamps[0]) * 40 / 1e9) for stamp in stamps]
    assert [(stamp - stamps[0]) / 1e9 for stamp in stamps] == pytest.approx(
        [step / 40 for step in steps], abs=1e-9
    )
    assert steps == sorted(set(steps))
    # A stamp tells the image, whatever was left out.
    for step, image in zip(steps, viewer.got['image_raw']):
        index = 3 + step % (COUNT - 3)
        np.testing.assert_array_equal(rgb(image), golden_frame(index).image)


def test_the_rate_is_kept_without_drift(view: Callable[..., Viewer], clip: Path) -> None:
    viewer = view(clip, rate=25.0, stamp='file', loop=True)
    viewer.start()
    while len(viewer.times) < 60:
        time.sleep(0.01)
    viewer.player.stop()
    viewer.join()
    stamps = np.array([stamp_ns(image) / 1e9 for image in viewer.got['image_raw']])
    late = np.array(viewer.times) - stamps
    # One is sometimes late on a busy machine, the grid never is.
    assert abs(np.median(late[-20:]) - np.median(late[:20])) < 0.01


def test_a_calibration_file_is_published_and_must_fit(
    view: Callable[..., Viewer], clip: Path, tmp_path: Path
) -> None:
    height, width = golden_frame(0).image.shape[:2]
    k = [500.0, 0.0, width / 2, 0.0, 500.0, height / 2, 0.0, 0.0, 1.0]
    for name, size in (('fits', width), ('other', width + 1)):
        (tmp_path / name).write_text(
            f'image_width: {size}\nimage_height: {height}\ncamera_matrix: {{data: {k}}}\n'
            f'distortion_model: plumb_bob\ndistortion_coefficients: {{data: [0.1, 0, 0, 0, 0]}}\n'
            f'rectification_matrix: {{data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}\n'
            f'projection_matrix: {{data: {[*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0]}}}\n'
        )
    viewer = view(clip, rate=50.0, camera_info_url=str(tmp_path / 'fits'))
    viewer.start()
    viewer.join()
    info = viewer.got['camera_info'][0]
    np.testing.assert_array_equal(info.k, k)
    assert info.d[0] == pytest.approx(0.1)
    other = view(
        clip, camera_info_url=str(tmp_path / 'other'), wait_for_subscriber=False, rate=50.0
    )
    with pytest.raises(ConfigError, match='calibrate at that size'):
        other.player.run()


@pytest.mark.parametrize(
    ('source', 'error', 'words'),
    [
        ('', ConfigError, 'source is empty'),
        ('no/such.mp4', FrameError, 'does not exist'),
        ('scene:dmo', ConfigError, "did you mean 'demo'"),
        ('scene:demo:x', FrameError, 'is no number'),
    ],
)
def test_a_source_that_cannot_be_played_is_named(
    node_domain: int, source: str, error: type[Exception], words: str
) -> None:
    host = DdsHost('video_player', domain=node_domain)
    try:
        store = ParameterStore(PLAYER_TABLE, PlayerParams.from_values({'source': source}))
        with pytest.raises(error, match=words):
            VideoPlayer(host, store)
    finally:
        host.close()


def test_a_damaged_picture_ends_it_with_the_reason(
    view: Callable[..., Viewer], clip: Path, tmp_path: Path
) -> None:
    for path in clip.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / '4.png').write_bytes(b'broken')
    viewer = view(tmp_path, wait_for_subscriber=False, rate=100.0)
    with pytest.raises(FrameError, match=r'4\.png is no readable picture'):
        viewer.player.run()
    assert viewer.player.sent + viewer.player.skipped == 4


def test_a_camera_that_is_not_there_is_waited_for(
    view: Callable[..., Viewer], caplog: pytest.LogCaptureFixture
) -> None:
    viewer = view('/dev/video97', wait_for_subscriber=False)
    viewer.start()
    deadline = time.monotonic() + 10
    while 'trying again' not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.02)
    assert '/dev/video97 cannot be opened; check that it is plugged in' in caplog.text
    began = time.monotonic()
    viewer.player.stop()
    viewer.join()
    assert time.monotonic() - began < 1.0


class Unplugged(CameraSource):
    """A camera of 100 images per second that is pulled out after every twentieth."""

    opened = 0

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        self.opened += 1
        for number in range(20):
            time.sleep(0.01)
            yield Frame(golden_frame(number).image, number / 100, number)
        raise FrameError('camera 0 stopped giving frames after 20')


@pytest.mark.parametrize('rate', [0.0, 25.0])
def test_a_camera_that_is_pulled_out_is_told_and_opened_again(
    view: Callable[..., Viewer],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    rate: float,
) -> None:
    camera = Unplugged(0, None)
    monkeypatch.setattr(video_player, 'open_source', lambda *_, **__: camera)
    monkeypatch.setattr(video_player, 'RETRY', 0.05)
    viewer = view('0', rate=rate)
    began = time.monotonic()
    viewer.start()
    while camera.opened < 3:
        time.sleep(0.01)
    viewer.player.stop()
    viewer.join()
    assert caplog.text.count('camera 0 stopped giving frames after 20; trying again') >= 2
    sent = len(viewer.got['image_raw'])
    if rate:
        # Of 20 images in 0.2 s or more, one in 0.04 s, the first of each opening included.
        assert 2 * 4 <= sent <= rate * (time.monotonic() - began) + camera.opened
    else:
        assert sent >= 40
