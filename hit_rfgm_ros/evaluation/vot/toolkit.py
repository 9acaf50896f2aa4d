"""The VOT toolkit as a program: where it is, and running its commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import importlib.util
import json
import os
from pathlib import Path
import re
import subprocess
import sys

from hit_rfgm_ros.errors import VotToolkitError
from hit_rfgm_ros.evaluation.rivals.environment import ENVIRONMENTS, VOT_TOOLKIT, python_of

_INSTALL = f'hit-rfgm eval --install {VOT_TOOLKIT}'
_TAIL_LINES = 6
_ASK = (
    'import importlib.metadata as m, importlib.util as u, json, os;'
    'place = lambda name: os.path.dirname(u.find_spec(name).origin);'
    'print(json.dumps([m.version("vot-toolkit"), place("vot"), place("trax")]))'
)


@dataclass(frozen=True)
class Toolkit:
    """An installed toolkit.

    Attributes:
        python: the interpreter that it belongs to.
        version: of the toolkit.
        stacks: folder of the stacks that it knows by name.
        libraries: folder in which its TraX library lies.
    """

    python: Path
    version: str
    stacks: Path
    libraries: Path

    @property
    def command(self) -> str:
        """What a person writes to run it."""
        return f'{self.python} -m vot'


def find_toolkit() -> Toolkit:
    """The toolkit in the environment that we made for it, else the one beside us.

    Raises:
        VotToolkitError: if there is none, or one that cannot run these experiments.
    """
    python = python_of(VOT_TOOLKIT)
    if python is None and all(importlib.util.find_spec(name) for name in ('vot', 'trax')):
        python = Path(sys.executable)
    if python is None:
        raise VotToolkitError(f'the VOT toolkit is not installed; install it with: {_INSTALL}')
    asked = subprocess.run(
        [python, '-I', '-c', _ASK], capture_output=True, encoding='utf-8', errors='replace'
    )
    if asked.returncode:
        raise VotToolkitError(
            f'the VOT toolkit of {python} does not answer: {asked.stderr.strip()[-300:]}; remove '
            f'{python.parent.parent} and run: {_INSTALL}'
        )
    version, package, trax = json.loads(asked.stdout)
    check_version(version)
    return Toolkit(python, version, Path(package) / 'stack', Path(trax).parent)


def check_version(version: str) -> None:
    """Refuse versions whose multistart and real-time experiments do not run.

    Raises:
        VotToolkitError: naming the version that does.
    """
    if re.match(r'0\.[89]\.', version):
        wanted = ENVIRONMENTS[VOT_TOOLKIT].requirements[0]
        raise VotToolkitError(
            f'vot-toolkit {version} cannot run multistart and real-time experiments ("ObjectQuery.'
            f'state must be a Region"); {wanted} can, install it with: {_INSTALL}'
        )


def run_command(
    toolkit: Toolkit,
    words: Sequence[str],
    log: Path,
    registry: Path,
    *,
    on_percent: Callable[[int], None] = lambda percent: None,
) -> str:
    """Run a command of the toolkit to its end.

    Ctrl-C in the terminal reaches the toolkit as well, which then ends by itself.

    Args:
        toolkit: which.
        words: after ``vot``.
        log: file for what it prints.
        registry: folder of the file of trackers.
        on_percent: gets its progress.

    Returns:
        What it printed, without colours; percentages are left out.

    Raises:
        VotToolkitError: if it ends badly.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with (
        log.open('w', encoding='utf-8') as file,
        subprocess.Popen(
            [str(toolkit.python), '-I', '-u', '-m', 'vot', '--registry', str(registry), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding='utf-8',
            errors='replace',
            cwd=registry,
            # Its cache knows results by the tracker's name alone: it would give the numbers of
            # results that are gone.
            env={**os.environ, 'VOT_PERSISTENT_CACHE': 'false'},
        ) as process,
    ):
        try:
            for raw in process.stdout or ():
                line = re.sub(r'\x1b\[[0-9;]*m', '', raw).rstrip()
                percent = re.fullmatch(r'(\d+) %', line)
                if percent:
                    on_percent(int(percent[1]))
                elif line:
                    lines.append(line)
                    file.write(f'{line}\n')
        except BaseException:  # a second Ctrl-C as well: nothing goes on behind our back
            process.kill()
            raise
    if process.returncode:
        raise VotToolkitError(
            f'vot {words[0]} ended with {process.returncode}: {tail(lines)}; see {log}'
        )
    return '\n'.join(lines)


def tail(lines: Sequence[str]) -> str:
    """The last lines in one."""
    return ' | '.join(line.strip() for line in lines[-_TAIL_LINES:] if line.strip()) or 'silently'
