"""What the worker is told to do between two images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hit_rfgm_ros.runtime.book import Entry
from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.reports import Picture


@dataclass(frozen=True)
class Start:
    """Show the network the first boxes of targets that were accepted together.

    Attributes:
        entries: of the targets; their boxes are those to start on.
        frame, picture: the image that the boxes belong to.
    """

    entries: tuple[Entry, ...]
    frame: Frame
    picture: Picture


@dataclass(frozen=True)
class Forget:
    """Let go of targets that were removed."""

    ids: tuple[int, ...]


@dataclass(frozen=True)
class Reset:
    """Bring every target back to its first template."""


@dataclass(frozen=True)
class Tune:
    """Change options of the tracker."""

    options: Mapping[str, Any] = field(default_factory=dict)


Order = Start | Forget | Reset | Tune
