"""The official OSTrack's outputs, and those of the reading of the RFGM paper, from seeded weights.

One set of weights serves both: with no stage and one template RFGM is OSTrack.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.models.rfgm.network import RFGM, RFGMOutput
from hit_rfgm_ros.weights.rfgm_spec import UNUSED
import numpy as np
import pytest
import torch
from torch import Tensor

RANKERS = [
    [f'rankers.{layer}.fc{i}.{leaf}', shape if leaf == 'weight' else shape[:1], 'float32']
    for layer in (4, 7, 10)
    for i, shape in ((1, (384, 12)), (2, (192, 384)), (3, (2, 192)))
    for leaf in ('weight', 'bias')
]
OSTRACK_CASES = (
    *('noise_a', 'noise_b', 'noise_a_other_template', 'blob_a', 'blob_b'),
    *('astronaut', 'chelsea', 'coffee'),
)
RFGM_CASES = ('full_noise', 'full_chelsea', 'one_astronaut', 'two_coffee')
FILTERED = ('full_noise', 'full_chelsea')
Picture = Callable[[dict[str, Any], int], Tensor]


@pytest.fixture(scope='module')
def networks(
    ostrack_fill: ModuleType, ostrack_dev: dict[str, Any], golden: Path
) -> dict[int, RFGM]:
    """By number of stages; the one without shares everything but the rankers."""
    keys = json.loads((golden / 'ostrack_keys.json').read_text(encoding='utf-8'))['keys']
    seed = ostrack_dev['weights']['file_seed']
    state = ostrack_fill.state_dict(keys, seed)
    digest = sha256()
    for key, _, _ in keys:
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(state[key]).tobytes())
    assert digest.hexdigest() == ostrack_dev['weights']['digest_sha256']
    for key in UNUSED:
        del state[key]
    full = create_model('rfgm_b256')
    load_state(full, {**state, **ostrack_fill.state_dict(RANKERS, seed)})
    plain = create_model('rfgm_b256', relevance_stages=0)
    assert set(plain.state_dict()) == set(state)
    plain.backbone, plain.box_head = full.backbone, full.box_head
    return {0: plain, 3: full}


@pytest.fixture(scope='module')
def picture(ostrack_fill: ModuleType) -> Picture:
    def make(description: dict[str, Any], size: int) -> Tensor:
        return torch.from_numpy(ostrack_fill.normalise(ostrack_fill.make_input(description, size)))

    return make


def case_of(table: dict[str, Any], name: str) -> dict[str, Any]:
    (case,) = (case for case in table['cases'] if case['name'] == name)
    return dict(case)


def test_every_case_of_the_fixtures_is_covered(
    ostrack_dev: dict[str, Any], rfgm_dev: dict[str, Any]
) -> None:
    assert {case['name'] for case in ostrack_dev['cases']} == set(OSTRACK_CASES)
    assert {case['name'] for case in rfgm_dev['cases']} == set(RFGM_CASES)
    filtered = {case['name'] for case in rfgm_dev['cases'] if 'token_filter' in case}
    assert filtered == set(FILTERED)


def assert_summary(found: Tensor, expected: dict[str, Any], tolerance: float, name: str) -> None:
    """Compare mean, deviation, range and 16 values."""
    values = found.numpy()
    assert list(values.shape) == expected['shape'], name
    wide = values.astype(np.float64)
    ours = [wide.mean(), wide.std(), wide.min(), wide.max(), *wide.flat[expected['index']]]
    theirs = [*(expected[key] for key in ('mean', 'std', 'min', 'max')), *expected['value']]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=name)


def assert_maps(
    output: RFGMOutput, expected: dict[str, Any], tolerances: dict[str, float], boxes: str
) -> None:
    for name in ('score_map', 'size_map', 'offset_map'):
        assert_summary(getattr(output, name), expected[name], tolerances['maps'], name)
    assert int(output.score_map.flatten().argmax()) == expected['argmax']
    np.testing.assert_allclose(
        output.boxes[0], expected[boxes], rtol=0, atol=tolerances['boxes'], err_msg='boxes'
    )


@contextmanager
def recorded(modules: dict[str, torch.nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Outputs of modules by name."""
    outputs: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(
            lambda _m, _i, output, name=name: outputs.__setitem__(name, output)
        )
        for name, module in modules.items()
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize('name', OSTRACK_CASES)
def test_without_stages_and_with_one_template_it_is_ostrack(
    name: str, networks: dict[int, RFGM], ostrack_dev: dict[str, Any], picture: Picture
) -> None:
    case, model = case_of(ostrack_dev, name), networks[0]
    layers = {layer: model.backbone.blocks[int(layer) - 1] for layer in case['tokens']}
    with torch.no_grad(), recorded({**layers, 'norm': model.backbone.norm}) as tokens:
        output = model(picture(case['search'], 256), picture(case['template'], 128))
    tolerances = ostrack_dev['tolerance_abs_float32']
    for layer, expected in {**case['tokens'], 'norm': case['tokens_norm']}.items():
        assert_summary(tokens[layer], expected, tolerances['tokens'], f'tokens {layer}')
    assert_maps(output, case, tolerances, 'pred_boxes')


@pytest.mark.parametrize('stages', [0, 3])
@pytest.mark.parametrize('name', RFGM_CASES)
def test_maps_tokens_and_kept_tokens_of_a_memory(
    name: str, stages: int, networks: dict[int, RFGM], rfgm_dev: dict[str, Any], picture: Picture
) -> None:
    case, model = case_of(rfgm_dev, name), networks[stages]
    templates = torch.stack([picture(each, 128) for each in case['templates']], 1)
    with torch.no_grad(), recorded(dict(model.rankers.items())) as logits:
        output = model(picture(case['search'], 256), templates)
    expected, tolerances = (
        case[f'relevance_stages_{stages}'],
        rfgm_dev['tolerance_abs_float32'],
    )
    stages_expected = expected.get('stages', {})
    assert set(output.kept) == {int(layer) for layer in stages_expected}
    for layer, stage in stages_expected.items():
        keep = logits[layer].softmax(2)[..., 0]
        assert_summary(keep, stage['pi0'], tolerances['pi0'], f'pi0 {layer}')
        assert output.kept[int(layer)].tolist() == [stage['kept_index']], layer
    assert_summary(output.tokens, expected['search_tokens'], tolerances['tokens'], 'search tokens')
    assert_maps(output, expected, tolerances, 'boxes')


@pytest.mark.parametrize('name', FILTERED)
def test_the_token_filter_chooses_the_same_tokens(
    name: str, networks: dict[int, RFGM], rfgm_dev: dict[str, Any], picture: Picture
) -> None:
    case, model = case_of(rfgm_dev, name), networks[3]
    expected, tolerances = case['token_filter'], rfgm_dev['tolerance_abs_float32']
    with torch.no_grad():
        memory = torch.cat([model.embed_template(picture(t, 128)) for t in case['templates']], 1)
        new = model.embed_template(picture(case['new_template'], 128))
        search = model.embed_search(picture(case['search'], 256))
        relevance = model.filter_relevance(memory, new, search)
    assert_summary(relevance.sigmoid(), expected['pi0'], tolerances['pi0'], 'pi0')
    best = relevance[0].topk(expected['keep']).indices.sort().values
    assert best.tolist() == expected['kept_candidate_index']
    after = torch.cat([memory[:, :64], torch.cat([memory[:, 64:], new], 1)[:, best]], 1)
    assert_summary(after, expected['memory_after'], tolerances['tokens'], 'memory after')
