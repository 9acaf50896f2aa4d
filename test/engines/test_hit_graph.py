"""The assembled graphs compute what the torch networks compute."""

from dataclasses import replace
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.hit import HIT_MODELS, HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.engines.hit_graph import template_shape
from hit_rfgm_ros.engines.openvino_engine import shared_core
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.errors import EngineError, WeightsError
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.registry import load_state
import numpy as np
from numpy.typing import NDArray
import onnx
import onnxruntime as ort
import pytest
import torch

BOX = 2e-5  # fractions of the search region; 1e-4 is what the package promises
SCORE = 1e-4  # probabilities
CORRELATION = 1e-5  # of its largest value

ABLATIONS: list[dict[str, Any]] = [
    *({'bridge_stages': stages} for stages in (('max',), ('mid',), ('min',))),
    *({'bridge_stages': stages} for stages in (('max', 'mid'), ('max', 'min'), ('mid', 'min'))),
    *({'position_encoding': name} for name in ('horizontal', 'vertical', 'separate', 'absolute')),
]
SMALL = HiTConfig(
    name='small',
    backbone='levit',
    widths=(32, 48, 64),
    depths=(1, 1, 2),
    heads=(2, 3, 2),
    key_dim=8,
    mlp_ratios=(2, 2, 2),
    search_size=128,
    template_size=64,
    hidden_dim=64,
)
Pictures = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def pictures(fill: ModuleType, config: HiTConfig, batch: int) -> Pictures:
    """Search regions and templates, uint8 (B, S, S, 3)."""
    search, template = (
        np.stack([fill.image(seed + i, size, size) for i in range(batch)])
        for seed, size in ((1204, config.search_size), (1300, config.template_size))
    )
    return search, template


def run_torch(
    fill: ModuleType, config: HiTConfig, tensors: dict[str, Any], batch: Pictures
) -> dict[str, NDArray[np.float32]]:
    network = HiT(config)
    load_state(network, tensors)
    inputs = (torch.from_numpy(np.stack([fill.normalise(p) for p in part])) for part in batch)
    with torch.no_grad():
        out = network.eval()(*inputs)
    return {
        'boxes': out.boxes.numpy(),
        'score_tl': out.score_tl.flatten(1).softmax(1).numpy(),
        'score_br': out.score_br.flatten(1).softmax(1).numpy(),
        'correlation': out.correlation.numpy(),
    }


class Runner:
    """Both graphs in ONNX Runtime or OpenVINO, float32 on one thread."""

    def __init__(self, graphs: dict[str, onnx.ModelProto], backend: str = 'onnxruntime') -> None:
        self.calls = {name: self._load(graph, backend) for name, graph in graphs.items()}

    def _load(self, graph: onnx.ModelProto, backend: str) -> Any:
        data = graph.SerializeToString()
        if backend == 'openvino':
            core = shared_core()
            settings = {'INFERENCE_NUM_THREADS': 1, 'INFERENCE_PRECISION_HINT': 'f32'}
            compiled = core.compile_model(core.read_model(data), 'CPU', settings)
            return lambda feeds: {
                port.get_any_name(): value.copy() for port, value in compiled(feeds).items()
            }
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(data, options, providers=['CPUExecutionProvider'])
        names = [output.name for output in session.get_outputs()]
        return lambda feeds: dict(zip(names, session.run(names, feeds)))

    def __call__(self, batch: Pictures) -> dict[str, NDArray[np.float32]]:
        tokens = self.calls['template']({'template': batch[1]})['template_tokens']
        result: dict[str, NDArray[np.float32]] = self.calls['track'](
            {'search': batch[0], 'template_tokens': tokens}
        )
        return result


def assert_same(ours: dict[str, Any], theirs: dict[str, Any], box: float = BOX) -> None:
    assert set(ours) == {'boxes', 'score_tl', 'score_br', 'correlation'}
    for name, expected in theirs.items():
        limit = {'boxes': box, 'correlation': CORRELATION * np.abs(expected).max()}
        assert ours[name].shape == expected.shape
        assert ours[name].dtype == np.float32
        assert np.abs(ours[name] - expected).max() < limit.get(name, SCORE), name


def filled(fill: ModuleType, hit_dev: dict[str, Any], name: str) -> dict[str, Any]:
    """The state dict whose boxes the official code gave."""
    entry = hit_dev['variants'].get(name) or hit_dev['ablations'][name]
    state: dict[str, Any] = fill.fill(fill.load_shapes(name), entry['seed'])
    return state


@pytest.mark.parametrize('name', HIT_MODELS)
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_every_model_gives_the_network_s_boxes(
    name: str, backend: str, fill: ModuleType, hit_dev: dict[str, Any]
) -> None:
    config, tensors = get_model_config(name), filled(fill, hit_dev, name)
    batch = pictures(fill, config, 2)
    runner = Runner(build_graphs(config, tensors, backend=backend), backend)
    assert_same(runner(batch), run_torch(fill, config, tensors, batch))


