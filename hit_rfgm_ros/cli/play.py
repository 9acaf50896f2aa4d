"""``hit-rfgm play``: a video, pictures, a camera or a composed scene as a camera for ROS 2."""

from __future__ import annotations

from contextlib import closing
import threading
from typing import Any

import click
from hit_rfgm_ros.cli.node_options import NodeSettings, log_to_stderr, node_options
from hit_rfgm_ros.cli.parameter_options import parameter_options
from hit_rfgm_ros.cli.running import end_with_parent, open_host, stop_on_signals
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.player_params import PLAYER_TABLE, PlayerParams


@click.command('play')
@click.argument('source')
@click.option('--image-topic', default='image_raw', show_default=True, help='Where the images go.')
@parameter_options(PLAYER_TABLE, leave_out=('source',))
@node_options('video_player')
@click.option('--child', is_flag=True, hidden=True, help='End when stdin is closed.')
def play(
    source: str, image_topic: str, values: dict[str, Any], node: NodeSettings, child: bool
) -> None:
    """Play SOURCE as a camera.

    SOURCE is a video, a folder of pictures, the number of a camera, or scene:demo. It begins when
    somebody listens. Ctrl-C ends it. Needs the extra dds; with ROS 2 there is also: ros2 run
    hit_rfgm_ros video_player.
    """
    log_to_stderr(node.log_level)
    with wrong_use():
        params = PlayerParams.from_values({**values, 'source': source})
        node.remappings.setdefault('image_raw', image_topic)
        node.resolve('image_raw')
    store = ParameterStore(PLAYER_TABLE, params)
    with stop_on_signals() as stop:
        if child:
            end_with_parent()
        _play(node, store, stop)


def _play(node: NodeSettings, store: ParameterStore[PlayerParams], stop: threading.Event) -> None:
    from hit_rfgm_ros.nodes.playing import play_until
    from hit_rfgm_ros.nodes.video_player import VideoPlayer

    with closing(open_host(node, store)) as host, closing(VideoPlayer(host, store)) as player:
        play_until(stop, player)
