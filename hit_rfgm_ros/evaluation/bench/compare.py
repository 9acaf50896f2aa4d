"""What changed between two reports beyond noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.bench.interval import least_size, ratio
from hit_rfgm_ros.evaluation.bench.machine import BUSY

CONFIDENCE = 0.99  # of 100 rows that did not change one is called changed
LEAST = 0.02  # smaller differences are not called any, however sure they are
LEAST_ROUNDS = least_size(CONFIDENCE)

Judge = Literal['auto', 'cpu', 'wall']
Report = Mapping[str, Any]
Round = Mapping[str, Any]

FASTER, SLOWER = 'faster', 'slower'
LESS, MORE = 'less', 'more'
SAME, TOO_FEW = 'no difference', 'too few rounds'


@dataclass(frozen=True)
class Change:
    """One measure of one row in two reports.

    Attributes:
        row: its name.
        measure: what was measured, with the unit.
        before, after: medians of the rounds' values.
        ratio: after over before, see `bench.interval`.
        low, high: ends of its interval; None with too few rounds.
        rounds: of both reports.
        verdict: faster, slower (of memory: less, more), no difference, or too few rounds.
    """

    row: str
    measure: str
    before: float
    after: float
    ratio: float
    low: float | None
    high: float | None
    rounds: tuple[int, int]
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two reports side by side.

    Attributes:
        judge: ``cpu`` or ``wall``, the time that updates were judged by.
        updates: of each row that both have.
        others: memory updates, start and peak memory of the same rows.
        control: a piece of work that never changes: the machine itself; None without a row.
        only_before, only_after: rows that one report alone has, with the reason where it says.
        notes: what else differs (versions, weights, load), in sentences.
    """

    judge: str
    updates: tuple[Change, ...]
    others: tuple[Change, ...]
    control: Change | None
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    notes: tuple[str, ...]

    def slower_by(self, percent: float) -> list[Change]:
        """Updates and memory updates that take more than so many percent longer."""
        timed = [*self.updates, *(one for one in self.others if one.measure == MEMORY_UPDATE)]
        return [one for one in timed if one.verdict == SLOWER and one.ratio > 1 + percent / 100]

    @property
    def undecided(self) -> list[Change]:
        """Updates with too few rounds to say."""
        return [one for one in self.updates if one.verdict == TOO_FEW]


MEMORY_UPDATE = 'memory update, ms'
START = 'start, s'
PEAK = 'peak memory, MB'
_OTHERS: dict[str, Callable[[Round], float | None]] = {
    MEMORY_UPDATE: lambda one: median(one['ms']['memory']) if one['ms']['memory'] else None,
    START: lambda one: sum(one['start_s'].values()),
    PEAK: lambda one: one['peak_mb'],
}


def compare(
    before: Report, after: Report, *, judge: Judge = 'auto', force: bool = False
) -> Comparison:
    """Compare two reports, row by row.

    Args:
        before, after: of `read_report`.
        judge: processor time or time by the clock; auto takes the first if other programs were
            busy during one of them, and always the second for a GPU.
        force: compare reports of different machines or sizes all the same.

    Raises:
        EvaluationError: if they are of different machines or sizes, or have no row in common.
    """
    notes = _differences(before, after, force)
    old, new = ({row['name']: row for row in report['rows']} for report in (before, after))
    common = [name for name in old if name in new]
    if not common:
        raise EvaluationError(
            f'the two reports have no row in common: {_list(old)} in the first, {_list(new)} in '
            f'the second'
        )
    chosen = _choose(judge, before, after)
    return Comparison(
        judge=chosen,
        updates=tuple(_update(old[name], new[name], chosen) for name in common),
        others=tuple(change for name in common for change in _other_changes(old[name], new[name])),
        control=_control(before, after, chosen),
        only_before=_alone(old, new, after),
        only_after=_alone(new, old, before),
        notes=(*notes, *_weights(old, new, common)),
    )


