"""The tables of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from hit_rfgm_ros.evaluation.report_data import Entry, Material
from hit_rfgm_ros.evaluation.report_html import (
    Column,
    bullet_list,
    count,
    head_button,
    paragraph,
    swatch,
    tracker_name,
    tracker_table,
)

LABELS = {
    'auc': ('AUC', 'area under the success curve'),
    'precision': ('Precision', 'share of frames whose centre is at most 20 pixels off'),
    'normalized_precision': ('Norm. prec.', 'precision in units of the size of the target'),
    'op50': ('OP50', 'share of frames with an overlap above 0.5'),
    'op75': ('OP75', 'share of frames with an overlap above 0.75'),
    'ao': ('AO', 'average overlap'),
    'sr50': ('SR50', 'success rate at an overlap of 0.5'),
    'sr75': ('SR75', 'success rate at an overlap of 0.75'),
}
_SCORES = [Column(label, key, title=title) for key, (label, title) in LABELS.items()]
_SPEED = [
    Column('fps', 'fps', '.1f', title='frames per second: frames by the sum of their times'),
    Column('p50 ms', 'latency_ms.p50', '.1f', -1, 'half of the frames take at most so long'),
    Column('p90 ms', 'latency_ms.p90', '.1f', -1, '90 % of the frames take at most so long'),
    Column('p95 ms', 'latency_ms.p95', '.1f', -1, '95 % of the frames take at most so long'),
    Column('p99 ms', 'latency_ms.p99', '.1f', -1, '99 % of the frames take at most so long'),
    Column('max ms', 'latency_ms.max', '.1f', -1, 'the slowest frame'),
]
_ABSENCE = [
    Column('spells', 'absence.spells', '.0f', 0, 'times without the target, 1 s or longer'),
    Column('unnoticed', 'absence.never_noticed', '.0f', -1, 'of these, LOST was never said'),
    Column('to LOST', 'absence.seconds_to_lost_median', '.2f', -1, 'median time', ' s'),
    Column('slowest', 'absence.seconds_to_lost_max', '.2f', -1, 'longest time to LOST', ' s'),
    Column('absent', 'absence.absent_frames', '.0f', 0, 'frames without the target'),
    Column('as TRACKING', 'absence.absent_as_tracking', '.1%', -1, 'share of absent frames'),
    Column('returns', 'absence.returns', '.0f', 0, 'times that the target came back'),
    Column('unrecovered', 'absence.never_recovered', '.0f', -1, 'of these, not found again'),
    Column('to recover', 'absence.seconds_to_recover_median', '.2f', -1, 'median time', ' s'),
    Column('visible as LOST', 'absence.visible_as_lost', '.1%', -1, 'share of visible frames'),
]
_LONG_TERM = [
    Column('F-score', 'long_term.f_score', title='VOT long-term F-score, percent'),
    Column('precision', 'long_term.precision', title='at the best threshold, percent'),
    Column('recall', 'long_term.recall', title='at the best threshold, percent'),
]
_CONFIDENCE = [
    Column('frames', 'confidence.frames', '.0f', 0, 'with a confidence'),
    Column('good', 'confidence.good_frames', '.0f', 0, 'frames with an overlap above 0.5'),
    Column('ECE', 'confidence.ece', '.3f', -1, 'expected calibration error, 10 equal bins'),
    Column('ECE (eq. count)', 'confidence.ece_equal_count', '.3f', -1, 'bins of equal counts'),
    Column('MCE', 'confidence.mce', '.3f', -1, 'maximum calibration error'),
    Column('Brier', 'confidence.brier', '.3f', -1, 'mean squared error of the confidence'),
    Column('AUROC', 'confidence.auroc', '.3f', 1, 'a good box has the higher confidence'),
]
_MANY = 60  # sequences; a longer table scrolls by itself


def score_tables(material: Material) -> str:
    """The table of all trackers, and those by further profiles."""
    summary = material.summary
    parts = [
        tracker_table(
            material.entries,
            [*_SCORES, *_SPEED],
            f'Percent by the profile {summary["profile"]}; times of one update.',
        ),
        _on_real_time(material),
        _on_times(material),
        _beside(summary['profile'], material.entries),
    ]
    for profile, trackers in summary.get('profiles', {}).items():
        entries = [
            replace(e, scores=trackers[e.name]) for e in material.entries if e.name in trackers
        ]
        if entries:
            parts.append(tracker_table(entries, _SCORES, f'Percent by the profile {profile}.'))
            parts.append(_beside(profile, entries))
    return ''.join(parts)


def absence_table(material: Material) -> str:
    """Behaviour around absence, and long-term scores; empty where no tracker can be judged."""
    stated = _judged_table(
        material,
        'absence',
        _ABSENCE,
        'While the target is away, and when it comes back, by the states that trackers give.',
        'states',
    )
    return stated + _judged_table(
        material,
        'long_term',
        _LONG_TERM,
        'VOT long-term scores: what the confidence says of the presence of the target.',
        'a confidence in each frame',
    )


def confidence_table(material: Material) -> str:
    """Numbers beside the reliability diagrams; empty where no tracker gives a confidence."""
    caption = 'Whether the confidence is the probability of an overlap above 0.5.'
    return _judged_table(material, 'confidence', _CONFIDENCE, caption, 'a usable confidence')


def _on_times(material: Material) -> str:
    """What hinders comparing the times."""
    runs = [entry.run for entry in material.entries]
    places = [place for run in runs for place in (run, *run.get('resumed', []))]
    machines = {machine for place in places if (machine := machine_of(place))}
    jobs = max(((place.get('workers') or {}).get('jobs', 1) for place in places), default=1)
    text = 'Times come from different machines (see Runs). ' if len(machines) > 1 else ''
    if jobs > 1:
        text += f'Up to {jobs} processes ran side by side while times were taken.'
    return paragraph(text) if text else ''


def _judged_table(
    material: Material, part: str, columns: Sequence[Column], caption: str, needed: str
) -> str:
    """A table of the trackers that have a part of the scores; the others are named below it."""
    judged = [entry for entry in material.entries if entry.scores.get(part)]
    if not judged:
        return ''
    others = [entry.name for entry in material.entries if entry not in judged]
    below = paragraph(f'Without {needed}: {", ".join(others)}.') if others else ''
    return tracker_table(judged, columns, caption) + below


def heat_table(material: Material) -> str:
    """Scores per sequence, coloured from low to high; empty without any."""
    key, entries = material.key, material.entries
    sequences = material.scored_sequences()
    if not any(_score(entry, name, key) is not None for entry in entries for name in sequences):
        return ''
    heads = ''.join(_upright(entry) for entry in entries)
    rows = [_heat_row(material, name) for name in sequences]
    whole = ''.join(_heat_cell(entry.scores.get(key), None) for entry in entries)
    total = f'{material.summary["frames"]:,}'
    label, title = LABELS[key]
    caption = f'{label} ({title}), percent; the best of a row is bold.'
    tall = ' tall' if len(sequences) > _MANY else ''
    return (
        f'{paragraph(caption)}<div class="wide{tall}"><table class="sortable heat">'
        f'<thead><tr>{head_button("sequence", 0)}{head_button("frames", 0)}{heads}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody><tfoot><tr><th scope="row">all</th>'
        f'<td>{total}</td>{whole}</tr></tfoot></table></div>'
    )


def run_table(material: Material) -> str:
    """What each tracker is, and where it ran."""
    rows = []
    for entry in material.entries:
        about = entry.run.get('about', {})
        cells = (
            *_what(about),
            _versions(about),
            _place(entry.run),
            entry.run.get('date', '')[:10],
        )
        inside = ''.join(f'<td>{escape(cell) or "-"}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row">{tracker_name(entry)}</th>{inside}</tr>')
    heads = ('tracker', 'what it is', 'runs on', 'weights (sha256)', 'versions', 'machine', 'date')
    head = ''.join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<div class="wide"><table class="runs"><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div>'
    )


def machine_of(place: Mapping[str, Any]) -> str:
    """One line on the machine of a run, empty if it does not say."""
    machine = place.get('machine') or {}
    cores = f'{machine["cores"]} cores' if machine.get('cores') else ''
    return _listed((machine.get('cpu'), cores, machine.get('system')))


def _beside(profile: str, entries: Sequence[Entry]) -> str:
    """The numbers as the tool itself prints them, and notes on them."""
    by_note: dict[str, list[str]] = {}
    for entry in entries:
        for note in entry.scores.get('notes') or ():
            by_note.setdefault(str(note), []).append(entry.name)
    notes = bullet_list(f'{", ".join(names)}: {note}' for note, names in by_note.items())
    return _printed(profile, entries) + notes


def _printed(profile: str, entries: Sequence[Entry]) -> str:
    """What the tool prints, where that is not what the table above says."""
    printed = {entry.name: entry.scores.get('printed') or {} for entry in entries}
    keys = list(dict.fromkeys(key for texts in printed.values() for key in texts))
    if profile == 'visible' or not keys:
        return ''
    head = ''.join(f'<th scope="col">{escape(key)}</th>' for key in keys)
    rows = []
    for entry in entries:
        texts = printed[entry.name]
        cells = ''.join(f'<td>{escape(str(texts.get(key, "-")))}</td>' for key in keys)
        kind = ' class="child"' if entry.parent else ''
        rows.append(f'<tr{kind}><th scope="row">{tracker_name(entry)}</th>{cells}</tr>')
    return (
        f'{paragraph(f"The same as {profile} prints it.")}<div class="wide"><table><thead><tr>'
        f'<th scope="col">tracker</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f'</div>'
    )


def _on_real_time(material: Material) -> str:
    if not any(entry.parent for entry in material.entries):
        return ''
    return paragraph(
        'Indented: runs in real time (tracker@rule-frame rate). strict: each frame is judged by '
        'the newest box that is done when the frame arrives; vot: slow frames make the tracker '
        'miss the next ones.'
    )


def _score(entry: Entry, sequence: str, key: str) -> float | None:
    value: float | None = entry.scores.get('sequences', {}).get(sequence, {}).get(key)
    return value


def _upright(entry: Entry) -> str:
    """Head of a narrow column: the name from below upwards."""
    return (
        f'<th scope="col" class="upright" data-better="1"><button type="button">'
        f'<span>{escape(entry.name)}</span></button>{swatch(entry.line)}</th>'
    )


def _heat_row(material: Material, name: str) -> str:
    scores = [_score(entry, name, material.key) for entry in material.entries]
    known = [score for score in scores if score is not None]
    best = max(known) if len(known) > 1 else None
    cells = ''.join(_heat_cell(score, best) for score in scores)
    frames = material.frames(name)
    count = '<td>-</td>' if frames is None else f'<td data-value="{frames}">{frames:,}</td>'
    return f'<tr><th scope="row">{escape(name)}</th>{count}{cells}</tr>'


def _heat_cell(score: float | None, best: float | None) -> str:
    if score is None:
        return '<td>-</td>'
    low = score < 50
    strength = 0.9 * abs(score - 50) / 50
    mark = ' best' if best is not None and f'{score:.1f}' == f'{best:.1f}' else ''
    return (
        f'<td class="{"low" if low else "high"}{mark}" style="--heat:{strength:.2f}" '
        f'data-value="{score!r}">{score:.1f}</td>'
    )


def _what(about: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind and name, where it runs, and its weights."""
    names = [about.get(key) for key in ('kind', 'model', 'rival', 'tracker')]
    facts = [*names, 'paper mode' if about.get('paper_mode') else '', _pace(about)]
    place = [about.get(key) for key in ('backend', 'device', 'precision')]
    files = dict(about.get('models') or {})
    if about.get('weights_sha256'):
        files[''] = about['weights_sha256']
    weights = [f'{name} {str(sha)[:12]}'.strip() for name, sha in files.items()]
    return _listed(facts), _listed(place), _listed(weights)


def _pace(about: Mapping[str, Any]) -> str:
    real_time = about.get('real_time')
    if not real_time:
        return ''
    fps = real_time.get('fps')
    rate = "the sequence's own frame rate" if fps is None else f'{fps:g} fps'
    return f'in real time by the rule {real_time.get("rule")} at {rate}'


def _versions(about: Mapping[str, Any]) -> str:
    versions = about.get('versions') or {}
    return _listed(
        f'{name} {str(version).partition("-")[0]}' for name, version in versions.items()
    )


def _listed(words: Iterable[Any]) -> str:
    return ', '.join(str(word) for word in words if word)


def _place(run: Mapping[str, Any]) -> str:
    places = [run, *run.get('resumed', [])]
    texts = []
    for place in places:
        workers = place.get('workers') or {}
        jobs, threads = workers.get('jobs', 1), workers.get('threads', 0)
        beside = f'{jobs} processes side by side' if jobs > 1 else ''
        strands = count(threads, 'thread') if threads else ''
        texts.append(_listed((machine_of(place), beside, strands)))
    return '; '.join(dict.fromkeys(filter(None, texts)))
