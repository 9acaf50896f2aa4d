"""The drawings of a report."""

import re

import cv2
from hit_rfgm_ros.types import Box, TrackState
from hit_rfgm_ros.viz.colors import SERIES_COLORS, STATE_COLORS
from hit_rfgm_ros.viz.look import THEMED, as_svg
from hit_rfgm_ros.viz.report_course import draw_course
from hit_rfgm_ros.viz.report_curves import Curve, draw_score_curves
from hit_rfgm_ros.viz.report_lines import lines_of
from hit_rfgm_ros.viz.report_reliability import Bins, draw_reliability
from hit_rfgm_ros.viz.report_speed import Dot, draw_speed
from hit_rfgm_ros.viz.report_strip import draw_strip_frame, encode_jpeg, join_strip
import numpy as np
import pytest

pytest.importorskip('matplotlib')
from matplotlib.text import Text

NAMES = [f'tracker_{letter}' for letter in 'abcdefghijkl']


def texts(svg: str) -> list[str]:
    return re.findall(r'<text[^>]*>([^<]*)</text>', svg)


def curves(names: list[str]) -> list[Curve]:
    lines = lines_of(names, {})
    steps = np.linspace(0, 1, 21)
    scores = [60.0 - 4 * k for k in range(len(names))]
    return [Curve(n, s, steps, s * (1 - steps), lines[n]) for n, s in zip(names, scores)]


def test_twelve_trackers_have_lines_of_their_own() -> None:
    lines = lines_of([*NAMES, 'tracker_a@vot-20'], {'tracker_a@vot-20': 'tracker_a'})
    alone = [(line.index, line.dashes) for line in lines.values()]
    assert len(set(alone)) == 13
    child, parent = lines['tracker_a@vot-20'], lines['tracker_a']
    assert (child.index, child.child, parent.child) == (parent.index, True, False)


def test_the_legend_names_all_with_their_scores_best_first() -> None:
    shuffled = curves(NAMES)[::-1]
    svg = as_svg(draw_score_curves('Success', 'under', 'overlap', shuffled), 'p')
    found = [text for text in texts(svg) if 'tracker_' in text]
    assert found == [f'{60 - 4 * k:.1f}  {name}' for k, name in enumerate(NAMES)]


@pytest.mark.parametrize('name', ['_hidden', '$x_1$', '<b>&"', 'a' * 60])
def test_names_are_taken_as_they_are(name: str) -> None:
    figure = draw_score_curves('Success', '', 'overlap', curves([name, 'other']))
    escaped = name.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
    assert any(escaped in text for text in texts(as_svg(figure, 'p')))


def test_an_svg_follows_the_theme_of_its_page_and_refers_to_nothing() -> None:
    figure = draw_score_curves('Success', '', 'overlap', curves(NAMES))
    svg = as_svg(figure, 'mine')
    for color, variable in THEMED.items():
        assert color not in svg
        assert variable != 'series-0' or f'var(--{variable})' in svg
    assert not re.search(r'https?:|<style|<metadata|<!', svg)
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert all(one.startswith('mine-') for one in ids)
    assert set(re.findall(r'url\(#([^)]*)\)', svg)) <= set(ids)
    assert as_svg(draw_score_curves('Success', '', 'overlap', curves(NAMES)), 'mine') == svg


def test_names_at_the_dots_keep_clear_of_each_other() -> None:
    lines = lines_of(NAMES, {})
    spots = [(30 + 3 * (k % 4), 60 + 1.5 * (k // 4)) for k in range(12)]
    dots = [Dot(n, fps, score, lines[n]) for n, (fps, score) in zip(NAMES, spots)]
    dots.append(Dot('far away', 500.0, 30.0, lines['tracker_a'], 'tracker_a'))
    figure = draw_speed('Speed', '', 'AUC', dots)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [
        Text.get_window_extent(text, renderer)  # without the line to its dot
        for text in figure.axes[0].texts
        if text.get_text() in {dot.name for dot in dots}
    ]
    assert len(boxes) == 13
    overlapping = sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert overlapping == 0


@pytest.mark.parametrize(
    'spots', [((1344.0, 21.9), (2790.0, 21.9)), ((0.4, 0.0), (5000.0, 100.0))]
)
def test_nothing_at_the_axes_of_speed_is_cut_off(spots: tuple[tuple[float, float], ...]) -> None:
    lines = lines_of(NAMES, {})
    dots = [Dot(name, *spot, lines[name]) for name, spot in zip(NAMES, spots)]
    figure = draw_speed('Speed', '', 'AUC, %', dots)
    figure.canvas.draw()
    tight = figure.axes[0].get_tightbbox(figure.canvas.get_renderer())
    assert figure.bbox.x0 <= tight.x0
    assert tight.x1 <= figure.bbox.x1
    assert any(label.get_text() for label in figure.axes[0].get_xticklabels())


def test_empty_bins_are_left_out() -> None:
    bins = Bins(
        np.array([0.0, 0.5, 1.0]),
        np.array([0.0, 40.0]),
        np.array([np.nan, 0.8]),
        np.array([np.nan, 0.6]),
    )
    svg = as_svg(draw_reliability('name', 'ECE 0.2', bins, lines_of(['name'], {})['name']), 'p')
    assert '40' in texts(svg)
    assert 'nan' not in svg


@pytest.mark.parametrize('stated', [True, False])
@pytest.mark.parametrize('length', [1, 2, 90])
def test_a_course_of_any_length(length: int, stated: bool) -> None:
    overlap = np.linspace(1, 0, length)
    overlap[length // 2 : length // 2 + 5] = np.nan
    state = TrackState.TRACKING if stated else None
    confidence = np.linspace(0, 1, length) if stated else np.full(length, np.nan)
    marks = list(range(min(length, 6)))
    figure = draw_course(np.arange(length) / 30, confidence, overlap, [state] * length, marks)
    found = texts(as_svg(figure, 'p'))
    assert [text for text in found if text in {'1', '2', '3', '4', '5', '6'}][: len(marks)]
    assert ('confidence' in found) is stated
    assert 'target not visible' in found
    if length == 90:
        assert ('TRACKING' in found) is stated


def test_a_frame_of_a_strip_shows_both_boxes() -> None:
    frame = np.full((60, 80, 3), 90, np.uint8)
    color = STATE_COLORS[TrackState.LOST]
    drawn = draw_strip_frame(frame, Box(20, 20, 20, 20), Box(45, 30, 20, 20), color, number=3)
    assert drawn.shape == (300, 400, 3)
    assert (np.abs(drawn[150, 98:103].astype(int) - 245) < 30).all(axis=1).any(), 'truth'
    assert (np.abs(drawn.astype(int) - color).sum(axis=2) < 20).sum() > 50, 'corners'
    bare = draw_strip_frame(frame, None, None, color, number=3)
    assert (bare[60:, 60:] == 90).all()
    assert cv2.imdecode(np.frombuffer(encode_jpeg(drawn), np.uint8), 1).shape == drawn.shape
    sheet = join_strip([drawn] * 4, ['caption'] * 4)
    assert sheet.shape[0] > 2 * 300
    assert 3 * 400 < sheet.shape[1] < 4 * 400


def test_colours_of_series_differ() -> None:
    assert len(set(SERIES_COLORS)) == len(SERIES_COLORS)
