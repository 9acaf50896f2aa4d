"""Strassen's products against plain ones, alone and in RFGM's graph."""

from dataclasses import replace

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.onnx_ops import GraphWriter
from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.strassen import mlp
from hit_rfgm_ros.engines.torch_engine import TorchEngine
import numpy as np
import onnxruntime
import pytest
import torch

ENGINES = {'onnxruntime': OnnxEngine, 'openvino': OpenVinoEngine}
MAP = 2e-5  # as of the plain products


@pytest.mark.parametrize('tokens', [2, 3, 8, 33])
@pytest.mark.parametrize('batch', [1, 3])
def test_layers_give_what_plain_products_give(tokens: int, batch: int) -> None:
    generator = np.random.default_rng(tokens)
    layers = [
        (generator.standard_normal((n, m)), generator.standard_normal(m))
        for n, m in ((6, 16), (16, 10))
    ]
    graph = GraphWriter('layers')
    x = graph.input('x', np.float32, ('tokens', 6))
    left, right = graph.split(x, 2, [3, 3])
    y = graph.joined(mlp(graph, (left, right), layers), axis=2)
    graph.output('y', y, ('tokens', 10))
    session = onnxruntime.InferenceSession(graph.model({}).SerializeToString())
    given = generator.standard_normal((batch, tokens, 6)).astype(np.float32)

    hidden = torch.from_numpy(given @ layers[0][0] + layers[0][1])
    expected = torch.nn.functional.gelu(hidden).numpy() @ layers[1][0] + layers[1][1]
    (found,) = session.run(None, {'x': given})
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.fixture(scope='module')
def network() -> RFGMConfig:
    config = get_model_config('rfgm_t256')
    assert isinstance(config, RFGMConfig)
    return replace(config, width=128, heads=2, depth=10, search_size=128, template_size=64)


@pytest.mark.parametrize('backend', ENGINES)
def test_every_memory_gives_the_network_s_maps(network: RFGMConfig, backend: str) -> None:
    tensors = random_weights(network).tensors
    graphs = build_graphs(network, tensors, backend=backend, names=['track'], strassen=True)
    data = {name: graph.SerializeToString() for name, graph in graphs.items()}
    engine = ENGINES[backend](network, data, precision='fp32', threads=1)
    reference = TorchEngine(network, tensors)
    generator = np.random.default_rng(0)
    for tokens, batch in ((64, 1), (101, 2), (48, 3)):
        pictures = generator.integers(0, 256, (batch, 128, 128, 3), np.uint8)
        memory = 0.5 * generator.standard_normal((batch, tokens, network.width))
        inputs = {'search': pictures, 'memory': memory.astype(np.float32)}
        ours, theirs = engine.run('track', inputs), reference.run('track', inputs)
        assert set(ours) == set(theirs)
        for name, expected in theirs.items():
            if name.startswith('kept'):
                assert (np.sort(ours[name]) == np.sort(expected)).all(), name
            else:
                assert np.abs(ours[name] - expected).max() < MAP, name


def test_only_track_of_wide_networks_in_fp32_in_openvino_has_them(network: RFGMConfig) -> None:
    wide = replace(network, width=768, heads=12)
    tensors = random_weights(wide).tensors

    def negations(config: RFGMConfig, name: str = 'track', **options: str) -> int:
        weights = tensors if config is wide else random_weights(config).tensors
        graph = build_graphs(config, weights, names=[name], **options)[name].graph
        return sum(node.op_type == 'Neg' for node in graph.node)

    assert negations(wide, backend='openvino') > 0
    assert negations(wide, backend='onnxruntime') == 0
    assert negations(wide, backend='openvino', precision='bf16') == 0
    assert negations(wide, 'track_padded', backend='openvino') == 0
    assert negations(network, backend='openvino') == 0
