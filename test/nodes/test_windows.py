"""The real window on a virtual screen, with a real mouse; where these programs are installed."""

from collections.abc import Callable, Iterator
import shutil
import subprocess
import threading
import time
from typing import Any

from hit_rfgm_ros.nodes import windows
from hit_rfgm_ros.nodes.selection import Selection
from hit_rfgm_ros.nodes.windows import NoWindowError, find_window, show_with_opencv, show_with_tk
from hit_rfgm_ros.runtime.reports import Header
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

STEP = 0.15  # seconds between two movements


@pytest.fixture(scope='module')
def screen() -> Iterator[None]:
    for program in ('Xvfb', 'xdotool'):
        if shutil.which(program) is None:
            pytest.skip(f'needs {program}')
    with subprocess.Popen(
        ['Xvfb', '-displayfd', '1', '-screen', '0', '800x700x24'],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        assert number, 'Xvfb did not start'
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('DISPLAY', f':{number}')
            patch.delenv('WAYLAND_DISPLAY', raising=False)
            yield
        server.terminate()


def xdotool(*words: str) -> str:
    done = subprocess.run(['xdotool', *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def drag(start: tuple[int, int], end: tuple[int, int], keys: list[str]) -> None:
    """Wait for the window, drag inside of it, press keys."""
    until = time.monotonic() + 20
    while not (found := xdotool('search', '--name', f'^{windows.TITLE}$')):
        if time.monotonic() > until:
            return
        time.sleep(0.1)
    window = found.splitlines()[0]
    time.sleep(0.5)
    at = dict(
        line.split('=') for line in xdotool('getwindowgeometry', '--shell', window).splitlines()
    )
    left, top = int(at['X']), int(at['Y'])
    for place, click in ((start, 'mousedown'), (end, ''), (end, 'mouseup')):
        xdotool('mousemove', str(left + place[0]), str(top + place[1]))
        time.sleep(STEP)
        if click:
            xdotool(click, '1')
            time.sleep(STEP)
    xdotool('windowfocus', window)
    for key in keys:
        xdotool('key', '--window', window, key)
        time.sleep(STEP)


def show(window: Callable[[Selection], None], *hand: Any) -> Selection:
    selection = Selection()
    for number in range(3):
        selection.offer(Header(number, 5, 'camera'), np.full((480, 640, 3), 90, np.uint8))
    mover = threading.Thread(target=drag, args=hand)
    mover.start()
    # Should all of it go wrong, the window closes by itself.
    guard = threading.Timer(40, selection.key, ['escape'])
    guard.start()
    window(selection)
    guard.cancel()
    mover.join()
    return selection


@pytest.mark.usefixtures('screen')
def test_a_box_is_drawn_in_the_window_of_tk() -> None:
    pytest.importorskip('tkinter', reason="needs Python's Tk")
    selection = show(show_with_tk, (300, 250), (100, 60), ['Return'])
    assert selection.outcome == 'taken'
    assert selection.box == Box(100, 60, 200, 190)
    assert selection.header == Header(2, 5, 'camera')


@pytest.mark.usefixtures('screen')
def test_escape_leaves_the_window_of_tk() -> None:
    pytest.importorskip('tkinter', reason="needs Python's Tk")
    assert show(show_with_tk, (300, 250), (100, 60), ['Escape']).outcome == 'left'


@pytest.mark.usefixtures('screen')
def test_a_box_is_drawn_in_the_window_of_opencv() -> None:
    if find_window() is not show_with_opencv:
        pytest.skip('needs an OpenCV with windows')
    selection = show(show_with_opencv, (300, 250), (100, 60), ['Return'])
    assert selection.outcome == 'taken'
    assert selection.box == Box(100, 60, 200, 190)


@pytest.mark.usefixtures('screen')
def test_one_of_the_two_is_found() -> None:
    pytest.importorskip('tkinter', reason="needs Python's Tk")
    assert find_window() in (show_with_tk, show_with_opencv)


def test_a_display_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DISPLAY', ':4711')
    with pytest.raises(NoWindowError, match=r'windows, and|cannot open a window'):
        find_window()
    monkeypatch.delenv('DISPLAY')
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    with pytest.raises(NoWindowError, match='DISPLAY is not set'):
        find_window()
