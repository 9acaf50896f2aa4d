"""cv_bridge for the pictures of the two small nodes; our own codec where it is missing."""

from __future__ import annotations

from typing import Any

import cv2
from hit_rfgm_ros.messages.requests import incoming_image
from hit_rfgm_ros.messages.values import header_fields
from hit_rfgm_ros.nodes.host import Fields, Host
from hit_rfgm_ros.nodes.picture_codec import OwnCodec, PictureCodec
from hit_rfgm_ros.runtime.encodings import ENCODINGS
from hit_rfgm_ros.runtime.images import check_image
from hit_rfgm_ros.runtime.reports import Header
from hit_rfgm_ros.types import ImageU8
import numpy as np

_FROM_RGB = {'bgr8': cv2.COLOR_RGB2BGR, 'mono8': cv2.COLOR_RGB2GRAY}


# A CvBridgeError is a TypeError; the others come from its C++ part, OpenCV and numpy.
_BRIDGE_ERRORS = (TypeError, ValueError, KeyError, RuntimeError, cv2.error)


class BridgeCodec(OwnCodec):
    """`PictureCodec` with cv_bridge for raw images.

    Compressed ones stay with our own: cv_bridge knows no JPEG quality and no limit of size.

    Args:
        bridge: a `cv_bridge.CvBridge`.
    """

    def __init__(self, bridge: Any) -> None:
        self._bridge = bridge

    def image(self, header: Header, picture: ImageU8, encoding: str) -> Fields:
        """See `PictureCodec.image`."""
        if encoding in _FROM_RGB:
            picture = np.asarray(cv2.cvtColor(picture, _FROM_RGB[encoding]), np.uint8)
        message = self._bridge.cv2_to_imgmsg(picture, encoding)
        names = ('height', 'width', 'encoding', 'is_bigendian', 'step', 'data')
        fields = {name: getattr(message, name) for name in names}
        return {'header': header_fields(header), **fields}

    def picture(self, message: Any, *, compressed: bool) -> ImageU8:
        """See `PictureCodec.picture`; what cv_bridge cannot read is left to our own."""
        if compressed or not _suits(message):
            return super().picture(message, compressed=compressed)
        try:
            return np.asarray(self._bridge.imgmsg_to_cv2(message, 'rgb8'), np.uint8)
        except _BRIDGE_ERRORS:
            return super().picture(message, compressed=False)


def picture_codec(host: Host) -> PictureCodec:
    """cv_bridge if it can be imported; else our own codec, and a line in the log why."""
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError) as error:  # beside another numpy it breaks while loading
        host.log.warning(
            'cv_bridge cannot be used (%s); reading and writing images without it. To have it: '
            'sudo apt install ros-$ROS_DISTRO-cv-bridge, and numpy<2 on Humble and Jazzy',
            error,
        )
        return OwnCodec()
    return BridgeCodec(CvBridge())


def _suits(message: Any) -> bool:
    """Whether cv_bridge may have it: it trusts width and height, and trips over padded rows.

    Raises:
        ImageError: if nobody can read it.
    """
    check_image(incoming_image(message, 0.0))
    return bool(message.step == ENCODINGS[message.encoding].min_step(message.width))
