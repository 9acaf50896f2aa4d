"""RFGM's assembled graphs compute what the torch network computes."""

from collections.abc import Mapping
from dataclasses import replace
import subprocess
import sys
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig, kept_tokens
from hit_rfgm_ros.engines.base import BaseEngine, graph_specs
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.graphs import build_graphs, watched_graph
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.torch_engine import TorchEngine
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.geometry.centre import decode
import numpy as np
import onnx
import pytest

BOX = 1e-4  # fractions of the search region: what the package promises
MAP = 2e-5  # some ten times what float32 costs
ENGINES = {'onnxruntime': OnnxEngine, 'openvino': OpenVinoEngine}
T256 = get_model_config('rfgm_t256')
assert isinstance(T256, RFGMConfig)
TINY = replace(T256, width=64, heads=1, depth=10, search_size=128, template_size=64)
Arrays = dict[str, np.ndarray]


def make_engine(
    config: RFGMConfig, tensors: Mapping[str, Any], backend: str, **options: Any
) -> BaseEngine:
    graphs = build_graphs(config, tensors, backend=backend, **options)
    data = {name: graph.SerializeToString() for name, graph in graphs.items()}
    precision = options.get('precision', 'fp32')
    return ENGINES[backend](config, data, precision=precision, threads=1)


