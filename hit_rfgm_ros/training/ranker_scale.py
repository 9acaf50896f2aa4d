"""Rankers whose probabilities leave room between tokens, for networks that are finished.

Training makes a ranker ever surer. Where float32 rounds the probabilities at the cut to 1, that
decides the order of the tokens, and back ends keep different ones. A smaller last layer keeps the
order, which is all that counts in use, and brings the probabilities apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from hit_rfgm_ros.config.rfgm import RFGMConfig, kept_tokens
from hit_rfgm_ros.models.registry import load_state
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.training.batches import normalise
from hit_rfgm_ros.training.pairs import Pair
from hit_rfgm_ros.types import Array
import numpy as np
import torch
from torch import Tensor, nn

ODDS = 3.0  # largest |log(p / (1 - p))| at the cut: p of 0.05 to 0.95
BATCH = 8


@torch.no_grad()
def soften_rankers(
    tensors: Mapping[str, Array], config: RFGMConfig, pairs: list[Pair]
) -> dict[str, Array]:
    """Scale the last layers of the rankers that are too sure; what is kept stays the same.

    Args:
        tensors: float32 state dict under official keys.
        config: of the network.
        pairs: with as many templates as a memory has; all smaller memories are tried too.
    """
    model = RFGM(config).eval()
    load_state(model, tensors)
    watched = {layer: _Watch() for layer, _ in config.stages}
    for layer, watch in watched.items():
        model.rankers[str(layer)].register_forward_hook(watch)
    for start in range(0, len(pairs), BATCH):
        some = pairs[start : start + BATCH]
        search = normalise(torch.from_numpy(np.stack([pair.search for pair in some])))
        pictures = np.stack([np.stack([pair.template, *pair.later]) for pair in some])
        templates = normalise(torch.from_numpy(pictures))
        for count in range(1, templates.shape[1] + 1):
            for layer, tenths in config.stages:
                watched[layer].kept = kept_tokens(count * config.template_tokens, tenths)
            model(search, templates[:, :count])
    scaled = dict(tensors)
    for layer, watch in watched.items():
        for key in (f'rankers.{layer}.fc3.{part}' for part in ('weight', 'bias')):
            scaled[key] = tensors[key] * np.float32(min(1.0, ODDS / max(watch.most, 1e-6)))
    return scaled


class _Watch:
    """Forward hook of a ranker.

    Attributes:
        kept: tokens that its stage keeps.
        most: largest |logit| seen of the last token kept and of the first dropped.
    """

    kept = 0
    most = 0.0

    def __call__(self, ranker: nn.Module, given: tuple[Tensor, ...], logits: Tensor) -> None:
        odds = (logits[..., 0] - logits[..., 1]).sort(dim=1, descending=True).values
        at_cut = odds[:, self.kept - 1 : self.kept + 1]
        self.most = max(self.most, float(at_cut.abs().max()))
