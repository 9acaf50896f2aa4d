"""Parameters as people type them on the command line."""

from hit_rfgm_ros.cli.parameter_options import parse_pairs, parse_value
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.player_params import PLAYER_TABLE
from hit_rfgm_ros.runtime.select_params import SELECT_TABLE
from hypothesis import given
from hypothesis import strategies as st
import pytest

TABLES = {**TRACKER_TABLE, **PLAYER_TABLE, **SELECT_TABLE}


@pytest.mark.parametrize('name', TABLES)
def test_every_default_survives_being_typed(name: str) -> None:
    row = TABLES[name]
    value = row.default
    text = ','.join(map(str, value)) if isinstance(value, tuple) else str(value)
    assert parse_value(row, text) == value


@pytest.mark.parametrize(
    ('pair', 'value'),
    [
        ('max_targets=3', 3),
        ('max_frame_age=2', 2.0),
        ('paper_mode=yes', True),
        ('paper_mode=False', False),
        ('weights=a=b.safetensors', 'a=b.safetensors'),
        ('engine_cache_dir=', ''),
    ],
)
def test_a_pair_is_read_by_the_type_of_its_row(pair: str, value: object) -> None:
    assert list(parse_pairs(TRACKER_TABLE, [pair]).values()) == [value]


@pytest.mark.parametrize(
    ('pair', 'words'),
    [
        ('max_target=3', "did you mean 'max_targets'"),
        ('max_targets', 'is not name=value'),
        ('max_targets=many', 'max_targets must be of type int'),
        ('max_targets=0', 'max_targets must be in 1 to 64'),
        ('paper_mode=2', 'paper_mode must be of type bool'),
        ('model=hit_tine', "did you mean 'hit_tiny'"),
        ('lost_after=nan', 'lost_after must be a finite number'),
    ],
)
def test_what_is_wrong_is_named(pair: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_pairs(TRACKER_TABLE, [pair])


@given(st.text(max_size=30), st.sampled_from(sorted(TRACKER_TABLE)))
def test_any_text_is_taken_or_refused_by_name(text: str, name: str) -> None:
    refused = ''
    try:
        TrackerParams.from_values(parse_pairs(TRACKER_TABLE, [f'{name}={text}']))
    except ConfigError as error:
        refused = str(error)
    assert not refused or name in refused


@given(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4))
def test_a_box_is_typed_with_commas_or_as_ros_writes_it(box: list[float]) -> None:
    text = ', '.join(map(repr, box))
    for typed in (text, f'[{text}]'):
        assert parse_value(SELECT_TABLE['box'], typed) == tuple(box)
