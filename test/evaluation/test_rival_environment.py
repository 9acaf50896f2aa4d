"""The environment that OpenCV's contrib trackers run in: made whole, or not there."""

from pathlib import Path
import stat
import subprocess
import sys
import zipfile

from hit_rfgm_ros.errors import ConfigError, RivalError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.rivals import environment, open_rival
from hit_rfgm_ros.evaluation.rivals.environment import Environment, install, python_of
from hit_rfgm_ros.geometry.boxes import iou
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'hit_rfgm_ros'


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that needs no network; the environment ``tiny`` installs it."""
    path = tmp_path / 'tiny-1.0-py3-none-any.whl'
    about = 'tiny-1.0.dist-info'
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('tiny.py', 'version = "1.0"\n')
        file.writestr(f'{about}/METADATA', 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n')
        file.writestr(
            f'{about}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
        )
        file.writestr(f'{about}/RECORD', '')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setitem(
        environment.ENVIRONMENTS,
        'tiny',
        Environment((str(path),), 'import tiny; print(tiny.version)'),
    )
    return path


def test_it_is_made_once_whole_and_for_us_alone(cache: Path, wheel: Path) -> None:
    assert python_of('tiny') is None
    away = wheel.rename(wheel.with_suffix('.away'))
    with pytest.raises(RivalError, match=r'ended with 1: .*tiny.*run the same command again'):
        install('tiny')
    assert python_of('tiny') is None  # though the folder is there
    version = f'python{sys.version_info.major}{sys.version_info.minor}'
    folder = cache / 'environments' / f'tiny-{version}'
    (folder / 'half').write_text('')
    away.rename(wheel)

    lines: list[str] = []
    python = install('tiny', on_line=lines.append)
    assert python == python_of('tiny') == folder / 'bin' / 'python'
    assert any('Successfully installed tiny' in line for line in lines)
    assert not (folder / 'half').exists()
    assert stat.S_IMODE((cache / 'environments').stat().st_mode) == 0o700
    done = subprocess.run(
        [python, '-I', '-c', 'import tiny, numpy'], capture_output=True, text=True
    )
    assert "No module named 'numpy'" in done.stderr  # nothing of ours is seen there

    wheel.unlink()  # a second call installs nothing
    lines.clear()
    assert install('tiny', on_line=lines.append) == python
    assert len(lines) == 1
    assert lines[0].startswith('tiny is there: ')
    python.unlink()  # as an update of the system's Python does
    assert python_of('tiny') is None


def test_an_unknown_environment_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'opencv-contrib'"):
        install('opencv_contrib')


@pytest.mark.slow
def test_opencv_contrib_is_installed_and_tracks(light) -> None:
    """Downloads 70 MB from the package index that pip is set to."""
    install('opencv-contrib')
    frames, boxes = light
    for name in ('csrt', 'kcf'):
        rival = open_rival(ContenderSpec(name, 'rival', {'threads': 1}))
        rival.start(frames[0], boxes[0])
        answers = [rival.update(frame) for frame in frames[1:]]
        rival.close()
        assert iou(answers[0].box, boxes[1]) > 0.5
        assert rival.about['versions']['opencv'].startswith('5.')
