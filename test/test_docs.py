"""What the pages show works: Python blocks run, commands and options exist."""

from pathlib import Path
import re
import shlex

import click
from hit_rfgm_ros.cli.main import COMMANDS, group
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import write_weights
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md')])
BLOCK = re.compile(r'^```(\w*)\n(.*?)^```', re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, code) of every block in a language."""
    return [
        (str(page.relative_to(ROOT)), code)
        for page in PAGES
        for found, code in BLOCK.findall(page.read_text(encoding='utf-8'))
        if found == language
    ]


def commands() -> list[tuple[str, str]]:
    """(page, line) of every call of hit-rfgm in a block without a language or of a shell."""
    shown = [(page, code) for name in ('', 'sh', 'bash', 'console') for page, code in blocks(name)]
    return [
        (page, line.removeprefix('$ ').strip())
        for page, code in shown
        for line in code.replace('\\\n', ' ').splitlines()
        if line.removeprefix('$ ').startswith('hit-rfgm ')
    ]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages speak of."""
    path = tmp_path_factory.mktemp('docs')
    tensors = random_weights(get_model_config('hit_tiny')).tensors
    write_weights(path / 'hit_tiny.safetensors', 'hit_tiny', tensors, {})
    return path


@pytest.mark.parametrize(('page', 'code'), blocks('python'))
def test_python_block_runs(
    page: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if 'create_tracker' in code:
        try:
            find_weights('hit_tiny')
        except WeightsError as error:
            pytest.skip(f'this checkout ships no weights: {error}')
    frames = [golden_frame(index).image for index in range(3)]
    given = {'frame': frames[0], 'first_frame': frames[0], 'frames': frames[1:]}
    exec(compile(code, page, 'exec'), given)


@pytest.mark.parametrize(('page', 'line'), commands())
def test_shown_command_exists_with_its_options(page: str, line: str) -> None:
    words = shlex.split(line.split(' | ')[0], comments=True)[1:]
    command: click.Command = group
    context = click.Context(group)
    options = {'--help', '--debug', '--version'}
    while words and isinstance(command, click.Group):
        if words[0].startswith('-'):
            break
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f'{page}: no command {name!r} in {line!r}'
        command = found
    options |= {name for parameter in command.params for name in parameter.opts}
    shown = {word.split('=')[0] for word in words if re.match('--[a-z]', word)}
    assert shown <= options, f'{page}: {line!r} has unknown options {shown - options}'


def test_every_command_is_listed_with_a_help_line() -> None:
    assert all(COMMANDS.values())
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.help
