"""An RFGM's engine: relevance stages, separate caches, the padded graph, bad inputs."""

from collections.abc import Callable
from dataclasses import replace
import json
import logging
from pathlib import Path
import re
import threading
from typing import Any

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines import accepted, openvino_engine
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import ConfigError, EngineError, WeightsError
from hit_rfgm_ros.weights.files import write_weights
from hit_rfgm_ros.weights.serving import serve
import numpy as np
import pytest

RFGM = 'rfgm_t256'


@pytest.fixture
def listed(tiny_rfgm: RFGMConfig, monkeypatch: pytest.MonkeyPatch) -> RFGMConfig:
    """The tiny network in the place of RFGM-T256."""
    monkeypatch.setitem(MODELS, RFGM, tiny_rfgm)
    return tiny_rfgm


def inputs(config: RFGMConfig, batch: int = 1, tokens: int = 48) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    side = config.search_size
    return {
        'search': generator.integers(0, 256, (batch, side, side, 3), np.uint8),
        'memory': generator.standard_normal((batch, tokens, config.width)).astype(np.float32),
    }


@pytest.mark.parametrize('stages', [0, 1, 3])
def test_the_number_of_stages_is_chosen_where_the_engine_is_made(
    stages: int, listed: RFGMConfig
) -> None:
    engine = create_engine(RFGM, None, backend='torch', relevance_stages=stages)
    assert isinstance(engine.config, RFGMConfig)
    assert engine.config.relevance_stages == stages
    assert engine.config.has_filter  # the ranker of layer 4 stays, for the memory
    kept = [name for name in engine.run('track', inputs(listed)) if name.startswith('kept')]
    assert kept == [f'kept_{layer}' for layer in (4, 7, 10)[3 - stages :]]


def test_stages_that_cannot_be_had_are_refused(listed: RFGMConfig, small: HiTConfig) -> None:
    with pytest.raises(ConfigError, match='0 to 3, got 4'):
        create_engine(RFGM, None, relevance_stages=4)
    with pytest.raises(ConfigError, match='relevance_stages=1 has no meaning for hit_tiny'):
        create_engine('hit_tiny', None, relevance_stages=1)
    plain = random_weights(replace(listed, relevance_stages=0))
    assert create_engine(RFGM, plain, backend='torch').graphs == (
        'template',
        'track',
        'track_padded',
    )
    with pytest.raises(WeightsError, match='no ranker at layer 7 and 10, which relevance_stages'):
        create_engine(RFGM, plain, relevance_stages=2)


def test_stages_and_filters_have_cached_graphs_of_their_own(
    listed: RFGMConfig, cache: Path
) -> None:
    weights = random_weights(listed)
    for stages in (3, 1):
        create_engine(RFGM, weights, backend='onnxruntime', relevance_stages=stages, threads=1)
    without = random_weights(replace(listed, relevance_stages=1))
    create_engine(RFGM, without, backend='onnxruntime', threads=1)
    names = sorted(re.sub('-[0-9a-f]{16}', '', path.stem) for path in cache.glob('*.graphs'))
    assert names == [f'{RFGM}-{n}stages-onnxruntime-fp32' for n in (1, 1, 3)]


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_the_padded_graph_is_built_and_loaded_when_it_is_first_run(
    backend: str,
    listed: RFGMConfig,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, 'hit_rfgm_ros')
    drawn = random_weights(listed)
    file = tmp_path / 'w.safetensors'
    weights = write_weights(file, RFGM, drawn.tensors, drawn.metadata)
    padded = {**inputs(listed, 2), 'memory_count': np.array([48, 16], np.int64)}
    given = []
    for _ in range(2):
        engine = create_engine(RFGM, serve(weights, 1), backend=backend, threads=1)
        assert 'track_padded' in engine.graphs
        if not given:
            assert not list(cache.glob('*padded*'))
        given.append(engine.run('track_padded', padded)['score'])
        assert len(list(cache.glob('*padded*.graphs'))) == 1
    np.testing.assert_array_equal(*given)
    assert caplog.text.count('agrees with torch') == 2  # one file each, and only once
    engine = create_engine(RFGM, serve(weights, 1), backend=backend, threads=1)
    for path in cache.glob('*padded*'):
        path.unlink()
    file.write_bytes(b'other weights')
    with pytest.raises(WeightsError, match=r'w\.safetensors'):
        engine.run('track_padded', padded)
    assert engine.run('track', inputs(listed))['score'].shape == (1, 64)  # alone it goes on


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_graph_that_was_prepared_is_not_loaded_any_more(
    backend: str, listed: RFGMConfig, cache: Path, tmp_path: Path
) -> None:
    drawn = random_weights(listed)
    file = tmp_path / 'w.safetensors'
    weights = write_weights(file, RFGM, drawn.tensors, drawn.metadata)
    engine = create_engine(RFGM, weights, backend=backend, threads=1)
    for _ in range(2):
        engine.prepare(['track_padded'])
        file.unlink(missing_ok=True)
        for path in cache.glob('*padded*'):
            path.unlink()
    padded = {**inputs(listed, 2), 'memory_count': np.array([48, 16], np.int64)}
    assert engine.run('track_padded', padded)['score'].shape == (2, 64)
    with pytest.raises(
        EngineError, match="no graph 'trak'; it has: template, track, track_padded"
    ):
        engine.prepare(['trak'])


