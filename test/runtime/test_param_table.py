"""The table of the tracker's parameters against the page that announces it."""

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hypothesis import given
from hypothesis import strategies as st
import pytest

NAMES = st.sampled_from(sorted(TRACKER_TABLE))
# What YAML, a service or a program can bring: anything.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**5000),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(['auto', 'hit_base', 'keep', 'clear', 'cuda:1', 'raw', 'reliable', '-1']),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(), SCALARS))


@given(NAMES, VALUES)
def test_a_value_is_taken_in_range_or_refused_by_name(name: str, value: object) -> None:
    try:
        taken = getattr(TrackerParams().changed({name: value}), name)
    except ConfigError as error:
        reason = str(error)
    else:
        check_taken(name, value, taken)
        return
    assert name in reason
    assert len(reason) < 400


def check_taken(name: str, value: object, taken: object) -> None:
    row = TRACKER_TABLE[name]
    assert type(taken) is type(row.default)
    assert taken == value
    if row.choices:
        assert taken in row.choices
    if row.low is not None and row.high is not None:
        assert isinstance(taken, (int, float))
        assert row.low <= taken <= row.high or taken == row.also


@pytest.mark.parametrize('name', TRACKER_TABLE)
def test_every_parameter_is_explained_and_its_default_allowed(name: str) -> None:
    row = TRACKER_TABLE[name]
    assert row.text.endswith('.')
    assert row.check(row.default) == row.default
    if row.kind in ('int', 'double'):
        assert row.low is not None


def test_an_integer_is_accepted_for_a_double_and_nothing_else_is_converted() -> None:
    made = TrackerParams.from_values({'lost_after': 2})
    assert made.lost_after == 2.0
    assert isinstance(made.lost_after, float)
    for name, value in (
        ('max_targets', 2.0),
        ('widen_search', 1),
        ('weights', 5),
        ('warm_up', '3'),
    ):
        with pytest.raises(ConfigError, match=f'{name} must be of type'):
            TrackerParams.from_values({name: value})


def test_a_misspelt_value_or_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'hit_tiny'"):
        TrackerParams.from_values({'model': 'hit-tiny'})
    with pytest.raises(ConfigError, match="did you mean 'max_targets'"):
        TrackerParams.from_values({'max_target': 3})


def test_minus_one_stands_for_the_weights_own() -> None:
    assert TrackerParams.from_values({'lost_below': -1}).lost_below == -1
    with pytest.raises(ConfigError, match='0 to 1, or -1'):
        TrackerParams.from_values({'lost_below': -0.5})


def test_values_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ConfigError, match=r'memory_size \(500\).*memory_size_max \(448\)'):
        TrackerParams.from_values({'memory_size': 500})
    assert TrackerParams.from_values({'memory_size_max': 512, 'memory_size': 500}).memory_size


@pytest.mark.parametrize('device', ['gpu', 'cuda:', 'cuda:x', '', 'CPU'])
def test_a_device_that_cannot_be_one_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match='device must be auto, cpu, cuda or cuda:N'):
        TrackerParams.from_values({'device': device})
