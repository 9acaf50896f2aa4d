"""Relevance attention (RFGM, section 3.3): how much the search region looks at memory tokens.

Eq. 10 and 11: the attention weights with search tokens as queries and memory tokens as keys,
averaged over the queries, give each memory token one number per head; a ranker makes of them the
probability that the token is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, gumbel_softmax

# A dropped key may lie this far above all kept ones before its gradient saturates. The outcome is
# exact in any case; exp(40) leaves room for squares of gradients in float32.
_REACH = 40.0


class Ranker(nn.Module):
    """Three linear layers on the mean attention weights; column 0 of the outcome is 'keep'."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(heads, width // 2)
        self.fc2 = nn.Linear(width // 2, width // 4)
        self.fc3 = nn.Linear(width // 4, 2)
        with torch.no_grad():  # nearly all tokens are kept at the start of a training
            self.fc3.bias.copy_(torch.tensor([2.0, -2.0]))

    def forward(self, weights: Tensor) -> Tensor:
        """(B, n, heads) -> (B, n, 2) before the softmax, float32 at least."""
        logits: Tensor = self.fc3(gelu(self.fc2(gelu(self.fc1(weights)))))
        return logits.to(_wide(logits))

    def preference(self, weights: Tensor) -> Tensor:
        """Logit of being kept: (B, n, heads) -> (B, n).

        Its sigmoid is the probability pi[:, 0] of eq. 11, which orders tokens alike as long as it
        is not rounded to 1.
        """
        keep, drop = self(weights).unbind(2)
        return keep - drop


def _wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def search_weights(q: Tensor, k: Tensor, search: int, mask: Tensor | None = None) -> Tensor:
    """Mean attention weight that the search tokens give each memory token (eq. 10).

    Args:
        q, k: (B, heads, n + search, d) of all tokens, memory first.
        search: number of search tokens.
        mask: (B, n + search) keys to look at, see `Block.forward`.

    Returns:
        (B, n, heads); the softmax is over all keys.
    """
    logits = _logits(q[:, :, -search:], k)
    if mask is None:
        weights = logits.softmax(3)
    elif mask.dtype == torch.bool:
        weights = logits.masked_fill(~mask[:, None, None], -torch.inf).softmax(3)
    else:
        weights = masked_softmax(logits, mask)
    return weights[..., :-search].mean(2).transpose(1, 2)


def masked_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Attention renormalised over the kept keys, with gradients to the mask.

    Args:
        q, k, v: (B, heads, N, d).
        mask: (B, N) of 0 and 1.

    Returns:
        (B, heads, N, d).
    """
    return masked_softmax(_logits(q, k), mask).to(v.dtype) @ v


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the keys whose mask is 1 (eq. 13, renormalised); the others get 0.

    Args:
        logits: (B, heads, queries, N), float32 at least.
        mask: (B, N) of 0 and 1, at least one 1 in every row; gradients flow through it.
    """
    with torch.autocast(logits.device.type, enabled=False):  # sums are products with the mask
        weights: Tensor = _MaskedSoftmax.apply(logits, mask.to(logits.dtype)[:, None, None])
    return weights


class _MaskedSoftmax(torch.autograd.Function):
    """The gradient by hand takes a quarter of the passes over these large arrays."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, mask: Tensor) -> Tensor:
        # Of the kept keys: where a dropped one lies far above them, they would underflow under
        # the largest of all, and leave 0 / 0.
        top = logits.masked_fill(mask == 0, -torch.inf).amax(3, keepdim=True)
        share = (logits - top).clamp_(max=_REACH).exp_()
        share /= share @ mask.transpose(2, 3)
        ctx.save_for_backward(share, mask)
        return share * mask

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        share, mask = ctx.saved_tensors
        through = gradient * share
        through = through.addcmul_(share, through @ mask.transpose(2, 3), value=-1)
        return through * mask, through.sum((1, 2), keepdim=True)


def _logits(q: Tensor, k: Tensor) -> Tensor:
    logits = (q * q.shape[3] ** -0.5) @ k.transpose(2, 3)
    return logits.to(_wide(logits))


def draw_decisions(logits: Tensor) -> Tensor:
    """Keep (1) or drop (0) by the straight-through Gumbel softmax, temperature 1 (eq. 12).

    Args:
        logits: (B, n, 2); a softmax does not tell them from log pi.

    Returns:
        (B, n), with the gradient of the soft decision.
    """
    return gumbel_softmax(logits, tau=1.0, hard=True)[..., 0]


def keep_best(relevance: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor | None]:
    """Places of the tokens with the largest relevance, in ascending order.

    Args:
        relevance: (B, n); a tie goes to the lower place.
        counts: tokens to keep of each sample.

    Returns:
        places: (B, k) with k the largest count; n where a sample keeps fewer.
        valid: (B, k) bool, False there; None where all keep as many.
    """
    width = max(counts)
    best = relevance.argsort(dim=1, descending=True, stable=True)[:, :width]
    if min(counts) == width:
        return best.sort(1).values, None
    surplus = torch.arange(width) >= torch.tensor(counts)[:, None]
    places = best.masked_fill(surplus.to(best.device), relevance.shape[1]).sort(1).values
    return places, places < relevance.shape[1]
