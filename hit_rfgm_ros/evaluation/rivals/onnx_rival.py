"""A tracker of others in ONNX, run as its settings describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hit_rfgm_ros.errors import RivalError
from hit_rfgm_ros.evaluation.contender import Answer, versions
from hit_rfgm_ros.evaluation.rivals.adapter_settings import AdapterSettings
from hit_rfgm_ros.evaluation.rivals.choice import choose
from hit_rfgm_ros.evaluation.rivals.graph import Graph
from hit_rfgm_ros.evaluation.rivals.outputs import decode
from hit_rfgm_ros.evaluation.rivals.regions import search_region, template_region
from hit_rfgm_ros.geometry.boxes import check_box, clip_box
from hit_rfgm_ros.types import Box, ImageU8
import numpy as np

_BLACK = (0.0, 0.0, 0.0)


class OnnxRival:
    """Tracks one target with the networks that its settings name; implements `Contender`.

    Its confidence is the score of the chosen cell. It has no states.
    """

    def __init__(
        self,
        name: str,
        settings: AdapterSettings,
        files: Mapping[str, Path],
        about: Mapping[str, Any],
        *,
        threads: int = 0,
    ) -> None:
        """Load the networks, and run them once: what does not fit shall be named at once.

        Args:
            name: of the folder of its results.
            settings: how to use the networks.
            files: paths by the name of the network: ``track``, perhaps ``template``, ``search``.
            about: what is said about it beside its files and settings.
            threads: of ONNX Runtime; 0 leaves it to it.

        Raises:
            RivalError: if a file cannot be used, or the settings do not fit it.
        """
        self.name = name
        self._settings = settings
        self._graph = Graph(settings, files, threads=threads)
        self._box: Box | None = None
        self._outside: tuple[float, ...] = _BLACK
        self.about: dict[str, Any] = {
            **about,
            'models': self._graph.sha256,
            'settings': asdict(settings),
            'versions': versions('onnxruntime'),
        }
        noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
        self.start(noise, Box(40, 30, 40, 30))
        self.update(noise)

    def start(self, frame: ImageU8, box: Box, *, stamp: float | None = None) -> None:
        """See `Contender`."""
        check_box(box)
        settings = self._settings
        self._box = _whole(box) if settings.results.whole_pixels else box
        if settings.crops.outside == 'mean':
            self._outside = tuple(frame.mean(axis=(0, 1)).tolist())
        region = template_region(self._box, settings.crops)
        self._graph.set_template(region.cut(frame, self._outside))

    def update(self, frame: ImageU8, *, stamp: float | None = None) -> Answer:
        """See `Contender`."""
        last = self._box
        if last is None:
            raise RivalError(f'{self.name}: update before start')
        settings, size = self._settings, self._settings.crops.search_size
        region = search_region(last, settings.crops)
        outputs = self._graph.run(region.cut(frame, self._outside))
        candidates = decode(outputs, settings.outputs, size)
        sides = last.width * size / region.width, last.height * size / region.height
        chosen = choose(candidates, sides, settings.choice)
        found = region.to_image(candidates.boxes[chosen.index])
        if settings.choice.size_rate:
            found = _follow_slowly(last, found, settings.choice.size_rate * chosen.trust)
        self._box = self._keep_inside(found, frame.shape[1], frame.shape[0])
        score = None if candidates.scores is None else float(candidates.scores[chosen.index])
        return Answer(self._box, score)

    def after(self) -> None:
        """See `Contender`: there is nothing to do."""

    def close(self) -> None:
        """See `Contender`."""
        self._box = None

    def _keep_inside(self, box: Box, width: int, height: int) -> Box:
        results = self._settings.results
        if results.whole_pixels:
            box = _whole(box)
        if results.clip == 'box':
            return clip_box(box, width, height, results.min_side)
        cx, cy = box.center
        sides = (
            min(max(results.min_side, box.width), width),
            min(max(results.min_side, box.height), height),
        )
        return _around((min(max(0.0, cx), width), min(max(0.0, cy), height)), sides)


def _whole(box: Box) -> Box:
    x, y, width, height = (float(round(value)) for value in box)
    return Box(x, y, max(1.0, width), max(1.0, height))


def _follow_slowly(last: Box, found: Box, rate: float) -> Box:
    """The place as found, the size changed by a part of what was found."""
    sides = (
        last.width + rate * (found.width - last.width),
        last.height + rate * (found.height - last.height),
    )
    return _around(found.center, sides)


def _around(center: tuple[float, float], sides: tuple[float, float]) -> Box:
    width, height = sides
    return Box(center[0] - 0.5 * width, center[1] - 0.5 * height, width, height)
