"""Agreement of an RFGM along a track: its memory, what its filter keeps, its padded batches."""

from collections.abc import Mapping
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.data.golden import LENGTH, golden_frame
from hit_rfgm_ros.engines import accepted, agreement
from hit_rfgm_ros.engines import reference as stored
from hit_rfgm_ros.engines.follow import follower
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.reference import Reference, read_reference, write_reference
from hit_rfgm_ros.engines.torch_engine import TorchEngine
from hit_rfgm_ros.weights.files import Weights, write_weights
from hit_rfgm_ros.weights.serving import serve
import numpy as np
import pytest

SHORT = 14  # frames: memories of one, two and three templates, and filtered ones


class Recorder(TorchEngine):
    """Writes down the graphs that are run, and the size of the memory."""

    def _run(self, graph: str, inputs: Mapping[str, Any], batch: int) -> dict[str, Any]:
        if not hasattr(self, 'seen'):
            self.seen: list[tuple[str, int, int]] = []
        tokens = inputs['memory'].shape[1] if 'memory' in inputs else 0
        self.seen.append((graph, tokens, batch))
        return super()._run(graph, inputs, batch)


class Straying(TorchEngine):
    """Finds the target elsewhere in some frames."""

    frames: tuple[int, ...] = ()
    count = 0

    def _run(self, graph: str, inputs: Mapping[str, Any], batch: int) -> dict[str, Any]:
        output = super()._run(graph, inputs, batch)
        if graph == 'track' and batch == 1:
            self.count += 1
            if self.count in self.frames:
                output['size'] += 0.01
        return output


@pytest.fixture(scope='module')
def tensors(tiny_rfgm: RFGMConfig) -> dict[str, Any]:
    return random_weights(tiny_rfgm).tensors


@pytest.fixture(scope='module')
def whole(tiny_rfgm: RFGMConfig, tensors: dict[str, Any]) -> Reference:
    """The whole track of the network."""
    return agreement.lead(TorchEngine(tiny_rfgm, tensors))


def test_the_track_goes_through_every_graph_and_size_of_memory(
    tiny_rfgm: RFGMConfig, tensors: dict[str, Any], whole: Reference
) -> None:
    engine = Recorder(tiny_rfgm, tensors)
    result = agreement.compare(engine, whole)
    assert result.ok
    assert (result.stray_frames, result.relevance_gap, result.overlap_drop) == (0, 0, 0)
    assert result.pixels == result.box_deviation * 128
    tracked = [tokens for graph, tokens, batch in engine.seen if graph == 'track' and batch == 1]
    assert tracked == [16] * 3 + [32] * 3 + [48] * (LENGTH - 7)
    visible = [i for i in range(1, LENGTH) if i % 3 == 0 and golden_frame(i).visible]
    assert list(whole.choices) == visible[2:]
    assert [graph for graph, *_ in engine.seen].count('filter') == len(whole.choices)
    assert engine.seen[-2:] == [('track', 48, 4), ('track_padded', 48, 4)]
    assert all(kept.sum() == 32 and not kept[:32].all() for kept in whole.choices.values())


@pytest.mark.parametrize('bias', [0, 30])
def test_a_wrong_filter_is_found_although_its_choice_is_imposed(
    bias: int, tiny_rfgm: RFGMConfig, tensors: dict[str, Any]
) -> None:
    """Also where all tokens are all but sure to be kept."""
    key = 'rankers.4.fc3.bias'
    shifted = {**tensors, key: tensors[key] + np.float32([bias, -bias])}

    class Reversed(TorchEngine):
        """Ranks the candidates the wrong way round."""

        def _run(self, graph: str, inputs: Mapping[str, Any], batch: int) -> dict[str, Any]:
            output = super()._run(graph, inputs, batch)
            if graph == 'filter':
                output['relevance'] = -output['relevance']
            return output

    short = agreement.lead(TorchEngine(tiny_rfgm, shifted), SHORT)
    assert agreement.compare(TorchEngine(tiny_rfgm, shifted), short).ok
    result = agreement.compare(Reversed(tiny_rfgm, shifted), short)
    assert result.stray_frames == 0
    assert result.relevance_gap > 50 * agreement.MAX_RELEVANCE_GAP
    assert not result.ok


