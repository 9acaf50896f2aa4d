"""Bad inputs are refused by name before a back end sees them."""

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import EngineError
import numpy as np
import pytest


@pytest.fixture
def engine(small: HiTConfig) -> BaseEngine:
    return create_engine(small, None, backend='torch', max_batch=3)


@pytest.fixture
def good(engine: BaseEngine) -> dict[str, np.ndarray]:
    template = np.zeros((2, 64, 64, 3), np.uint8)
    tokens = engine.run('template', {'template': template})['template_tokens']
    return {'search': np.zeros((2, 128, 128, 3), np.uint8), 'template_tokens': tokens}


def test_an_unknown_graph_names_the_known_ones(engine: BaseEngine) -> None:
    with pytest.raises(EngineError, match=r"no graph 'trck'; it has: template, track"):
        engine.run('trck', {})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        pytest.param(
            lambda x: x.pop('search'),
            r"'track' takes the inputs search, template_tokens; got template_tokens",
            id='missing',
        ),
        pytest.param(
            lambda x: x.update(seach=x['search']),
            r'takes the inputs search, template_tokens; got search, template_tokens, seach',
            id='surplus',
        ),
        pytest.param(
            lambda x: x.update(search=x['search'].astype(np.float32)),
            r"'search': expected uint8 \(B, 128, 128, 3\), got float32 \(2, 128, 128, 3\)",
            id='float-picture',
        ),
        pytest.param(
            lambda x: x.update(search=x['search'].transpose(0, 3, 1, 2)),
            r"'search': expected uint8 \(B, 128, 128, 3\), got uint8 \(2, 3, 128, 128\)",
            id='channels-first',
        ),
        pytest.param(
            lambda x: x.update(search=x['search'][0]),
            r'got uint8 \(128, 128, 3\)',
            id='no-batch',
        ),
        pytest.param(lambda x: x.update(search=x['search'].tolist()), r'got list \(\)', id='list'),
        pytest.param(
            lambda x: x.update(template_tokens=x['template_tokens'].astype(np.float64)),
            r"'template_tokens': expected float32 \(B, 16, 32\), got float64 \(2, 16, 32\)",
            id='double-tokens',
        ),
        pytest.param(
            lambda x: x.update(template_tokens=x['template_tokens'][:1]),
            r"'template_tokens': batch 1 differs from the batch 2 of the other inputs",
            id='batches-differ',
        ),
        pytest.param(
            lambda x: x.update(search=np.zeros((4, 128, 128, 3), np.uint8)),
            r"'search': a batch of 1 to 3 is expected, got 4; .*larger max_batch",
            id='too-many',
        ),
        pytest.param(
            lambda x: x.update(search=x['search'][:0]), r'1 to 3 is expected, got 0', id='empty'
        ),
    ],
)
def test_a_bad_input_is_named_with_what_was_expected_and_given(
    engine: BaseEngine,
    good: dict[str, np.ndarray],
    change: Callable[[dict[str, Any]], Any],
    message: str,
) -> None:
    change(good)
    with pytest.raises(EngineError, match=message):
        engine.run('track', good)


def test_max_batch_must_be_positive(small: HiTConfig) -> None:
    with pytest.raises(EngineError, match='max_batch must be at least 1, got 0'):
        create_engine(small, None, backend='torch', max_batch=0)
