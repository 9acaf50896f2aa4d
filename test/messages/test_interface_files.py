"""The .msg and .srv files: every field documented, parsed alike by rosidl's grammar and ours."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import NamedTuple

from hit_rfgm_ros.messages.definitions import load_definitions, split_service
from hit_rfgm_ros.messages.reports import CONFIDENCE_KINDS
from hit_rfgm_ros.runtime.reports import Reason, TargetState
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FILES = sorted([*REPOSITORY.glob('msg/*.msg'), *REPOSITORY.glob('srv/*.srv')])

# The grammar of ROS 2 interface files, as rosidl takes it.
PRIMITIVE = r'bool|byte|char|float32|float64|u?int(?:8|16|32|64)|string(?:<=\d+)?'
TYPE = rf'(?P<type>{PRIMITIVE}|[a-z][a-z0-9_]*/[A-Z][A-Za-z0-9]*)'
NAME = r'(?P<name>[a-z][a-z0-9]*(?:_[a-z0-9]+)*)'
COMMENT = r' *(?:#(?P<text>.*))?'
FIELD = re.compile(rf'{TYPE}(?:\[(?:<=)?\d*\])? +{NAME}{COMMENT}')
CONSTANT = re.compile(rf'{TYPE} +(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>\S+){COMMENT}')

# What a number of these names counts or measures is said with its unit in brackets.
MEASURED = {'float64', 'float32'}
UNITLESS = {'confidence'}


class Line(NamedTuple):
    """A field or a constant of a file."""

    name: str
    type: str
    text: str
    value: str = ''


def parts(path: Path) -> list[str]:
    text = path.read_text(encoding='utf-8')
    return [text] if path.suffix == '.msg' else list(split_service(text))


def parse(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        found = FIELD.fullmatch(line) or CONSTANT.fullmatch(line)
        assert found, f'not a line that rosidl takes: {line!r}'
        groups = found.groupdict()
        text = (groups['text'] or '').strip()
        yield Line(groups['name'], groups['type'], text, groups.get('value') or '')


def lines(path: Path) -> list[Line]:
    return [line for part in parts(path) for line in parse(part)]


def test_the_files_of_the_interface_are_all_there() -> None:
    assert [path.name for path in FILES] == [
        'InitResult.msg',
        'TargetBox.msg',
        'TrackedTarget.msg',
        'TrackedTargetArray.msg',
        'InitTarget.srv',
        'RemoveTarget.srv',
    ]


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_every_field_is_documented(path: Path) -> None:
    assert path.read_text(encoding='utf-8').startswith('# '), 'the file says what it is'
    assert not [line.name for line in lines(path) if not line.text]


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_every_measure_has_a_unit(path: Path) -> None:
    bare = [
        line.name
        for line in lines(path)
        if line.type in MEASURED
        and line.name not in UNITLESS
        and not re.search(r'\[(pixels|s|rad|1)\b', line.text)
    ]
    assert not bare


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_rosbags_reads_the_same_fields(path: Path) -> None:
    definitions = load_definitions('jazzy')
    kind = path.suffix[1:]
    halves = [''] if kind == 'msg' else ['_Request', '_Response']
    for half, text in zip(halves, parts(path), strict=True):
        name = f'hit_rfgm_ros/{kind}/{path.stem}{half}'
        here = [line.name for line in parse(text) if not line.value]
        assert [field for field, _ in definitions.fields(name)] == here


def test_types_are_named_with_their_package() -> None:
    for path in FILES:
        for line in lines(path):
            assert re.fullmatch(PRIMITIVE, line.type) or '/' in line.type


def constants(name: str, prefix: str = '') -> dict[str, int]:
    return {
        line.name.removeprefix(prefix): int(line.value)
        for line in lines(REPOSITORY / 'msg' / name)
        if line.value and line.name.startswith(prefix)
    }


def test_reasons_are_those_of_the_message() -> None:
    assert constants('InitResult.msg') == {reason.name: int(reason) for reason in Reason}


def test_states_are_those_of_the_message() -> None:
    states = {state.name: int(state) for state in TargetState}
    assert constants('TrackedTarget.msg', 'STATE_') == states


def test_kinds_of_confidence_are_those_of_the_message() -> None:
    kinds = {kind.name: number for kind, number in CONFIDENCE_KINDS.items()}
    assert constants('TrackedTarget.msg', 'CONFIDENCE_') == kinds


def test_the_class_constants_are_those_of_the_file() -> None:
    cls = load_definitions('jazzy').message('hit_rfgm_ros/msg/TrackedTarget')
    assert cls.STATE_LOST == TargetState.LOST
    assert cls.CONFIDENCE_CALIBRATED == 2
