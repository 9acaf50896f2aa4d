"""The examples run."""

from pathlib import Path
import subprocess
import sys

from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.data.video_writer import VideoWriter


def test_track_video_prints_a_box_per_frame(repository: Path, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / 'clip.avi', 30) as writer:
        for index in range(4):
            writer.write(golden_frame(index).image)
    script = repository / 'examples' / 'track_video.py'
    result = subprocess.run(
        [sys.executable, script, tmp_path / 'clip.avi', '52,112,36,36', '--weights', 'random'],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=repository,
        env={'PYTHONPATH': str(repository), 'XDG_CACHE_HOME': str(tmp_path)},
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.split()[-1] in ('TRACKING', 'UNCERTAIN', 'LOST') for line in lines)


def test_write_scenes_makes_a_data_set(repository: Path, tmp_path: Path) -> None:
    script = repository / 'examples' / 'write_scenes.py'
    result = subprocess.run(
        [sys.executable, script, tmp_path, 'easy', 'varied:3', '--frames', '4'],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=repository,
        env={'PYTHONPATH': str(repository)},
    )
    assert result.returncode == 0, result.stderr
    dataset = open_dataset('folder', tmp_path)
    assert [(one.name, len(one)) for one in dataset.sequences] == [('easy_0', 4), ('varied_3', 4)]
    for sequence in dataset.sequences:
        assert sequence.image_size() == (640, 480)
        assert sequence.box(3) is not None
