"""Telling the toolkit how to start one of our trackers: ``trackers.ini`` and what it points to."""

from __future__ import annotations

import json
import os
from pathlib import Path
import re
import shlex
import sys
from typing import Any

from hit_rfgm_ros.errors import ConfigError, VotToolkitError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.results import read_json, write_json, write_text
from hit_rfgm_ros.evaluation.vot.workspace import Workspace, trackers_of

REGISTRY_FILE = 'trackers.ini'
SPEC_FILE = 'contender.json'
# Of an answer. Its own 30 s are too short for first frames on slow machines.
REPLY_SECONDS = 600
_CLIENT = 'hit_rfgm_ros.evaluation.vot.client'


def check_name(name: str, workspace: Workspace) -> None:
    """Refuse names that the toolkit would not take, or take for another tracker.

    Raises:
        ConfigError: if the name has other characters than the toolkit allows.
        VotToolkitError: if the workspace has a tracker of that name, which would be run instead.
    """
    if not re.fullmatch(r'[A-Za-z0-9_-]+', name):
        raise ConfigError(
            f'{name!r} cannot be the name of a tracker in the VOT toolkit: letters, digits, - and '
            f'_; give another one by --name'
        )
    for registry in workspace.registries:
        if name in trackers_of(registry):
            raise VotToolkitError(
                f'{registry} has a tracker {name} already, and the toolkit would run that one; '
                f'give ours another name by --name'
            )


def register(folder: Path, spec: ContenderSpec, libraries: Path) -> None:
    """Write the files that let the toolkit start a tracker.

    Args:
        folder: for them.
        spec: of the tracker.
        libraries: folder in which the TraX library lies.

    Raises:
        OSError: if they cannot be written.
    """
    folder = folder.resolve()
    # The toolkit starts trackers in a folder of its own, and paths may be relative to ours.
    content = {'folder': os.getcwd(), 'name': spec.name, 'kind': spec.kind}
    write_json(folder / SPEC_FILE, {**content, 'options': spec.options})
    words = [sys.executable, '-m', _CLIENT, str(folder / SPEC_FILE), str(libraries)]
    settings = {'label': spec.name, 'protocol': 'trax', 'command': shlex.join(words)}
    settings['timeout'] = str(REPLY_SECONDS)
    # The toolkit would start the tracker without it.
    if os.environ.get('LD_LIBRARY_PATH'):
        settings['env_ld_library_path'] = os.environ['LD_LIBRARY_PATH']
    lines = [f'{name} = {value.replace("%", "%%")}' for name, value in settings.items()]
    write_text(folder / REGISTRY_FILE, '\n'.join([f'[{spec.name}]', *lines, '']))


def read_spec(path: Path) -> tuple[ContenderSpec, Path]:
    """Read what `register` wrote: the tracker, and the folder that its paths start in.

    Raises:
        EvaluationError: if there is no such file.
    """
    content: dict[str, Any] = read_json(path)
    spec = ContenderSpec(content['name'], content['kind'], content['options'])
    return spec, Path(content['folder'])


def check_options(spec: ContenderSpec) -> None:
    """Refuse options that cannot be handed to another program.

    Raises:
        ConfigError: naming the tracker.
    """
    try:
        same = json.loads(json.dumps(spec.options)) == spec.options
    except TypeError:
        same = False
    if not same:
        raise ConfigError(f'{spec.name}: its options cannot be written as JSON: {spec.options}')
