"""The node `video_player`: a video, pictures, a camera device or a composed scene as a camera."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain
import math
import threading
import time

from hit_rfgm_ros.data.pictures import CameraSource, Frame, Source, open_source
from hit_rfgm_ros.errors import ConfigError, FrameError
from hit_rfgm_ros.messages.reports import camera_info_message
from hit_rfgm_ros.nodes.host import Host, Publisher, QoS
from hit_rfgm_ros.nodes.pace import Pace
from hit_rfgm_ros.nodes.picture_codec import OwnCodec, PictureCodec
from hit_rfgm_ros.runtime.calibration import pinhole, read_calibration
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.player_params import PlayerParams
from hit_rfgm_ros.runtime.reports import NANOSECONDS, CameraInfo, Header

CAMERA_QOS = QoS(depth=5)  # reliable: a driver serves every kind of subscriber
RETRY = 2.0  # seconds between two tries to open a camera that is gone
SETTLE = 0.5  # seconds in which further subscribers may join the first
_POLL = 0.02  # seconds


class VideoPlayer:
    """Plays one source; the host is spun by another thread.

    Attributes:
        sent: images published so far.
        skipped: images left out because they were late.
    """

    def __init__(
        self,
        host: Host,
        store: ParameterStore[PlayerParams],
        *,
        codec: PictureCodec | None = None,
    ) -> None:
        """Open the source and the topics; nothing is sent yet.

        Raises:
            HitRfgmError: if source or calibration cannot be used; a camera that is not there is
                waited for.
        """
        params = store.params
        if not params.source:
            raise ConfigError(
                'source is empty; give a video, a folder of pictures, the number of a camera, or '
                'scene:demo'
            )
        self.sent = 0
        self.skipped = 0
        self._host = host
        self._store = store
        self._codec = codec or OwnCodec()
        self._stop = threading.Event()
        self._source = open_source(params.source, fps=params.rate or None)
        given = params.camera_info_url
        self._calibration = read_calibration(given) if given else None
        store.connect(lambda _: None, lambda: True)
        self._images = host.publisher('image_raw', 'sensor_msgs/msg/Image', CAMERA_QOS)
        self._compressed: Publisher | None = None
        if params.publish_compressed:
            self._compressed = host.publisher(
                f'{self._images.topic}/compressed', 'sensor_msgs/msg/CompressedImage', CAMERA_QOS
            )
        # Beside the images wherever they were remapped to, as image_transport has it.
        beside = self._images.topic.rpartition('/')[0]
        self._infos = host.publisher(
            f'{beside}/camera_info', 'sensor_msgs/msg/CameraInfo', CAMERA_QOS
        )

    def run(self) -> None:
        """Play until the source ends or `stop` is called.

        Raises:
            HitRfgmError: if the source cannot be read on; a camera is opened again instead.
        """
        if self._store.params.wait_for_subscriber and not self._wait_for_subscriber():
            return
        began = time.monotonic()
        if isinstance(self._source, CameraSource):
            self._play_camera(self._source)
        else:
            self._play_file(self._source)
        self._host.log.info(
            '%s of %s: %d images sent in %.1f s, %d left out because they were late',
            'stopped in the middle' if self._stop.is_set() else 'the end',
            self._source.name,
            self.sent,
            time.monotonic() - began,
            self.skipped,
        )

    def stop(self) -> None:
        """Let `run` return soon; from any thread."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and give the topics back."""
        self.stop()
        for publisher in (self._images, self._compressed, self._infos):
            if publisher is not None:
                publisher.close()

    def _play_file(self, source: Source) -> None:
        frames = self._laps(source)
        # The first one takes longest to read, so the clock starts after it.
        first = next(frames)
        offset = self._start_stamp()
        pace = Pace(source.fps, time.monotonic())
        for frame in chain([first], frames):
            wait = pace.plan(time.monotonic())
            if pace.too_slow:
                self._say_too_slow(source)
            if wait is None:
                self.skipped += 1
            elif self._stop.wait(wait):
                return
            elif offset is None:
                self._send(frame, None)
            else:
                self._send(frame, offset + round(frame.stamp * NANOSECONDS))
            if self._stop.is_set():
                return

    def _laps(self, source: Source) -> Iterator[Frame]:
        """Frames from the start to the end, and again if it loops; stamps count from 0 and on."""
        start = self._store.params.start
        done = 0
        while True:
            with closing(source.frames(start)) as frames:
                for frame in frames:
                    yield frame._replace(stamp=done / source.fps)
                    done += 1
            if not self._store.params.loop:
                return

    def _start_stamp(self) -> int | None:
        """Nanoseconds of the first image for stamps of the file; waits until they have come.

        It is a whole second, so that a stamp tells the number of its image.
        """
        if self._store.params.stamp != 'file':
            return None
        now = self._host.now()
        base = math.ceil(now)
        self._stop.wait(base - now)
        return base * NANOSECONDS

    def _play_camera(self, source: CameraSource) -> None:
        """Send what comes, and open the camera again when it is gone."""
        told = False
        while not self._stop.is_set():
            before = self.sent
            try:
                self._play_device(source)
            except FrameError as error:
                if not told or self.sent > before:
                    self._host.log.error('%s; trying again every %g s', error, RETRY)
                told = True
                self._stop.wait(RETRY)

    def _play_device(self, source: CameraSource) -> None:
        rate = self._store.params.rate
        period = 1 / rate if rate else 0.0
        due = -math.inf
        with closing(source.frames()) as frames:
            for frame in frames:
                if self._stop.is_set():
                    return
                now = time.monotonic()
                # Its frames come with some jitter, so those shortly before the time count.
                if now < due - period / 4:
                    continue
                due = max(due + period, now) if due > 0 else now + period
                self._send(frame, None)

    def _send(self, frame: Frame, stamp_ns: int | None) -> None:
        params = self._store.params
        if stamp_ns is None:
            stamp_ns = round(self._host.now() * NANOSECONDS)
        header = Header(*divmod(stamp_ns, NANOSECONDS), params.frame_id)
        height, width = frame.image.shape[:2]
        info = self._info(width, height)
        # First, so that whoever gets the image has it already.
        self._infos.publish(camera_info_message(info, header))
        self._images.publish(self._codec.image(header, frame.image, params.encoding))
        if self._compressed is not None and self._compressed.subscribers():
            self._compressed.publish(
                self._codec.compressed(header, frame.image, params.jpeg_quality)
            )
        self.sent += 1

    def _info(self, width: int, height: int) -> CameraInfo:
        info = self._calibration
        if info is None:
            self._calibration = info = pinhole(width, height, self._store.params.fov)
        if (info.width, info.height) != (width, height):
            raise ConfigError(
                f'the calibration is of {info.width}x{info.height} pixels, the images are '
                f'{width}x{height}; calibrate at that size'
            )
        return info

    def _wait_for_subscriber(self) -> bool:
        """Wait for the first subscriber and those right behind it; False if told to stop."""
        count, since, told = 0, time.monotonic(), False
        while not (count and time.monotonic() - since >= SETTLE):
            now = self._subscribers()
            if now != count:
                count, since = now, time.monotonic()
            elif not count and not told and time.monotonic() - since > SETTLE:
                self._host.log.info('waiting for a subscriber of %s', self._images.topic)
                told = True
            if self._stop.wait(_POLL):
                return False
        return True

    def _subscribers(self) -> int:
        publishers = (self._images, self._compressed, self._infos)
        return sum(publisher.subscribers() for publisher in publishers if publisher is not None)

    def _say_too_slow(self, source: Source) -> None:
        if not self._told_slow:
            self._told_slow = True
            self._host.log.warning(
                'this machine reads %s more slowly than its %g images/s; it plays slower',
                source.name,
                source.fps,
            )

    _told_slow = False
