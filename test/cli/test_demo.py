"""The demo with the weights that come with the package: does it do what it is there to show?"""

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
import cv2
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.data.pictures import open_source
from hit_rfgm_ros.data.scene import Scene
from hit_rfgm_ros.data.scene_presets import compose_scene
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.metrics.absence import Absence, find_absences, frames_to_found, frames_to_lost
from hit_rfgm_ros.types import TrackState
import numpy as np
import pytest


@dataclass(frozen=True)
class Demo:
    folder: Path
    printed: str
    scene: Scene
    states: list[TrackState]
    overlaps: np.ndarray

    @property
    def absence(self) -> Absence:
        (absence,) = find_absences(self.scene.shares, round(self.scene.fps))
        return absence


@pytest.fixture(scope='module')
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp('demo')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_DATA_HOME', str(folder / 'none'))  # not the user's own weights
        result = CliRunner().invoke(group, ['demo', '--out', str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    scene = compose_scene('demo')
    rows = [line.split(',') for line in (folder / 'demo.csv').read_text().splitlines()[1:]]
    boxes = np.array([row[1:5] for row in rows], np.float64)
    return Demo(
        folder,
        result.output,
        scene,
        [TrackState(row[6]) for row in rows],
        iou_arrays(boxes, scene.truth),
    )


def test_mean_overlap_while_visible(demo: Demo) -> None:
    assert len(demo.states) == len(demo.scene)
    assert np.nanmean(demo.overlaps[1:]) >= 0.6


def test_lost_within_a_second_of_leaving(demo: Demo) -> None:
    frames = frames_to_lost(demo.states, demo.absence)
    assert frames is not None
    assert frames / demo.scene.fps <= 1.0


def test_not_lost_while_in_full_view_before(demo: Demo) -> None:
    before = demo.states[: demo.absence.left - 30]
    assert before.count(TrackState.LOST) == 0


def test_same_target_again_within_two_seconds_of_its_return(demo: Demo) -> None:
    frames = frames_to_found(demo.states, demo.overlaps, demo.absence)
    assert frames is not None
    assert frames / demo.scene.fps <= 2.0
    # and it stays on it
    end = demo.overlaps[-30:]
    assert np.nanmean(end) >= 0.5


def test_what_it_leaves_and_says(demo: Demo) -> None:
    frames = list(open_source(demo.folder / 'demo.mp4').frames())
    assert len(frames) == len(demo.scene)
    assert frames[0].image.shape == (480, 640, 3)
    assert cv2.imread(str(demo.folder / 'demo.png')) is not None
    for words in ('mean overlap', 'frames/s', 'back end', 'after leaving', 'after its return'):
        assert words in demo.printed
