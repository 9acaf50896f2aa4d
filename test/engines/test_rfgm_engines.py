"""RFGM on every back end: the same function, whatever the batch and the memories in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.models.rfgm.network import RFGM
import numpy as np
import pytest
import torch

BACKENDS = ('torch', 'onnxruntime', 'openvino')
COUNTS = (16, 48, 32)  # tokens of the memories in one batch
MAPS = {'score': 2e-5, 'size': 2e-5, 'offset': 1e-4}
Pictures = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope='module')
def engines(tiny_rfgm: RFGMConfig) -> dict[str, BaseEngine]:
    """The same network on every back end; OpenVINO has a model for the largest memory."""
    return {
        name: create_engine(
            tiny_rfgm, None, backend=name, threads=1, max_batch=4, memory_tokens=48
        )
        for name in BACKENDS
    }


@pytest.fixture
def scene(tiny_rfgm: RFGMConfig, pictures: Pictures) -> dict[str, np.ndarray]:
    """Pictures, memories of three templates, and how much of each memory is used."""
    images = pictures(tiny_rfgm, 3)
    tokens = np.random.default_rng(5).standard_normal((3, 48, 64)).astype(np.float32)
    counts = np.array(COUNTS, np.int64)
    return {**images, 'memory': tokens, 'memory_count': counts}


def track(engine: BaseEngine, scene: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return engine.run('track', {name: scene[name] for name in ('search', 'memory')})


def sets(kept: np.ndarray) -> list[list[int]]:
    """What each sample keeps, in ascending order, without padding."""
    return [sorted(row[row >= 0].tolist()) for row in kept]


def test_every_back_end_gives_what_the_plain_network_gives(
    engines: dict[str, BaseEngine], tiny_rfgm: RFGMConfig, scene: dict[str, np.ndarray]
) -> None:
    network = RFGM(tiny_rfgm).eval()
    load_state(network, random_weights(tiny_rfgm).tensors)
    network.double()
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    search, template = (
        torch.from_numpy((scene[name] / 255 - mean) / deviation).permute(0, 3, 1, 2)
        for name in ('search', 'template')
    )
    memory = torch.from_numpy(scene['memory']).double()
    with torch.no_grad():
        new, seen = network.embed_template(template), network.embed_search(search)
        expected = network.track(seen, memory)
        relevance = network.filter_relevance(memory, new, seen)
    assert np.ptp(expected.boxes.numpy(), axis=0).max() > 1e-3  # else any constant would pass
    for name, engine in engines.items():
        tokens = engine.run('template', {'template': scene['template']})['template_tokens']
        np.testing.assert_allclose(tokens, new.numpy(), rtol=1e-4, atol=2e-5, err_msg=name)
        given = track(engine, scene)
        for label, value in (
            ('score', expected.score_map),
            ('size', expected.size_map),
            ('offset', expected.offset_map),
        ):
            np.testing.assert_allclose(
                given[label], value.numpy().reshape(given[label].shape), atol=MAPS[label]
            )
            assert given[label].dtype == np.float32
        for layer, kept in expected.kept.items():
            assert given[f'kept_{layer}'].dtype == np.int64
            assert sets(given[f'kept_{layer}']) == sets(kept.numpy())
        inputs = {'memory': scene['memory'], 'template_tokens': tokens, 'search': scene['search']}
        found = engine.run('filter', inputs)['relevance']
        np.testing.assert_allclose(found, relevance.numpy(), rtol=0, atol=4e-5, err_msg=name)


@pytest.mark.parametrize('backend', BACKENDS)
def test_memories_of_different_length_in_one_batch_give_what_they_give_alone(
    backend: str, engines: dict[str, BaseEngine], scene: dict[str, np.ndarray]
) -> None:
    engine = engines[backend]
    for i, count in enumerate(COUNTS):  # what lies behind a memory must not matter
        scene['memory'][i, count:] = 1e3
    names = ('search', 'memory', 'memory_count')
    together = engine.run('track_padded', {name: scene[name] for name in names})
    for i, count in enumerate(COUNTS):
        one = {'search': scene['search'][i : i + 1], 'memory': scene['memory'][i : i + 1, :count]}
        alone = engine.run('track', one)
        for label, limit in MAPS.items():
            np.testing.assert_allclose(together[label][i : i + 1], alone[label], atol=limit)
        for layer, tenths in engine.config.stages:  # type: ignore[union-attr]
            kept = f'kept_{layer}'
            assert sets(together[kept])[i] == sets(alone[kept])[0]
            assert len(sets(alone[kept])[0]) == count * tenths // 10


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_batch_is_its_members_and_nothing_is_overwritten(
    backend: str, engines: dict[str, BaseEngine], scene: dict[str, np.ndarray]
) -> None:
    engine = engines[backend]
    first = track(engine, scene)
    before = {name: value.copy() for name, value in first.items()}
    strided = {
        'search': np.repeat(scene['search'], 2, axis=2)[:, :, ::2],
        'memory': np.asfortranarray(scene['memory']),
    }
    strided['memory'].setflags(write=False)
    again = track(engine, strided)
    for i in range(3):
        alone = track(engine, {name: value[i : i + 1] for name, value in scene.items()})
        for label, limit in MAPS.items():
            np.testing.assert_allclose(first[label][i : i + 1], alone[label], atol=limit)
    for name, value in before.items():
        np.testing.assert_array_equal(first[name], value)
        np.testing.assert_array_equal(again[name], value)


@pytest.mark.parametrize('backend', BACKENDS)
def test_another_memory_takes_effect_at_once(
    backend: str, engines: dict[str, BaseEngine], scene: dict[str, np.ndarray]
) -> None:
    engine = engines[backend]
    before = track(engine, scene)['score']
    other = {**scene, 'memory': scene['memory'][::-1].copy()}
    assert np.abs(track(engine, other)['score'] - before).max() > 1e-3
    np.testing.assert_array_equal(track(engine, scene)['score'], before)


@pytest.mark.parametrize('backend', ['torch', 'openvino'])
def test_rfgm_in_bf16_is_near_fp32_and_not_the_same(
    backend: str,
    engines: dict[str, BaseEngine],
    tiny_rfgm: RFGMConfig,
    scene: dict[str, np.ndarray],
) -> None:
    reduced = create_engine(tiny_rfgm, None, backend=backend, precision='bf16', threads=1)
    difference = np.abs(track(reduced, scene)['score'] - track(engines[backend], scene)['score'])
    assert 1e-6 < difference.mean() < 0.02


@pytest.mark.parametrize(('precision', 'limit'), [('fp16', 0.01), ('bf16', 0.05)])
def test_torch_keeps_sums_and_normalisations_of_rfgm_in_float32(
    precision: str,
    limit: float,
    engines: dict[str, BaseEngine],
    tiny_rfgm: RFGMConfig,
    scene: dict[str, np.ndarray],
) -> None:
    reduced = create_engine(tiny_rfgm, None, backend='torch', precision=precision, device='cpu')
    template = {'template': scene['template']}
    np.testing.assert_array_equal(  # a memory holds the same tokens in every precision
        reduced.run('template', template)['template_tokens'],
        engines['torch'].run('template', template)['template_tokens'],
    )
    # A common offset is normalised away, but leaves a short type few digits for the rest.
    scene['memory'] += np.float32(1000)
    expected, found = track(engines['torch'], scene), track(reduced, scene)
    for name in MAPS:
        assert found[name].dtype == np.float32
        assert 0 < np.abs(found[name] - expected[name]).max() < limit


@pytest.mark.parametrize('stages', [0, 1])
def test_fewer_stages_keep_more(
    stages: int, tiny_rfgm: RFGMConfig, scene: dict[str, np.ndarray]
) -> None:
    config = replace(tiny_rfgm, relevance_stages=stages)
    given: dict[str, Any] = {
        name: track(create_engine(config, None, backend=name, threads=1), scene)
        for name in BACKENDS
    }
    labels = [f'kept_{layer}' for layer, _ in config.stages]
    assert len(labels) == stages
    for name in BACKENDS:
        assert set(given[name]) == {*MAPS, *labels}
        for label, limit in MAPS.items():
            np.testing.assert_allclose(given[name][label], given['torch'][label], atol=limit)


def test_tokens_that_are_all_but_sure_to_be_kept_are_still_told_apart(
    tiny_rfgm: RFGMConfig, scene: dict[str, np.ndarray]
) -> None:
    weights = random_weights(tiny_rfgm)
    for key, array in weights.tensors.items():
        if key.endswith('fc3.bias') and 'rankers' in key:
            array[:] = 30, -30  # pi is 1 in float32 for most tokens
    kept, best = [], []
    for name in BACKENDS:
        engine = create_engine(tiny_rfgm, weights, backend=name, threads=1)
        kept.append(track(engine, scene)['kept_4'])
        inputs = {name: scene[name] for name in ('memory', 'search')}
        inputs['template_tokens'] = scene['memory'][:, :16]
        relevance = engine.run('filter', inputs)['relevance']
        best.append(np.argsort(-relevance, axis=1, kind='stable')[:, :32])
    for chosen, first in ((kept, list(range(43))), (best, list(range(32)))):
        assert sets(chosen[0]) == sets(chosen[1]) == sets(chosen[2])
        assert sets(chosen[0])[0] != first
