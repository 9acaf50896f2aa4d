"""``hit-rfgm eval`` on VOT workspaces: the official toolkit runs and scores our trackers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
import sys
from typing import Any

import click
from hit_rfgm_ros.cli.exit_codes import FAILED, INTERRUPTED
from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.table import count, number, table
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.identity import Workers
from hit_rfgm_ros.evaluation.jobs import rank_of
from hit_rfgm_ros.evaluation.results import SUMMARY_FILE
from hit_rfgm_ros.evaluation.vot.run import (
    VotRun,
    pack,
    prepare,
    run_experiments,
    score,
    write_summary,
)
from tqdm import tqdm

# Options that mean nothing here: the stack says how trackers are run and scored.
_FOREIGN = (
    *('sequences', 'skip_broken', 'profiles', 'truncate', 'allow_incomplete'),
    *('jobs', 'real_time', 'own_time', 'fps'),
)
# Of an experiment; said below the table, or only in the file.
_APART = ('realtime', 'eao_curve', 'eao_interval')


def refuse_foreign(context: click.Context) -> None:
    """Refuse options that the stack of the workspace decides.

    Raises:
        UsageError: naming them.
    """
    given = [
        f'--{option.rstrip("s") if option == "profiles" else option.replace("_", "-")}'
        for option in _FOREIGN
        if context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            f'{", ".join(given)}: the stack of a VOT workspace says how trackers are run and '
            f'scored; leave that out.'
        )
    if rank_of()[2] > 1:
        raise click.UsageError('The VOT toolkit does not share its work; run it without torchrun.')


def evaluate_vot(
    dataset: str,
    root: Path,
    out: Path,
    specs: Sequence[ContenderSpec],
    *,
    score_only: bool,
    submission: Path | None,
    workers: Workers,
) -> int:
    """Run, score, print; returns the exit code.

    Raises:
        UsageError: for a name that the toolkit does not take, or nothing to do.
        HitRfgmError: if the toolkit or the workspace is not there.
    """
    if not specs:
        raise click.UsageError('name the trackers of a VOT workspace, with --score-only as well.')
    with wrong_use():
        run = prepare(dataset, root, out, specs)
    entries, failed = {}, False
    for spec in specs:
        try:
            if not (score_only or _run(run, spec, workers)):
                click.echo(
                    'hit-rfgm eval: stopped by Ctrl-C; the same command goes on where it was',
                    err=True,
                )
                return INTERRUPTED
            entries[spec.name] = score(run, spec.name)
            if submission is not None:
                pack(run, spec.name, submission)
        except HitRfgmError as error:
            click.echo(f'hit-rfgm eval: {spec.name} failed: {error}', err=True)
            failed = True
    if entries:
        summary = write_summary(run, entries)
        for line in lines(summary):
            click.echo(line)
        click.echo(f'wrote {run.out / SUMMARY_FILE}')
    if submission is not None and not failed:
        click.echo(f'wrote {submission}')
    return FAILED if failed else 0


def _run(run: VotRun, spec: ContenderSpec, workers: Workers) -> bool:
    """Run all experiments, with a bar for each; whether they are done."""
    bars: dict[str, Any] = {}

    def show(experiment: str, percent: int) -> None:
        if experiment not in bars:
            title = f'{spec.name} {experiment}'
            quiet = not sys.stderr.isatty()
            bars[experiment] = tqdm(
                total=100, desc=title, unit='%', dynamic_ncols=True, disable=quiet
            )
        bars[experiment].update(percent - bars[experiment].n)

    with Interruption() as interruption:
        try:
            return run_experiments(
                run, spec, workers, on_percent=show, stop=lambda: interruption.requested
            )
        finally:
            for bar in bars.values():
                bar.close()


def lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a summary; see `evaluation.vot.run.write_summary`."""
    yield (
        f'{summary["dataset"]}: {count(summary["sequences"], "sequence")}, '
        f'{count(summary["frames"], "frame")}; '
        f'stack {summary["stack"]} ({summary["title"]}), VOT toolkit {summary["toolkit"]}; 0 to 1'
    )
    trackers = {name: entry['vot']['experiments'] for name, entry in summary['trackers'].items()}
    columns = dict.fromkeys(
        key
        for experiments in trackers.values()
        for numbers in experiments.values()
        for key in numbers
        if key not in _APART
    )
    heads = ('EAO' if column == 'eao' else column.replace('_', ' ') for column in columns)
    rows = [['tracker', 'experiment', *heads]]
    for tracker, experiments in trackers.items():
        for experiment, numbers in experiments.items():
            cells = [number(numbers.get(column), '.3f') for column in columns]
            rows.append([tracker, experiment, *cells])
    yield from table(rows)
    yield from _conditions(next(iter(trackers.values())), summary['longest'])


def _conditions(experiments: Mapping[str, Mapping[str, Any]], longest: int) -> Iterator[str]:
    """What the stack says about its experiments."""
    for name, numbers in experiments.items():
        said = []
        if 'eao_interval' in numbers:
            low, high = numbers['eao_interval']
            short = f' (the longest sequence has {longest}, beyond it counts as 0)'
            said.append(
                f'EAO over run lengths of {low} to {high} frames' + short * (longest < high)
            )
        if numbers['realtime']:
            grace, fps = (numbers['realtime'][key] for key in ('grace', 'fps'))
            said.append(f"in real time, the sequence's own rate, else {fps:g} fps; grace {grace}")
        if said:
            yield f'  {name}: {"; ".join(said)}'
