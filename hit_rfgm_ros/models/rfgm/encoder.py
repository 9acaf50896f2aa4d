"""The encoder over memory and search tokens in its two forms (RFGM, section 3.3).

In evaluation, dropped tokens are gone: what is kept is gathered between the query-key-value
projection and the attention of the same layer, the only place that gives the costs of table 7.
In training all tokens stay, and masks say which keys count; for the same decisions both forms
give the same search tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hit_rfgm_ros.config.rfgm import FILTER_LAYER, RFGMConfig, kept_tokens
from hit_rfgm_ros.models.rfgm.relevance import Ranker, draw_decisions, keep_best, search_weights
from hit_rfgm_ros.models.rfgm.vit import Block, ViT
import torch
from torch import Tensor, nn


@dataclass
class Present:
    """The memory tokens that are still there.

    Attributes:
        index: (B, n) their places in the memory given.
        mask: (B, n) bool, False for padding; None where there is none.
    """

    index: Tensor
    mask: Tensor | None

    def keys(self, search: int) -> Tensor | None:
        """Mask (B, n + search) over all keys."""
        if self.mask is None:
            return None
        return torch.cat([self.mask, self.mask.new_ones(len(self.mask), search)], 1)

    def take(self, places: Tensor, valid: Tensor | None) -> Present:
        """Those at (B, k) places of n; a place of n is padding."""
        return Present(self.index.gather(1, places.clamp(max=self.index.shape[1] - 1)), valid)

    @property
    def places(self) -> Tensor:
        """`index` with -1 for padding."""
        return self.index if self.mask is None else self.index.masked_fill(~self.mask, -1)


class Encoder:
    """Runs the blocks of a network with its rankers; holds no parameters of its own."""

    def __init__(self, config: RFGMConfig, backbone: ViT, rankers: nn.ModuleDict) -> None:
        self.config, self.backbone, self.rankers = config, backbone, rankers
        self.tenths = dict(config.stages)

    def gathered(
        self,
        memory: Tensor,
        search: Tensor,
        mask: Tensor | None,
        decisions: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """Evaluation form.

        Args:
            memory: (B, n, C).
            search: (B, S, C).
            mask: (B, n) bool, padding at the end; None where there is none.
            decisions: per stage (B, n), what to keep instead of what the rankers say.

        Returns:
            tokens after the last layer, search tokens last (B, k + S, C), and per stage the
            places kept (B, k), ascending, -1 at the end where a sample keeps fewer.
        """
        places = torch.arange(memory.shape[1], device=memory.device)
        present = Present(places.expand(len(memory), -1), mask)
        first = [memory.shape[1]] * len(memory) if mask is None else mask.sum(1).tolist()
        x = torch.cat([memory, search], 1)
        kept: dict[int, Tensor] = {}
        for layer, block in self._blocks():
            if layer not in self.tenths:
                x = block(x, mask=present.keys(search.shape[1]))
                continue
            qkv = block.project(x)
            if decisions is None:
                relevance = self._relevance(layer, qkv, present, search.shape[1])
                counts = [kept_tokens(n, self.tenths[layer]) for n in first]
            else:
                relevance = decisions[len(kept)].to(x).gather(1, present.index)
                if present.mask is not None:
                    relevance = relevance * present.mask
                counts = (relevance > 0).sum(1).tolist()
            chosen, valid = keep_best(relevance, counts)
            x, qkv = (_take_memory(part, chosen, search.shape[1]) for part in (x, qkv))
            present = present.take(chosen, valid)
            kept[layer] = present.places
            x = block(x, qkv, present.keys(search.shape[1]))
        return x, kept

    def masked(
        self, memory: Tensor, search: Tensor, decisions: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Training form (eq. 12 and 13): all tokens stay, keys are masked.

        Args:
            memory: (B, n, C).
            search: (B, S, C).
            decisions: per stage (B, n), cumulative, to be used instead of drawn ones.

        Returns:
            tokens after the last layer, search tokens last (B, n + S, C), and per stage the
            cumulative decisions (B, n), 1 for kept.
        """
        x = torch.cat([memory, search], 1)
        ones = torch.ones(x.shape[:2], dtype=torch.float32, device=x.device)
        taken: list[Tensor] = []
        mask: Tensor | None = None
        for layer, block in self._blocks():
            if layer not in self.tenths:
                x = block(x, mask=mask)
                continue
            qkv = block.project(x)
            if decisions is None:
                before = taken[-1] if taken else ones[:, : memory.shape[1]]
                decision = draw_decisions(self._logits(layer, qkv, search.shape[1], mask)) * before
            else:
                decision = decisions[len(taken)]
            taken.append(decision)
            mask = torch.cat([decision, ones[:, memory.shape[1] :].to(decision)], 1)
            x = block(x, qkv, mask)
        return x, taken

    def filter_relevance(self, memory: Tensor, new: Tensor, search: Tensor) -> Tensor:
        """See `RFGM.filter_relevance`."""
        x = torch.cat([memory, new, search], 1)
        for layer, block in self._blocks():
            if layer == FILTER_LAYER:
                break
            x = block(x)
        weights = self._weights(FILTER_LAYER, block.project(x), search.shape[1], None)
        return self._ranker(FILTER_LAYER).preference(weights[:, new.shape[1] :])

    def _blocks(self) -> list[tuple[int, Block]]:
        # Training may put a layer to sleep: what is no `Block` then passes all through.
        return [
            (layer, block)
            for layer, block in enumerate(self.backbone.blocks, start=1)
            if isinstance(block, Block)
        ]

    def _ranker(self, layer: int) -> Ranker:
        ranker = self.rankers[str(layer)]
        assert isinstance(ranker, Ranker)
        return ranker

    def _weights(self, layer: int, qkv: Tensor, search: int, mask: Tensor | None) -> Tensor:
        q, k, _ = dict(self._blocks())[layer].attn.split(qkv)
        return search_weights(q, k, search, mask)

    def _logits(self, layer: int, qkv: Tensor, search: int, mask: Tensor | None) -> Tensor:
        logits: Tensor = self._ranker(layer)(self._weights(layer, qkv, search, mask))
        return logits

    def _relevance(self, layer: int, qkv: Tensor, present: Present, search: int) -> Tensor:
        weights = self._weights(layer, qkv, search, present.keys(search))
        relevance = self._ranker(layer).preference(weights)
        if present.mask is None:
            return relevance
        return relevance.masked_fill(~present.mask, -torch.inf)


def _take(tokens: Tensor, places: Tensor) -> Tensor:
    """(B, n, C) at places (B, k) -> (B, k, C)."""
    return tokens.gather(1, places[..., None].expand(-1, -1, tokens.shape[2]))


def _take_memory(tokens: Tensor, places: Tensor, search: int) -> Tensor:
    """Of (B, n + search, C) the memory tokens at places (B, k), and all search tokens."""
    memory = tokens.shape[1] - search
    return torch.cat([_take(tokens, places.clamp(max=memory - 1)), tokens[:, memory:]], 1)
