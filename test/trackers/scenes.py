"""Scenes with known truth, and an engine that really looks for the template in the picture.

`MatchingEngine` fulfils the contract of the engines by correlating pictures instead of running a
network: so confidence, states, search and memory are tested on pixels, without trained weights.
Its maps are sharp where the template is found and flat where it is not. Engines speak HiT's graphs
or RFGM's, as they are asked.
"""

from collections.abc import Collection, Mapping, Sequence
import threading
from typing import Any

import cv2
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Box
import numpy as np

HEIGHT, WIDTH = 240, 320
SIDE = 32  # of the drawn target, pixels
GRID = 16
WORK = 64  # side of the search region while matching


STAGES = {4: 9, 7: 8, 10: 7}  # layers of RFGM that drop memory tokens, and tenths kept
TEMPLATE_TOKENS = 64  # tokens per template


class StandIn:
    """What engines that stand in for a network share.

    Attributes:
        batches: windows per call of ``track``.
        tokens: memory tokens of the windows of the last call; those of the template for HiT.
        graphs: names of the graphs that were run, in order.
        prepared: names of the graphs that were to be loaded.
    """

    backend = 'stand-in'
    device = 'cpu'
    precision = 'fp32'
    max_batch = 8

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.tokens: list[int] = []
        self.graphs: list[str] = []
        self.prepared: list[str] = []

    def prepare(self, graphs: Collection[str]) -> None:
        self.prepared.extend(graphs)

    def run(self, graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.graphs.append(graph)
        if graph == 'template':
            tokens = [self._template(picture) for picture in inputs['template']]
            return {'template_tokens': np.stack(tokens).astype(np.float32)}
        if graph == 'filter':
            return {'relevance': self._relevance(inputs)}
        searches = inputs['search']
        assert searches.dtype == np.uint8
        memory = np.asarray(inputs['memory' if 'memory' in inputs else 'template_tokens'])
        counts = inputs.get('memory_count', np.full(len(memory), memory.shape[1]))
        assert (graph == 'track_padded') is (len(set(counts.tolist())) > 1)
        assert len(searches) == len(memory) <= self.max_batch
        self.batches.append(len(searches))
        self.tokens = counts.tolist()
        rows = [
            self._track(search, own[:count], 'memory' in inputs)
            for search, own, count in zip(searches, memory, counts)
        ]
        return {name: _stack([row[name] for row in rows]) for name in rows[0]}

    def _template(self, picture: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _relevance(self, inputs: Mapping[str, Any]) -> np.ndarray:
        """All alike, so that the older tokens stay; (B, n)."""
        assert inputs['template_tokens'].shape[1] == TEMPLATE_TOKENS
        return np.full(inputs['memory'].shape[:2], 0.5, np.float32)

    def _track(self, search: np.ndarray, tokens: np.ndarray, rfgm: bool) -> dict[str, np.ndarray]:
        raise NotImplementedError


class MatchingEngine(StandIn):
    """Finds the middle of the template picture in the search region by normalised correlation.

    It looks for the first template alone, or with `all_templates` for each whole one in the
    memory, and takes the best match.
    """

    def __init__(self, *, all_templates: bool = False) -> None:
        super().__init__()
        self._all = all_templates
        self.searches: list[np.ndarray] = []  # the last search regions

    def run(self, graph: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        if graph.startswith('track'):
            self.searches = [search.copy() for search in inputs['search']]
        return super().run(graph, inputs)

    def _template(self, picture: np.ndarray) -> np.ndarray:
        return _tokens(picture)

    def _track(self, search: np.ndarray, tokens: np.ndarray, rfgm: bool) -> dict[str, np.ndarray]:
        used = len(tokens) if self._all else TEMPLATE_TOKENS
        templates = np.split(tokens[:used], used // TEMPLATE_TOKENS)
        score, x, y, side = max(_match(search, template) for template in templates)
        sure = float(np.clip((score - 0.4) / 0.4, 0.0, 1.0))
        scale = 1 / WORK
        if rfgm:
            box = [(x + side / 2) * scale, (y + side / 2) * scale, side * scale, side * scale]
            return centre_maps(box, sure**2, len(tokens))  # about HiT's raw score of these maps
        return _corner_maps(
            [x * scale, y * scale, (x + side) * scale, (y + side) * scale], sure, score
        )


class ScriptedEngine(StandIn):
    """Says what it is told: a box and how sure it is, for every window alike.

    Attributes:
        box: cx, cy, w, h as fractions of the search region.
        sure: in [0, 1]; about the raw score of the answer.
        windows: in the last call.
    """

    def __init__(self, box: tuple[float, ...] = (0.5, 0.5, 0.25, 0.25), sure: float = 1.0) -> None:
        super().__init__()
        self.box = box
        self.sure = sure

    @property
    def windows(self) -> int:
        return self.batches[-1]

    def _template(self, picture: np.ndarray) -> np.ndarray:
        return np.full((TEMPLATE_TOKENS, 4), picture.mean())

    def _track(self, search: np.ndarray, tokens: np.ndarray, rfgm: bool) -> dict[str, np.ndarray]:
        if rfgm:
            return centre_maps(self.box, self.sure, len(tokens))
        cx, cy, w, h = self.box
        flat = (1 - self.sure) / GRID**2
        maps = [
            self.sure * _point(x * GRID, y * GRID) + flat
            for x, y in ((cx - w / 2, cy - h / 2), (cx + w / 2, cy + h / 2))
        ]
        return {
            'boxes': np.array(self.box, np.float32),
            'score_tl': maps[0].astype(np.float32),
            'score_br': maps[1].astype(np.float32),
            'correlation': _point(cx * GRID, cy * GRID).astype(np.float32),
        }


def _stack(rows: list[np.ndarray]) -> np.ndarray:
    """Stack rows, those of different lengths filled up with -1."""
    longest = max(len(row) for row in rows)
    filled = [
        np.append(row, np.full(longest - len(row), -1, row.dtype)) if row.ndim == 1 else row
        for row in rows
    ]
    return np.stack(filled)


def centre_maps(box: Sequence[float], sure: float, count: int) -> dict[str, np.ndarray]:
    """RFGM's maps for one box: a score at its cell alone, its size and place everywhere."""
    place = np.array(box[:2], np.float64) * GRID
    inside = np.nan_to_num(np.clip(place, 0, GRID - 1))
    column, row = inside.astype(int)
    score = np.full(GRID**2, 1e-4, np.float32)
    score[row * GRID + column] = np.clip(sure, 1e-4, 1 - 1e-4)
    cells = np.stack([np.tile(np.arange(GRID), GRID), np.repeat(np.arange(GRID), GRID)])
    return {
        'score': score,
        'size': np.repeat(np.array(box[2:], np.float32)[:, None], GRID**2, 1),
        'offset': (place[:, None] - cells).astype(np.float32),
        **{f'kept_{k}': np.arange(count * tenths // 10)[::-1] for k, tenths in STAGES.items()},
    }


def _tokens(template: np.ndarray) -> np.ndarray:
    """(128, 128, 3) -> (64, 12): the target alone, a quarter of the template, made smaller."""
    size = WORK // 4
    target = cv2.resize(template[32:96, 32:96], (size, size), interpolation=cv2.INTER_AREA)
    return target.astype(np.float32).reshape(64, -1)


def _match(search: np.ndarray, tokens: np.ndarray) -> tuple[float, int, int, int]:
    """Score, left, top and side of the best match in the search region made smaller."""
    size = WORK // 4
    small = cv2.resize(search, (WORK, WORK), interpolation=cv2.INTER_AREA).astype(np.float32)
    target = tokens.reshape(size, size, 3)
    best = (-1.0, 0, 0, size)
    for side in (size - 2, size, size + 2):
        template = cv2.resize(target, (side, side), interpolation=cv2.INTER_LINEAR)
        found = cv2.matchTemplate(small, template, cv2.TM_CCOEFF_NORMED)
        found = np.where(np.isfinite(found), found, -1.0)  # flat pictures
        _, score, _, (x, y) = cv2.minMaxLoc(found)
        if score > best[0]:
            best = (score, x, y, side)
    return best


def _corner_maps(corners: Sequence[float], sure: float, score: float) -> dict[str, np.ndarray]:
    """HiT's maps for a box by its corners x1, y1, x2, y2 as fractions of the search region."""
    x1, y1, x2, y2 = (value * GRID for value in corners)
    maps = [sure * _point(x, y) + (1 - sure) / GRID**2 for x, y in ((x1, y1), (x2, y2))]
    correlation = _point((x1 + x2) / 2, (y1 + y2) / 2) * score
    x1, y1, x2, y2 = (
        (m.reshape(GRID, GRID).sum(axis) @ np.arange(GRID)) / GRID for m in maps for axis in (0, 1)
    )
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


class Watched:
    """An engine with a hand on its graphs of the memory.

    Attributes:
        templates, filters: what these graphs were given, in order.
        fail: graph that fails.
        hold: waited for before a template is embedded, if it is set.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.max_batch = engine.max_batch
        self.templates: list[np.ndarray] = []
        self.filters: list[dict[str, np.ndarray]] = []
        self.fail = ''
        self.relevance: float | None = None
        self.hold: threading.Event | None = None
        self.held = threading.Event()

    def run(self, graph: str, inputs: Any) -> Any:
        if graph == self.fail:
            raise EngineError('no memory left')
        if graph == 'template':
            self.templates += [picture.copy() for picture in inputs['template']]
            if self.hold is not None:
                self.held.set()
                assert self.hold.wait(20)
        outputs = self._engine.run(graph, inputs)
        if graph == 'filter':
            self.filters.append({name: np.array(value) for name, value in inputs.items()})
            if self.relevance is not None:
                outputs['relevance'][:] = self.relevance
        return outputs
