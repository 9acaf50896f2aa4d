"""Winograd's transforms against the plain convolution, in float64 and for bfloat16's sake."""

from hit_rfgm_ros.engines import winograd
import numpy as np
import pytest


@pytest.mark.parametrize('side', [4, 8, 12, 16])
def test_transforms_give_the_padded_convolution(side: int) -> None:
    generator = np.random.default_rng(side)
    picture = generator.standard_normal((side, side, 5))
    weight = generator.standard_normal((3, 5, 3, 3))
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
    expected = np.einsum('ijcab,ocab->ijo', windows, weight)

    rows, taps, tiles = winograd.input_matrix(side), winograd.TAPS, side // winograd.TILE
    turned = np.einsum('ri,ijc,sj->rsc', rows, picture, rows)
    turned = turned.reshape(taps, tiles, taps, tiles, -1).transpose(0, 2, 1, 3, 4)
    products = turned.reshape(taps * taps, tiles * tiles, -1) @ winograd.kernels(weight)
    out = winograd.output_matrix() @ products.reshape(taps * taps, -1)
    out = out.reshape(winograd.TILE, winograd.TILE, tiles, tiles, -1).transpose(2, 0, 3, 1, 4)
    np.testing.assert_allclose(out.reshape(side, side, -1), expected, atol=1e-10)


def test_points_keep_the_transforms_well_conditioned() -> None:
    # The textbook's points 0, 1, -1, 2, -2 amplify rounding errors about three times as much.
    source, kernel, output = winograd.transforms()
    amplification = np.einsum('oi,ia,ib->oab', abs(output), abs(source), abs(kernel)).max()
    assert amplification < 12
