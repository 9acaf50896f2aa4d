"""docs/ros_interface.md says what the code does."""

from collections.abc import Iterator
from pathlib import Path
import re
import subprocess
import sys

import pytest


@pytest.fixture(scope='module')
def page(repository: Path) -> str:
    return (repository / 'docs' / 'ros_interface.md').read_text(encoding='utf-8')


def test_the_generated_parts_are_up_to_date(repository: Path) -> None:
    script = repository / 'scripts' / 'make_ros_interface_docs.py'
    done = subprocess.run(
        [sys.executable, str(script), '--check'], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f'run {script.name}; {done.stderr}'


def made(repository: Path, what: str) -> Iterator[tuple[str, str]]:
    """Name and type of what the tracker makes on its host."""
    for path in sorted((repository / 'hit_rfgm_ros' / 'nodes').glob('*.py')):
        text = path.read_text(encoding='utf-8')
        if path.name.startswith(('tracker', 'annotator')):
            yield from re.findall(rf"host\.{what}\(\s*'([^']+)',\s*'([\w/]+)'", text)


@pytest.mark.parametrize(
    ('what', 'least'), [('publisher', 5), ('subscription', 1), ('service', 4)]
)
def test_every_topic_and_service_of_the_tracker_is_on_the_page(
    repository: Path, page: str, what: str, least: int
) -> None:
    found = list(made(repository, what))
    assert len(found) >= least
    rows = [line for line in page.splitlines() if line.startswith('| `')]
    for name, kind in found:
        package, _, message = kind.split('/')
        row = next((row for row in rows if row.startswith(f'| `{name}`')), None)
        assert row is not None, f'{name} is not on the page'
        assert f'{package}/{message}' in row


def test_every_launch_argument_is_on_the_page(repository: Path, page: str) -> None:
    text = (repository / 'hit_rfgm_ros' / 'ros' / 'launch_arguments.py').read_text('utf-8')
    names = set(re.findall(r"declare\(\s*'(\w+)'", text))
    (rows,) = re.findall(r'^PARAMETERS = \((.*?)^\)', text, re.DOTALL | re.MULTILINE)
    names |= set(re.findall(r"'(\w+)'", rows))
    assert len(names) > 15
    (section,) = re.findall(r'^## Launch files$(.*?)^## ', page, re.DOTALL | re.MULTILINE)
    cells = [row.split('|')[1] for row in section.splitlines() if row.startswith('| `')]
    listed = set(re.findall(r'`(\w+)`', ' '.join(cells)))
    assert listed == names


def test_every_launch_file_is_on_the_page(repository: Path, page: str) -> None:
    files = [path.name for path in (repository / 'launch').glob('*.launch.py')]
    assert files
    for name in files:
        assert f'| `{name}` |' in page
