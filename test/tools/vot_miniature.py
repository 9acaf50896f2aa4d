"""Miniature workspaces of the VOT toolkit: tiny pictures of a moving square."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import miniatures
import numpy as np

ANCHORS = {0: 1, 12: 1, 25: -1}  # frame: 1 starts a run to the end there, -1 one back to frame 0
INTERVAL = (5, 28)
SIZE = (96, 72)
STACK = f"""title: miniature
experiments:
  baseline:
    type: multistart
    analyses:
      - {{type: multistart_eao_score, name: eao, low: {INTERVAL[0]}, high: {INTERVAL[1]}}}
      - {{type: multistart_eao_curve, name: curve, high: {INTERVAL[1]}}}
      - {{type: multistart_average_ar, name: ar}}
  realtime:
    type: multistart
    realtime: {{grace: 3}}
    analyses:
      - {{type: multistart_eao_score, name: eao, low: {INTERVAL[0]}, high: {INTERVAL[1]}}}
      - {{type: multistart_average_ar, name: ar}}
  unsupervised:
    type: unsupervised
    repetitions: 1
    analyses:
      - {{type: average_accuracy, name: accuracy, burnin: 1}}
"""


def make_workspace(
    root: Path,
    *,
    names: Sequence[str] = ('ball', 'box'),
    frames: int = 32,
    stack: str = './stack.yaml',
) -> None:
    """Write a workspace as ``vot initialize`` makes it.

    Args:
        root: its folder.
        names: of the sequences; each one is two frames longer than the one before.
        frames: of the first sequence.
        stack: that the configuration names; stack.yaml in the workspace is `STACK`.
    """
    for index, name in enumerate(names):
        recipe = miniatures.Recipe(frames + 2 * index, SIZE)
        boxes = miniatures.path_of_square(recipe, start=9 * index)
        folder = root / 'sequences' / name
        numbers = range(1, len(boxes) + 1)
        miniatures.write_frames(folder / 'color', '{:08d}.jpg', numbers, boxes, recipe)
        miniatures.write(folder / 'groundtruth.txt', miniatures.lines(boxes))
        marks = np.zeros(len(boxes), int)
        marks[list(ANCHORS)] = list(ANCHORS.values())
        miniatures.write(folder / 'anchor.value', ''.join(f'{mark}\n' for mark in marks))
        about = {'channels.color': 'color/%08d.jpg', 'fps': 20, 'name': name}
        about |= {'width': SIZE[0], 'height': SIZE[1], 'length': len(boxes)}
        text = ''.join(f'{key}={value}\n' for key, value in about.items())
        miniatures.write(folder / 'sequence', text)
    miniatures.write(root / 'sequences' / 'list.txt', '\n'.join(names) + '\n')
    miniatures.write(root / 'config.yaml', f'registry:\n- ./trackers.ini\nstack: {stack}\n')
    miniatures.write(root / 'stack.yaml', STACK)
