"""The teacher runs in batches on a network whose file has batch 1 built in."""

import os
from pathlib import Path

import cv2
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.training.teacher import FeatureTeacher, measure_scale
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import pytest

CHANNELS = 4
NANOTRACK = 'peers/nanotrack_v3_backbone.onnx'


def _write_gated_network(path: Path) -> None:
    """Stride-16 convolution times a gate that reshapes with batch 1, as NanoTrack's gates do."""
    rng = np.random.default_rng(0)
    weights = {
        'w': rng.normal(size=(CHANNELS, 3, 3, 3)).astype(np.float32) / 255,
        'g': rng.normal(size=(CHANNELS, CHANNELS)).astype(np.float32),
        'flat': np.array([1, CHANNELS], np.int64),
        'square': np.array([1, CHANNELS, 1, 1], np.int64),
    }
    nodes = [
        helper.make_node('Conv', ['input', 'w'], ['c'], strides=[16, 16], pads=[1, 1, 1, 1]),
        helper.make_node('GlobalAveragePool', ['c'], ['p']),
        helper.make_node('Reshape', ['p', 'flat'], ['f']),
        helper.make_node('Gemm', ['f', 'g'], ['h']),
        helper.make_node('Reshape', ['h', 'square'], ['s']),
        helper.make_node('Mul', ['c', 's'], ['output']),
    ]
    graph = helper.make_graph(
        nodes,
        'gated',
        [helper.make_tensor_value_info('input', TensorProto.FLOAT, [1, 3, 255, 255])],
        [helper.make_tensor_value_info('output', TensorProto.FLOAT, [1, CHANNELS, 16, 16])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 14)], ir_version=7)
    onnx.save(model, str(path))


def _crops(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.fixture(scope='module')
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('teacher') / 'gated.onnx'
    _write_gated_network(path)
    return path


@pytest.mark.parametrize('shift', [0, 14])
@pytest.mark.parametrize('side', [128, 256])
def test_batch_equals_single_runs_at_both_sizes(network: Path, side: int, shift: int) -> None:
    teacher = FeatureTeacher(network, scale=measure_scale(network, _crops(8, side)), shift=shift)
    crops = _crops(3, side)
    features = teacher.features(crops)
    assert features.shape == (3, teacher.channels, side // 16, side // 16)
    assert features.dtype == np.float32
    single = np.concatenate([teacher.features(crop[None]) for crop in crops])
    np.testing.assert_allclose(features, single, atol=1e-5)


def test_measured_scale_standardises(network: Path) -> None:
    crops = _crops(24, 64)
    teacher = FeatureTeacher(network, scale=measure_scale(network, crops))
    features = teacher.features(crops)
    np.testing.assert_allclose(features.mean(axis=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=(0, 2, 3)), 1, atol=1e-3)


def test_network_sees_blue_first(network: Path) -> None:
    scale = np.zeros(CHANNELS, np.float32), np.ones(CHANNELS, np.float32)
    teacher = FeatureTeacher(network, scale=scale, shift=0)
    weights = numpy_helper.to_array(onnx.load(str(network)).graph.initializer[0])
    crop = np.zeros((1, 64, 64, 3), np.uint8)
    crop[..., 2] = 255  # blue, in RGB
    inner = teacher.features(crop)[0, :, 2, 2]
    edge = teacher.features(crop)[0, :, 0, 0]
    # one gate multiplies both cells, so their ratio is that of the plain convolution
    expected = weights[:, 0].sum(axis=(1, 2)) / weights[:, 0, 1:, 1:].sum(axis=(1, 2))
    np.testing.assert_allclose(inner / edge, expected, rtol=1e-4)


def test_shift_shows_each_cell_what_lies_before_it(network: Path) -> None:
    scale = np.zeros(CHANNELS, np.float32), np.ones(CHANNELS, np.float32)
    crop = np.zeros((1, 64, 64, 3), np.uint8)
    crop[0, 32, 32] = 255
    for shift, cell in ((0, 2), (14, None), (16, 3)):
        response = np.abs(FeatureTeacher(network, scale=scale, shift=shift).features(crop))[0]
        lit = {tuple(place) for place in np.argwhere(response.sum(axis=0) > 1e-6).tolist()}
        assert lit == (set() if cell is None else {(cell, cell)})


def test_unknown_file_needs_its_scale(network: Path) -> None:
    with pytest.raises(WeightsError, match='measure_scale'):
        FeatureTeacher(network)


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    scale = np.zeros(1, np.float32), np.ones(1, np.float32)
    damaged = tmp_path / 'damaged.onnx'
    damaged.write_bytes(b'no network')
    with pytest.raises(WeightsError, match='not a usable ONNX network'):
        FeatureTeacher(damaged, scale=scale)
    with pytest.raises(WeightsError, match='cannot be read'):
        FeatureTeacher(tmp_path / 'absent.onnx', scale=scale)


def test_nanotrack_features_are_on_the_students_grid() -> None:
    path = Path(os.environ.get('HIT_RFGM_DATA', '../shared/data')) / NANOTRACK
    if not path.is_file():
        pytest.skip(f'no {path}: set HIT_RFGM_DATA to the folder of development data')
    teacher = FeatureTeacher(path)
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (16, 16, 3), np.uint8)
    image = np.asarray(cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC), np.uint8)
    places = rng.integers(88, 168, (24, 2))
    changed = np.repeat(image[None], len(places), axis=0)
    for patch, (x, y) in zip(changed, places, strict=True):
        patch[y - 8 : y + 9, x - 8 : x + 9] = rng.integers(0, 256, 3)
    energy = ((teacher.features(changed) - teacher.features(image[None])) ** 2).sum(axis=1)
    energy = np.maximum(energy - 2 * np.median(energy, axis=(1, 2), keepdims=True), 0)
    energy /= energy.sum(axis=(1, 2), keepdims=True)
    cells = 16 * np.arange(16)
    offsets = np.stack([energy.sum(axis=1) @ cells, energy.sum(axis=2) @ cells], axis=1) - places
    assert np.abs(offsets.mean(axis=0)).max() < 3  # pixels; without the shift it is 13.5
