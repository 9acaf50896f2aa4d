"""YAML as ROS 2 reads it: its words for true and false, its numbers, no aliases, few tags."""

from __future__ import annotations

from pathlib import Path
import re
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.parameter import shown
import yaml

_MAX_BYTES = 1 << 20
_MAX_DEPTH = 20
_PLAIN = 'plain'
_TEXT = 'tag:yaml.org,2002:str'
_BOOLS = dict.fromkeys(('y', 'yes', 'true', 'on'), True)
_BOOLS |= dict.fromkeys(('n', 'no', 'false', 'off'), False)
_INTEGER = re.compile('[-+]?(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+)')
_NUMBER = re.compile(
    r'[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)'
)


class _Loader(yaml.BaseLoader):
    """Marks what is neither quoted nor tagged, so that `_scalar` can say what it is."""


_Loader.add_implicit_resolver(_PLAIN, re.compile(''), None)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a file of names and values.

    Returns:
        Mappings as dictionaries, sequences as lists, and bool, int, float, str or None.

    Raises:
        ConfigError: if the file cannot be read or understood; with the line where there is one.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f'{path} cannot be read: {error.strerror}') from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f'{path} has {len(data)} bytes: that is no parameter file')
    try:
        node = yaml.compose(data.decode('utf-8-sig'), Loader=_Loader)
        tree = {} if node is None else _Reader().value(node)
    except UnicodeDecodeError as error:
        raise ConfigError(f'{path} is no text in UTF-8') from error
    except RecursionError as error:
        raise ConfigError(f'{path} is nested too deeply') from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = '' if mark is None else f', line {mark.line + 1}'
        raise ConfigError(f'{path}{line}: {_what(error)}') from error
    except yaml.YAMLError as error:
        raise ConfigError(f'{path}: {" ".join(str(error).split())}') from error
    if not isinstance(tree, dict):
        raise ConfigError(f'{path} must hold names and values (name: value), got {shown(tree)}')
    return tree


def _what(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or 'no YAML'
    if "'\\t'" in problem:
        return 'a tab; YAML is indented by spaces'
    return ': '.join(part for part in (error.context, problem) if part)


class _Reader:
    """Makes values of YAML's nodes."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, depth: int = 0) -> Any:
        """Python's value of a node; mappings become dictionaries with names as keys.

        Raises:
            MarkedYAMLError: for what a parameter file cannot hold.
        """
        if id(node) in self._seen:
            raise _problem(node, 'aliases (*name) are not allowed, as in ROS 2')
        self._seen.add(id(node))
        if depth > _MAX_DEPTH:
            raise _problem(node, f'nested more than {_MAX_DEPTH} deep')
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if node.tag == _PLAIN:
            return _scalar(node.value)
        if node.tag == _TEXT:
            return node.value
        raise _problem(node, f'the tag {node.tag} is not allowed')

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, below in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _problem(key, 'a name must be a text')
            if key.value in made:
                raise _problem(key, f'{key.value!r} is given twice')
            made[key.value] = self.value(below, depth + 1)
        return made


def _problem(node: yaml.Node, text: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)


def _scalar(text: str) -> Any:
    """What a text without quotes stands for."""
    if not text:
        return None
    if text.lower() in _BOOLS and text in (text.lower(), text.upper(), text.capitalize()):
        return _BOOLS[text.lower()]
    try:
        if _INTEGER.fullmatch(text):
            return int(text, 0)
    except ValueError:  # thousands of digits
        return text
    if _NUMBER.fullmatch(text):
        return float(text.lower().replace('.inf', 'inf').replace('.nan', 'nan'))
    return text
