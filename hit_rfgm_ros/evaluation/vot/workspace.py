"""A workspace of the VOT toolkit: what its files say before the toolkit is started."""

from __future__ import annotations

from collections.abc import Mapping
import configparser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hit_rfgm_ros.data.datasets.layout import some
from hit_rfgm_ros.errors import DatasetError
import yaml

# Stacks that a data set of that name may have; the first is named in advice.
STACKS: Mapping[str, tuple[str, ...]] = {
    'vot': (),  # whatever the workspace says
    'vot2021': ('vot2021/shortterm',),
    'vot2022': ('vot2022/shorttermbox', 'vot2022/shortterm'),
}
CONFIG_FILE = 'config.yaml'
_INLINE = 'config.yaml'  # name of a stack that is written into that file


@dataclass(frozen=True)
class Workspace:
    """A workspace whose files are there.

    Attributes:
        root: its folder.
        stack: name of the stack as its configuration says it.
        title: of the stack.
        experiments: names of its experiments, in order.
        sequences: names, in order.
        registries: files of trackers that it names and that are there.
    """

    root: Path
    stack: str
    title: str
    experiments: tuple[str, ...]
    sequences: tuple[str, ...]
    registries: tuple[Path, ...]


def open_workspace(dataset: str, root: Path, toolkit: Path, command: str) -> Workspace:
    """Read a workspace as ``vot initialize`` makes it; nothing is downloaded.

    Args:
        dataset: one of `STACKS`.
        root: folder of the workspace.
        toolkit: folder of the toolkit's stacks.
        command: the toolkit's own command, for advice.

    Raises:
        DatasetError: if a part is missing, or the workspace is of another data set.
    """
    root = root.resolve()
    config = _read_config(dataset, root, command)
    name, stack = _read_stack(root, config, toolkit)
    allowed = STACKS[dataset]
    if allowed and name not in allowed:
        raise DatasetError(
            f'{root / CONFIG_FILE} says that the stack is {name}, and {dataset} is '
            f'{" or ".join(allowed)}; take --dataset vot for any other stack'
        )
    experiments = stack.get('experiments') or {}
    if not isinstance(experiments, Mapping) or not experiments:
        raise DatasetError(f'the stack {name} of {root} has no experiments')
    return Workspace(
        root,
        name,
        str(stack.get('title', name)),
        tuple(map(str, experiments)),
        _list_sequences(root / str(config.get('sequences', 'sequences')), command),
        tuple(_registries(root, config)),
    )


def trackers_of(registry: Path) -> tuple[str, ...]:
    """Names of the trackers in a file of trackers, INI or YAML.

    Raises:
        DatasetError: if it cannot be read.
    """
    try:
        if registry.suffix == '.yaml':
            return tuple(_mapping(registry))
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(registry.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise DatasetError(f'{registry} cannot be read: {error}') from error
    return tuple(parser.sections())


def _read_config(dataset: str, root: Path, command: str) -> Mapping[str, Any]:
    path = root / CONFIG_FILE
    if not path.is_file():
        stack = (*STACKS[dataset], 'STACK')[0]
        raise DatasetError(
            f'{root} is no workspace of the VOT toolkit, {CONFIG_FILE} is missing; make one, '
            f'which downloads the sequences, with: {command} initialize --workspace {root} {stack}'
        )
    return _mapping(path)


def _read_stack(
    root: Path, config: Mapping[str, Any], toolkit: Path
) -> tuple[str, Mapping[str, Any]]:
    """Its name and what it says; looked for where the toolkit looks."""
    stack = config.get('stack')
    if isinstance(stack, Mapping):
        return _INLINE, stack
    if not isinstance(stack, str):
        raise DatasetError(f'{root / CONFIG_FILE} names no stack')
    for path in (root / stack, toolkit / f'{stack}.yaml'):
        if path.is_file():
            return stack, _mapping(path)
    raise DatasetError(
        f'{root / CONFIG_FILE} says that the stack is {stack}, which is neither a file there nor '
        f'a stack of the toolkit in {toolkit}'
    )


def _list_sequences(folder: Path, command: str) -> tuple[str, ...]:
    path = folder / 'list.txt'
    if not path.is_file():
        raise DatasetError(
            f'{path} is missing: the sequences lie there when "{command} initialize" has '
            f'downloaded them; nothing is downloaded by this command'
        )
    names = tuple(line.strip() for line in path.read_text(encoding='utf-8').splitlines())
    names = tuple(name for name in names if name)
    if not names:
        raise DatasetError(f'{path} names no sequence')
    missing = [name for name in names if not _is_sequence(folder / name)]
    if missing:
        raise DatasetError(
            f'{len(missing)} of the {len(names)} sequences that {path} names are not there (no '
            f'file "sequence" or "groundtruth.txt"): {some(missing)}; download them again'
        )
    return names


def _is_sequence(folder: Path) -> bool:
    return (folder / 'sequence').is_file() or (folder / 'groundtruth.txt').is_file()


def _registries(root: Path, config: Mapping[str, Any]) -> list[Path]:
    """The files of trackers; a folder stands for the two that may be in it."""
    named = config.get('registry') or []
    places = [root / str(one) for one in ([named] if isinstance(named, str) else named)]
    files = []
    for place in places:
        inside = [place / 'trackers.yaml', place / 'trackers.ini']
        files += inside if place.is_dir() else [place]
    return [file for file in dict.fromkeys(files) if file.is_file()]


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetError(f'{path} cannot be read: {error}') from error
    if not isinstance(content, Mapping):
        raise DatasetError(f'{path} holds no mapping of names to values')
    return content