def judge_change(
    row: str,
    measure: str,
    before: Sequence[float],
    after: Sequence[float],
    words: tuple[str, str] = (FASTER, SLOWER),
) -> Change:
    """Compare the rounds of one measure.

    Args:
        row, measure: what it is.
        before, after: one number per round.
        words: for a smaller and for a larger number.
    """
    found = ratio(before, after, CONFIDENCE)
    verdict = SAME
    if found.low is None or found.high is None:
        verdict = TOO_FEW
    elif found.high < 1 and found.estimate <= 1 / (1 + LEAST):
        verdict = words[0]
    elif found.low > 1 and found.estimate >= 1 + LEAST:
        verdict = words[1]
    rounds = (len(before), len(after))
    return Change(row, measure, median(before), median(after), *found, rounds, verdict)


def _choose(judge: Judge, before: Report, after: Report) -> str:
    if judge != 'auto':
        return judge
    cores = [report['machine'].get('other_cores') for report in (before, after)]
    return 'cpu' if any(core is not None and core > BUSY for core in cores) else 'wall'


def _update(old: Mapping[str, Any], new: Mapping[str, Any], judge: str) -> Change:
    # The processor only waits for a GPU.
    measure = 'cpu' if judge == 'cpu' and old['case']['device'] == 'cpu' else 'update'
    before, after = ([median(one['ms'][measure]) for one in row['rounds']] for row in (old, new))
    label = f'update, {"cpu ms" if measure == "cpu" else "ms"}'
    return judge_change(old['name'], label, before, after)


def _other_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    changes = []
    for measure, value in _OTHERS.items():
        before, after = (
            [number for one in row['rounds'] if (number := value(one)) is not None]
            for row in (old, new)
        )
        if before and after:
            words = (LESS, MORE) if measure == PEAK else (FASTER, SLOWER)
            changes.append(judge_change(old['name'], measure, before, after, words))
    return changes


def _control(before: Report, after: Report, judge: str) -> Change | None:
    """The piece of work that never changes: for each round the median of all rows."""
    first, second = (
        [
            median(one['control_ms'][judge] for one in each)
            for each in zip(*(row['rounds'] for row in report['rows']))
        ]
        for report in (before, after)
    )
    if not first or not second:
        return None
    return judge_change('the machine itself', f'control, {judge} ms', first, second)


def _differences(before: Report, after: Report, force: bool) -> list[str]:
    """What is not alike; raises where that makes a comparison senseless."""
    old, new = before['machine'], after['machine']
    unlike = [
        f'{name} was {old.get(name)!r} and is {new.get(name)!r}'
        for name in ('cpu', 'cores', 'system')
        if old.get(name) != new.get(name)
    ]
    sizes = [tuple(report['amount']['size']) for report in (before, after)]
    if sizes[0] != sizes[1]:
        unlike.append('frames were {}x{} and are {}x{}'.format(*sizes[0], *sizes[1]))
    if unlike and not force:
        raise EvaluationError(
            f'the reports are not of the same machine and size: {"; ".join(unlike)}. Measure '
            f'both in one place, or compare all the same with --force'
        )
    notes = unlike
    for name in ('python', 'versions', 'environment', 'kernel', 'nice'):
        notes += _unlike(name, old.get(name), new.get(name))
    for which, report in (('first', before), ('second', after)):
        cores = report['machine'].get('other_cores')
        if cores is not None and cores > BUSY:
            notes.append(f'during the {which} other programs kept {cores:g} cores busy')
        if report.get('interrupted'):
            notes.append(f'the {which} was interrupted')
    return notes


def _unlike(name: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            note
            for key in sorted(old.keys() | new.keys())
            for note in _unlike(key, old.get(key), new.get(key))
        ]
    return [] if old == new else [f'{name} was {old} and is {new}']


def _weights(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], common: list[str]
) -> list[str]:
    models = {
        old[name]['case']['model']: None
        for name in common
        if old[name]['weights'] != new[name]['weights']
    }
    return [f'the weights of {model} are others' for model in models]


def _alone(
    rows: Mapping[str, Any], others: Mapping[str, Any], other_report: Report
) -> tuple[str, ...]:
    reasons = {entry['name']: entry['reason'] for entry in other_report['missing']}
    return tuple(
        f'{name} ({reasons[name]})' if name in reasons else name
        for name in rows
        if name not in others
    )


def _list(names: Mapping[str, Any]) -> str:
    return ', '.join(names) or 'none'
