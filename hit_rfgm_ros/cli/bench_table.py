"""What ``hit-rfgm bench`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hit_rfgm_ros.cli.table import number, table
from hit_rfgm_ros.config.models import keeps_memory
from hit_rfgm_ros.evaluation.bench.compare import (
    CONFIDENCE,
    LEAST,
    LEAST_ROUNDS,
    SAME,
    TOO_FEW,
    Change,
    Comparison,
)
from hit_rfgm_ros.evaluation.bench.machine import BUSY
from hit_rfgm_ros.trackers.parts import RANDOM

_HEADER = (
    *('', 'crop', 'engine', 'decode', 'p50 ms', 'p90 ms', 'p99 ms', 'spread', 'cpu ms'),
    *('fps', 'memory', 'MB', 'peak', 'start s'),
)


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a report; see `evaluation.bench.report`."""
    yield from _machine(report)
    if report['rows']:
        yield ''
        yield from table([_HEADER, *map(_cells, report['rows'])])
        yield ''
        yield from _legend(report)
    if report['missing']:
        yield ''
        yield 'not measured:'
        for entry in report['missing']:
            yield f'  {entry["name"]}: {entry["reason"]}'


def busy_warning(cores: float | None, when: str) -> str | None:
    """What to say if other programs are busy; None if they are not."""
    if cores is None or cores <= BUSY:
        return None
    return (
        f'other programs kept {cores:g} cores busy {when}: times by the clock are longer than '
        f'this machine needs; look at cpu ms with --threads 1, or measure when it is idle'
    )


def _machine(report: Mapping[str, Any]) -> Iterator[str]:
    machine, amount = report['machine'], report['amount']
    versions = ', '.join(f'{name} {found}' for name, found in machine['versions'].items())
    yield f'{machine["cpu"]}, {machine["cores"]} cores, {machine["system"]}'
    yield f'Python {machine["python"]}, {versions}'
    load = machine.get('load_average')
    said = f', load average {load[0]:g} at the start' if load else ''
    yield (
        f'rounds: {amount["rounds"]}, frames in each: {amount["frames"]} of '
        f'{amount["size"][0]}x{amount["size"][1]}{said}'
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    summary = row['summary']
    update, stages = summary['update_ms'], summary['stages_ms']
    return [
        row['name'],
        *(number(stages[name], '.2f') for name in ('crop', 'engine', 'decode')),
        *(number(update[name], '.1f') for name in ('p50', 'p90', 'p99')),
        number(summary['spread'], '.0%'),
        number(summary['cpu_ms'], '.1f'),
        number(summary['fps'], '.1f'),
        number(summary['memory_update_ms'], '.1f'),
        *(number(summary[name], '.0f') for name in ('warm_mb', 'peak_mb')),
        number(sum(summary['start_s'].values()), '.2f'),
    ]


def _legend(report: Mapping[str, Any]) -> Iterator[str]:
    """What the columns mean, and what must be known of the rows."""
    yield (
        'crop, engine, decode: medians in ms; p50 to p99: whole update; spread: range of the '
        "rounds' medians"
    )
    yield (
        'cpu: all threads; MB: resident after the warm-up; start: import, tracker, first box, '
        'first update'
    )
    rows = report['rows']
    if any(keeps_memory(row['case']['model']) for row in rows):
        yield 'memory: ms of a memory update of one target, which comes after the box'
    for row in rows:
        cold = row['cold_start_s']
        if cold:
            yield f'start of {row["name"]} with an empty cache: {sum(cold.values()):.1f} s'
    random = dict.fromkeys(row['case']['model'] for row in rows if row['weights'] == RANDOM)
    if random:
        yield (
            f'{", ".join(random)}: random weights, for there are none here or they were asked '
            f'for; the time of a network does not depend on their values'
        )
    if report['interrupted']:
        yield 'stopped by Ctrl-C before all rounds were done'


def comparison_lines(comparison: Comparison, names: tuple[str, str]) -> Iterator[str]:
    """The lines of a comparison.

    Args:
        comparison: of two reports.
        names: of their files.
    """
    for note in comparison.notes:
        yield f'note: {note}'
    control = comparison.control
    if control is not None and control.verdict not in (SAME, TOO_FEW):
        yield (
            f'note: a piece of work that never changes is {control.verdict} too (x '
            f'{control.ratio:.3f}): the machine was in another state, and differences of that '
            f'size say nothing about the program'
        )
    header = ('', 'first', 'second', 'ratio', f'{CONFIDENCE:.0%} interval', 'rounds', 'verdict')
    yield from table([header, *map(_change_cells, comparison.updates)])
    others = [one for one in comparison.others if one.verdict not in (SAME, TOO_FEW)]
    if others:
        yield ''
        yield 'also changed:'
        named = [(f'{one.row}: {one.measure}', *_change_cells(one)[1:]) for one in others]
        yield from table([header, *named])
    yield ''
    kind = 'processor time' if comparison.judge == 'cpu' else 'time by the clock'
    yield (
        f'{kind} of an update in ms, medians of the rounds; a difference is called one if the '
        f'interval leaves out 1 and it is at least {LEAST:.0%}'
    )
    if comparison.undecided:
        yield f'for a verdict both need {LEAST_ROUNDS} rounds'
    yield from _alone(names[0], comparison.only_before)
    yield from _alone(names[1], comparison.only_after)


def _change_cells(change: Change) -> list[str]:
    interval = '-'
    if change.low is not None and change.high is not None:
        interval = f'{change.low:.3f} to {change.high:.3f}'
    return [
        change.row,
        f'{change.before:.3g}',
        f'{change.after:.3g}',
        f'{change.ratio:.3f}',
        interval,
        '{} and {}'.format(*change.rounds),
        change.verdict,
    ]


def _alone(name: str, rows: Iterable[str]) -> Iterator[str]:
    for row in rows:
        yield f'only in {name}: {row}'