@pytest.mark.parametrize('change', ABLATIONS, ids=str)
@pytest.mark.parametrize('width', [32, 96], ids=['narrow', 'wide'])
def test_every_ablation_gives_the_network_s_boxes(
    change: dict[str, Any], width: int, fill: ModuleType
) -> None:
    config = replace(SMALL, widths=(width, 112, 128), **change)
    tensors = random_weights(config).tensors
    batch = pictures(fill, config, 2)
    expected = run_torch(fill, config, tensors, batch)
    for backend in ('onnxruntime', 'openvino'):
        assert_same(Runner(build_graphs(config, tensors, backend=backend))(batch), expected)


@pytest.mark.parametrize('winograd', [False, True])
@pytest.mark.parametrize(('search', 'template'), [(64, 64), (128, 64), (192, 128)])
def test_any_picture_size_gives_the_network_s_boxes(
    search: int, template: int, winograd: bool, fill: ModuleType
) -> None:
    config = replace(SMALL, search_size=search, template_size=template)
    tensors = random_weights(config).tensors
    batch = pictures(fill, config, 1)
    graphs = build_graphs(config, tensors, winograd=winograd)
    assert_same(Runner(graphs)(batch), run_torch(fill, config, tensors, batch))


@pytest.mark.parametrize('grey', [0, 255])
def test_border_is_padded_as_in_the_normalised_picture(grey: int, fill: ModuleType) -> None:
    # An even picture: all tokens would be equal but for the padding around it.
    tensors = random_weights(SMALL).tensors
    picture = np.full((1, SMALL.template_size, SMALL.template_size, 3), grey, np.uint8)
    tokens = Runner(build_graphs(SMALL, tensors)).calls['template']({'template': picture})
    network = HiT(SMALL)
    load_state(network, tensors)
    normalised = torch.from_numpy(fill.normalise(picture[0]))[None]
    with torch.no_grad():
        expected = network.eval().backbone.body.embed(normalised).numpy()
    assert tokens['template_tokens'].shape == (1, *template_shape(SMALL))
    assert np.ptp(expected, axis=1).max() > 0.01
    np.testing.assert_allclose(tokens['template_tokens'], expected, atol=1e-5)


@pytest.mark.parametrize('precision', ['fp32', 'int8'])
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_batch_of_eight_equals_eight_single_runs(
    precision: str, backend: str, fill: ModuleType
) -> None:
    tensors = random_weights(SMALL).tensors
    search, template = pictures(fill, SMALL, 8)
    ranges = collect_ranges(SMALL, tensors, zip(search, template))
    graphs = build_graphs(SMALL, tensors, precision=precision, backend=backend, ranges=ranges)
    runner = Runner(graphs)
    together = runner((search, template))
    for i in range(8):
        alone = runner((search[i : i + 1], template[i : i + 1]))
        assert_same({k: v[i : i + 1] for k, v in together.items()}, alone, box=1e-5)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_int8_is_near_float(backend: str, fill: ModuleType) -> None:
    tensors = random_weights(SMALL).tensors
    batch = pictures(fill, SMALL, 4)
    ranges = collect_ranges(SMALL, tensors, zip(*batch))
    graphs = build_graphs(SMALL, tensors, precision='int8', backend=backend, ranges=ranges)
    ours, exact = Runner(graphs, backend)(batch), run_torch(fill, SMALL, tensors, batch)
    # What counts is the overlap on sequences with trained weights; here only that the maps agree.
    for name in ('correlation', 'score_tl', 'score_br'):
        for a, b in zip(ours[name], exact[name]):
            assert np.corrcoef(a, b)[0, 1] > 0.98


def test_layers_without_a_range_stay_in_floats(fill: ModuleType) -> None:
    tensors = random_weights(SMALL).tensors
    batch = pictures(fill, SMALL, 1)
    ranges = collect_ranges(SMALL, tensors, zip(*batch))
    head = {label: limits for label, limits in ranges.items() if 'box_head' in label}
    assert 0 < len(head) < len(ranges)
    for backend in ('onnxruntime', 'openvino'):
        graph = build_graphs(SMALL, tensors, precision='int8', backend=backend, ranges=head)
        count = [n.op_type for n in graph['track'].graph.node].count('QuantizeLinear')
        assert count == len(head)


def test_graph_says_what_it_is_meant_for() -> None:
    tensors = random_weights(SMALL).tensors
    for graph in build_graphs(SMALL, tensors, precision='bf16', backend='openvino').values():
        assert {p.key: p.value for p in graph.metadata_props} == {
            'model': 'small',
            'precision': 'bf16',
        }


def test_wrong_use_is_refused_by_name() -> None:
    tensors = random_weights(SMALL).tensors
    with pytest.raises(EngineError, match='int4'):
        build_graphs(SMALL, tensors, precision='int4')
    with pytest.raises(EngineError, match='ranges'):
        build_graphs(SMALL, tensors, precision='int8')
    with pytest.raises(EngineError, match='no crops'):
        collect_ranges(SMALL, tensors, [])
    del tensors['box_head.conv5_tl.bias']
    with pytest.raises(WeightsError, match=r'box_head\.conv5_tl\.bias'):
        build_graphs(SMALL, tensors)
