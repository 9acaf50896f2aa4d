"""The program `video_player`, which can also start a target on its first image."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
import sys
import threading

from hit_rfgm_ros.errors import ConfigError, GeometryError, HitRfgmError
from hit_rfgm_ros.geometry.boxes import make_box
from hit_rfgm_ros.nodes.playing import play_until
from hit_rfgm_ros.nodes.video_player import VideoPlayer
from hit_rfgm_ros.ros.bridge_codec import picture_codec
from hit_rfgm_ros.ros.first_target import FirstTarget
from hit_rfgm_ros.ros.plain import Opened, open_node
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.runtime.player_params import PlayerParams
from hit_rfgm_ros.types import Box


def main(stop: threading.Event) -> int:
    """Play until the source ends or ``stop`` is set.

    Returns:
        Exit status: 0, or 1 if the source cannot be played or the target was refused.
    """
    try:
        with session(sys.argv) as arguments:
            options = _options(arguments)
            with open_node('video_player', PlayerParams()) as opened:
                return _play(opened, options, stop)
    except HitRfgmError as error:
        sys.stderr.write(f'video_player: {error}\n')
        return 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='video_player',
        description='Play a video, pictures, a camera device or a composed scene as a camera. '
        'Topics and parameters are set by --ros-args.',
    )
    parser.add_argument(
        '--target-of',
        metavar='TRACKER',
        help='start a target of this tracker on the first image, which waits until it is ready',
    )
    parser.add_argument(
        '--box',
        type=_box,
        metavar='X,Y,W,H',
        help='of that target in pixels; a scene knows its own',
    )
    return parser.parse_args(arguments)


def _box(text: str) -> Box:
    """The box of a text, or the error that argparse shows."""
    try:
        return make_box(float(part) for part in text.split(','))
    except (GeometryError, ValueError):
        raise argparse.ArgumentTypeError(f'{text!r} is not x,y,width,height') from None


def _play(opened: Opened[PlayerParams], options: argparse.Namespace, stop: threading.Event) -> int:
    with ExitStack() as stack:
        player = stack.enter_context(
            closing(VideoPlayer(opened.host, opened.store, codec=picture_codec(opened.host)))
        )
        first = None
        if options.target_of:
            box = options.box or _scene_box(opened.store.params.source)
            first = stack.enter_context(closing(FirstTarget(opened.host, options.target_of, box)))
        play_until(stop, player, ready=lambda: first is None or first.wait_ready(stop))
        return 0 if first is None or first.accepted is not False else 1


def _scene_box(source: str) -> Box:
    """Where the target of a composed scene begins."""
    if not source.startswith('scene:'):
        raise ConfigError('--target-of needs --box x,y,width,height')
    from hit_rfgm_ros.data.scene_source import SceneSource

    return SceneSource(source).init_box
