"""Pictures to messages and back, for the two small nodes.

Under rclpy `ros` puts cv_bridge in its place; the tracker always uses our own codec.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
from hit_rfgm_ros.errors import FrameError
from hit_rfgm_ros.messages.reports import compressed_message, image_message
from hit_rfgm_ros.messages.requests import incoming_compressed, incoming_image
from hit_rfgm_ros.nodes.host import Fields
from hit_rfgm_ros.runtime.images import decode, encode
from hit_rfgm_ros.runtime.reports import Header
from hit_rfgm_ros.types import ImageU8
import numpy as np


class PictureCodec(Protocol):
    """Turns pictures into messages and messages into pictures."""

    def image(self, header: Header, picture: ImageU8, encoding: str) -> Fields:
        """Fields of a sensor_msgs/Image of a (H, W, 3) uint8 RGB picture."""

    def compressed(self, header: Header, picture: ImageU8, quality: int) -> Fields:
        """Fields of a sensor_msgs/CompressedImage (JPEG) of a (H, W, 3) uint8 RGB picture."""

    def picture(self, message: Any, *, compressed: bool) -> ImageU8:
        """The (H, W, 3) uint8 RGB picture of a message.

        Raises:
            FrameError: if it cannot be decoded.
        """


class OwnCodec:
    """`PictureCodec` with numpy and OpenCV alone."""

    def image(self, header: Header, picture: ImageU8, encoding: str) -> Fields:
        """See `PictureCodec.image`."""
        return image_message(header, encode(picture, 'rgb', encoding), encoding)

    def compressed(self, header: Header, picture: ImageU8, quality: int) -> Fields:
        """See `PictureCodec.compressed`."""
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        ok, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not ok:
            raise FrameError(f'OpenCV cannot compress a picture of shape {picture.shape}')
        return compressed_message(header, np.asarray(data, np.uint8).ravel(), 'jpeg')

    def picture(self, message: Any, *, compressed: bool) -> ImageU8:
        """See `PictureCodec.picture`."""
        incoming = incoming_compressed if compressed else incoming_image
        pixels, color = decode(incoming(message, 0.0))
        if pixels.ndim == 2:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
        if color == 'bgr':
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        return pixels
