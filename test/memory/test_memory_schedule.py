"""When the memory is updated."""

import hashlib
import json
from pathlib import Path
from typing import Any

from hit_rfgm_ros.memory.schedule import interval, is_update
from hypothesis import given
from hypothesis import strategies as st
import pytest


@pytest.fixture(scope='module')
def table(golden: Path) -> dict[str, Any]:
    """The frames that the paper's schedule gives."""
    values: dict[str, Any] = json.loads((golden / 'rfgm_schedule.json').read_text('utf-8'))
    return values


def test_the_frames_of_the_paper(table: dict[str, Any]) -> None:
    frames = [t for t in range(1, 1001) if is_update(t)]
    assert frames == table['frames']
    assert frames[:40] == table['first_40']
    assert len(frames) == table['count'] == 42
    joined = ','.join(map(str, frames)).encode()
    assert hashlib.sha256(joined).hexdigest() == table['sha256_of_comma_joined']


def test_the_interval_changes_where_the_paper_says(table: dict[str, Any]) -> None:
    for first, last, frames in table['interval']:
        assert {interval(t) for t in (first, last or 10**6)} == {frames}


def test_the_first_box_is_no_update() -> None:
    assert not is_update(0)
    assert not is_update(0, 3)


@given(t=st.integers(1, 10**6), fixed=st.integers(1, 1000))
def test_a_fixed_interval_replaces_the_schedule(t: int, fixed: int) -> None:
    assert is_update(t, fixed) is (t % fixed == 0)
    assert is_update(t * fixed, fixed)
