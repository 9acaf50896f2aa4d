"""Agreement along a track lets a right engine through and stops a wrong one."""

from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.data.golden import LENGTH
from hit_rfgm_ros.engines import accepted, agreement
from hit_rfgm_ros.engines import reference as stored
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.reference import Reference, read_reference, write_reference
from hit_rfgm_ros.engines.torch_engine import TorchEngine
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.weights.catalog import read_manifest, shipped_folder
from hit_rfgm_ros.weights.files import Weights, read_weights, write_weights
import numpy as np
import pytest

NOTHING = Reference(np.empty((0, 4)), {})


@pytest.fixture
def engine(small: HiTConfig) -> BaseEngine:
    return TorchEngine(small, random_weights(small).tensors)


def changed(config: HiTConfig, key: str, amount: float, **options: Any) -> TorchEngine:
    """An engine whose weights differ in one tensor."""
    weights = random_weights(config)
    weights.tensors[key] = weights.tensors[key] + np.float32(amount)
    return TorchEngine(config, weights.tensors, **options)


def test_an_engine_agrees_with_itself_to_the_last_digit(engine: BaseEngine) -> None:
    reference = agreement.lead(engine)
    assert reference.boxes.shape == (LENGTH - 1, 4)
    result = agreement.compare(engine, reference)
    assert result.ok
    assert result.frames == LENGTH - 1
    assert result.box_deviation < 1e-6  # a batch of four may round otherwise
    assert result.overlap_drop == 0
    assert result.fps > 0


def test_a_small_error_in_the_weights_is_found_in_fp32(
    engine: BaseEngine, small: HiTConfig
) -> None:
    reference = agreement.lead(engine, 12)
    result = agreement.compare(changed(small, 'bottleneck.proj1.bias', 0.01), reference)
    assert not result.ok
    assert 1e-4 < result.box_deviation < 0.1


def test_a_reduced_precision_is_judged_by_overlap(engine: BaseEngine, small: HiTConfig) -> None:
    reference = agreement.lead(engine, 12)
    # The random network sees nothing; where the truth is does not matter to what is asked here.
    reduced = agreement.compare(TorchEngine(small, random_weights(small).tensors), reference)
    assert reduced.overlap_drop == 0
    broken = changed(small, 'box_head.conv5_tl.bias', float('nan'), precision='bf16')
    assert not agreement.compare(broken, reference).ok
    assert not agreement.compare(broken, reference, trained=False).ok


def test_an_error_in_larger_batches_alone_is_found(engine: BaseEngine) -> None:
    class Mixing(TorchEngine):
        """Gives the first member's box to all."""

        def _run(self, graph: str, inputs: Any, batch: int) -> dict[str, Any]:
            output = super()._run(graph, inputs, batch)
            if graph == 'track':
                output['boxes'][:] = output['boxes'][0]
            return output

    mixing = Mixing(engine.config, random_weights(engine.config).tensors)
    reference = agreement.lead(engine)
    result = agreement.compare(mixing, reference)
    assert result.overlap_drop == 0  # one by one nothing is wrong
    assert not result.ok


@pytest.fixture
def weights(small: HiTConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Weights that lie in a file; the small network stands in the place of HiT-Tiny."""
    monkeypatch.setitem(MODELS, 'hit_tiny', small)
    return write_weights(tmp_path / 'w.safetensors', 'hit_tiny', random_weights(small).tensors)


def test_stored_boxes_are_used_for_the_same_weights_only(
    weights: Weights, small: HiTConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.config == small
    monkeypatch.setattr(stored, 'stored_path', lambda model: tmp_path / f'{model}.json')
    assert accepted.find_reference(small, weights, 3)[0] == 'torch'
    track = agreement.lead(TorchEngine(small, weights.tensors))
    write_reference(TorchEngine(small, weights.tensors), weights, track)
    name, found = accepted.find_reference(small, weights)
    assert name == 'the stored boxes'
    assert found is not None
    np.testing.assert_array_equal(found.boxes, track.boxes)
    other = random_weights(small, seed=1)
    written = write_weights(tmp_path / 'o.safetensors', 'hit_tiny', other.tensors)
    assert accepted.find_reference(small, written, 3)[0] == 'torch'


def test_reference_boxes_are_made_by_torch_in_fp32_from_a_file(
    weights: Weights, small: HiTConfig, tmp_path: Path
) -> None:
    reduced = TorchEngine(small, weights.tensors, precision='bf16')
    with pytest.raises(EngineError, match='made by torch in fp32, not by torch in bf16'):
        write_reference(reduced, weights, NOTHING, tmp_path / 'x.json')
    drawn = random_weights(small)
    with pytest.raises(EngineError, match='belong to a weights file'):
        write_reference(TorchEngine(small, drawn.tensors), drawn, NOTHING, tmp_path / 'x.json')


@pytest.mark.parametrize(
    'content', ['{', '{"boxes": []}', '{"weights_sha256": "SHA", "boxes": [[1, 2, 3, 4]]}']
)
def test_a_damaged_file_of_stored_boxes_is_named(
    content: str, weights: Weights, tmp_path: Path
) -> None:
    path = tmp_path / 'x.json'
    path.write_text(content.replace('SHA', weights.sha256))
    with pytest.raises(EngineError, match=r'x\.json'):
        read_reference(weights, path)


def test_shipped_weights_have_stored_boxes() -> None:
    """After new weights are shipped: hit-rfgm selftest --model M --write-reference."""
    for model, entry in read_manifest().items():
        weights = read_weights(shipped_folder() / entry.file, model)
        assert read_reference(weights) is not None, model