@pytest.mark.parametrize('kind', [OnnxEngine, OpenVinoEngine])
def test_an_engine_runs_while_another_graph_is_loaded(
    kind: type[OnnxEngine | OpenVinoEngine], listed: RFGMConfig
) -> None:
    backend = kind.backend
    graphs = accepted.make_graphs(listed, random_weights(listed), backend, 'fp32')
    begun, go_on = threading.Event(), threading.Event()
    slow = graphs.pop('track_padded')

    def load() -> bytes:
        begun.set()
        assert go_on.wait(60)
        return slow

    engine = kind(listed, graphs, threads=1, later={'track_padded': load})
    thread = threading.Thread(target=engine.prepare, args=(['track_padded'],))
    thread.start()
    assert begun.wait(60)
    assert engine.run('track', inputs(listed))['score'].shape == (1, 64)
    assert thread.is_alive()
    go_on.set()
    thread.join(60)
    padded = {**inputs(listed, 2), 'memory_count': np.array([48, 16], np.int64)}
    assert engine.run('track_padded', padded)['score'].shape == (2, 64)


def test_an_engine_says_which_graph_it_was_made_without(listed: RFGMConfig) -> None:
    weights = random_weights(listed)
    graphs = accepted.make_graphs(listed, weights, 'onnxruntime', 'fp32', ['template', 'track'])
    engine = OnnxEngine(listed, graphs)
    with pytest.raises(EngineError, match="made without the graph 'filter'"):
        engine.run('filter', {})


@pytest.mark.parametrize(
    ('precision', 'limit', 'tokens', 'expected'),
    [
        ('fp32', 10**9, 48, True),
        ('fp32', 0, 48, True),
        ('fp32', 10**9, 0, False),
        ('bf16', 10**9, 48, True),
        ('bf16', 0, 48, False),
    ],
)
def test_openvino_has_a_fixed_model_for_the_full_memory_but_of_large_networks_in_short_types(
    listed: RFGMConfig,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    limit: int,
    tokens: int,
    *,
    expected: bool,
) -> None:
    weights = random_weights(listed)
    graphs = accepted.make_graphs(listed, weights, 'openvino', precision, ['template', 'track'])
    monkeypatch.setattr(openvino_engine, 'FIXED_BYTES', limit)
    engine = OpenVinoEngine(listed, graphs, precision=precision, threads=1, memory_tokens=tokens)
    free = OpenVinoEngine(listed, graphs, precision=precision, threads=1)
    for count in (16, 48, 40):
        given = inputs(listed, 1, count)
        ours, theirs = (one.run('track', given)['score'] for one in (engine, free))
        np.testing.assert_allclose(ours, theirs, atol=2e-5 if precision == 'fp32' else 0.02)
    assert (('track', True) in engine._requests) == expected


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_int8_of_an_rfgm_is_built_from_measured_ranges(backend: str, listed: RFGMConfig) -> None:
    generator = np.random.default_rng(0)
    crops = [
        tuple(generator.integers(0, 256, (side, side, 3), np.uint8) for side in (128, 64))
        for _ in range(4)
    ]
    weights = random_weights(listed)
    ranges = collect_ranges(listed, weights.tensors, crops)  # type: ignore[arg-type]
    weights.metadata[accepted.RANGES] = json.dumps(ranges)
    graphs = accepted.make_graphs(listed, weights, backend, 'int8', ['template', 'track'])
    kind = {'onnxruntime': OnnxEngine, 'openvino': OpenVinoEngine}[backend]
    reduced = kind(listed, graphs, precision='int8', threads=1)
    exact = create_engine(RFGM, weights, backend='torch')
    given, expected = (engine.run('track', inputs(listed)) for engine in (reduced, exact))
    assert np.corrcoef(given['score'][0], expected['score'][0])[0, 1] > 0.9


@pytest.fixture(scope='module')
def engine(tiny_rfgm: RFGMConfig) -> BaseEngine:
    return create_engine(tiny_rfgm, None, backend='torch', max_batch=3)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        pytest.param(
            lambda x: x.update(memory=x['memory'][:, :15]),
            "'memory': 16 to 1024 tokens are expected, got 15",
            id='too-few',
        ),
        pytest.param(
            lambda x: x.update(memory=np.zeros((2, 1025, 64), np.float32)),
            '16 to 1024 tokens are expected, got 1025',
            id='too-many',
        ),
        pytest.param(
            lambda x: x.update(memory=x['memory'][..., :32]),
            r"'memory': expected float32 \(B, n, 64\), got float32 \(2, 48, 32\)",
            id='channels',
        ),
        pytest.param(
            lambda x: x.update(memory=x['memory'][:1]),
            "'memory': batch 1 differs from the batch 2",
            id='batches-differ',
        ),
        pytest.param(
            lambda x: x.update(memory_count=np.array([48, 15])),
            r"'memory_count': each sample has 16 tokens at least .*, 48; got \[48, 15\]",
            id='count-too-small',
        ),
        pytest.param(
            lambda x: x.update(memory_count=np.array([49, 48])), r'got \[49, 48\]', id='count'
        ),
        pytest.param(
            lambda x: x.update(memory_count=np.array([48, 48], np.int32)),
            r"'memory_count': expected int64 \(B\), got int32 \(2\)",
            id='count-type',
        ),
        pytest.param(
            lambda x: x.update(memory_count=np.array([48])), 'batch 1 differs', id='one-count'
        ),
    ],
)
def test_a_bad_memory_is_named_with_what_was_expected_and_given(
    engine: BaseEngine,
    tiny_rfgm: RFGMConfig,
    change: Callable[[dict[str, Any]], Any],
    message: str,
) -> None:
    good = {**inputs(tiny_rfgm, 2), 'memory_count': np.array([48, 16])}
    engine.run('track_padded', good)
    change(good)
    with pytest.raises(EngineError, match=message):
        engine.run('track_padded', good)
