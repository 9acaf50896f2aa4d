"""Every ablation study runs from training to its table, on miniature data."""

from collections.abc import Callable
import json
from pathlib import Path
import subprocess
import sys
from types import ModuleType

import pytest

SMALL = ['--set', 'search_size=128', '--set', 'steps=1', '--set', 'batch_size=2']
SMALL += ['--set', 'workers=0', '--backend', 'onnxruntime']
HIT = [*SMALL, '--set', 'model=hit_tiny']
RFGM = [*SMALL, '--set', 'model=rfgm_t256', '--set', 'templates=1']

Run = Callable[..., tuple[dict[str, object], str]]


@pytest.fixture(scope='session')
def run(
    repository: Path,
    photos: Path,
    miniatures: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Call a study's script; its JSON and its Markdown table."""
    root, out = tmp_path_factory.mktemp('got10k'), tmp_path_factory.mktemp('studies')
    miniatures.make_dataset('folder', root, sequences=['one'], frames=3)

    def call(name: str, *words: str, check: bool = True) -> tuple[dict[str, object], str]:
        script = repository / 'benchmarks' / 'ablations' / f'{name}.py'
        given = ['--data', str(photos), '--eval', f'folder={root}', '--out', str(out), *words]
        done = subprocess.run(
            [sys.executable, str(script), *given], capture_output=True, text=True, check=False
        )
        if not check:
            return {}, done.stderr
        assert done.returncode == 0, done.stderr[-2000:]
        report = json.loads((out / f'{name}.json').read_text(encoding='utf-8'))
        return report, (out / f'{name}.md').read_text(encoding='utf-8')

    return call


def check(report: dict[str, object], table: str, *labels: str) -> list[Path]:
    """Look at the rows of a study; the weights of each."""
    rows = report['rows']
    assert isinstance(rows, list)
    assert [row['label'] for row in rows] == list(labels)
    for row in rows:
        assert Path(row['weights']).exists()
        assert 0 <= row['folder']['auc'] <= 100
        assert row['folder']['fps'] > 0
        assert f'| {row["label"]} |' in table
    return [Path(row['weights']) for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'label', 'words'),
    [
        ('hit_table5', 'max, mid', ()),
        # Rows that LeViT's weights are not for.
        ('hit_table6', 'Abs', ('--set', 'backbone=levit.pth')),
        ('hit_table7', 'PVT-Small', ('--set', 'backbone=levit.pth')),
    ],
)
def test_study_of_hit_trains_tracks_and_writes_its_table(
    run: Run, name: str, label: str, words: tuple[str, ...]
) -> None:
    check(*run(name, *HIT, *words, '--only', label), label)


@pytest.mark.slow
def test_studies_of_rfgm_train_once_and_track_in_many_ways(run: Run) -> None:
    labels = ('Attention', 'Relevance attention')
    weights = check(*run('rfgm_table5', *RFGM, '--only', *labels), *labels)
    assert weights[0] == weights[1]
    for name, label in (
        ('rfgm_table4', 'GR memory'),
        ('rfgm_table6', '64 tokens'),
        ('rfgm_table7', '1 stage'),
    ):
        tracked = run(name, *RFGM, '--weights', str(weights[0]), '--only', label)
        assert check(*tracked, label) == [weights[0]]


def test_unknown_row_is_named_with_those_there_are(run: Run) -> None:
    _, said = run('hit_table6', '--only', 'Diagonal', check=False)
    assert "no row 'Diagonal'" in said
    assert 'DI; Abs; Sep; Ver; Hor' in said


def test_training_pictures_or_weights_must_be_given(repository: Path, tmp_path: Path) -> None:
    script = repository / 'benchmarks' / 'ablations' / 'rfgm_table6.py'
    command = [sys.executable, str(script), '--out', str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'give --data' in done.stderr