def make_inputs(reference: BaseEngine, tokens: int, batch: int, seed: int = 0) -> Arrays:
    """Random searches, and memories of as many tokens of random templates."""
    config = reference.config
    assert isinstance(config, RFGMConfig)
    generator = np.random.default_rng(seed)
    count = -(-tokens // config.template_tokens)

    def pictures(size: int) -> np.ndarray:
        coarse = generator.integers(0, 256, (batch, 8, 8, 3), np.uint8)
        noise = generator.integers(0, 32, (batch, size, size, 3), np.uint8)
        return np.kron(coarse, np.ones((1, size // 8, size // 8, 1), np.uint8)) // 2 + noise

    parts = [
        reference.run('template', {'template': pictures(config.template_size)})['template_tokens']
        for _ in range(count)
    ]
    memory = np.concatenate(parts, 1)[:, :tokens]
    return {'search': pictures(config.search_size), 'memory': np.ascontiguousarray(memory)}


def boxes(maps: Arrays) -> np.ndarray:
    return decode(maps['score'], maps['size'], maps['offset']).boxes


def assert_same(ours: Arrays, theirs: Arrays) -> None:
    assert set(ours) == set(theirs)
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape
        assert ours[name].dtype == expected.dtype
        if name.startswith('kept'):
            assert (np.sort(ours[name]) == np.sort(expected)).all(), name
        else:
            assert np.abs(ours[name] - expected).max() < MAP, name
    np.testing.assert_allclose(boxes(ours), boxes(theirs), atol=BOX)


@pytest.mark.parametrize('stages', [0, 1, 2, 3])
@pytest.mark.parametrize('backend', ENGINES)
@pytest.mark.parametrize('network', [T256, TINY], ids=['t256', 'tiny'])
def test_every_memory_gives_the_network_s_maps(
    network: RFGMConfig, stages: int, backend: str
) -> None:
    config = replace(network, relevance_stages=stages)
    tensors = random_weights(config).tensors
    reference = TorchEngine(config, tensors)
    engine = make_engine(config, tensors, backend, names=['track'])
    for tokens, batch in ((64, 1), (128, 2), (192, 1), (200, 3)):
        inputs = make_inputs(reference, tokens, batch)
        ours = engine.run('track', inputs)
        assert_same(ours, reference.run('track', inputs))
        for layer, tenths in config.stages:
            assert ours[f'kept_{layer}'].shape == (batch, kept_tokens(tokens, tenths))


@pytest.mark.parametrize('backend', ENGINES)
def test_each_stage_keeps_some_of_what_the_one_before_kept(backend: str) -> None:
    tensors = random_weights(TINY).tensors
    reference = TorchEngine(TINY, tensors)
    kept = make_engine(TINY, tensors, backend, names=['track']).run(
        'track', make_inputs(reference, 100, 2)
    )
    for b in range(2):
        first, second, third = (set(kept[f'kept_{layer}'][b]) for layer in (4, 7, 10))
        assert (len(first), len(second), len(third)) == (90, 80, 70)
        assert third < second < first <= set(range(100))


@pytest.mark.parametrize('backend', ENGINES)
def test_a_tie_goes_to_the_lower_place(backend: str) -> None:
    # With a ranker that sees nothing all tokens are equally relevant.
    tensors = {
        key: np.zeros_like(value) if key.startswith('rankers') else value
        for key, value in random_weights(TINY).tensors.items()
    }
    inputs = make_inputs(TorchEngine(TINY, tensors), 110, 2)
    kept = make_engine(TINY, tensors, backend, names=['track']).run('track', inputs)
    for layer, count in ((4, 99), (7, 88), (10, 77)):
        assert (np.sort(kept[f'kept_{layer}']) == np.arange(count)).all()


@pytest.mark.parametrize('backend', ENGINES)
@pytest.mark.parametrize('network', [T256, TINY], ids=['t256', 'tiny'])
def test_padded_memories_give_what_each_gives_alone(network: RFGMConfig, backend: str) -> None:
    config = network
    tensors = random_weights(config).tensors
    engine = make_engine(config, tensors, backend, names=['track', 'track_padded'])
    inputs = make_inputs(TorchEngine(config, tensors), 192, 3)
    counts = np.array([192, 64, 131])
    inputs['memory'][1, 64:] = np.nan  # what stands there may be anything
    inputs['memory'][2, 131:] = 1e9
    together = engine.run('track_padded', {**inputs, 'memory_count': counts})
    for b, count in enumerate(counts):
        memory = np.ascontiguousarray(inputs['memory'][b : b + 1, :count])
        alone = engine.run('track', {'search': inputs['search'][b : b + 1], 'memory': memory})
        part = {name: value[b : b + 1] for name, value in together.items()}
        for layer, tenths in config.stages:
            places = part[f'kept_{layer}']
            assert places.shape == (1, kept_tokens(192, tenths))
            part[f'kept_{layer}'] = places[places >= 0][None]
        assert_same(part, alone)


@pytest.mark.parametrize('stages', [1, 3])
@pytest.mark.parametrize('backend', ENGINES)
def test_filter_gives_the_network_s_relevance(stages: int, backend: str) -> None:
    for config in (TINY, T256):
        config = replace(config, relevance_stages=stages, filter_ranker=True)
        tensors = random_weights(config).tensors
        reference = TorchEngine(config, tensors)
        engine = make_engine(config, tensors, backend, names=['filter'])
        for tokens, batch in ((192, 1), (100, 2)):
            inputs = make_inputs(reference, tokens, batch)
            new = make_inputs(reference, config.template_tokens, batch, seed=1)['memory']
            ours, theirs = (
                e.run('filter', {**inputs, 'template_tokens': new})['relevance']
                for e in (engine, reference)
            )
            assert ours.shape == theirs.shape == (batch, tokens)
            assert np.ptp(theirs) > 0.05
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=4e-5)


@pytest.mark.parametrize('backend', ENGINES)
def test_template_gives_the_network_s_tokens(backend: str) -> None:
    tensors = random_weights(TINY).tensors
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    ours, theirs = (
        e.run('template', {'template': pictures})['template_tokens']
        for e in (
            make_engine(TINY, tensors, backend, names=['template']),
            TorchEngine(TINY, tensors),
        )
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize('backend', ENGINES)
def test_winograd_s_products_change_nothing(backend: str) -> None:
    tensors = random_weights(TINY).tensors
    inputs = make_inputs(TorchEngine(TINY, tensors), 64, 2)
    with_them, without = (
        make_engine(TINY, tensors, backend, winograd=on, names=['track']).run('track', inputs)
        for on in (True, False)
    )
    assert_same(with_them, without)


@pytest.mark.parametrize('backend', ENGINES)
def test_int8_is_near_float(backend: str) -> None:
    config = replace(TINY, width=128, heads=2)
    tensors = random_weights(config).tensors
    reference = TorchEngine(config, tensors)
    generator = np.random.default_rng(0)
    crops = [
        [generator.integers(0, 256, (size, size, 3), np.uint8) for size in (128, 64)]
        for _ in range(4)
    ]
    ranges = collect_ranges(config, tensors, crops)
    engine = make_engine(config, tensors, backend, precision='int8', ranges=ranges)
    inputs = make_inputs(reference, 96, 2)
    ours, exact = engine.run('track', inputs), reference.run('track', inputs)
    # What counts is the overlap on sequences with trained weights; here only that the maps agree.
    for name in ('score', 'size', 'offset'):
        assert np.corrcoef(ours[name].ravel(), exact[name].ravel())[0, 1] > 0.97
    new = np.ascontiguousarray(inputs['memory'][:, :16])
    relevance = engine.run('filter', {**inputs, 'template_tokens': new})['relevance']
    assert np.isfinite(relevance).all()


def test_bf16_is_near_float() -> None:
    tensors = random_weights(TINY).tensors
    reference = TorchEngine(TINY, tensors)
    inputs = make_inputs(reference, 96, 2)
    engine = make_engine(TINY, tensors, 'openvino', precision='bf16', names=['track'])
    ours, exact = engine.run('track', inputs), reference.run('track', inputs)
    for name in ('score', 'size', 'offset'):
        assert np.corrcoef(ours[name].ravel(), exact[name].ravel())[0, 1] > 0.97


def test_int8_replaces_all_large_layers_and_no_ranker() -> None:
    _, watched = watched_graph(TINY, random_weights(TINY).tensors)
    layers = {
        f'backbone.blocks.{i}.{part}'
        for i in range(TINY.depth)
        for part in ('attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2')
    }
    assert layers <= set(watched)
    assert all(label in layers or label.startswith('box_head.') for label in watched)


def test_only_the_graphs_asked_for_are_made() -> None:
    tensors = random_weights(TINY).tensors
    assert set(build_graphs(TINY, tensors)) == set(graph_specs(TINY))
    assert set(build_graphs(TINY, tensors, names=['track'])) == {'track'}
    with pytest.raises(EngineError, match='has the graphs template, track, track_padded, filter'):
        build_graphs(TINY, tensors, names=['track', 'boxes'])
    plain = replace(TINY, relevance_stages=1)
    assert 'filter' not in build_graphs(plain, random_weights(plain).tensors)


def test_graphs_are_valid_and_say_what_they_are() -> None:
    for name, graph in build_graphs(TINY, random_weights(TINY).tensors).items():
        onnx.checker.check_model(graph, full_check=True)
        assert [(o.domain, o.version) for o in graph.opset_import] == [('', 17)]
        assert graph.ir_version == 8
        spec = graph_specs(TINY)[name]
        assert {i.name for i in graph.graph.input} == set(spec.inputs)
        assert [o.name for o in graph.graph.output] == list(spec.outputs)
        assert {p.key: p.value for p in graph.metadata_props} == {
            'model': 'rfgm_t256',
            'precision': 'fp32',
        }


def test_graphs_are_made_without_torch() -> None:
    script = """
import sys
sys.modules['torch'] = None  # importing it fails, as if it were not installed
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.engines.random_weights import random_weights
config = RFGMConfig(
    'rfgm_t256', width=64, heads=1, depth=10, search_size=128, template_size=64
)
print(*build_graphs(config, random_weights(config).tensors))
"""
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['template', 'track', 'track_padded', 'filter']
