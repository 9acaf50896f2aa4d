"""A window to draw a box in: OpenCV's where there is one, else Tk's."""

from __future__ import annotations

from collections.abc import Callable
import importlib
import os
import subprocess
import sys
import time
from typing import Any

import cv2
from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.nodes.selection import Selection

TITLE = 'select_target'
Window = Callable[[Selection], None]  # shows it until it has an outcome

_PERIOD = 40  # milliseconds between two pictures
_CV_KEYS = {13: 'enter', 10: 'enter', 32: 'space', 27: 'escape'}
_TK_KEYS = {'Return': 'enter', 'KP_Enter': 'enter', 'space': 'space', 'Escape': 'escape'}
# In a process of its own: Qt ends a process that it cannot show a window in.
_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.destroyAllWindows()"


class NoWindowError(HitRfgmError):
    """No window can be opened here."""


def find_window() -> Window:
    """The best way to show a window here.

    Raises:
        NoWindowError: with each way's reason why not.
    """
    if sys.platform.startswith('linux') and not (
        os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    ):
        raise NoWindowError('there is no display (DISPLAY is not set)')
    if _opencv_has_windows():
        return show_with_opencv
    try:
        tkinter = importlib.import_module('tkinter')
    except ImportError as error:
        raise NoWindowError(
            "this OpenCV was built without windows, and Python's Tk is not installed (python3-tk "
            'on Debian and Ubuntu)'
        ) from error
    try:
        tkinter.Tk().destroy()
    except tkinter.TclError as error:
        raise NoWindowError(f'Tk cannot open a window: {error}') from error
    return show_with_tk


def show_with_opencv(selection: Selection) -> None:
    """Show the window of OpenCV until there is an outcome."""

    def on_mouse(event: int, x: int, y: int, _flags: int, _data: Any) -> None:
        if event == cv2.EVENT_LBUTTONDOWN:
            selection.press(x, y)
        elif event == cv2.EVENT_MOUSEMOVE:
            selection.move(x, y)
        elif event == cv2.EVENT_LBUTTONUP:
            selection.release(x, y)

    cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
    cv2.setMouseCallback(TITLE, on_mouse)
    try:
        while selection.outcome is None:
            picture = selection.render()
            if picture is not None:
                cv2.imshow(TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            code = cv2.waitKey(_PERIOD) & 0xFF
            if code != 0xFF:
                selection.key(_CV_KEYS.get(code, chr(code)))
            if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
                selection.key('escape')
    finally:
        cv2.destroyAllWindows()


def show_with_tk(selection: Selection) -> None:
    """Show a window of Tk until there is an outcome."""
    tkinter = importlib.import_module('tkinter')
    root = tkinter.Tk()
    root.title(TITLE)
    root.resizable(False, False)
    label = tkinter.Label(root, borderwidth=0, cursor='crosshair')
    label.pack()
    label.bind('<ButtonPress-1>', lambda event: selection.press(event.x, event.y))
    label.bind('<B1-Motion>', lambda event: selection.move(event.x, event.y))
    label.bind('<ButtonRelease-1>', lambda event: selection.release(event.x, event.y))
    root.bind('<Key>', lambda event: selection.key(_TK_KEYS.get(event.keysym, event.keysym)))
    root.protocol('WM_DELETE_WINDOW', lambda: selection.key('escape'))
    try:
        while selection.outcome is None:
            picture = selection.render()
            if picture is not None:
                height, width = picture.shape[:2]
                data = b'P6 %d %d 255 ' % (width, height) + picture.tobytes()
                label.image = tkinter.PhotoImage(data=data, format='PPM')  # kept alive there
                label.configure(image=label.image)
            root.update()
            time.sleep(_PERIOD / 1000)
    finally:
        root.destroy()


def _opencv_has_windows() -> bool:
    if 'GUI: NONE' in ' '.join(cv2.getBuildInformation().split()):
        return False
    done = subprocess.run([sys.executable, '-c', _PROBE], capture_output=True, check=False)
    return done.returncode == 0
