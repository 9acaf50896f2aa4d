"""Plays a source in a thread, so that the calling one is free for signals."""

from __future__ import annotations

from collections.abc import Callable
import threading

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.nodes.video_player import VideoPlayer

LINGER = 0.5  # seconds after the last image in which subscribers may still fetch it


def play_until(
    stop: threading.Event, player: VideoPlayer, ready: Callable[[], bool] = lambda: True
) -> None:
    """Play until the source ends or ``stop`` is set; sets it at the end.

    Args:
        stop: ends it from outside.
        player: plays; is not closed.
        ready: called before the first image; False plays nothing.

    Raises:
        HitRfgmError: if the source cannot be played, or what ``ready`` raises.
    """
    failure: list[HitRfgmError] = []

    def run() -> None:
        try:
            if ready():
                player.run()
            stop.wait(LINGER if player.sent else 0)
        except HitRfgmError as error:
            failure.append(error)
        finally:
            stop.set()

    thread = threading.Thread(target=run, name='player', daemon=True)
    thread.start()
    stop.wait()
    player.stop()
    thread.join(1.0)
    if failure:
        raise failure[0]
