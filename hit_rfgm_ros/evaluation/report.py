"""From the folder of an evaluation to its report: a page, and its pictures as files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hit_rfgm_ros.evaluation.report_choice import choose_trackers
from hit_rfgm_ros.evaluation.report_data import read_material
from hit_rfgm_ros.evaluation.report_page import make_page
from hit_rfgm_ros.evaluation.report_pictures import Gallery
from hit_rfgm_ros.evaluation.results import write_text
from hit_rfgm_ros.optional import require


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        html: the page.
        pictures: the PNG files.
        remarks: what could not be shown.
    """

    html: Path
    pictures: tuple[Path, ...]
    remarks: tuple[str, ...]


def write_report(
    out: Path,
    html: Path,
    png: Path,
    *,
    root: Path | None = None,
    title: str | None = None,
    trackers: Iterable[str] = (),
) -> Report:
    """Write the report of an evaluation.

    Args:
        out: folder that ``hit-rfgm eval`` wrote.
        html: the page to write.
        png: folder for the pictures.
        root: of the data set; None takes what the evaluation recorded.
        title: of the page; None names the data set.
        trackers: names of those to look at closely; without any, the best ones of ours.

    Raises:
        EvaluationError: if there is nothing to report, or a file is damaged.
        DatasetError: if ``root`` is not the data set.
        ConfigError: if there is no such tracker.
        MissingDependencyError: if matplotlib is not installed.
        OSError: if something cannot be written.
    """
    require('matplotlib', extra='plot', purpose='the plots of a report')
    material = read_material(out, root)
    closely = choose_trackers(material, tuple(trackers))
    gallery = Gallery(png)
    page = make_page(material, closely, gallery, title)
    write_text(html, page)
    remarks = [f'without film strips: {material.without}'] if material.without else []
    return Report(html, tuple(gallery.files), (*remarks, *dict.fromkeys(material.remarks)))
