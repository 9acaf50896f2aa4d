"""Where the package's data folders lie: in the wheel, in the checkout, or in a ROS install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hit_rfgm_ros.errors import ConfigError

_PACKAGE = Path(__file__).parent.parent


def share_folder(name: str) -> Path:
    """Find one of the folders that come with the package.

    The wheel carries ``config``, ``msg`` and ``srv`` in `hit_rfgm_ros/share`; in a checkout they
    lie beside the package; a ROS install has them in ``<prefix>/share/hit_rfgm_ros``. What the
    sources themselves hold (``interfaces`` for one) is in `hit_rfgm_ros/share` everywhere.

    Raises:
        ConfigError: if the installation lacks it.
    """
    for place in _places(name):
        if place.is_dir():
            return place
    raise ConfigError(
        f'the folder {name!r} of hit_rfgm_ros was not found around {_PACKAGE}; the installation '
        f'is not complete: install the package again'
    )


def _places(name: str) -> Iterator[Path]:
    yield _PACKAGE / 'share' / name
    # A file that marks a checkout: folders of these names may lie anywhere by chance.
    if (_PACKAGE.parent / 'package.xml').is_file():
        yield _PACKAGE.parent / name
    # <prefix>/lib/python3.12/site-packages/hit_rfgm_ros, with one folder more on Ubuntu.
    for prefix in _PACKAGE.parents:
        yield prefix / 'share' / 'hit_rfgm_ros' / name
