"""Python environments for libraries that must not be installed beside ours.

One lies in the user's cache folder. It counts as made once a file in it says so, which is written
last, after a check; what an interrupted run left is removed by the next one, and what was
downloaded whole is in pip's own cache by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import subprocess
import sys

from hit_rfgm_ros.config.names import unknown_name
from hit_rfgm_ros.engines.cache import cache_folder, locked, make_private
from hit_rfgm_ros.errors import ConfigError, RivalError
from hit_rfgm_ros.evaluation.results import write_json

OPENCV_CONTRIB = 'opencv-contrib'
VOT_TOOLKIT = 'vot-toolkit'
LOCK_SECONDS = 1800.0  # another process may be downloading
_TAIL_LINES = 8
_READY = 'ready.json'


@dataclass(frozen=True)
class Environment:
    """What is installed, and the program that shows that it works.

    Attributes:
        requirements: for pip.
        check: Python code that prints the version.
        from_source: distributions that have no wheels; all others are taken as wheels only.
    """

    requirements: tuple[str, ...]
    check: str
    from_source: tuple[str, ...] = ()


ENVIRONMENTS = {
    # 5.0 is what the rivals' published numbers were measured with.
    OPENCV_CONTRIB: Environment(
        ('opencv-contrib-python-headless>=5.0,<6',),
        'import cv2; cv2.TrackerCSRT.create(); cv2.TrackerKCF.create(); print(cv2.__version__)',
    ),
    # 0.8 and 0.9 fail at the first anchor of a multistart experiment, which VOT2020 to VOT2022
    # consist of; attributee 0.1.10 does not import on Python 3.11.
    VOT_TOOLKIT: Environment(
        ('vot-toolkit==0.7.4', 'attributee==0.1.9'),
        'import trax, vot.analysis, vot.experiment; print(vot.__version__)',
        ('attributee', 'pylatex'),
    ),
}


def python_of(name: str) -> Path | None:
    """The interpreter of an environment, None if it is not made.

    Raises:
        ConfigError: if there is no such environment.
    """
    _find(name)
    folder = _folder(name)
    python = _python(folder)
    return python if (folder / _READY).is_file() and python.exists() else None


def install(name: str, *, on_line: Callable[[str], None] = lambda line: None) -> Path:
    """Make an environment, or find the one that is there.

    Two processes may ask for it at the same time: one makes it, the other waits.

    Args:
        name: one of `ENVIRONMENTS`.
        on_line: gets what is done, line by line.

    Returns:
        Its interpreter.

    Raises:
        ConfigError: if there is no such environment.
        RivalError: if it cannot be made; pip's last lines are in the message.
    """
    environment = _find(name)
    folder = _folder(name)
    try:
        make_private(cache_folder())
        make_private(folder.parent)
    except OSError as error:
        raise RivalError(f'{folder.parent} cannot be used: {error}') from error
    with locked(folder.with_suffix('.lock'), seconds=LOCK_SECONDS):
        python = python_of(name)
        if python is None:
            python = _make(environment, folder, on_line)
        else:
            on_line(f'{name} is there: {folder}')
    return python


def _find(name: str) -> Environment:
    if name not in ENVIRONMENTS:
        raise ConfigError(unknown_name('environment', name, ENVIRONMENTS))
    return ENVIRONMENTS[name]


def _folder(name: str) -> Path:
    """Another version of Python needs another environment."""
    version = f'{sys.version_info.major}.{sys.version_info.minor}'
    return cache_folder() / 'environments' / f'{name}-python{version.replace(".", "")}'


def _python(folder: Path) -> Path:
    return folder / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')


def _make(environment: Environment, folder: Path, on_line: Callable[[str], None]) -> Path:
    python = str(_python(folder))
    on_line(f'making {folder}')
    if folder.exists():
        shutil.rmtree(folder)
    _run(
        [sys.executable, '-m', 'venv', str(folder)],
        'install the venv module of Python (python3-venv on Debian and Ubuntu)',
        on_line,
    )
    on_line(f'installing {" ".join(environment.requirements)}')
    pip = [python, '-I', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check']
    wheels = ['--only-binary', ':all:']
    if environment.from_source:
        wheels += ['--no-binary', ','.join(environment.from_source)]
    _run(
        [*pip, *wheels, *environment.requirements],
        'it is downloaded by pip, whose settings say from where: look whether this machine '
        'reaches it, then run the same command again',
        on_line,
    )
    said = _run([python, '-I', '-c', environment.check], 'run the same command again', on_line)
    ready = {'requirements': environment.requirements, 'version': said[-1] if said else ''}
    write_json(folder / _READY, ready)
    return Path(python)


def _run(command: Sequence[str], advice: str, on_line: Callable[[str], None]) -> list[str]:
    """Run a program, hand on its lines as they come, and return them."""
    lines = []
    with subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding='utf-8',
        errors='replace',
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                on_line(lines[-1])
        except BaseException:  # Ctrl-C as well: nothing goes on behind our back
            process.kill()
            raise
    if process.returncode:
        tail = ' | '.join(line for line in lines[-_TAIL_LINES:] if line)
        raise RivalError(
            f'the environment could not be made: {Path(command[0]).name} '
            f'{" ".join(command[1:4])} ... ended with {process.returncode}: {tail or "silently"}; '
            f'{advice}'
        )
    return lines
