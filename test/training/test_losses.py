"""Losses against values worked out by hand, and their gradients."""

import math

from hit_rfgm_ros.training import losses
import pytest
import torch

YES = torch.tensor([True])
NO = torch.tensor([False])


@pytest.mark.parametrize(
    ('a', 'b', 'expected'),
    [
        pytest.param([0, 0, 1, 1], [0, 0, 1, 1], 1.0, id='equal'),
        pytest.param([0, 0, 0.5, 1], [0, 0, 1, 1], 0.5, id='half'),
        # No overlap: union 0.02, hull 1.0 -> 0 - 0.98
        pytest.param([0, 0, 0.1, 0.1], [0.9, 0.9, 1, 1], -0.98, id='far-apart'),
        # An inverted box counts as one of no width at its left edge.
        pytest.param([0.5, 0, 0.2, 1], [0.5, 0, 1, 1], 0.0, id='inverted'),
    ],
)
def test_generalized_iou_by_hand(a: list[float], b: list[float], expected: float) -> None:
    value = losses.generalized_iou(torch.tensor([a]), torch.tensor([b]))
    assert value.item() == pytest.approx(expected, abs=1e-5)


def test_one_inverted_box_leaves_the_others_their_gradient() -> None:
    corners = torch.tensor([[0.6, 0.2, 0.4, 0.8], [0.1, 0.1, 0.5, 0.5]], requires_grad=True)
    target = torch.tensor([[0.2, 0.2, 0.6, 0.6]] * 2)
    _, term = losses.box_loss(corners, target, torch.tensor([True, True]))
    term.backward()
    assert corners.grad is not None
    assert torch.isfinite(corners.grad).all()
    assert (corners.grad[1] != 0).any()


def test_box_loss_by_hand() -> None:
    corners = torch.tensor([[0.0, 0.0, 0.5, 1.0], [9.0, 9.0, 9.0, 9.0]])
    target = torch.tensor([[0.0, 0.0, 1.2, 1.0], [0.0, 0.0, 1.0, 1.0]])  # 1.2 is clamped to 1
    l1, term = losses.box_loss(corners, target, torch.tensor([True, False]))
    assert l1.item() == pytest.approx(0.5 / 4)
    assert term.item() == pytest.approx(0.5)


def test_absent_targets_alone_cost_nothing() -> None:
    corners = torch.rand(1, 4, requires_grad=True)
    l1, term = losses.box_loss(corners, torch.rand(1, 4), NO)
    (l1 + term).backward()
    assert l1.item() == 0
    assert corners.grad is not None
    assert not corners.grad.any()


@pytest.mark.parametrize('offset', [0.0, 0.5])
def test_cells_have_the_point_as_expectation(offset: float) -> None:
    points = torch.tensor([[0.30, 0.61], [0.5, 0.5], [0.07, 0.9]])
    cells = losses.bilinear_cells(points, 16, offset=offset).view(3, 16, 16)
    steps = (torch.arange(16) + offset) / 16
    found = torch.stack([(cells.sum(1) * steps).sum(1), (cells.sum(2) * steps).sum(1)], dim=1)
    torch.testing.assert_close(found, points)
    torch.testing.assert_close(cells.sum((1, 2)), torch.ones(3))
    assert ((cells > 0).sum((1, 2)) <= 4).all()


def test_point_outside_moves_to_the_border() -> None:
    cells = losses.bilinear_cells(torch.tensor([[-0.5, 1.5]]), 8).view(8, 8)
    assert cells[7, 0].item() == 1.0


def test_corner_loss_is_least_at_the_true_corners() -> None:
    target = torch.tensor([[0.25, 0.25, 0.75, 0.75]])
    flat = torch.zeros(1, 1, 8, 8)
    assert losses.corner_loss(flat, flat, target, YES).item() == pytest.approx(math.log(64))
    right_tl, right_br, wrong = flat.clone(), flat.clone(), flat.clone()
    right_tl[0, 0, 2, 2] = right_br[0, 0, 6, 6] = wrong[0, 0, 0, 0] = 20.0
    assert losses.corner_loss(right_tl, right_br, target, YES).item() == pytest.approx(0, abs=1e-5)
    assert losses.corner_loss(wrong, right_br, target, YES).item() == pytest.approx(10, abs=1e-3)


def test_absence_loss_wants_flat_maps() -> None:
    flat, peaked = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    peaked[0, 0, 3, 3] = 10.0
    assert losses.absence_loss(flat, flat, YES).item() == pytest.approx(0, abs=1e-5)
    assert losses.absence_loss(peaked, flat, YES).item() > 1
    assert losses.absence_loss(peaked, peaked, NO).item() == 0


def test_siamese_loss_is_low_where_the_template_is_found() -> None:
    torch.manual_seed(0)
    template = torch.randn(1, 16, 32)
    search = torch.randn(1, 64, 32)
    centre = template.view(1, 4, 4, 32)[:, 1:3, 1:3].mean((1, 2))
    search[0, 3 * 8 + 5] = 3 * centre[0]
    there = torch.tensor([[5.0 / 8, 3.0 / 8, 6.0 / 8, 4.0 / 8]])  # centre of cell (3, 5)
    elsewhere = torch.tensor([[0.0, 0.8, 0.2, 1.0]])
    found = losses.siamese_loss(search, template, there, YES)
    missed = losses.siamese_loss(search, template, elsewhere, YES)
    assert found.item() + 2 < missed.item()


def test_distillation_loss_by_hand() -> None:
    features = torch.arange(8.0).view(1, 2, 2, 2)
    tokens = features.flatten(2).transpose(1, 2)
    assert losses.distillation_loss(tokens, features).item() == 0
    assert losses.distillation_loss(tokens + 2, features).item() == pytest.approx(1.5)
