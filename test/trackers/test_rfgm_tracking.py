"""RFGM's maps through the tracker: where the middle counts, and what is told of a frame."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from hit_rfgm_ros.trackers.look import Look
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, TrackState
import numpy as np
import pytest

MakeOne = Callable[..., SingleTargetTracker]
FRAME = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
BOX = Box(100, 80, 60, 40)

pytestmark = pytest.mark.parametrize('family', ['rfgm'], indirect=True)


# --- windowing


class TwoPeaks:
    """A high score at the border of every window, and a lower one near its middle."""

    max_batch = 8

    def __init__(self, scenes: ModuleType, middle: float = 0.5) -> None:
        self._scenes = scenes
        self.middle = middle
        self.windows = 0

    def run(self, graph: str, inputs: Any) -> Any:
        if graph == 'template':
            return {'template_tokens': np.zeros((1, 64, 4), np.float32)}
        if graph == 'filter':
            return {'relevance': np.zeros(inputs['memory'].shape[:2], np.float32)}
        self.windows = len(inputs['search'])
        row = self._scenes.centre_maps((0.53, 0.53, 0.25, 0.25), self.middle, 64)
        row['score'][0] = 0.9
        return {name: np.stack([value] * self.windows) for name, value in row.items()}


@pytest.mark.parametrize(('windowing', 'confidence'), [('hann', 0.5), ('none', 0.9)])
def test_windowing_prefers_the_middle_and_can_be_switched_off(
    make_tracker: MakeOne, scenes: ModuleType, windowing: str, confidence: float
) -> None:
    for paper_mode in (False, True):
        tracker = make_tracker(TwoPeaks(scenes), windowing=windowing, paper_mode=paper_mode)
        tracker.init(FRAME, BOX)
        assert tracker.update(FRAME).confidence == pytest.approx(confidence)  # not weighed


def test_windowing_changes_between_two_frames(
    make_multi: Callable[..., MultiTargetTracker], scenes: ModuleType
) -> None:
    tracker = make_multi(TwoPeaks(scenes))
    own = tracker.add(FRAME, BOX)
    seen = [tracker.update(FRAME)[own].confidence]
    tracker.change_options(windowing='none')
    seen.append(tracker.update(FRAME)[own].confidence)
    assert seen == pytest.approx([0.5, 0.9])


def test_a_lost_target_is_looked_for_in_whole_windows(
    make_tracker: MakeOne, scenes: ModuleType
) -> None:
    """Where it may be anywhere, the middle of a window is no likelier than its border."""
    engine = TwoPeaks(scenes, middle=0.05)
    tracker = make_tracker(engine, lost_below=0.1, lost_after=0.2, found_above=0.8)
    tracker.init(FRAME, BOX)
    results = [tracker.update(FRAME) for _ in range(2)]
    # doubted around its place the middle counts; in the further windows the border does
    assert results[0].state is TrackState.UNCERTAIN
    assert results[0].confidence == pytest.approx(0.05)
    assert engine.windows > 1
    assert results[1].confidence == pytest.approx(0.9)


# --- what was seen


def test_the_trace_tells_what_each_frame_was_read_with(
    make_tracker: MakeOne, scenes: ModuleType
) -> None:
    engine = scenes.MatchingEngine()
    tracker = make_tracker(engine, update_interval=2, memory_size=128)
    looks: list[Look] = []
    tracker.trace = looks.append
    frames = [scenes.target_at(40 + 2 * k, 90)[0] for k in range(6)]
    results = [tracker.init(frames[0], Box(40, 90, 32, 32), stamp=5.0)]
    results += [tracker.update(frame, stamp=5.0 + k) for k, frame in enumerate(frames[1:], 1)]
    assert [look.frame for look in looks] == list(range(6))
    assert [look.stamp for look in looks] == [5.0 + k for k in range(6)]
    assert [look.box for look in looks] == [result.box for result in results]
    assert [len(look.frames) for look in looks] == [64, 64, 64, 128, 128, 128]
    assert [look.template is not None for look in looks] == [True, False] * 3
    first, last = looks[0], looks[-1]
    assert (first.kept, first.score.size) == ({}, 0)
    assert np.array_equal(last.search, engine.searches[0])
    assert last.search.shape == (256, 256, 3)
    assert first.template is not None
    assert first.template.shape == (128, 128, 3)
    assert np.array_equal(last.frames, np.repeat([0, 2], 64))
    assert np.array_equal(last.cells, np.tile(np.arange(64), 2))
    assert {layer: indices.tolist() for layer, indices in last.kept.items()} == {
        4: list(range(115)),
        7: list(range(102)),
        10: list(range(89)),
    }
    assert last.score.shape == (16, 16)
    assert last.score.max() == pytest.approx(results[-1].confidence)
    # the window says where the box lies in what was shown
    cx, cy, width, height = 256 * last.window.to_crop(last.box)
    assert np.ptp([cx, cy, 128, 128]) < 16
    assert (width, height) == pytest.approx((64, 64), rel=0.1)
    tracker.trace = None
    tracker.update(frames[-1])
    assert len(looks) == 6
