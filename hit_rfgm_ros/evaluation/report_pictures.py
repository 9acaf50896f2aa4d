"""The pictures of a report: drawn once, put into the page, and written as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any

import cv2
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.evaluation.report_choice import KeyFrame
from hit_rfgm_ros.evaluation.report_data import Course, Material
from hit_rfgm_ros.evaluation.report_html import jpeg_image
from hit_rfgm_ros.evaluation.report_tables import LABELS
from hit_rfgm_ros.types import Box, FloatArray, ImageU8
from hit_rfgm_ros.viz.colors import INITIALIZED_COLOR, RGB, STATE_COLORS
from hit_rfgm_ros.viz.look import as_svg, save_png
from hit_rfgm_ros.viz.report_course import draw_course
from hit_rfgm_ros.viz.report_curves import Curve, draw_score_curves
from hit_rfgm_ros.viz.report_reliability import Bins, draw_reliability
from hit_rfgm_ros.viz.report_speed import Dot, draw_speed
from hit_rfgm_ros.viz.report_strip import draw_strip_frame, encode_jpeg, join_strip
import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Curve -> title, what its values are, what its thresholds are, where the score is read.
_CURVES: Mapping[str, tuple[str, str, str, float | None]] = {
    'success': ('Success', 'frames whose overlap exceeds the threshold, %', 'overlap', None),
    'precision': (
        'Precision',
        'frames whose centre is at most so far off, %',
        'distance of the centres in pixels; the score is read at 20',
        20.0,
    ),
    'normalized_precision': (
        'Normalized precision',
        'frames whose centre is at most so far off, %',
        'distance of the centres in sizes of the target',
        None,
    ),
}
_SCORE_OF = {'success': ('auc', 'ao'), 'precision': ('precision',)}


class Gallery:
    """Keeps the pictures apart: in the page by their ids, in the folder by their names.

    Attributes:
        files: written so far.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            OSError: if it cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.files: list[Path] = []
        self._folder = folder

    def figure(self, name: str, figure: Figure, alt: str, kind: str = 'plot') -> str:
        """Write a figure as a file; returns it as HTML."""
        path = self._path(name)
        save_png(figure, path)
        svg = as_svg(figure, f'p{len(self.files)}')
        labelled = svg.replace('<svg', f'<svg role="img" aria-label="{escape(alt)}"', 1)
        return f'<figure class="{kind}">{labelled}</figure>'

    def picture(self, name: str, picture: ImageU8) -> None:
        """Write a picture (H, W, 3) uint8 RGB as a file.

        Raises:
            OSError: if it cannot be written.
        """
        path = self._path(name)
        if not cv2.imwrite(str(path), picture[..., ::-1]):
            raise OSError(f'{path} cannot be written')

    def _path(self, name: str) -> Path:
        plain = re.sub(r'[^\w.@+-]+', '_', name).strip('._') or 'picture'
        taken = {path.name for path in self.files}
        path = self._folder / f'{plain}.png'
        number = 2
        while path.name in taken:
            path = self._folder / f'{plain}_{number}.png'
            number += 1
        self.files.append(path)
        return path


def score_plots(material: Material, gallery: Gallery) -> str:
    """Success and precision plots, as many as the tool of the profile has."""
    plots = []
    for name, (title, under, xlabel, marked) in _CURVES.items():
        curves = [
            Curve(
                entry.name,
                _first(entry.scores, _SCORE_OF.get(name, (name,))),
                np.array(found['thresholds'], np.float64),
                np.array(found['values'], np.float64),
                entry.line,
            )
            for entry in material.entries
            if (found := (entry.scores.get('curves') or {}).get(name))
        ]
        if curves:
            figure = draw_score_curves(title, under, xlabel, curves, marked)
            plots.append(gallery.figure(name, figure, f'{title} plot of all trackers'))
    return f'<div class="plots">{"".join(plots)}</div>' if plots else ''


def speed_plot(material: Material, gallery: Gallery) -> str:
    """Speed against the main score; empty where nothing was timed or scored."""
    dots = [
        Dot(entry.name, entry.scores['fps'], entry.scores[material.key], entry.line, entry.parent)
        for entry in material.entries
        if entry.scores.get('fps') and entry.scores.get(material.key) is not None
    ]
    if not dots:
        return ''
    label = LABELS[material.key][0]
    under = 'hollow: in real time, where slow trackers miss frames'
    if not any(dot.parent for dot in dots):
        under = 'to the right is faster, up is better'
    figure = draw_speed(f'Speed and {label}', under, f'{label}, %', dots)
    return gallery.figure('speed', figure, f'speed against {label}', 'plot broad')


