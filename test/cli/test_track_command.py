"""``hit-rfgm track`` on real frames, with random weights: files, truth, Ctrl-C."""

from collections.abc import Iterator
import csv
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

from click.testing import CliRunner, Result
import cv2
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.cli.tracker_options import field_texts
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.data.pictures import open_source
from hit_rfgm_ros.data.video_writer import VideoWriter
import matplotlib
import numpy as np
import pytest

RANDOM = ['--weights', 'random', '--backend', 'onnxruntime', '--threads', '1']
HEADER = 'frame,x,y,w,h,confidence,state,latency_ms'


def track(*arguments: object) -> Result:
    return CliRunner().invoke(group, ['track', *map(str, arguments), *RANDOM])


@pytest.fixture(scope='module', autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # matplotlib would list the fonts of the machine anew in an empty cache.
        patch.setenv('MPLCONFIGDIR', matplotlib.get_configdir())
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the golden sequence as a folder with its truth."""
    folder = tmp_path_factory.mktemp('clip') / 'golden'
    folder.mkdir()
    lines = []
    for index in range(12):
        frame = golden_frame(index)
        cv2.imwrite(str(folder / f'{index + 1:06d}.jpg'), frame.image[..., ::-1])
        lines.append(','.join(f'{value:.3f}' for value in frame.box))
    (folder / 'groundtruth.txt').write_text('\n'.join(lines) + '\n')
    return folder


def test_it_writes_what_was_asked_for(clip: Path, tmp_path: Path) -> None:
    result = track(
        *(clip, '--truth', clip / 'groundtruth.txt', '--csv', tmp_path / 'out' / 't.csv'),
        *('--video', tmp_path / 'out' / 't.mp4', '--plot', tmp_path / 'out' / 't.png'),
    )
    assert result.exit_code == 0, result.output
    lines = (tmp_path / 'out' / 't.csv').read_text().splitlines()
    assert lines[0] == HEADER
    assert len(lines) == 13
    box = golden_frame(0).box
    assert lines[1].startswith('0,' + ','.join(f'{value:.3f}' for value in box) + ',')
    number = r'-?\d+\.\d'
    for index, line in enumerate(lines[1:]):
        assert re.fullmatch(
            rf'{index},({number}{{3}},){{4}}[01]\.\d{{4}},(TRACKING|UNCERTAIN|LOST),\d+\.\d{{2}}',
            line,
        ), line
    assert len(list(open_source(tmp_path / 'out' / 't.mp4').frames())) == 12
    assert cv2.imread(str(tmp_path / 'out' / 't.png')) is not None
    for words in ('frames ', 'back end ', 'onnxruntime on cpu', 'frames/s', 'mean overlap'):
        assert words in result.output


def test_the_csv_is_read_by_the_standard_reader(clip: Path, tmp_path: Path) -> None:
    assert track(clip, '--init', '52,112,36,36', '--csv', tmp_path / 't.csv').exit_code == 0
    with (tmp_path / 't.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [float(rows[0][name]) for name in 'xywh'] == [52, 112, 36, 36]
    assert {row['state'] for row in rows} <= {'TRACKING', 'UNCERTAIN', 'LOST'}


def test_start_and_max_frames_choose_a_piece(clip: Path, tmp_path: Path) -> None:
    result = track(
        *(clip, '--truth', clip / 'groundtruth.txt', '--start', 3, '--max-frames', 4),
        *('--csv', tmp_path / 't.csv'),
    )
    assert result.exit_code == 0, result.output
    lines = (tmp_path / 't.csv').read_text().splitlines()[1:]
    assert [line.split(',')[0] for line in lines] == ['3', '4', '5', '6']
    assert float(lines[0].split(',')[1]) == pytest.approx(golden_frame(3).box.x)


def test_paper_mode_is_always_tracking_and_has_no_confidence(clip: Path, tmp_path: Path) -> None:
    result = track(
        *(clip, '--init', '52,112,36,36', '--max-frames', 4, '--paper-mode'),
        *('--csv', tmp_path / 't.csv', '--plot', tmp_path / 't.png'),
    )
    assert result.exit_code == 0, result.output
    rows = [line.split(',') for line in (tmp_path / 't.csv').read_text().splitlines()[1:]]
    assert {(row[5], row[6]) for row in rows[1:]} == {('0.0000', 'TRACKING')}


def test_truth_of_another_length_is_refused(clip: Path, tmp_path: Path) -> None:
    (tmp_path / 'truth.txt').write_text('1,2,30,40\n')
    result = track(clip, '--truth', tmp_path / 'truth.txt')
    assert 'has 1 lines' in str(result.exception)
    assert 'has 12 frames' in str(result.exception)


def test_a_start_without_a_true_box_asks_for_one(clip: Path, tmp_path: Path) -> None:
    (tmp_path / 'truth.txt').write_text('nan,nan,nan,nan\n' * 12)
    result = track(clip, '--truth', tmp_path / 'truth.txt')
    assert 'no true box for frame 0; give --init' in str(result.exception)


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / 'clip.avi'
    with VideoWriter(path, 30) as writer:
        writer.write(golden_frame(0).image)
    before = path.read_bytes()
    result = track(path, '--init', '52,112,36,36', '--video', path)
    assert result.exit_code == 2
    assert 'is the input itself' in result.output
    assert path.read_bytes() == before


def test_a_damaged_picture_leaves_finished_files(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'clip'
    folder.mkdir()
    for path in sorted(clip.glob('*.jpg'))[:6]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / '000005.jpg').write_bytes(b'broken')
    result = track(
        *(folder, '--init', '52,112,36,36'),
        *('--csv', tmp_path / 't.csv', '--video', tmp_path / 't.mp4'),
    )
    assert '000005.jpg is no readable picture' in str(result.exception)
    assert len((tmp_path / 't.csv').read_text().splitlines()) == 5
    assert len(list(open_source(tmp_path / 't.mp4').frames())) == 4


def test_ctrl_c_leaves_finished_files(tmp_path: Path) -> None:
    frames = [golden_frame(index % 120).image for index in range(60)]
    with VideoWriter(tmp_path / 'long.avi', 30) as writer:
        for _ in range(20):  # far more than is done before the signal
            for frame in frames:
                writer.write(frame)
    outputs = [tmp_path / name for name in ('t.csv', 't.mp4', 't.png')]
    words = ['track', tmp_path / 'long.avi', '--init', '52,112,36,36', *RANDOM]
    for option, path in zip(('--csv', '--video', '--plot'), outputs):
        words += [option, path]
    process = subprocess.Popen(
        [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    deadline = time.monotonic() + 60
    while not outputs[0].exists() or outputs[0].read_text().count('\n') < 6:
        assert time.monotonic() < deadline, 'tracking did not begin'
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert 'stopped by Ctrl-C; the files are complete' in err
    assert 'Traceback' not in err
    assert 'mean' in out or 'frames ' in out
    lines = outputs[0].read_text().splitlines()
    assert lines[0] == HEADER
    assert all(len(line.split(',')) == 8 for line in lines)
    assert len(list(open_source(outputs[1]).frames())) == len(lines) - 1 > 2
    assert cv2.imread(str(outputs[2])) is not None


def test_every_option_of_the_tracker_is_explained() -> None:
    shown = CliRunner().invoke(group, ['track', '--help']).output
    texts = field_texts(TrackerConfig.__doc__ or '')
    for name in set(TrackerConfig.__dataclass_fields__) - {'fps', 'paper_mode'}:
        assert f'--{name.replace("_", "-")}' in shown
        assert len(texts[name]) > 20


def test_a_tracker_option_reaches_the_tracker(clip: Path) -> None:
    result = track(clip, '--init', '52,112,36,36', '--min-box-size', '100')
    assert result.exit_code == 1
    assert 'min_box_size' in str(result.exception)


def test_the_tracker_gets_frames_in_rgb(clip: Path, tmp_path: Path) -> None:
    assert (
        track(
            clip, '--init', '52,112,36,36', '--max-frames', 2, '--video', tmp_path / 't.avi'
        ).exit_code
        == 0
    )
    first = next(open_source(tmp_path / 't.avi').frames()).image
    difference = abs(first.astype(int) - golden_frame(0).image)
    assert np.median(difference) < 6
