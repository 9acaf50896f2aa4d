"""Pictures of what an RFGM keeps in its memory and reads from it, of chosen frames of a track."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
from hit_rfgm_ros.cli.tracking import Step
from hit_rfgm_ros.types import Box, ImageU8
from hit_rfgm_ros.viz.tokens import TokenView, draw_tokens
import numpy as np

if TYPE_CHECKING:
    from hit_rfgm_ros.trackers.look import Look


class TokenPictures:
    """Draws the frames that the memory is updated with, and every so many others.

    `take` is the `SingleTargetTracker.trace` of a tracker; after it this is an `Output`.

    Attributes:
        count: pictures so far.
    """

    def __init__(self, folder: Path, every: int, model: str) -> None:
        """Make the folder.

        Args:
            folder: where the pictures go, one ``tokens_<frame>.png`` each.
            every: draw each frame whose number since the start is a multiple of it; 0 draws only
                the frames that the memory is updated with.
            model: to be named in the pictures.

        Raises:
            OSError: if the folder cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.count = 0
        self._folder = folder
        self._every = every
        self._model = model
        self._look: Look | None = None
        self._numbers: list[int] = []  # in the source, by the frames since the start
        self._templates: dict[int, ImageU8] = {}

    def take(self, look: Look) -> None:
        """What the tracker saw in the frame that is written next."""
        self._look = look
        if look.template is not None:
            self._templates[look.frame] = look.template

    def write(self, image: ImageU8, step: Step) -> None:
        """See `Output`.

        Raises:
            OSError: if the picture cannot be written.
        """
        self._numbers.append(step.number)
        look, self._look = self._look, None
        if look is None or not look.frame:
            return
        if look.template is not None or (self._every and look.frame % self._every == 0):
            self._save(look, step)
        needed = {*look.frames.tolist(), look.frame}
        self._templates = {k: v for k, v in self._templates.items() if k in needed}

    def _save(self, look: Look, step: Step) -> None:
        path = self._folder / f'tokens_{step.number:06d}.png'
        picture = draw_tokens(self._view(look, step))
        if not cv2.imwrite(str(path), picture[..., ::-1]):
            raise OSError(f'{path} cannot be written')
        self.count += 1

    def _view(self, look: Look, step: Step) -> TokenView:
        numbers = np.array(self._numbers, np.int64)
        frames = numbers[look.frames]
        facts = [f'{step.stamp:.2f} s', self._model, step.result.state.value]
        count = len(np.unique(frames))
        source = f'{count} frames' if count > 1 else 'the first frame'
        facts.append(f'memory of {len(frames)} tokens from {source}')
        cx, cy, width, height = len(look.search) * look.window.to_crop(look.box)
        return TokenView(
            title=f'frame {step.number}',
            subtitle=',  '.join(facts),
            search=look.search,
            box=Box(cx - 0.5 * width, cy - 0.5 * height, width, height),
            score=look.score,
            frames=frames,
            cells=look.cells,
            kept=look.kept,
            templates={int(numbers[k]): template for k, template in self._templates.items()},
            new=None if look.template is None else step.number,
        )
