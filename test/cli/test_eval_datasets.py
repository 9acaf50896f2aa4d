"""``hit-rfgm eval`` on every data set by its own name, and the archives for servers."""

from collections.abc import Callable
import json
from pathlib import Path
from types import ModuleType

from click.testing import CliRunner
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.data.datasets.registry import DATASETS, open_dataset
from hit_rfgm_ros.evaluation.submission import check_submission
import pytest


@pytest.fixture
def cheap(repository: Path) -> Callable[[str], str]:
    return lambda name: f'{repository / "test" / "tools" / "cheap_trackers.py"}:{name}'


@pytest.mark.parametrize('name', DATASETS)
def test_every_data_set_is_run_and_scored_by_its_own_profile(
    name: str, tmp_path: Path, miniatures: ModuleType, cheap: Callable[[str], str]
) -> None:
    root, out = tmp_path / 'data', tmp_path / 'out'
    names = miniatures.make_dataset(name, root)[:2]
    arguments = ['eval', '--dataset', name, '--root', str(root), '--out', str(out)]
    arguments += ['--tracker-python', cheap('Judging'), '--sequences', ','.join(names)]
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0, result.output
    content = json.loads((out / 'summary.json').read_text())
    dataset = open_dataset(name, root, sequences=names)
    assert content['profile'] == dataset.profile
    entry = content['trackers']['Judging']
    main_score = entry['ao' if dataset.profile == 'got10k' else 'auc']
    if dataset.sequences[0].first_only:
        assert main_score is None
    else:
        assert 0 < main_score < 95
    assert entry['fps'] > 0


def test_a_submission_is_written(
    tmp_path: Path, miniatures: ModuleType, cheap: Callable[[str], str]
) -> None:
    names = [f'GOT-10k_Test_{number:06d}' for number in range(1, 181)]
    root, out, path = tmp_path / 'GOT-10k', tmp_path / 'out', tmp_path / 'still.zip'
    miniatures.make_dataset('got10k_test', root, sequences=names, frames=2, size=(32, 24))
    arguments = ['eval', '--dataset', 'got10k_test', '--root', str(root), '--out', str(out)]
    arguments += ['--tracker-python', cheap('Still'), '--submission', str(path)]
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0, result.output
    assert f'wrote {path}' in result.output
    check_submission(path, open_dataset('got10k_test', root))
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['trackers']['Still']['ao'] is None
    row = next(line for line in result.output.splitlines() if line.startswith('Still'))
    assert row.split()[1:] == ['-'] * 8
