"""What a running node lets one set, and what it keeps."""

import threading
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.param_store import ParameterStore
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hypothesis import given
from hypothesis import strategies as st
import pytest

Store = ParameterStore[TrackerParams]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 2000), st.floats(), st.text(max_size=8)
)


@pytest.fixture
def taken() -> list[TrackerParams]:
    return []


@pytest.fixture
def running(taken: list[TrackerParams]) -> Store:
    """The store of a configured node."""
    return make(taken)


def make(taken: list[TrackerParams], started: bool = True) -> Store:
    return ParameterStore(
        TRACKER_TABLE, TrackerParams(), change=taken.append, started=lambda: started
    )


@given(st.sampled_from(sorted(TRACKER_TABLE)), VALUES, st.booleans())
def test_a_value_is_kept_as_it_was_or_taken_and_handed_on(
    name: str, value: Any, started: bool
) -> None:
    taken: list[TrackerParams] = []
    store = make(taken, started)
    before = store.params
    done, reason = store.set(name, value)
    if done:
        assert reason == ''
        assert store.get(name) == value
        assert taken == [store.params]
        assert TRACKER_TABLE[name].live or not started or value == getattr(before, name)
    else:
        assert name in reason
        assert store.params == before
        assert taken == []


def test_a_start_parameter_is_refused_once_configured(running: Store) -> None:
    done, reason = running.set('max_targets', 3)
    assert not done
    assert reason.startswith('max_targets can only be changed before configure')
    assert reason.endswith('it stays 8')
    assert running.get('max_targets') == 8


def test_the_same_value_again_is_no_change(running: Store) -> None:
    """`ros2 param load` sets everything, the start parameters too."""
    assert running.set_many(running.values()) == (True, '')


def test_a_start_parameter_may_be_set_before_configure(taken: list[TrackerParams]) -> None:
    assert make(taken, started=False).set('max_targets', 3) == (True, '')
    assert taken[0].max_targets == 3


def test_several_are_set_together_or_not_at_all(running: Store, taken: list[Any]) -> None:
    done, reason = running.set_many({'lost_after': 2.0, 'min_visible': 7})
    assert (done, 'min_visible' in reason) == (False, True)
    assert running.get('lost_after') == 1.0
    assert running.set_many({'lost_after': 2.0, 'min_visible': 0.5}) == (True, '')
    assert len(taken) == 1


def test_what_the_node_refuses_is_not_set() -> None:
    def refuse(params: TrackerParams) -> None:
        raise ConfigError('not now')

    store = ParameterStore(TRACKER_TABLE, TrackerParams(), change=refuse)
    assert store.set('lost_after', 2.0) == (False, 'not now')
    assert store.get('lost_after') == 1.0


def test_unknown_names_are_refused_with_the_nearest(running: Store) -> None:
    assert "did you mean 'lost_after'?" in running.set('lost_afer', 1.0)[1]
    with pytest.raises(ConfigError, match="did you mean 'lost_after'"):
        running.get('lost_afer')


def test_bad_start_values_are_left_out_and_remembered(taken: list[TrackerParams]) -> None:
    store = make(taken, started=False)
    warnings = store.load(
        {'model': 'hit_huge', 'max_targets': 4, 'lost_afte': 3, 'use_sim_time': 1}
    )
    assert store.get('max_targets') == 4
    assert list(store.refused) == ['model']
    assert 'hit_huge' in store.refused['model']
    assert warnings == [
        "unknown parameter 'lost_afte': did you mean 'lost_after'?; it has no effect"
    ]
    assert store.set('model', 'hit_small') == (True, '')
    assert store.refused == {}


def test_start_values_that_do_not_fit_together_leave_the_others_alone() -> None:
    store = make([], started=False)
    store.load({'max_targets': 4, 'memory_size': 500})
    assert store.get('max_targets') == 4
    assert list(store.refused) == ['memory_size']
    assert store.get('memory_size') == 192


def test_threads_that_set_lose_nothing(running: Store, taken: list[TrackerParams]) -> None:
    names = ['lost_after', 'min_visible', 'remove_lost_after', 'annotated_rate']

    def count(name: str) -> None:
        for step in range(1, 101):
            assert running.set(name, step / 100)[0]

    threads = [threading.Thread(target=count, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [running.get(name) for name in names] == [1.0] * 4
    assert len(taken) == 400
    assert taken[-1] == running.params
