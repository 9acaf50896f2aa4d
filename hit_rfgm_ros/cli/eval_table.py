"""What ``hit-rfgm eval`` prints: no number without its rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hit_rfgm_ros.cli.table import count, number, table

_SCORES = {
    'auc': 'AUC',
    'precision': 'prec.',
    'normalized_precision': 'norm.p.',
    'op50': 'OP50',
    'op75': 'OP75',
    'ao': 'AO',
    'sr50': 'SR50',
    'sr75': 'SR75',
}
_FORMS = {'float': 'boxes as floats', 'truncated': 'boxes cut to integers'}


def lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a summary; see `evaluation.summary.summarize`."""
    tables = {summary['profile']: summary['trackers'], **summary['profiles']}
    for profile, trackers in tables.items():
        if not trackers:
            continue
        yield heading(summary, profile, trackers)
        yield from table(_score_rows(trackers))
        yield from _as_printed(profile, trackers)
        yield from _notes(trackers)
        yield ''
    robot = summary['trackers']
    if any(entry.get('latency_ms') or entry.get('absence') for entry in robot.values()):
        yield 'Speed, and what is said where the target is absent:'
        yield from table(_robot_rows(robot))
        yield ''


def heading(summary: Mapping[str, Any], profile: str, trackers: Mapping[str, Any]) -> str:
    """What the numbers below it are of."""
    skipped = len(summary['skipped'])
    scored = {entry.get('scored_frames', summary['frames']) for entry in trackers.values()}
    numbers = ' to '.join(str(number) for number in sorted({min(scored), max(scored)}))
    return (
        f'{summary["dataset"]}: {count(summary["sequences"], "sequence")}'
        + (f' ({skipped} broken left out)' if skipped else '')
        + f', {count(summary["frames"], "frame")}'
        + (f', {numbers} of them scored' if scored != {summary['frames']} else '')
        + f'; profile {profile}, {_FORMS[summary["form"]]}; percent'
    )


def _score_rows(trackers: Mapping[str, Any]) -> list[list[str]]:
    rows = [['tracker', *_SCORES.values()]]
    for name, entry in trackers.items():
        rows.append([name, *(number(entry.get(key), '.2f') for key in _SCORES)])
    return rows


def _as_printed(profile: str, trackers: Mapping[str, Any]) -> Iterator[str]:
    """The numbers as the tool itself prints them, where that is another way."""
    if profile == 'visible':
        return
    for name, entry in trackers.items():
        if entry.get('printed'):
            said = ', '.join(f'{key} {text}' for key, text in entry['printed'].items())
            yield f'  as {profile} prints {name}: {said}'


def _notes(trackers: Mapping[str, Any]) -> Iterator[str]:
    """What must be known of the numbers; the same note of all trackers comes once."""
    by_note: dict[str, list[str]] = {}
    for name, entry in trackers.items():
        for note in entry.get('notes', ()):
            by_note.setdefault(note, []).append(name)
    for note, names in by_note.items():
        yield f'  note ({", ".join(names)}): {note}'


def _robot_rows(trackers: Mapping[str, Any]) -> list[list[str]]:
    rows = [
        [
            *('tracker', 'fps', 'p50 ms', 'p95 ms', 'p99 ms'),
            *('as TRACKING', 'to LOST', 'to recover', 'LT F', 'ECE', 'AUROC'),
        ]
    ]
    for name, entry in trackers.items():
        latency, absence = entry.get('latency_ms') or {}, entry.get('absence') or {}
        confidence, long_term = entry.get('confidence') or {}, entry.get('long_term') or {}
        rows.append(
            [
                name,
                number(entry.get('fps'), '.1f'),
                *(number(latency.get(key), '.1f') for key in ('p50', 'p95', 'p99')),
                number(absence.get('absent_as_tracking'), '.0%'),
                number(absence.get('seconds_to_lost_median'), '.2f', ' s'),
                number(absence.get('seconds_to_recover_median'), '.2f', ' s'),
                number(long_term.get('f_score'), '.1f'),
                *(number(confidence.get(key), '.3f') for key in ('ece', 'auroc')),
            ]
        )
    return rows
