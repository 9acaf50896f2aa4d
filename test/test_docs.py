"""What the pages show works: Python blocks run, commands and options exist."""

from pathlib import Path
import re
import shlex
from typing import Any

import click
from hit_rfgm_ros.cli.main import COMMANDS, group
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.types import Box
from hit_rfgm_ros.weights.files import write_weights
import numpy as np
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


def given() -> dict[str, Any]:
    """The names that the pages leave to the reader: frames, boxes, a camera, the engine's maps."""
    rng = np.random.default_rng(1)
    frames = [golden_frame(index).image for index in range(4)]
    return {
        'first_frame': frames[0],
        'frame': frames[0],
        'next_frame': frames[1],
        'frames': frames[1:],
        'camera': [(12.0 + index / 30, frame) for index, frame in enumerate(frames)],
        'box': golden_frame(0).box,
        'other_box': Box(200, 40, 50, 60),
        'steer_towards': print,
        'score_tl': rng.dirichlet(np.full(256, 0.05), 200),
        'score_br': rng.dirichlet(np.full(256, 0.05), 200),
        'correlation': rng.normal(size=(200, 256)),
        'boxes': rng.uniform(0.2, 0.6, (200, 4)),
        'overlap': rng.uniform(0, 1, 200),
        'metadata': {},
    }


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folders, with (random) weights of hit_tiny installed and a file of them at hand."""
    path = tmp_path_factory.mktemp('home')
    tensors = random_weights(get_model_config('hit_tiny')).tensors
    installed = path / 'hit_rfgm_ros' / 'weights' / 'hit_tiny.safetensors'
    installed.parent.mkdir(parents=True)
    for file in (installed, path / 'hit_tiny.safetensors'):
        write_weights(file, 'hit_tiny', tensors, {})
    return path


@pytest.mark.parametrize('page', sorted({page for page, _ in blocks('python')}))
def test_python_of_a_page_runs_from_top_to_bottom(
    page: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv('XDG_DATA_HOME', str(home))
    monkeypatch.setenv('XDG_CACHE_HOME', str(home / 'cache'))
    names = given()
    for found, code in blocks('python'):
        if found == page:
            exec(compile(code, f'example of {page}', 'exec'), names)


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


def test_the_tests_that_the_pages_name_exist() -> None:
    named = [
        name
        for page in PAGES
        for name in re.findall(r'`(test/[\w/]+\.py::\w+)`', page.read_text(encoding='utf-8'))
    ]
    assert named
    for name in named:
        path, _, function = name.partition('::')
        assert f'def {function}(' in (ROOT / path).read_text(encoding='utf-8'), name
