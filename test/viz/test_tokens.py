"""Pictures of a memory: which cells are bright, grey or empty, and where."""

from dataclasses import replace

from hit_rfgm_ros.types import Box
from hit_rfgm_ros.viz.tokens import TokenView, draw_tokens
import numpy as np
import pytest

GREEN, RED = (0, 230, 0), (230, 0, 0)


def template(color: tuple[int, int, int], side: int = 128) -> np.ndarray:
    return np.full((side, side, 3), color, np.uint8)


@pytest.fixture
def view() -> TokenView:
    """The first template, all green, and ten cells of frame 15, all red."""
    frames = np.array([0] * 64 + [15] * 10)
    cells = np.concatenate([np.arange(64), np.arange(20, 30)])
    score = np.full((16, 16), 1e-4)
    score[8, 8] = 0.9
    kept = {4: np.arange(66), 7: np.arange(59), 10: np.arange(51)}
    return TokenView(
        title='frame 20',
        subtitle='0.67 s',
        search=np.full((256, 256, 3), 90, np.uint8),
        box=Box(96, 96, 64, 64),
        score=score,
        frames=frames,
        cells=cells,
        kept=kept,
        templates={0: template(GREEN), 15: template(RED), 20: template((0, 0, 230))},
    )


def share_of(picture: np.ndarray, color: tuple[int, int, int]) -> float:
    """Area of one colour in cells of a template as drawn (12 pixels)."""
    return float((picture == color).all(axis=2).sum()) / 144


def test_it_is_a_picture_and_leaves_its_inputs_alone(view: TokenView) -> None:
    before = view.search.copy(), view.score.copy()
    picture = draw_tokens(view)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert (view.search == before[0]).all()
    assert (view.score == before[1]).all()


def test_what_is_held_and_kept_is_bright_and_nothing_else(view: TokenView) -> None:
    picture = draw_tokens(view)
    # whole templates, then what is held, then the stages: 66, 59, 51 kept
    red = 64 + 10 + 2
    green = 64 + 64 + 64 + 59 + 51 + 16 * 16 / 144  # and the tile of the legend
    assert share_of(picture, RED) == pytest.approx(red, abs=0.01)
    assert share_of(picture, GREEN) == pytest.approx(green, abs=0.01)


def test_without_stages_there_is_only_what_the_memory_holds(view: TokenView) -> None:
    picture = draw_tokens(replace(view, kept={}))
    assert share_of(picture, RED) == pytest.approx(64 + 10, abs=0.01)


def test_the_template_that_comes_in_is_shown_apart(view: TokenView) -> None:
    without, taking = draw_tokens(view), draw_tokens(replace(view, new=20))
    assert taking.shape[1] > without.shape[1]
    assert share_of(without, (0, 0, 230)) == 0
    assert share_of(taking, (0, 0, 230)) == pytest.approx(64, abs=0.01)


def test_the_score_glows_where_it_is_high(view: TokenView) -> None:
    plain = draw_tokens(replace(view, score=np.full((16, 16), 1e-4), box=Box(0, 0, 9, 9)))
    shown = draw_tokens(replace(view, box=Box(0, 0, 9, 9)))
    left, top, side = 28, 66, 512
    region = np.s_[top : top + side, left : left + side]
    changed = np.abs(shown[region].astype(int) - plain[region]).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert (rows.mean(), columns.mean()) == pytest.approx((side * 8.5 / 16,) * 2, abs=3)
    assert changed.mean() < 0.02
    assert (plain[region][100:] == 90).all()  # a map without a peak does not glow


@pytest.mark.parametrize('count', [1, 2, 5, 12, 40, 120])
def test_many_frames_still_fit(view: TokenView, count: int) -> None:
    frames = np.concatenate([np.zeros(64, int), np.repeat(5 * np.arange(1, count + 1), 3)])
    cells = np.concatenate([np.arange(64), np.tile([1, 9, 33], count)])
    every = replace(view, frames=frames, cells=cells, kept={}, new=5 * count)
    picture = draw_tokens(every)
    assert picture.shape[1] < 2100
    assert picture.shape[0] < 800


def test_a_small_template_has_fewer_cells(view: TokenView) -> None:
    small = replace(
        view,
        frames=np.zeros(16, int),
        cells=np.arange(16),
        kept={4: np.arange(8)},
        templates={0: template(GREEN, 64)},
        score=np.full((8, 8), 0.5),
        search=np.full((128, 128, 3), 90, np.uint8),
    )
    green = share_of(draw_tokens(small), GREEN)
    assert green == pytest.approx(64 + 64 + 32 + 16 * 16 / 144, abs=0.01)


def test_a_frame_without_its_template_is_drawn_all_the_same(view: TokenView) -> None:
    picture = draw_tokens(replace(view, templates={0: template(GREEN)}))
    assert share_of(picture, RED) == 0
