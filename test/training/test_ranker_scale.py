"""Rankers of a finished network: the same choice of tokens, at odds that float32 tells apart."""

from dataclasses import replace

from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.relevance import Ranker
from hit_rfgm_ros.training.batches import normalise
from hit_rfgm_ros.training.pairs import Pair
from hit_rfgm_ros.training.ranker_scale import ODDS, soften_rankers
from hit_rfgm_ros.training.rfgm_start import set_ranker_values
import numpy as np
import torch

CONFIG = RFGMConfig('rfgm_t256', width=64, heads=1, search_size=128, template_size=64)


def test_sure_rankers_are_softened_and_choose_the_same() -> None:
    torch.manual_seed(0)
    model = RFGM(CONFIG).eval()
    with torch.no_grad():
        for ranker in model.rankers.values():
            assert isinstance(ranker, Ranker)
            set_ranker_values(ranker)
        for layer, factor in (('4', 0.6), ('7', 0.1), ('10', 0.6)):
            for part in ('weight', 'bias'):
                model.get_parameter(f'rankers.{layer}.fc3.{part}').mul_(factor)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    rng = np.random.default_rng(0)
    search = rng.integers(0, 256, (6, 128, 128, 3)).astype(np.uint8)
    box = np.array([0.4, 0.4, 0.6, 0.6], np.float32)
    pairs = [Pair(s, s[:64, :64], box, True, 'photo', (s[32:96, 32:96],)) for s in search]
    softened = soften_rankers(state, CONFIG, pairs)
    changed = {key for key in state if not np.array_equal(state[key], softened[key])}
    assert changed <= {
        f'rankers.{layer}.fc3.{part}' for layer in (4, 7, 10) for part in ('weight', 'bias')
    }
    assert {'rankers.4.fc3.bias', 'rankers.10.fc3.bias'} <= changed

    other = RFGM(replace(CONFIG)).eval()
    other.load_state_dict({key: torch.from_numpy(value) for key, value in softened.items()})
    seen: list[torch.Tensor] = []
    other.rankers['4'].register_forward_hook(lambda _, given, logits: seen.append(logits))
    pictures = normalise(torch.from_numpy(search))
    templates = torch.stack([pictures[..., :64, :64], pictures[..., 32:96, 32:96]], 1)
    with torch.no_grad():
        before, after = model(pictures, templates), other(pictures, templates)
    for layer in (4, 7, 10):
        assert torch.equal(before.kept[layer], after.kept[layer])
    odds = (seen[0][..., 0] - seen[0][..., 1]).sort(1, descending=True).values
    assert odds[:, 32 * 9 // 10 - 1].abs().max() <= ODDS * 1.001
