"""Cut-outs: masks, outlines, mirrors."""

from hit_rfgm_ros.data.cutout import cut_out, from_mask, mirrored
import numpy as np
import pytest


@pytest.fixture(scope='module')
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)


def test_extent_is_that_of_the_outline(picture: np.ndarray) -> None:
    cut = cut_out(picture, [(20, 10), (70, 10), (70, 50), (20, 50)])
    left, top, right, bottom = cut.extent
    assert (right - left, bottom - top) == (50, 40)
    assert cut.side == pytest.approx(np.sqrt(50 * 40))


def test_inside_is_the_picture_and_outside_is_transparent(picture: np.ndarray) -> None:
    cut = cut_out(picture, [(20, 10), (70, 10), (70, 50), (20, 50)], feather=0.5)
    left, top = cut.extent[:2].astype(int)
    full = cut.layers[0]
    np.testing.assert_array_equal(
        full[top + 5 : top + 35, left + 5 : left + 45, :3], picture[15:45, 25:65]
    )
    assert (full[top + 5 : top + 35, left + 5 : left + 45, 3] == 255).all()
    assert not full[:2].any()
    assert not full[:, -2:].any()


def test_outline_from_a_mask_is_its_edge(picture: np.ndarray) -> None:
    mask = np.zeros((80, 100), np.uint8)
    mask[12:40, 30:61] = 255
    cut = from_mask(picture, mask)
    assert cut.extent[2] - cut.extent[0] == 31
    assert cut.extent[3] - cut.extent[1] == 28


def test_an_object_at_the_pictures_edge_keeps_a_transparent_border(picture: np.ndarray) -> None:
    cut = cut_out(picture, [(0, 0), (100, 0), (100, 80), (0, 80)])
    for edge in (cut.layers[0][0], cut.layers[0][-1], cut.layers[0][:, 0], cut.layers[0][:, -1]):
        assert not edge.any()


def test_inset_pulls_the_mask_in_but_not_the_outline(picture: np.ndarray) -> None:
    corners = [(20, 10), (70, 10), (70, 50), (20, 50)]
    plain, pulled = cut_out(picture, corners), cut_out(picture, corners, inset=3)
    np.testing.assert_array_equal(plain.extent, pulled.extent)
    lost = plain.layers[0][..., 3].astype(int).sum() - pulled.layers[0][..., 3].astype(int).sum()
    assert lost / 255 == pytest.approx(50 * 40 - 44 * 34, rel=0.1)


def test_levels_halve(picture: np.ndarray) -> None:
    cut = cut_out(picture, [(0, 0), (99, 0), (99, 79), (0, 79)])
    assert len(cut.layers) >= 3
    for large, small in zip(cut.layers, cut.layers[1:]):
        assert small.shape[0] == (large.shape[0] + 1) // 2
        assert small.shape[1] == (large.shape[1] + 1) // 2


def test_a_mirror_image_has_the_same_extent(picture: np.ndarray) -> None:
    cut = cut_out(picture, [(20, 10), (70, 20), (60, 50)], feather=0.5)
    mirror = mirrored(cut)
    np.testing.assert_allclose(
        mirror.extent[2:] - mirror.extent[:2], cut.extent[2:] - cut.extent[:2]
    )
    masks = [one.layers[0][..., 3].astype(int).sum() for one in (cut, mirror)]
    assert masks[0] == masks[1]
