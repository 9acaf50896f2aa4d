"""How the VOT toolkit is told to start a tracker, and which names it can take."""

import configparser
from dataclasses import replace
from pathlib import Path
import shlex
import sys
from types import ModuleType

from hit_rfgm_ros.errors import ConfigError, VotToolkitError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.vot.registration import (
    check_name,
    check_options,
    read_spec,
    register,
)
from hit_rfgm_ros.evaluation.vot.workspace import Workspace, open_workspace
import pytest

SPEC = ContenderSpec('hit_tiny', 'model', {'model': 'hit_tiny', 'weights': None, 'threads': 1})


@pytest.fixture
def workspace(tmp_path: Path, vot_miniature: ModuleType) -> Workspace:
    root = tmp_path / 'work'
    vot_miniature.make_workspace(root, names=('ball',), frames=26)
    return open_workspace('vot', root, tmp_path, 'vot')


def test_the_toolkit_reads_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads INI files with interpolation, and splits the command as a shell does."""
    folder = tmp_path / 'out of 100% results' / 'vot'
    monkeypatch.setenv('LD_LIBRARY_PATH', '/opt/a%b')
    register(folder, SPEC, Path('/trax library'))
    parser = configparser.ConfigParser()
    parser.read(folder / 'trackers.ini')
    assert parser.sections() == ['hit_tiny']
    section = parser['hit_tiny']
    command = shlex.split(section['command'])
    assert command[:3] == [sys.executable, '-m', 'hit_rfgm_ros.evaluation.vot.client']
    assert command[4] == '/trax library'
    assert read_spec(Path(command[3])) == (SPEC, Path.cwd())
    assert section['env_ld_library_path'] == '/opt/a%b'
    assert (section['protocol'], section['timeout']) == ('trax', '600')
    monkeypatch.delenv('LD_LIBRARY_PATH')
    register(folder, SPEC, Path('/trax library'))
    assert 'env_' not in (folder / 'trackers.ini').read_text()


def test_names_that_the_toolkit_cannot_take_are_refused(workspace: Workspace) -> None:
    check_name('hit_tiny-torch-fp16', workspace)
    for name in ('my.net', 'a@b', 'a b', ''):
        with pytest.raises(ConfigError, match=r'give another one by --name'):
            check_name(name, workspace)


def test_a_tracker_of_the_workspace_is_not_run_in_place_of_ours(workspace: Workspace) -> None:
    registry = workspace.root / 'trackers.ini'
    registry.write_text('[hit_tiny]\ncommand = something else\n')
    workspace = replace(workspace, registries=(registry,))
    check_name('hit_small', workspace)
    with pytest.raises(VotToolkitError, match=r'trackers\.ini has a tracker hit_tiny already'):
        check_name('hit_tiny', workspace)


def test_options_must_survive_the_way_to_another_program() -> None:
    check_options(SPEC)
    with pytest.raises(ConfigError, match='cannot be written as JSON'):
        check_options(ContenderSpec('odd', 'python', {'file': Path('a.py')}))
