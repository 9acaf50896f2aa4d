"""``hit-rfgm report``."""

from pathlib import Path
import subprocess
import sys
from types import ModuleType

from click.testing import CliRunner, Result
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.errors import EvaluationError
import pytest

pytest.importorskip('matplotlib')


@pytest.fixture
def out(tmp_path: Path, miniatures: ModuleType, evaluations: ModuleType) -> Path:
    miniatures.make_dataset('folder', tmp_path / 'data', sequences=['ant'], frames=12)
    said = evaluations.Said(drift=1.0, confidence=False, states=False)
    evaluations.make_evaluation(tmp_path / 'out', tmp_path / 'data', {'mine': said})
    return tmp_path / 'out'


def run(*arguments: object) -> Result:
    words = ['report', *map(str, arguments)]
    return CliRunner().invoke(group, words, standalone_mode=False)


def test_page_and_pictures_lie_in_the_folder_of_results(out: Path) -> None:
    result = run(out)
    assert result.exception is None, result.exception
    pictures = list((out / 'report').glob('*.png'))
    assert f'wrote {out / "report.html"} (' in result.output
    assert f'{len(pictures)} pictures in {out / "report"}' in result.output
    again = run(out)  # what it wrote is taken for no results
    assert again.exception is None, again.exception


def test_they_can_go_elsewhere(out: Path, tmp_path: Path) -> None:
    html, png = tmp_path / 'a' / 'page.html', tmp_path / 'b' / 'c'
    result = run(out, '--html', html, '--png', png, '--title', 'My page', '--tracker', 'mine')
    assert result.exception is None, result.exception
    assert '<title>My page</title>' in html.read_text(encoding='utf-8')
    assert list(png.glob('strip_mine_ant.png'))
    assert not (out / 'report').exists()


def test_missing_pictures_are_said(out: Path, tmp_path: Path) -> None:
    (tmp_path / 'data').rename(tmp_path / 'moved')
    result = run(out)
    assert result.exception is None, result.exception
    assert 'hit-rfgm report: without film strips: ' in result.output
    assert 'without film strips' not in run(out, '--root', tmp_path / 'moved').output


@pytest.mark.parametrize(
    ('arguments', 'code', 'message'),
    [
        (['out', '--tracker', 'mein'], 2, "no scored tracker 'mein'; there are mine"),
        (['out', '--root', 'nowhere'], 2, 'nowhere'),
        (['empty'], 1, 'empty/summary.json does not exist; run hit-rfgm eval --out empty first'),
        ([], 2, "Missing argument 'OUT'"),
    ],
)
def test_wrong_use_and_errors_are_one_line(
    out: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'hit_rfgm_ros.cli.main', 'report', *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count('\n') == 1
    assert not (out / 'report.html').exists()
    assert not (tmp_path / 'empty').exists()


def test_a_damaged_file_is_named(out: Path) -> None:
    (out / 'mine' / 'ant.txt').write_text('1,2\n')
    result = run(out)
    assert isinstance(result.exception, EvaluationError)
    assert f'{out / "mine" / "ant.txt"}, line 1' in str(result.exception)
