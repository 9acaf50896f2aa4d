"""The demo with the weights that come with the package: does it do what it is there to show?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

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

Process = subprocess.Popen
SIGNS = ('mean overlap', 'frames/s', 'back end', 'after leaving', 'after its return')


@dataclass(frozen=True)
class Demo:
    """What a demo left.

    Attributes:
        rows: numbers of the frames that have a line in the CSV.
        states, overlaps: of every frame; where there is no line those of the last one hold.
    """

    folder: Path
    printed: str
    scene: Scene
    rows: list[int]
    states: list[TrackState]
    overlaps: np.ndarray

    @property
    def absence(self) -> Absence:
        (absence,) = find_absences(self.scene.shares, round(self.scene.fps))
        return absence


def read_demo(folder: Path, printed: str) -> Demo:
    scene = compose_scene('demo')
    lines = [line.split(',') for line in (folder / 'demo.csv').read_text().splitlines()[1:]]
    rows = [int(line[0]) for line in lines]
    shown = np.searchsorted(rows, np.arange(len(scene)), side='right') - 1
    boxes = np.array([line[1:5] for line in lines], np.float64)[shown]
    states = [TrackState(lines[index][6]) for index in shown]
    return Demo(folder, printed, scene, rows, states, iou_arrays(boxes, scene.truth))


@pytest.fixture(scope='module', params=['three processes', 'one process'])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp('demo')
    single = request.param == 'one process'
    if not single:
        pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_DATA_HOME', str(folder / 'none'))  # not the user's own weights
        arguments = ['demo', '--out', str(folder), *(['--single-process'] if single else [])]
        result = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return read_demo(folder, result.output)


def test_mean_overlap_while_visible(demo: Demo) -> None:
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
    for words in SIGNS:
        assert words in demo.printed


def test_every_frame_is_processed_or_counted_as_dropped(demo: Demo) -> None:
    assert demo.rows == sorted(set(demo.rows))
    assert demo.rows[0] == 0
    if 'dropped' not in demo.printed:
        assert demo.rows == list(range(len(demo.scene)))
        return
    done = len(demo.rows)
    dropped = len(demo.scene) - done
    assert f'{done} of {len(demo.scene)} processed, {dropped} dropped' in demo.printed
    assert re.search(r'node +p50 \d+\.\d ms, p99 \d+\.\d ms', demo.printed)
    # In the first frame it is the box given, on that very frame.
    first = (demo.folder / 'demo.csv').read_text().splitlines()[1]
    box = [float(value) for value in first.split(',')[1:5]]
    assert box == pytest.approx(tuple(demo.scene.init_box), abs=1e-3)


def test_without_dds_it_is_one_process_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'cyclonedds.core', None)
    monkeypatch.delitem(sys.modules, 'hit_rfgm_ros.dds.binding', raising=False)
    monkeypatch.delattr('hit_rfgm_ros.dds.binding', raising=False)
    result = CliRunner().invoke(group, ['demo', '--scene', 'easy', '--out', str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert 'All in one process: ' in result.output
    assert len((tmp_path / 'demo.csv').read_text().splitlines()) == 181


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts demos in the background, into the test's folder."""
    started = []

    def run(*arguments: str) -> Process:
        command = [sys.executable, '-m', 'hit_rfgm_ros.cli.main', 'demo', '--out', str(tmp_path)]
        started.append(
            subprocess.Popen(
                [*command, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def children_of(process: Process) -> list[int]:
    namespace = f'demo_{process.pid}'
    done = subprocess.run(
        ['ps', '-ww', '-eo', 'pid=,args='], capture_output=True, text=True, check=True
    )
    return [
        int(line.split()[0])
        for line in done.stdout.splitlines()
        if namespace in line and '--child' in line
    ]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_whatever_ends_it(
    start: Callable[..., Process], tmp_path: Path, number: signal.Signals
) -> None:
    process = start('--scene', 'easy')
    csv = tmp_path / 'demo.csv'

    def is_under_way() -> bool:
        assert process.poll() is None, process.communicate()[0]
        return csv.exists() and len(csv.read_text().splitlines()) > 20

    wait_for(is_under_way)
    assert len(children_of(process)) == 2
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    wait_for(lambda: not children_of(process))
    if number is signal.SIGINT:
        assert process.returncode == 130, printed
        assert 'stopped by Ctrl-C; the files are complete so far' in printed
        lines = csv.read_text().splitlines()
        assert len(list(open_source(tmp_path / 'demo.mp4').frames())) >= len(lines) - 1
        assert cv2.imread(str(tmp_path / 'demo.png')) is not None


def test_a_process_that_fails_is_named_and_its_last_words_are_shown(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    process = start('--weights', str(tmp_path / 'none.safetensors'))
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert 'none.safetensors' in printed
    assert not children_of(process)


def test_an_option_that_the_node_lacks_names_the_way(start: Callable[..., Process]) -> None:
    process = start('--scan-windows', '2')
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert '--scan-windows is no parameter of the tracker node; add --single-process' in printed
