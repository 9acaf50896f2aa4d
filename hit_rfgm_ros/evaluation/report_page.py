"""The page of a report: one file that needs no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from hit_rfgm_ros import __version__
from hit_rfgm_ros.evaluation.report_choice import (
    ABSENT,
    FAILED_OVERLAP,
    WORST,
    absent_sequences,
    key_frames,
    share,
    worst_sequences,
)
from hit_rfgm_ros.evaluation.report_data import Course, Entry, Material
from hit_rfgm_ros.evaluation.report_html import (
    bullet_list,
    count,
    paragraph,
    section,
    tracker_name,
)
from hit_rfgm_ros.evaluation.report_pictures import (
    Gallery,
    course_plot,
    film_strip,
    reliability_plots,
    score_plots,
    speed_plot,
)
from hit_rfgm_ros.evaluation.report_style import SCRIPT, STYLE
from hit_rfgm_ros.evaluation.report_tables import (
    LABELS,
    absence_table,
    confidence_table,
    heat_table,
    machine_of,
    run_table,
    score_tables,
)

_FORMS = {'float': 'floats, as predicted', 'truncated': 'cut to integers'}
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header>$head</header>
<main>
<nav>$links</nav>
$sections
</main>
<footer>Made by hit-rfgm report, hit_rfgm_ros $version.</footer>
<script>$script</script>
</body>
</html>
""")


def make_page(
    material: Material, closely: Sequence[Entry], gallery: Gallery, title: str | None = None
) -> str:
    """Write the page, and its pictures as files.

    Args:
        material: of the report; gets remarks on what could not be shown.
        closely: trackers whose failures are shown.
        gallery: takes the pictures.
        title: None names the data set.

    Raises:
        EvaluationError: if a file of results is damaged.
        OSError: if a picture cannot be written.
    """
    title = title or f'Trackers on {_data_set(material)}'
    parts = {
        'scores': ('Scores', score_tables(material)),
        'plots': ('Plots', score_plots(material, gallery)),
        'speed': ('Speed', speed_plot(material, gallery)),
        'sequences': ('Sequences', heat_table(material)),
        'failures': ('Failures', _failures(material, closely, gallery)),
        'absence': ('Absence', _absences(material, closely, gallery)),
        'confidence': ('Confidence', _confidence(material, gallery)),
        'runs': ('Runs', run_table(material)),
    }
    shown = {anchor: part for anchor, part in parts.items() if part[1]}
    return _PAGE.substitute(
        title=escape(title),
        style=STYLE,
        script=SCRIPT,
        version=escape(__version__),
        head=_head(material, title),
        links=''.join(f'<a href="#{anchor}">{name}</a>' for anchor, (name, _) in shown.items()),
        sections='\n'.join(section(anchor, name, text) for anchor, (name, text) in shown.items()),
    )


def _head(material: Material, title: str) -> str:
    summary = material.summary
    runs = [entry.run for entry in material.entries]
    machines = [machine_of(place) for run in runs for place in (run, *run.get('resumed', []))]
    dates = sorted(run['date'][:10] for run in runs if run.get('date'))
    facts = {
        'Data set': _data_set(material),
        'Sequences': f'{summary["sequences"]:,}',
        'Frames': f'{summary["frames"]:,}',
        'Rules of scoring': f'profile {summary["profile"]}',
        'Boxes': _FORMS.get(summary['form'], summary['form']),
        'Run on': ' to '.join(dict.fromkeys((dates[0], dates[-1]))) if dates else 'not recorded',
        'Machine': '; '.join(dict.fromkeys(filter(None, machines))) or 'not recorded',
    }
    rows = ''.join(
        f'<div><dt>{name}</dt><dd>{escape(value)}</dd></div>' for name, value in facts.items()
    )
    return (
        f'<h1>{escape(title)}</h1><p class="lead">{escape(_lead(material))}</p>'
        f'<dl>{rows}</dl>{_box("Not scored", _not_scored(material))}'
        f'{_box("Not shown", _not_shown(material))}'
    )


def _lead(material: Material) -> str:
    """How many trackers, and which one is best."""
    alone = [entry for entry in material.entries if entry.parent is None]
    timed = len(material.entries) - len(alone)
    text = count(len(alone), 'tracker')
    text += f' and {count(timed, "run")} in real time' if timed else ''
    best = alone[0].scores.get(material.key)
    if best is None or len(alone) == 1:
        return f'{text}.'
    return f'{text}. {alone[0].name} has the highest {LABELS[material.key][0]}, {best:.2f} %.'


