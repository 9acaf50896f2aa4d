"""RFGM's losses against values worked out by hand, and their gradients."""

import math

from hit_rfgm_ros.training import rfgm_losses
import pytest
import torch

YES = torch.tensor([True])
NO = torch.tensor([False])


@pytest.mark.parametrize(
    ('width', 'height', 'radius'),
    [
        # The third case decides: (-1.4 (w + h) + sqrt((1.4 (w + h))^2 + 3.36 w h)) / 2.
        pytest.param(4.0, 4.0, 1, id='(-11.2 + sqrt(179.2)) / 2 = 1.09'),
        pytest.param(8.0, 8.0, 2, id='(-22.4 + sqrt(716.8)) / 2 = 2.19'),
        pytest.param(4.0, 12.0, 1, id='(-22.4 + sqrt(663.04)) / 2 = 1.67'),
        pytest.param(1.0, 1.0, 0, id='(-2.8 + sqrt(11.2)) / 2 = 0.27'),
        pytest.param(0.0, 0.0, 0, id='no area'),
    ],
)
def test_radius_by_hand(width: float, height: float, radius: int) -> None:
    assert rfgm_losses.gaussian_radius(width, height) == radius


def test_centre_map_is_a_gaussian_cut_at_its_radius() -> None:
    # Centre at 8.4, 8.6 of 16 cells: rounded to column 8, row 9; 4 x 4 cells, so radius 1.
    box = torch.tensor([6.4, 6.6, 10.4, 10.6]) / 16
    target = rfgm_losses.centre_map(box, 16)
    assert target[9, 8] == 1
    one, corner = math.exp(-1 / (2 * 0.25)), math.exp(-2 / (2 * 0.25))  # sigma 3 / 6
    assert target[9, 9].item() == pytest.approx(one)
    assert target[8, 7].item() == pytest.approx(corner)
    assert target.sum().item() == pytest.approx(1 + 4 * one + 4 * corner)


@pytest.mark.parametrize(
    ('centre', 'column'), [(8.5, 8), (9.5, 10), (8.49, 8)], ids=['even', 'odd', 'below']
)
def test_centre_is_rounded_half_to_even(centre: float, column: int) -> None:
    box = torch.tensor([(centre - 2) / 16, 0.4, (centre + 2) / 16, 0.6])
    assert rfgm_losses.centre_map(box, 16).amax(0).argmax() == column
    assert rfgm_losses.true_cells(box[None], 16).item() % 16 == column


def test_centre_at_the_last_edge_leaves_no_peak() -> None:
    target = rfgm_losses.centre_map(torch.tensor([0.9, 0.4, 1.1, 0.6]), 16)
    assert target.max() < 1


def test_absent_targets_have_empty_maps() -> None:
    boxes = torch.tensor([[0.4, 0.4, 0.6, 0.6]] * 2)
    maps = rfgm_losses.centre_maps(boxes, torch.tensor([True, False]), 8)
    assert maps[0].max() == 1
    assert not maps[1].any()


def test_focal_loss_by_hand() -> None:
    score = torch.tensor([[[0.8, 0.5], [0.1, 0.1]]])
    target = torch.tensor([[[1.0, 0.5], [0.0, 0.0]]])
    expected = -math.log(0.8) * 0.2**2
    expected += -math.log(0.5) * 0.5**2 * 0.5**4
    expected += 2 * -math.log(0.9) * 0.1**2
    assert rfgm_losses.focal_loss(score, target).item() == pytest.approx(expected, rel=1e-5)
    # A second sample without a peak adds its negatives, and the number of peaks stays one.
    score, target = score.repeat(2, 1, 1), torch.cat([target, torch.zeros(1, 2, 2)])
    more = sum(-math.log(1 - p) * p**2 for p in (0.8, 0.5, 0.1, 0.1))
    loss = rfgm_losses.focal_loss(score, target)
    assert loss.item() == pytest.approx(expected + more, rel=1e-5)


def test_focal_loss_of_negatives_alone_pushes_scores_down() -> None:
    score = torch.full((1, 4, 4), 0.3, requires_grad=True)
    loss = rfgm_losses.focal_loss(score, torch.zeros(1, 4, 4))
    loss.backward()
    assert loss.item() == pytest.approx(16 * -math.log(0.7) * 0.09, rel=1e-5)
    assert score.grad is not None
    assert (score.grad > 0).all()


def test_centre_cross_entropy_by_hand() -> None:
    # Cell i stands for the place i / 8, where the decoder puts it with offset 0.
    target = torch.tensor([[0.25, 0.5, 0.5, 0.75]])  # centre at cells 3, 5
    score = torch.full((1, 1, 8, 8), 0.1)
    flat = rfgm_losses.centre_cross_entropy(score, target, YES)
    assert flat.item() == pytest.approx(math.log(64), rel=1e-5)
    score[0, 0, 5, 3] = 0.9  # odds 9 against 63 of 1 / 9
    sharp = rfgm_losses.centre_cross_entropy(score, target, YES)
    assert sharp.item() == pytest.approx(-math.log(9 / (9 + 63 / 9)), rel=1e-4)
    assert rfgm_losses.centre_cross_entropy(score, target, NO).item() == 0


def test_ratio_loss_by_hand() -> None:
    decisions = [torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1]]), torch.tensor([[1.0, 0, 0, 0]] * 2)]
    # Stage one: shares 0.75 and 1 against 0.9; stage two: 0.25 twice against 0.8.
    expected = ((0.15**2 + 0.1**2) / 2 + 0.55**2) / 2
    value = rfgm_losses.ratio_loss(decisions, (0.9, 0.8))
    assert value.item() == pytest.approx(expected, rel=1e-5)
    assert rfgm_losses.ratio_loss([], ()).item() == 0


def test_boxes_are_read_at_the_named_cells_with_gradients_there_alone() -> None:
    size = torch.full((1, 2, 8, 8), 0.25, requires_grad=True)
    offset = torch.zeros(1, 2, 8, 8, requires_grad=True)
    with torch.no_grad():
        offset[0, :, 5, 3] = torch.tensor([0.5, -0.5])
    corners = rfgm_losses.boxes_at(torch.tensor([5 * 8 + 3]), size, offset)
    x, y = 3.5 / 8, 4.5 / 8
    expected = torch.tensor([[x - 0.125, y - 0.125, x + 0.125, y + 0.125]])
    torch.testing.assert_close(corners, expected)
    corners.sum().backward()
    for leaf in (size, offset):
        assert leaf.grad is not None
        touched = leaf.grad.abs().sum(1)[0]
        assert (touched.nonzero().tolist() or [[5, 3]]) == [[5, 3]]
    corners = rfgm_losses.boxes_at(torch.tensor([5 * 8 + 3]), size, offset)
    (size_gradient,) = torch.autograd.grad(corners[0, 2], size)
    assert size_gradient[0, 0, 5, 3].item() == pytest.approx(0.5)
    assert size_gradient.abs().sum().item() == pytest.approx(0.5)
