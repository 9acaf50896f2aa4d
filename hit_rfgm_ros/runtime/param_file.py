"""Parameter files as people write them for ROS 2: sections by node name, or plain values.

A section is for a node by its full name, the way ROS 2 matches it: ``/front/tracker``, ``tracker``
for ``/tracker``, ``front: {tracker: ...}``; ``/*`` stands for one part of a name and ``/**`` for
any number. Where several sections fit, later ones in the file win. Scalars are read as ROS 2
reads them (``yes`` and ``on`` are true, ``1e-3`` is a number); aliases are refused as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any, TypeVar

from hit_rfgm_ros.config.names import did_you_mean
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.param_yaml import read_yaml
from hit_rfgm_ros.runtime.parameter import Parameters, table_of

P = TypeVar('P', bound=Parameters)

_VALUES = 'ros__parameters'


def read_param_file(path: str | Path, node_name: str) -> tuple[dict[str, Any], list[str]]:
    """Read the values that a file gives to one node.

    Args:
        path: of a YAML file with sections by node name, or with plain names and values.
        node_name: full name of the node, ``/front/tracker`` for one.

    Returns:
        Values by name, unchecked, those of nested mappings with dots; and warnings.

    Raises:
        ConfigError: if the file cannot be read or understood; with the line where there is one.
    """
    tree = read_yaml(path)
    sections = list(_sections(tree, ''))
    if not sections:
        _refuse_unmarked_sections(path, tree, node_name)
        return dict(_flatten(tree, '')), []
    values: dict[str, Any] = {}
    fits = False
    for name, section in sections:
        if not _matches(name, node_name):
            continue
        fits = True
        if section is not None and not isinstance(section, dict):
            raise ConfigError(f'{path}: {_VALUES} of {name!r} must hold names and values')
        values.update(_flatten(section or {}, ''))
    return values, [] if fits else [_no_section(path, [name for name, _ in sections], node_name)]


def apply(params_class: type[P], values: Mapping[str, Any]) -> tuple[P, list[str]]:
    """Make parameters of the values of a file.

    Returns:
        The parameters, and a warning per unknown name with the nearest known one.

    Raises:
        ConfigError: naming every bad value. `ParameterStore.load` keeps the good ones instead.
    """
    store = ParameterStore(table_of(params_class), params_class())
    warnings = store.load(values)
    if store.refused:
        raise ConfigError('; '.join(dict.fromkeys(store.refused.values())))
    return store.params, warnings


def _sections(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Full names of nodes and what is below their ``ros__parameters``."""
    if _VALUES in tree:
        yield prefix or '/**', tree[_VALUES]
    for key, below in tree.items():
        if key != _VALUES and isinstance(below, dict):
            yield from _sections(below, f'{prefix}/{key.strip("/")}')


def _matches(pattern: str, node_name: str) -> bool:
    parts = [re.escape(part) for part in pattern.split('/')[1:]]
    words = {re.escape('**'): r'(/\w+)*', re.escape('*'): r'/\w+'}
    return bool(re.fullmatch(''.join(words.get(part, '/' + part) for part in parts), node_name))


def _no_section(path: str | Path, names: list[str], node_name: str) -> str:
    near = did_you_mean(node_name, names, cutoff=0.5)
    hint = f'; {near}' if near else ''
    if node_name.rpartition('/')[2] in (name.strip('/') for name in names):
        hint = f"; write '/**' or {node_name!r}, a bare name is one without a namespace"
    return f'{path} has nothing for {node_name}, only for {", ".join(names)}{hint}'


def _refuse_unmarked_sections(path: str | Path, tree: Mapping[str, Any], node_name: str) -> None:
    """Tell a forgotten ``ros__parameters`` from plain values."""
    for key, below in tree.items():
        if isinstance(below, dict) and ('/' in key or key == node_name.rpartition('/')[2]):
            raise ConfigError(f"{path}: below {key!r} a line '{_VALUES}:' is missing")


def _flatten(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value