def _data_set(material: Material) -> str:
    """Its name; a plain folder has none but that of the folder."""
    name = str(material.summary['dataset'])
    folder = Path(material.dataset.get('root', '')).name
    return f'{folder} ({name})' if name == 'folder' and folder else name


def _box(title: str, lines: Iterator[str]) -> str:
    inside = bullet_list(lines)
    return f'<div class="warn"><b>{title}</b>{inside}</div>' if inside else ''


def _not_scored(material: Material) -> Iterator[str]:
    """What the numbers are not of, and why."""
    summary = material.summary
    for name in summary.get('skipped', ()):
        why = material.reasons.get(name, 'a picture or file of it is broken')
        yield f'Sequence {name}: {why}'
    scored = set(material.scored_sequences())
    further = [
        name
        for name in material.dataset.get('sequences', {})
        if name not in scored and name not in summary.get('skipped', ())
    ]
    if further:
        yield f'Not asked for in this scoring: {_names(further)}'
    for entry in material.entries:
        missing = [name for name in scored if name not in entry.scores.get('sequences', {})]
        if missing:
            yield f'{entry.name} has no results of {_names(sorted(missing))}'
    for name, reason in summary.get('refused', {}).items():
        yield f'Tracker {name}: {reason}'


def _not_shown(material: Material) -> Iterator[str]:
    """What the pictures lack; known once the sections are written."""
    if material.without:
        yield (
            f'Film strips and courses over time, since the data set is not at hand '
            f'({material.without}); give --root'
        )
    unread = [name for name in material.scored_sequences() if name not in material.sequences]
    if unread and not material.without:
        reasons = {material.reasons.get(name, 'not found') for name in unread}
        yield f'Pictures of {_names(unread)}: {"; ".join(sorted(reasons))}'
    yield from dict.fromkeys(material.remarks)


def _names(names: Sequence[str], most: int = 8) -> str:
    rest = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + rest


def _failures(material: Material, closely: Sequence[Entry], gallery: Gallery) -> str:
    """The worst sequences of each tracker looked at closely."""
    parts = []
    for entry in closely:
        cards = []
        for name in worst_sequences(material, entry, share(WORST, closely)):
            course = material.course(entry, name)
            if course is not None:
                frames = key_frames(course.overlap)
                strip = film_strip(course, gallery, frames, material)
                plot = course_plot(course, gallery, frames if strip else ())
                cards.append(_card(material, course, strip + plot))
        parts.append(_cards(entry, cards))
    if not any(parts):
        return ''
    lead = paragraph(
        f'The sequences with the lowest {LABELS[material.key][0]} of '
        f'{_names([entry.name for entry in closely])}, the worst first. Frames: the given one, '
        f'the last before the longest failure, its first, middle and last one, and the first '
        f'after it; what is left of six lies between these. A failure is a run of frames whose '
        f'overlap with the truth is below {FAILED_OVERLAP:g}; frames without the target do not '
        f'end it. Without a failure: where the overlap is lowest. White outline: ground truth; '
        f'corners: the tracker, in the colour of its state.'
    )
    return lead + ''.join(parts)


def _absences(material: Material, closely: Sequence[Entry], gallery: Gallery) -> str:
    """Behaviour around absence in numbers, and courses of the sequences with most of it."""
    parts = [absence_table(material)]
    names = absent_sequences(material, share(ABSENT, closely))
    for entry in closely:
        courses = [course for name in names if (course := material.course(entry, name))]
        cards = [_card(material, one, course_plot(one, gallery)) for one in courses]
        parts.append(_cards(entry, cards))
    return ''.join(parts)


def _confidence(material: Material, gallery: Gallery) -> str:
    plots = reliability_plots(material, gallery)
    return confidence_table(material) + plots


def _cards(entry: Entry, cards: Sequence[str]) -> str:
    if not cards:
        return ''
    return f'<h3>{tracker_name(entry)}</h3><div class="cards">{"".join(cards)}</div>'


def _card(material: Material, course: Course, inside: str) -> str:
    name = course.sequence.name
    scores: dict[str, Any] = course.entry.scores.get('sequences', {}).get(name, {})
    score = scores.get(material.key)
    label = LABELS[material.key][0]
    number = f'{label} {score:.1f}, ' if score is not None else ''
    absent = int(course.absent.sum())
    gone = f', {absent} absent' if absent else ''
    return (
        f'<article class="card"><h4>{escape(name)}'
        f'<span>{number}{len(course.sequence):,} frames{gone}</span></h4>{inside}</article>'
    )
