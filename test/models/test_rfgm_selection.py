"""Which memory tokens are kept: both forms of the encoder agree, ties, padding, masks."""

from itertools import pairwise
from typing import Any

from hit_rfgm_ros.config.rfgm import RFGMConfig, kept_tokens
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.relevance import keep_best, masked_softmax, search_weights
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import torch
from torch import Tensor

SIZES: dict[str, Any] = {'width': 64, 'heads': 1, 'search_size': 128, 'template_size': 64}
SEARCH, TEMPLATE = 64, 16  # tokens of a picture


def network(stages: int, *, filter_ranker: bool = False) -> RFGM:
    """A small network in float64 whose attention and rankers tell tokens apart."""
    torch.manual_seed(stages)
    config = RFGMConfig(
        'small', **SIZES, relevance_stages=stages, filter_ranker=filter_ranker, drop_path=0.0
    )
    model = RFGM(config).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if 'qkv.weight' in name or 'fc1.weight' in name:
                parameter *= 4.0
            if name.startswith('rankers') and name.endswith('fc1.weight'):
                parameter *= 25.0
    return model


def tokens(batch: int, count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, count, 64, dtype=torch.float64, generator=generator)


def drawn(stages: int, shape: tuple[int, int], seed: int) -> list[Tensor]:
    """Cumulative decisions of 0 and 1, another number in every sample."""
    generator = torch.Generator().manual_seed(seed)
    taken: list[Tensor] = []
    for _ in range(stages):
        now = (torch.rand(shape, generator=generator) < 0.7).double()
        taken.append(now * taken[-1] if taken else now)
    return taken


