"""Opens RViz on a tracker: fills in the topics of ``config/tracker.rviz``, learns the frame."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
import os
from pathlib import Path
import sys
import tempfile
import threading
from typing import Any

from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.plain import PlainNode
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.ros.spin import Spinner

_PATIENCE = 10.0  # seconds to wait for an image that tells the frame
_FALLBACK = 'camera_optical_frame'  # a guess; RViz lets the user choose another


def fill_in(template: str, words: Mapping[str, str]) -> str:
    """Replace each ``@NAME@`` of a template."""
    for name, word in words.items():
        template = template.replace(f'@{name}@', word)
    return template


def main() -> None:
    """Write the file and become RViz."""
    with session(sys.argv) as arguments:
        options = _options(arguments)
        frame = options.fixed_frame or _frame_of(options.image_topic)
    words = {
        'TRACKER': options.tracker,
        'NAME': options.tracker.rpartition('/')[2],
        'IMAGE': options.image_topic,
        'FRAME': frame,
    }
    template = share_folder('config').joinpath('tracker.rviz').read_text(encoding='utf-8')
    folder = Path(tempfile.mkdtemp(prefix='hit_rfgm_ros_'))
    file = folder / 'tracker.rviz'
    file.write_text(fill_in(template, words), encoding='utf-8')
    sim = ['--ros-args', '-p', 'use_sim_time:=true'] if options.use_sim_time == 'true' else []
    os.execvp('rviz2', ['rviz2', '-d', str(file), *sim])


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='rviz')
    parser.add_argument('--tracker', required=True, help='full name of the tracker node')
    parser.add_argument('--image-topic', required=True, help='full name')
    parser.add_argument('--fixed-frame', default='', help="empty: the image's")
    parser.add_argument('--use-sim-time', default='false')
    return parser.parse_args(arguments)


def _frame_of(topic: str) -> str:
    """Frame of the next image or camera_info of a topic."""
    came = threading.Event()
    frames: list[str] = []

    def take(message: Any) -> None:
        frames.append(message.header.frame_id)
        came.set()

    node = PlainNode('rviz_frame')
    host = RosHost(node)
    qos = QoS(depth=1, reliable=False)
    info = f'{topic.rpartition("/")[0]}/camera_info'
    with Spinner([node], came.set):
        host.subscription(topic, 'sensor_msgs/msg/Image', qos, take)
        host.subscription(info, 'sensor_msgs/msg/CameraInfo', qos, take)
        host.log.info('waiting for an image of %s to learn its frame', topic)
        came.wait(_PATIENCE)
    node.destroy_node()
    if not (frames and frames[0]):
        host.log.warning('no frame came: fixed frame %s, or give fixed_frame:=', _FALLBACK)
    return (frames and frames[0]) or _FALLBACK


if __name__ == '__main__':
    main()