def test_padding_that_counts_is_found(
    tiny_rfgm: RFGMConfig, tensors: dict[str, Any], whole: Reference
) -> None:
    class Unmasked(TorchEngine):
        """Takes padding for memory."""

        def _run(self, graph: str, inputs: Mapping[str, Any], batch: int) -> dict[str, Any]:
            if graph == 'track_padded':
                full = np.full_like(inputs['memory_count'], inputs['memory'].shape[1])
                inputs = {**inputs, 'memory_count': full}
            return super()._run(graph, inputs, batch)

    short = whole.first(SHORT)
    assert agreement.compare(TorchEngine(tiny_rfgm, tensors), short, padded=True).ok
    assert agreement.compare(Unmasked(tiny_rfgm, tensors), short).ok
    assert not agreement.compare(Unmasked(tiny_rfgm, tensors), short, padded=True).ok


@pytest.mark.parametrize(('frames', 'ok'), [((5,), True), ((5, 6), False)])
def test_a_frame_in_which_a_tie_went_the_other_way_is_let_through(
    frames: tuple[int, ...],
    ok: bool,
    tiny_rfgm: RFGMConfig,
    tensors: dict[str, Any],
    whole: Reference,
) -> None:
    engine = Straying(tiny_rfgm, tensors)
    engine.frames = frames
    result = agreement.compare(engine, whole.first(SHORT))
    assert result.ok is ok
    assert result.stray_frames == len(frames)
    assert result.box_deviation == pytest.approx(0.01)


def test_numbers_that_are_not_finite_are_never_let_through(
    tiny_rfgm: RFGMConfig, tensors: dict[str, Any], whole: Reference
) -> None:
    class Broken(Straying):
        def _run(self, graph: str, inputs: Mapping[str, Any], batch: int) -> dict[str, Any]:
            output = super()._run(graph, inputs, batch)
            if graph == 'track' and self.count in self.frames:
                output['size'][:] = np.nan
            return output

    engine = Broken(tiny_rfgm, tensors)
    engine.frames = (4,)
    assert not agreement.compare(engine, whole.first(SHORT)).ok


def test_without_a_ranker_the_newest_templates_are_kept(tiny_rfgm: RFGMConfig) -> None:
    config = replace(tiny_rfgm, relevance_stages=0)
    engine = TorchEngine(config, random_weights(config).tensors)
    way = follower(engine)
    search = np.zeros((1, 128, 128, 3), np.uint8)
    memories = []
    for i in range(1, 13):
        memories.append(way.inputs(search)['memory'])
        assert way.remember(i, search) is None
    last = way.inputs(search)['memory']
    assert last.shape == (1, 48, 64)
    np.testing.assert_array_equal(last[:, :16], memories[0])
    np.testing.assert_array_equal(last[:, 16:32], memories[9][:, 32:])


@pytest.fixture
def in_file(
    tiny_rfgm: RFGMConfig,
    tensors: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Weights:
    """Weights that lie in a file; the tiny network stands in the place of RFGM-T256."""
    monkeypatch.setitem(MODELS, 'rfgm_t256', tiny_rfgm)
    monkeypatch.setattr(stored, 'stored_path', lambda model: tmp_path / f'{model}.json')
    return write_weights(tmp_path / 'w.safetensors', 'rfgm_t256', tensors)


def test_what_the_filter_kept_is_stored_with_the_boxes(
    in_file: Weights, tiny_rfgm: RFGMConfig, whole: Reference, tmp_path: Path
) -> None:
    write_reference(TorchEngine(tiny_rfgm, in_file.tensors), in_file, whole)
    name, found = accepted.find_reference(tiny_rfgm, in_file)
    assert name == 'the stored boxes'
    assert found is not None
    np.testing.assert_array_equal(found.boxes, whole.boxes)
    assert list(found.choices) == list(whole.choices)
    for number, kept in whole.choices.items():
        np.testing.assert_array_equal(found.choices[number], kept)
    text = json.loads((tmp_path / 'rfgm_t256.json').read_text())
    assert text['relevance_stages'] == 3
    # The same file serves other numbers of stages, whose boxes are others.
    assert read_reference(serve(in_file, 1)) is None