@settings(max_examples=12)
@given(
    stages=st.integers(0, 3),
    templates=st.integers(1, 4),
    batch=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_masked_and_gathered_form_give_equal_search_tokens(
    stages: int, templates: int, batch: int, seed: int
) -> None:
    model = network(stages)
    memory, search = tokens(batch, templates * TEMPLATE, seed), tokens(batch, SEARCH, seed + 1)
    decisions = drawn(stages, (batch, templates * TEMPLATE), seed)
    with torch.no_grad():
        gathered = model.track(search, memory, decisions=decisions)
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        masked = model.track(search, memory, decisions=decisions)
    torch.testing.assert_close(masked.tokens, gathered.tokens, rtol=0, atol=1e-12)
    torch.testing.assert_close(masked.boxes, gathered.boxes, rtol=0, atol=1e-12)
    for layer, decision in zip(gathered.kept, decisions):
        for places, kept in zip(gathered.kept[layer], decision):
            assert places[places >= 0].tolist() == kept.nonzero().flatten().tolist()


def test_a_stage_keeps_its_share_of_what_enters_the_first_layer() -> None:
    for stages, shares in ((0, {}), (1, {10: 9}), (2, {7: 9, 10: 8}), (3, {4: 9, 7: 8, 10: 7})):
        with torch.no_grad():
            output = network(stages).track(tokens(2, SEARCH), tokens(2, 40, 3))
        assert {layer: kept.shape for layer, kept in output.kept.items()} == {
            layer: (2, kept_tokens(40, tenths)) for layer, tenths in shares.items()
        }
        chain = [set(range(40)), *(set(kept[0].tolist()) for kept in output.kept.values())]
        assert all(later < earlier for earlier, later in pairwise(chain))
        for kept in output.kept.values():
            assert torch.equal(kept, kept.sort(1).values)


@settings(max_examples=12)
@given(
    stages=st.integers(0, 3),
    counts=st.lists(st.integers(16, 70), min_size=2, max_size=4),
    seed=st.integers(0, 2**16),
)
def test_a_padded_sample_is_as_it_is_alone(stages: int, counts: list[int], seed: int) -> None:
    model = network(stages)
    batch, longest = len(counts), max(counts)
    memory, search = tokens(batch, longest, seed), tokens(batch, SEARCH, seed + 1)
    mask = torch.arange(longest) < torch.tensor(counts)[:, None]
    with torch.no_grad():
        together = model.track(search, memory, mask)
        for i, count in enumerate(counts):
            alone = model.track(search[i : i + 1], memory[i : i + 1, :count])
            torch.testing.assert_close(
                together.tokens[i : i + 1], alone.tokens, rtol=0, atol=1e-12
            )
            for layer, places in alone.kept.items():
                row = together.kept[layer][i]
                assert row[: places.shape[1]].tolist() == places[0].tolist()
                assert (row[places.shape[1] :] == -1).all()


def test_padding_may_hold_anything() -> None:
    model, memory, search = network(3), tokens(2, 48, 1), tokens(2, SEARCH, 2)
    mask = torch.arange(48) < torch.tensor([[48], [32]])
    changed = memory.clone()
    changed[1, 32:] = 1e3
    with torch.no_grad():
        one, other = (model.track(search, each, mask) for each in (memory, changed))
    torch.testing.assert_close(one.tokens, other.tokens, rtol=0, atol=1e-12)


def test_a_tie_goes_to_the_lower_place() -> None:
    relevance = torch.tensor([[0.5, 0.9, 0.5, 0.5, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2]])
    places, valid = keep_best(relevance, [3, 3])
    assert places.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert valid is None
    places, valid = keep_best(relevance, [2, 4])
    assert places.tolist() == [[0, 1, 5, 5], [0, 1, 2, 3]]
    assert valid is not None
    assert valid.tolist() == [[True, True, False, False], [True] * 4]


def test_tokens_that_are_all_alike_are_dropped_from_the_end() -> None:
    # The same picture cells three times over: every memory token is as relevant as another.
    memory = tokens(1, 1, 5).expand(-1, 48, -1)
    with torch.no_grad():
        kept = network(3).track(tokens(1, SEARCH), memory).kept
    assert {layer: places[0].tolist() for layer, places in kept.items()} == {
        layer: list(range(kept_tokens(48, tenths))) for layer, tenths in ((4, 9), (7, 8), (10, 7))
    }


@given(st.integers(0, 2**16))
def test_masked_softmax_is_the_softmax_of_the_kept_keys(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 5 * torch.randn(2, 3, 4, 9, generator=generator, dtype=torch.float64)
    mask = (torch.rand(2, 9, generator=generator) < 0.6).double()
    mask[:, 0] = 1
    found = masked_softmax(logits, mask)
    for b in range(2):
        kept = mask[b] > 0
        torch.testing.assert_close(found[b][..., kept], logits[b][..., kept].softmax(2))
        assert (found[b][..., ~kept] == 0).all()


@pytest.mark.parametrize('gap', [10.0, 85.0, 95.0, 200.0, 1e4])
def test_kept_keys_far_below_a_dropped_one_do_not_underflow(gap: float) -> None:
    logits = torch.tensor([[[[gap, 0.0, 1.0]]]], requires_grad=True)
    mask = torch.tensor([[0.0, 1.0, 1.0]], requires_grad=True)
    found = masked_softmax(logits, mask)
    expected = torch.tensor([0.0, *torch.tensor([0.0, 1.0]).softmax(0)])
    torch.testing.assert_close(found.detach()[0, 0, 0], expected)
    (found * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert mask.grad is not None
    assert logits.grad is not None
    assert mask.grad.isfinite().all()
    assert logits.grad.isfinite().all()
    assert mask.grad.square().sum().isfinite()


def test_the_masked_softmax_is_float32_under_autocast() -> None:
    torch.manual_seed(1)
    logits, mask = torch.randn(2, 3, 4, 50), torch.ones(2, 50)
    mask[:, ::3] = 0
    expected = masked_softmax(logits, mask)
    with torch.autocast('cpu', torch.bfloat16):
        found = masked_softmax(logits, mask)
    assert torch.equal(found, expected)


def test_gradients_of_the_masked_softmax_are_exact() -> None:
    torch.manual_seed(1)
    logits = torch.randn(1, 2, 3, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1.0, 0.6, 1.0, 0.3, 1.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(masked_softmax, (logits, mask))


@pytest.mark.parametrize('heads', [1, 2])
def test_relevance_weights_are_the_mean_over_the_search_queries(heads: int) -> None:
    torch.manual_seed(heads)
    q, k = torch.randn(2, 3, heads, 12, 8, dtype=torch.float64)
    full = (q @ k.transpose(2, 3) / 8**0.5).softmax(3)
    expected = full[:, :, 5:, :5].mean(2).transpose(1, 2)
    torch.testing.assert_close(search_weights(q, k, 7), expected)


def test_the_filter_ranks_all_but_the_first_template() -> None:
    model = network(0, filter_ranker=True)
    # Templates of this small network have 16 tokens.
    memory, new, search = tokens(2, 48), tokens(2, TEMPLATE, 1), tokens(2, SEARCH, 2)
    with torch.no_grad():
        relevance = model.filter_relevance(memory, new, search)
        x = torch.cat([memory, new, search], 1)
        for block in model.backbone.blocks[:3]:
            x = block(x)
        q, k, _ = model.backbone.blocks[3].attn.split(model.backbone.blocks[3].project(x))
        logits = model.rankers['4'](search_weights(q, k, SEARCH))[:, TEMPLATE:]
    assert relevance.shape == (2, 48)
    torch.testing.assert_close(relevance.sigmoid(), logits.softmax(2)[..., 0])
    assert relevance.std() > 1e-4


def test_without_a_ranker_at_layer_4_there_is_no_filter() -> None:
    with pytest.raises(ConfigError, match=r'no ranker at layer 4.*filter_ranker=True'):
        network(2).filter_relevance(tokens(1, 48), tokens(1, TEMPLATE), tokens(1, SEARCH))


def test_a_filter_ranker_changes_nothing_in_the_encoder() -> None:
    plain, extra = network(1), network(1, filter_ranker=True)
    extra.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        one, other = (m.track(tokens(1, SEARCH), tokens(1, 48, 1)) for m in (plain, extra))
    assert torch.equal(one.tokens, other.tokens)
    assert list(other.kept) == [10]
