"""Options of a tracker: defaults, ranges, and what is said of a wrong one."""

from dataclasses import fields
from typing import Any

from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st
import pytest


def test_defaults_are_usable_and_official_where_the_paper_says_a_number() -> None:
    config = TrackerConfig()
    assert (config.search_factor, config.template_factor) == (4.0, 2.0)
    assert not config.paper_mode


def test_names_and_values_make_a_configuration() -> None:
    config = TrackerConfig.from_dict({'fps': 25, 'widen_search': False})
    assert config == TrackerConfig(fps=25.0, widen_search=False)
    assert isinstance(config.fps, float)


def test_every_option_can_be_given_by_name() -> None:
    config = TrackerConfig()
    options = {field.name: getattr(config, field.name) for field in fields(config)}
    assert TrackerConfig.from_dict(options) == config


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        pytest.param('lost_beloww', "did you mean 'lost_below'", id='near'),
        pytest.param('Q', 'known options: paper_mode, fps', id='far'),
    ],
)
def test_unknown_option_names_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrackerConfig.from_dict({name: 1})


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('fps', 0, 'above 0 and finite, got 0'),
        ('fps', -1.0, 'above 0'),
        ('fps', float('nan'), 'above 0'),
        ('fps', float('inf'), 'above 0'),
        ('search_factor', 0.5, 'at least 1'),
        ('template_factor', 0.5, 'at least 1'),
        ('uncertain_below', 1.5, r'in \[0, 1\]'),
        ('lost_below', -0.5, r'or -1'),
        ('lost_after', -1.0, 'at least 0'),
        ('found_after', -1.0, 'at least 0'),
        ('max_scale_change', 0.5, 'at least 1, or 0'),
        ('size_damping', 0.0, r'in \(0, 1\]'),
        ('max_search_factor', 3.0, r'at least search_factor \(4\)'),
        ('memory_kind', 'lifo', 'one of auto, none, fifo, score, gr'),
        ('memory_size', 63, r'in \[64, 4096\] tokens'),
        ('memory_size', 5000, r'in \[64, 4096\] tokens'),
        ('update_interval', -1, 'at least 0'),
        ('memory_min_confidence', 1.5, r'in \[0, 1\], or -1'),
        ('memory_min_confidence', float('nan'), r'in \[0, 1\], or -1'),
        ('windowing', 'hamming', 'one of hann, none'),
        ('relevance_stages', 4, '0 to 3, or -1'),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError, match=f'{name} must be .*{message}'):
        TrackerConfig.from_dict({name: value})


@pytest.mark.parametrize(
    ('name', 'value', 'wanted'),
    [
        ('fps', '30', 'float'),
        ('fps', None, 'float'),
        ('fps', True, 'float'),
        ('paper_mode', 1, 'bool'),
        ('paper_mode', 'yes', 'bool'),
        ('windowing', 1, 'str'),
        ('memory_size', 192.0, 'int'),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: Any, wanted: str) -> None:
    with pytest.raises(ConfigError, match=f'{name} must be a {wanted}'):
        TrackerConfig.from_dict({name: value})


anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
names = st.one_of(
    st.sampled_from([field.name for field in fields(TrackerConfig)]), st.text(max_size=20)
)


@given(name=names, value=anything)
def test_any_name_and_value_make_a_configuration_or_an_error_that_names_it(
    name: str, value: Any
) -> None:
    try:
        config = TrackerConfig.from_dict({name: value})
    except ConfigError as error:
        message = str(error)
    else:
        message = name
        assert getattr(config, name) == value
    assert name in message or repr(name) in message
