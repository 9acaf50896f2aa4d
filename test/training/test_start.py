"""Start values and the move to another picture size."""

from dataclasses import replace

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.geometry.token_grid import offset_table
from hit_rfgm_ros.models.hit.levit import Attention, Shrink
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.training.start import set_start_values, transfer
import pytest
import torch


def _config(size: int) -> HiTConfig:
    return replace(
        get_model_config('hit_tiny'),
        widths=(32, 48, 64),
        depths=(1, 1, 1),
        heads=(2, 2, 2),
        key_dim=8,
        search_size=size,
        template_size=size // 2,
        hidden_dim=32,
    )


@pytest.fixture
def small() -> HiT:
    torch.manual_seed(0)
    model = HiT(_config(128))
    set_start_values(model)
    return model.eval()


def test_half_of_the_heads_look_across_images(small: HiT) -> None:
    first = next(m for m in small.modules() if isinstance(m, Attention))
    index, _ = offset_table(8, 4)
    bias = first.attention_biases[:, torch.from_numpy(index.copy())]
    across, inside = bias[0, :64, 64:], bias[0, :64, :64]
    assert (across.mean() - inside.mean()).item() > 1
    local = bias[1]
    assert local.diagonal().abs().max().item() == 0
    assert local[0, 1].item() == pytest.approx(-0.5)
    assert local.min().item() == pytest.approx(-10)


def test_keys_start_as_queries(small: HiT) -> None:
    first = next(m for m in small.modules() if isinstance(m, Attention))
    rows = first.qkv.c.weight.view(first.heads, -1, 32)
    torch.testing.assert_close(rows[:, :8], rows[:, 8:16])


def test_transfer_keeps_all_but_the_tables(small: HiT) -> None:
    large = HiT(_config(256)).eval()
    transfer(small, large)
    old, new = small.state_dict(), large.state_dict()
    assert old.keys() == new.keys()
    for key, value in old.items():
        if not key.endswith(('attention_biases', 'attention_bias_idxs')):
            assert torch.equal(value, new[key]), key


def test_transferred_tables_follow_scaled_offsets(small: HiT) -> None:
    """At offsets that are twice a known one, the table holds the known value."""
    for module in small.modules():
        if isinstance(module, (Attention, Shrink)):
            torch.nn.init.normal_(module.attention_biases)
    large = HiT(_config(256))
    transfer(small, large)
    old = next(m for m in small.modules() if isinstance(m, Attention)).attention_biases
    new = next(m for m in large.modules() if isinstance(m, Attention)).attention_biases
    old_at = {tuple(o): i for i, o in enumerate(offset_table(8, 4)[1].tolist())}
    matched = 0
    for i, (row, column) in enumerate(offset_table(16, 8)[1].tolist()):
        half = (row // 2, column // 2)
        if row % 2 == 0 and column % 2 == 0 and half in old_at:
            torch.testing.assert_close(new[:, i], old[:, old_at[half]])
            matched += 1
    assert matched > 100


def test_transfer_to_the_same_size_changes_nothing(small: HiT) -> None:
    same = HiT(_config(128)).eval()
    transfer(small, same)
    search, template = torch.randn(1, 3, 128, 128), torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(same(search, template).boxes, small(search, template).boxes)
