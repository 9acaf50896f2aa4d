"""Start a target on the first image of a camera, as soon as the tracker is ready."""

from __future__ import annotations

import threading
from typing import Any

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.messages.values import read_header
from hit_rfgm_ros.nodes.host import Host, QoS
from hit_rfgm_ros.nodes.init_call import call_init, describe
from hit_rfgm_ros.runtime.reports import BoxRequest, InitRequest
from hit_rfgm_ros.types import Box

_ANSWER = 5.0  # seconds to wait for the tracker's answer


class FirstTarget:
    """Waits for the tracker, then for the first image, and sends the box with its stamp.

    Args:
        host: spun by another thread; its `image_raw` is the camera's.
        tracker: name of the tracker node.
        box: in pixels of the first image.

    Attributes:
        accepted: None until the tracker has answered.
    """

    def __init__(self, host: Host, tracker: str, box: Box) -> None:
        self.accepted: bool | None = None
        self._host = host
        self._tracker = tracker
        self._box = box
        self._ready = threading.Event()
        self._asked = False
        latched = QoS(depth=1, transient_local=True)
        self._info = host.subscription(
            f'{tracker}/model_info', 'std_msgs/msg/String', latched, lambda _: self._ready.set()
        )
        self._images = host.subscription(
            'image_raw', 'sensor_msgs/msg/Image', QoS(depth=5), self._on_image
        )

    def wait_ready(self, stop: threading.Event) -> bool:
        """Wait until the tracker has loaded its network; False if told to stop before."""
        self._host.log.info('waiting for %s', self._host.resolve(self._tracker))
        while not stop.is_set():
            if self._ready.wait(0.1):
                return True
        return False

    def close(self) -> None:
        """Give the subscriptions back."""
        self._info.close()
        self._images.close()

    def _on_image(self, message: Any) -> None:
        if self._asked:
            return
        self._asked = True
        header = read_header(message.header)
        request = InitRequest((BoxRequest(self._box),), header.sec, header.nanosec)
        # A call waits for this very thread to take the answer: it is made by another.
        threading.Thread(target=self._ask, args=[request], name='ask', daemon=True).start()

    def _ask(self, request: InitRequest) -> None:
        log = self._host.log
        try:
            answer = call_init(self._host, self._tracker, request, timeout=_ANSWER)
        except HitRfgmError as error:
            log.error('%s', error)
            self.accepted = False
            return
        self.accepted = answer.success
        for line in describe(answer):
            (log.info if answer.success else log.error)(line)
