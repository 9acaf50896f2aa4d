"""The node `select_target`: takes a box by mouse or as numbers, and starts a target on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
import threading
from typing import Any

from hit_rfgm_ros.errors import FrameError, HitRfgmError
from hit_rfgm_ros.geometry.boxes import make_box
from hit_rfgm_ros.messages.values import read_header
from hit_rfgm_ros.nodes.host import Host, QoS
from hit_rfgm_ros.nodes.init_call import Offers, call_init, describe
from hit_rfgm_ros.nodes.picture_codec import OwnCodec, PictureCodec
from hit_rfgm_ros.nodes.selection import Selection
from hit_rfgm_ros.nodes.windows import NoWindowError, Window, find_window
from hit_rfgm_ros.runtime.reports import NANOSECONDS, BoxRequest, Header, InitRequest
from hit_rfgm_ros.runtime.select_params import SelectParams
from hit_rfgm_ros.types import Box

Say = Callable[[str], None]
IMAGE_QOS = QoS(depth=1, reliable=False)


class SelectError(HitRfgmError):
    """No image, no window, or no box."""


class TargetSelector:
    """Takes one box and sends it; the host is spun by another thread."""

    def __init__(
        self,
        host: Host,
        params: SelectParams,
        *,
        say: Say | None = None,
        codec: PictureCodec | None = None,
        offers: Offers | None = None,
        window: Window | None = None,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            host: of the node.
            params: what to do.
            say: takes the lines for the user; None logs them.
            codec: makes pictures of messages.
            offers: see `call_init`.
            window: shows the selection; None takes the best one of this machine.
        """
        self._host = host
        self._params = params
        self._say = say or host.log.info
        self._codec = codec or OwnCodec()
        self._offers = offers
        self._window = window

    def run(self) -> int:
        """Get the box, send it, say what came of it; in the main thread, for the window's sake.

        Returns:
            Exit status: 0 if the box was accepted, 1 otherwise.

        Raises:
            HitRfgmError: if there is no image, no window, no box, or no tracker.
        """
        params = self._params
        given = make_box(params.box) if params.box else None
        stamp = stamp_of(params.stamp)
        box = given
        if params.show == 'true' or (params.show == 'auto' and given is None):
            shown = self._draw(given)
            if shown is None:
                self._say('left without a box; nothing was sent')
                return 1
            header, box = shown
            stamp = stamp if any(stamp) else (header.sec, header.nanosec)
        if box is None:
            raise SelectError(f'there is no box: {_HOW_TO_GIVE}')
        request = InitRequest((BoxRequest(box, label=params.label),), *stamp)
        answer = call_init(
            self._host, params.tracker, request, timeout=params.timeout, offers=self._offers
        )
        for line in describe(answer):
            self._say(line)
        return 0 if answer.success else 1

    def _draw(self, given: Box | None) -> tuple[Header, Box] | None:
        """Header of the shown image and the box drawn on it; None if the user left."""
        try:
            window = self._window or find_window()
        except NoWindowError as error:
            raise SelectError(f'{error}: {_HOW_TO_GIVE}') from error
        selection = Selection(given)
        images = _Images(self._host, self._params, self._codec, selection)
        with closing(images):
            images.wait()
            window(selection)
        if selection.outcome != 'taken' or selection.box is None or selection.header is None:
            return None
        if not selection.header.stamp_ns:
            self._say('the images carry no stamps: the box is taken on the newest image instead')
        return selection.header, selection.box


_HOW_TO_GIVE = (
    'give it in pixels of the image, as the parameter box:=[x, y, width, height], or: '
    'hit-rfgm init --box x,y,w,h'
)


class _Images:
    """Hands the images of a topic to a selection."""

    def __init__(
        self, host: Host, params: SelectParams, codec: PictureCodec, selection: Selection
    ) -> None:
        self._host = host
        self._timeout = params.timeout
        self._codec = codec
        self._selection = selection
        self._compressed = params.image_transport == 'compressed'
        self._first = threading.Event()
        self._unusable = ''
        # The base topic is remapped, then the suffix is put behind it, as image_transport does.
        self._topic = host.resolve(params.image_topic) + '/compressed' * self._compressed
        name = 'CompressedImage' if self._compressed else 'Image'
        self._type = f'sensor_msgs/msg/{name}'
        self._subscription = host.subscription(self._topic, self._type, IMAGE_QOS, self._take)

    def close(self) -> None:
        self._subscription.close()

    def wait(self) -> None:
        """Wait for the first image.

        Raises:
            SelectError: if none came, saying who publishes on the topic.
        """
        if self._first.wait(self._timeout):
            return
        if self._unusable:
            raise SelectError(f'no image of {self._topic} can be used: {self._unusable}')
        seen = self._host.publishers_on(self._topic)
        who = ', '.join(f'{end.node or "an unnamed node"} with {end.type}' for end in seen)
        raise SelectError(
            f'no {self._type} came on {self._topic} in {self._timeout:g} s; '
            + (f'publishers there: {who}' if who else 'nobody publishes there: see image_topic')
        )

    def _take(self, message: Any) -> None:
        try:
            picture = self._codec.picture(message, compressed=self._compressed)
        except FrameError as error:
            self._unusable = str(error)
            return
        self._selection.offer(read_header(message.header), picture)
        self._first.set()


def stamp_of(seconds: float) -> tuple[int, int]:
    """Seconds and nanoseconds of a stamp."""
    return divmod(round(seconds * NANOSECONDS), NANOSECONDS)
