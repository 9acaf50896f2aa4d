"""Fixtures of the tests of rivals and of the VOT toolkit."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.rivals import open_rival
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np
import pytest

Scene = tuple[list[ImageU8], list[Box]]
Track = Callable[..., list]


@pytest.fixture(scope='session')
def tiny_networks(repository: Path) -> Iterator[ModuleType]:
    """The writer of generated ONNX networks in test/tools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / 'test' / 'tools'))
        yield import_module('tiny_networks')


@pytest.fixture(scope='session')
def vot_miniature(miniatures: ModuleType) -> ModuleType:
    """The writer of miniature VOT workspaces in test/tools: ``make_workspace(root)``."""
    return import_module('vot_miniature')  # beside the other one


@pytest.fixture(scope='session')
def light() -> Scene:
    """A light of 30 x 30 pixels, brightest in its middle, that goes right and down in the dark."""
    random = np.random.default_rng(7)
    ground = random.integers(0, 40, (160, 240, 3), np.uint8)
    line = np.exp(-(((np.arange(30) - 14.5) / 9) ** 2))
    shine = np.outer(line, line)[..., None] * (70, 190, 215)
    frames, boxes = [], []
    for index in range(8):
        x, y = 60 + 6 * index, 50 + 4 * index
        frame = ground.copy()
        frame[y : y + 30, x : x + 30] += shine.astype(np.uint8)
        frames.append(frame)
        boxes.append(Box(x, y, 30, 30))
    return frames, boxes


@pytest.fixture
def track(light: Scene) -> Track:
    """Run a rival over the scene: ``track(rival, kind='rival', **options)`` gives its answers."""

    def run(name: str, *, kind: str = 'rival', **options: object) -> list:
        rival = open_rival(ContenderSpec(name, kind, options))
        frames, boxes = light
        try:
            rival.start(frames[0], boxes[0])
            return [rival.update(frame) for frame in frames[1:]]
        finally:
            rival.close()

    return run
