"""Finding the VOT toolkit and running its commands; the real one is run in test_vot_runs."""

from pathlib import Path
import sys

from hit_rfgm_ros.errors import VotToolkitError
from hit_rfgm_ros.evaluation.rivals.environment import ENVIRONMENTS, VOT_TOOLKIT
from hit_rfgm_ros.evaluation.vot import run
from hit_rfgm_ros.evaluation.vot.toolkit import (
    Toolkit,
    check_version,
    find_toolkit,
    run_command,
)
import pytest


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in place of the toolkit's interpreter, which says what it is told to."""
    return tmp_path / 'python'


def toolkit(program: Path, text: str) -> Toolkit:
    program.write_text(f'#!{sys.executable}\nimport os, sys\n{text}')
    program.chmod(0o700)
    return Toolkit(program, '0.7.4', program.parent, program.parent)


def test_without_it_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))  # other tests install it into theirs
    with pytest.raises(VotToolkitError, match=r'with: hit-rfgm eval --install vot-toolkit$'):
        find_toolkit()


def test_versions_that_cannot_run_the_experiments_are_refused() -> None:
    pinned = ENVIRONMENTS[VOT_TOOLKIT].requirements[0]
    check_version(pinned.partition('==')[2])
    for version in ('0.8.1', '0.9.0'):
        with pytest.raises(VotToolkitError, match=rf'{version} cannot run multistart.*{pinned}'):
            check_version(version)


def test_percentages_are_progress_and_the_rest_is_kept(program: Path, tmp_path: Path) -> None:
    text = r"""
print('50 %')
print('\x1b[31mEvaluation concluded\x1b[0m', file=sys.stderr)
print('100 %')
print(*sys.argv[1:], os.getcwd(), os.environ['VOT_PERSISTENT_CACHE'])
"""
    percents: list[int] = []
    log, registry = tmp_path / 'logs' / 'baseline.log', tmp_path / 'registry'
    registry.mkdir()
    found = toolkit(program, text)
    said = run_command(found, ['evaluate', 'a'], log, registry, on_percent=percents.append)
    assert percents == [50, 100]
    assert sorted(said.splitlines()) == [
        f'-I -u -m vot --registry {registry} evaluate a {registry} false',
        'Evaluation concluded',
    ]
    assert log.read_text() == said + '\n'


def test_a_bad_end_is_an_error_with_the_last_words(program: Path, tmp_path: Path) -> None:
    found = toolkit(program, "print('Workspace not initialized'); sys.exit(1)\n")
    log = tmp_path / 'analysis.log'
    with pytest.raises(VotToolkitError) as error:
        run_command(found, ['analysis'], log, tmp_path)
    assert str(error.value) == (f'vot analysis ended with 1: Workspace not initialized; see {log}')


def test_the_trackers_own_words_are_found(tmp_path: Path) -> None:
    """The toolkit ends with 0 where a tracker fails, and keeps what it said in a file."""
    log = tmp_path / 'hit.log'
    log.write_text('@@TRAX:hello\nRuntimeError: out of memory\n')
    said = (
        'Tracker hit encountered an error at sequence ball: Server terminated the session\n'
        f'Tracker output written to file: {log}\n'
        'Evaluation interrupted by tracker error: Experiment interrupted\n'
    )
    why = run._why(said)
    assert why.startswith('Tracker hit encountered an error at sequence ball: ')
    assert 'RuntimeError: out of memory; all of them are in ' in why
    log.unlink()
    assert run._why(said) == said.splitlines()[0]
    assert run._why('') == 'silently'
