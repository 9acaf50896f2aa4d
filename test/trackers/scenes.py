"""Scenes with known truth, and an engine that really looks for the template in the picture.

`MatchingEngine` fulfils the contract of the engines by correlating pictures instead of running a
network: so confidence, states and search are tested on pixels, without trained weights. Its
corner maps are sharp where the template is found and flat where it is not.
"""

from collections.abc import Mapping
from typing import Any

import cv2
from hit_rfgm_ros.types import Box
import numpy as np

HEIGHT, WIDTH = 240, 320
SIDE = 32  # of the drawn target, pixels
GRID = 16
WORK = 64  # side of the search region while matching


class MatchingEngine:
    """Finds the middle of the template picture in the search region by normalised correlation."""

    backend = 'matching'
    device = 'cpu'
    precision = 'fp32'
    max_batch = 8

    def __init__(self) -> None:
        self.batches: list[int] = []  # windows per call of 'track'
        self.searches: list[np.ndarray] = []  # the last search regions

    def run(self, graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        if graph == 'template':
            return {'template_tokens': np.stack([_tokens(p) for p in inputs['template']])}
        searches, tokens = inputs['search'], np.asarray(inputs['template_tokens'])
        assert searches.dtype == np.uint8
        assert len(searches) == len(tokens) <= self.max_batch
        self.batches.append(len(searches))
        self.searches = [search.copy() for search in searches]
        rows = [_match(search, own) for search, own in zip(searches, tokens)]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


class ScriptedEngine:
    """Says what it is told: a box and how sure it is, for every window alike.

    Attributes:
        box: cx, cy, w, h as fractions of the search region.
        sure: in [0, 1]; about the raw score of the answer.
    """

    backend = 'scripted'
    device = 'cpu'
    precision = 'fp32'
    max_batch = 8

    def __init__(self, box: tuple[float, ...] = (0.5, 0.5, 0.25, 0.25), sure: float = 1.0) -> None:
        self.box = box
        self.sure = sure
        self.windows = 0  # in the last call

    def run(self, graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        if graph == 'template':
            return {'template_tokens': np.zeros((len(inputs['template']), 64, 128), np.float32)}
        self.windows = len(inputs['search'])
        cx, cy, w, h = self.box
        flat = (1 - self.sure) / GRID**2
        maps = [
            self.sure * _point(x * GRID, y * GRID) + flat
            for x, y in ((cx - w / 2, cy - h / 2), (cx + w / 2, cy + h / 2))
        ]
        rows = {
            'boxes': np.array(self.box, np.float32),
            'score_tl': maps[0].astype(np.float32),
            'score_br': maps[1].astype(np.float32),
            'correlation': _point(cx * GRID, cy * GRID).astype(np.float32),
        }
        return {name: np.stack([row] * self.windows) for name, row in rows.items()}


def _tokens(template: np.ndarray) -> np.ndarray:
    """(128, 128, 3) -> (64, 12): the target alone, a quarter of the template, made smaller."""
    size = WORK // 4
    target = cv2.resize(template[32:96, 32:96], (size, size), interpolation=cv2.INTER_AREA)
    return target.astype(np.float32).reshape(64, -1)


def _match(search: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    size = WORK // 4
    small = cv2.resize(search, (WORK, WORK), interpolation=cv2.INTER_AREA).astype(np.float32)
    target = tokens.reshape(size, size, 3)
    best = (-1.0, 0.0, 0.0, size)
    for side in (size - 2, size, size + 2):
        template = cv2.resize(target, (side, side), interpolation=cv2.INTER_LINEAR)
        found = cv2.matchTemplate(small, template, cv2.TM_CCOEFF_NORMED)
        found = np.where(np.isfinite(found), found, -1.0)  # flat pictures
        _, score, _, (x, y) = cv2.minMaxLoc(found)
        if score > best[0]:
            best = (score, x, y, side)
    score, x, y, side = best
    sure = float(np.clip((score - 0.4) / 0.4, 0.0, 1.0))
    scale = GRID / WORK
    maps = [
        sure * _point(cx * scale, cy * scale) + (1 - sure) / GRID**2
        for cx, cy in ((x, y), (x + side, y + side))
    ]
    correlation = _point((x + side / 2) * scale, (y + side / 2) * scale) * score
    corners = [
        (m.reshape(GRID, GRID).sum(axis) @ np.arange(GRID)) / GRID for m in maps for axis in (0, 1)
    ]
    x1, y1, x2, y2 = corners
    box = [0.5 * (x1 + x2), 0.5 * (y1 + y2), x2 - x1, y2 - y1]
    return {
        'boxes': np.array(box, np.float32),
        'score_tl': maps[0].astype(np.float32),
        'score_br': maps[1].astype(np.float32),
        'correlation': correlation.astype(np.float32),
    }


def _point(x: float, y: float) -> np.ndarray:
    """Probabilities of the four cells around a point, whose expectation is the point; flat."""
    cells = np.arange(GRID)
    along = [np.maximum(0.0, 1 - np.abs(cells - min(max(v, 0.0), GRID - 1.0))) for v in (x, y)]
    return np.outer(along[1], along[0]).ravel()


def texture(seed: int, height: int, width: int, grain: float) -> np.ndarray:
    """A seeded picture of soft blobs, (height, width, 3) uint8."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), grain)
    soft = (soft - soft.mean()) / soft.std() * 55 + 128
    return np.clip(soft, 0, 255).astype(np.uint8)


BACKGROUND = texture(1, HEIGHT, WIDTH, 6.0)
TARGET = texture(2, SIDE, SIDE, 3.0)


def frame_with(*patches: tuple[float, float, np.ndarray]) -> np.ndarray:
    """The background with patches, each (x, y, picture) by its top left corner, later on top."""
    frame = BACKGROUND.copy()
    for x, y, patch in patches:
        left, top = round(x), round(y)
        height, width = patch.shape[:2]
        x1, y1 = max(left, 0), max(top, 0)
        x2, y2 = min(left + width, WIDTH), min(top + height, HEIGHT)
        if x1 < x2 and y1 < y2:
            frame[y1:y2, x1:x2] = patch[y1 - top : y2 - top, x1 - left : x2 - left]
    return frame


def target_at(x: float, y: float) -> tuple[np.ndarray, Box]:
    """A frame with the target, and the target's box."""
    return frame_with((x, y, TARGET)), Box(x, y, SIDE, SIDE)


def resized(patch: np.ndarray, side: int) -> np.ndarray:
    """A patch as a square of another side."""
    return np.asarray(cv2.resize(patch, (side, side), interpolation=cv2.INTER_LINEAR))


def mixed(patch: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """A look-alike: ``share`` of the patch and the rest of another one."""
    return np.asarray(cv2.addWeighted(patch, share, other, 1 - share, 0))
