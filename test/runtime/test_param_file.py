"""Parameter files as people write them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.param_file import apply, read_param_file
from hit_rfgm_ros.runtime.params import TrackerParams
from hypothesis import given
from hypothesis import strategies as st
import pytest
import yaml

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / 'tracker.yaml'
        path.write_text(text, encoding='utf-8')
        return path

    return write


def section(name: str, values: str = '{model: hit_small}') -> str:
    return f'{name}:\n  ros__parameters: {values}\n'


@pytest.mark.parametrize(
    'name',
    ['/**', '/front/tracker', 'front/tracker', '/front/*', '/*/tracker', '/*/*', '/**/tracker',
     '/front/**', '/front/tracker/**'],
)  # fmt: skip
def test_sections_for_this_node(write: Write, name: str) -> None:
    values, warnings = read_param_file(write(section(name)), '/front/tracker')
    assert values == {'model': 'hit_small'}
    assert warnings == []


@pytest.mark.parametrize(
    'name', ['tracker', '/tracker', '/*', '/front', '/rear/*', '/front/track']
)
def test_sections_for_others(write: Write, name: str) -> None:
    values, (warning,) = read_param_file(write(section(name)), '/front/tracker')
    assert values == {}
    assert 'has nothing for /front/tracker, only for /' in warning


def test_a_bare_name_is_a_node_without_namespace(write: Write) -> None:
    path = write(section('tracker'))
    assert read_param_file(path, '/tracker')[0] == {'model': 'hit_small'}
    assert "write '/**'" in read_param_file(path, '/front/tracker')[1][0]


def test_a_misspelt_node_is_named(write: Write) -> None:
    _, (warning,) = read_param_file(write(section('/front/traker')), '/front/tracker')
    assert "did you mean '/front/traker'?" in warning


def test_namespaces_may_be_nested(write: Write) -> None:
    text = 'front:\n  tracker:\n    ros__parameters:\n      max_targets: 2\n'
    assert read_param_file(write(text), '/front/tracker')[0] == {'max_targets': 2}


def test_later_sections_win(write: Write) -> None:
    text = section('/**', '{max_targets: 2, warm_up: 1}') + section('/tracker', '{max_targets: 3}')
    assert read_param_file(write(text), '/tracker')[0] == {'max_targets': 3, 'warm_up': 1}


def test_plain_names_and_values(write: Write) -> None:
    assert read_param_file(write('max_targets: 2\nmodel: hit_tiny\n'), '/a/b')[0] == {
        'max_targets': 2,
        'model': 'hit_tiny',
    }
    assert read_param_file(write('# nothing\n'), '/a')[0] == {}


def test_nested_names_are_joined_by_dots(write: Write) -> None:
    text = section('/**', '{qos_overrides: {/image: {depth: 2}}}')
    assert read_param_file(write(text), '/a')[0] == {'qos_overrides./image.depth': 2}


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('yes', True), ('Off', False), ('y', True), ('"yes"', 'yes'), ('3', 3), ('-0x1F', -31),
        ('1e-3', 0.001), ('.5', 0.5), ('+2.', 2.0), ('-.inf', float('-inf')), ('1_000', '1_000'),
        ('12:30', '12:30'), ('2026-01-01', '2026-01-01'), ('~', '~'), ('null', 'null'),
        ("''", ''), ('', None), ('!!str 5', '5'), ('cuda:0', 'cuda:0'), ('[1, 2.5]', [1, 2.5]),
        ('9' * 5000, '9' * 5000),
    ],
)  # fmt: skip
def test_scalars_are_read_as_ros_reads_them(write: Write, text: str, value: Any) -> None:
    assert read_param_file(write(f'x: {text}\n'), '/a')[0] == {'x': value}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: 1\nb:\n\tc: 2\n', 'line 3: a tab; YAML is indented by spaces'),
        ('a: 1\na: 2\n', "line 2: 'a' is given twice"),
        ('a: [1\n', 'line 2: while parsing a flow sequence: expected'),
        ('a: &x 1\nb: *x\n', 'line 1: aliases'),
        ('a: &x [*x]\n', 'line 1: aliases'),
        ('a: !!python/name:os.system\n', 'line 1: the tag'),
        ('- 1\n- 2\n', 'must hold names and values'),
        ('words\n', 'must hold names and values'),
        ('? [1]\n: 2\n', 'line 1: a name must be a text'),
        ('a: 1\n--- 5\n', 'line 2: expected a single document'),
        ('/**:\n  model: hit_tiny\n', "below '/\\*\\*' a line 'ros__parameters:' is missing"),
        ('tracker:\n  model: hit_tiny\n', "below 'tracker' a line"),
        ('/**:\n  ros__parameters: 5\n', 'must hold names and values'),
        ('a: ' + '[' * 5000, 'nested too deeply'),
        ('a: ' + '[' * 30 + ']' * 30, 'nested more than 20 deep'),
        ('a: \x00', 'special characters'),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_named_with_its_line(
    write: Write, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_param_file(write(text), '/tracker')


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='No such file'):
        read_param_file(tmp_path / 'none.yaml', '/a')
    with pytest.raises(ConfigError, match='cannot be read'):
        read_param_file(tmp_path, '/a')
    (tmp_path / 'image.yaml').write_bytes(b'\x89PNG\xff\xd8')
    with pytest.raises(ConfigError, match='no text in UTF-8'):
        read_param_file(tmp_path / 'image.yaml', '/a')


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / 'any.yaml'
    path.write_bytes(data)
    try:
        values, _ = read_param_file(path, '/tracker')
    except ConfigError as error:
        reason = str(error)
    else:
        assert all(isinstance(name, str) for name in values)
        return
    assert str(path) in reason


TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(['model', 'lost_after', 'max_targets', 'x', '/**']), TREES))
def test_any_tree_is_applied_or_refused(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / 'tree.yaml'
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding='utf-8')
    try:
        params, _ = apply(TrackerParams, read_param_file(path, '/tracker')[0])
    except ConfigError:
        return
    assert 1 <= params.max_targets <= 64


def test_applying_names_every_bad_value_and_warns_of_unknown_names() -> None:
    params, (warning,) = apply(TrackerParams, {'max_targets': 2, 'lost_aftr': 1})
    assert params.max_targets == 2
    assert "did you mean 'lost_after'" in warning
    with pytest.raises(ConfigError, match=r'max_targets must be.*warm_up must be'):
        apply(TrackerParams, {'max_targets': 0, 'warm_up': 'x'})