def reliability_plots(material: Material, gallery: Gallery) -> str:
    """A reliability diagram of each tracker that gives a confidence."""
    plots = []
    for entry in material.entries:
        confidence = entry.scores.get('confidence') or {}
        curve = confidence.get('equal_width')
        if not curve:
            continue
        auroc = confidence.get('auroc')
        under = f'ECE {confidence["ece"]:.3f}'
        under += f',  AUROC {auroc:.3f}' if auroc is not None else ',  AUROC unknown: one class'
        bins = Bins(*(np.array(curve[field.name], np.float64) for field in fields(Bins)))
        figure = draw_reliability(entry.name, under, bins, entry.line)
        alt = f'reliability diagram of {entry.name}'
        plots.append(gallery.figure(f'reliability_{entry.name}', figure, alt))
    return f'<div class="plots small">{"".join(plots)}</div>' if plots else ''


def course_plot(course: Course, gallery: Gallery, frames: Sequence[KeyFrame] = ()) -> str:
    """Overlap, confidence and states over time; the frames of the film strip are numbered."""
    length = len(course.sequence)
    notes = course.notes
    confidence = np.full(length, np.nan) if notes is None else notes.confidence
    given = confidence.copy()
    given[(given < 0) | (given > 1)] = np.nan  # no probability, on no axis from 0 to 1
    figure = draw_course(
        np.arange(length) / course.fps,
        given,
        course.overlap,
        (None,) * length if notes is None else notes.states,
        [frame.place for frame in frames],
    )
    title = f'{course.entry.name} in {course.sequence.name} over time'
    name = f'course_{course.entry.name}_{course.sequence.name}'
    return gallery.figure(name, figure, title, 'course')


def film_strip(
    course: Course, gallery: Gallery, frames: Sequence[KeyFrame], material: Material
) -> str:
    """Key frames with both boxes; empty, and a remark, where a picture cannot be read."""
    overlap, sequence = course.overlap, course.sequence
    pictures, captions, figures = [], [], []
    for number, (index, words) in enumerate(frames, start=1):
        try:
            image = sequence.read(index)
        except DatasetError as error:
            material.remarks.append(f'no film strip of {sequence.name}: {error}')
            return ''
        truth = None if course.absent[index] else sequence.box(index)
        box = _drawable(course.boxes[index])
        drawn = draw_strip_frame(image, truth, box, _color(course, index), number=number)
        facts = ', '.join([f'frame {index}', *_facts(course, index, overlap)])
        pictures.append(drawn)
        captions.append(f'{number}: {words}\n{facts}')
        size = (drawn.shape[1], drawn.shape[0])
        image_tag = jpeg_image(encode_jpeg(drawn), f'{words}, {facts}', size)
        figures.append(
            f'<figure>{image_tag}<figcaption><b>{number} · {escape(words)}</b> '
            f'<span>{escape(facts)}</span></figcaption></figure>'
        )
    gallery.picture(f'strip_{course.entry.name}_{sequence.name}', join_strip(pictures, captions))
    return f'<div class="strip">{"".join(figures)}</div>'


def _facts(course: Course, index: int, overlap: FloatArray) -> list[str]:
    facts = [f'{index / course.fps:.2f} s']
    absent = bool(np.isnan(overlap[index]))
    facts.append('target not visible' if absent else f'overlap {overlap[index]:.2f}')
    state = None if course.notes is None else course.notes.states[index]
    return facts if state is None else [*facts, state.value]


def _color(course: Course, index: int) -> RGB:
    """Colour of the state; that of the given box where the tracker says none."""
    state = None if course.notes is None else course.notes.states[index]
    return INITIALIZED_COLOR if state is None else STATE_COLORS[state]


def _drawable(values: FloatArray) -> Box | None:
    """A box, None where the tracker gave none."""
    return Box(*values.tolist()) if np.isfinite(values).all() and min(values[2:]) > 0 else None


def _first(scores: Mapping[str, Any], keys: Sequence[str]) -> float | None:
    return next((scores[key] for key in keys if scores.get(key) is not None), None)
