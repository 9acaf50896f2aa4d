"""Index tables of the dual-image position encoding: the official numbering, and its properties."""

from hashlib import sha256
import json
from pathlib import Path
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.geometry.token_grid import offset_table, sine_table, token_coordinates
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

LAYOUTS = ('diagonal', 'horizontal', 'vertical', 'separate')


def golden_tables() -> list[Any]:
    path = Path(__file__).parent.parent / 'golden' / 'hit_index.json'
    layouts = json.loads(path.read_text(encoding='utf-8'))['layouts']
    assert set(layouts) == set(LAYOUTS)
    return [
        pytest.param(layout, table, id=f'{layout}-{table["place"]}')
        for layout, entry in layouts.items()
        for table in entry['tables']
    ]


@pytest.mark.parametrize(('layout', 'golden'), golden_tables())
def test_golden_index_table(layout: str, golden: dict[str, Any]) -> None:
    index, offsets = offset_table(
        golden['search_side'], golden['template_side'], layout, golden['query_stride']
    )
    assert list(index.shape) == golden['shape']
    assert len(offsets) == golden['biases']
    assert list(index[0, :20]) == golden['first_row_head'][:20]
    assert list(index[-1, -4:]) == golden['last_row_tail']
    data = np.ascontiguousarray(index, '<i8').tobytes()
    assert sha256(data).hexdigest() == golden['sha256']


grids = st.tuples(
    st.integers(1, 4), st.integers(1, 3), st.sampled_from(LAYOUTS), st.sampled_from([1, 2])
)


@settings(max_examples=60)
@given(grid=grids)
def test_an_index_names_the_offset_of_its_two_tokens(grid: tuple[int, int, str, int]) -> None:
    search, template, layout, stride = grid
    search, template = 2 * search, 2 * template
    index, offsets = offset_table(search, template, layout, stride)
    keys = token_coordinates(search, template, layout=layout)
    queries = token_coordinates(search, template, layout=layout, stride=stride)
    for q, query in enumerate(queries):
        for k, key in enumerate(keys):
            assert tuple(offsets[index[q, k]]) == tuple(np.abs(query - key))


@settings(max_examples=60)
@given(grid=grids)
def test_indices_are_given_in_order_of_first_appearance(grid: tuple[int, int, str, int]) -> None:
    search, template, layout, stride = grid
    index, offsets = offset_table(2 * search, 2 * template, layout, stride)
    seen = list(dict.fromkeys(index.ravel().tolist()))
    assert seen == list(range(len(offsets)))
    assert len({tuple(offset) for offset in offsets}) == len(offsets)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_the_table_of_equal_queries_and_keys_is_symmetric(layout: str) -> None:
    index, _ = offset_table(8, 4, layout)
    np.testing.assert_array_equal(index, index.T)


def test_only_overlapping_images_share_places() -> None:
    for layout in LAYOUTS:
        places = {tuple(place) for place in token_coordinates(8, 4, layout=layout)}
        assert len(places) == (64 if layout == 'separate' else 80)


def test_tables_cannot_be_changed_by_a_user() -> None:
    for table in (*offset_table(8, 4), sine_table(8, 4, 16)):
        with pytest.raises(ValueError, match='read-only'):
            table.ravel()[:1] = 7  # a view: ravel of a contiguous table


def test_unknown_layout_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"diagonal.*got 'round'"):
        token_coordinates(8, 4, layout='round')


def test_sine_table_follows_its_formula() -> None:
    search, template, width = 8, 4, 16
    table = sine_table(search, template, width)
    assert table.shape == (80, width)
    side, half = search + template, width // 2
    for token, (row, column) in enumerate(token_coordinates(search, template)):
        for part, place in enumerate((row, column)):
            for m in range(half):
                phase = 2 * np.pi * (place + 1) / (side + 1e-6) / 10000 ** (2 * (m // 2) / half)
                expected = np.sin(phase) if m % 2 == 0 else np.cos(phase)
                assert table[token, part * half + m] == pytest.approx(expected, abs=2e-6)
