"""``hit-rfgm bench``: how fast this machine is with our models, and whether that changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import re
import sys
from typing import Any

import click
from hit_rfgm_ros.cli import bench_table
from hit_rfgm_ros.cli.bench_files import Files
from hit_rfgm_ros.cli.engine_options import MODEL
from hit_rfgm_ros.cli.exit_codes import FAILED, INTERRUPTED
from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.wrong_use import parse_device, wrong_use
from hit_rfgm_ros.config.rfgm import MAX_STAGES
from hit_rfgm_ros.config.tracker import BACKENDS, MEMORY_SIZES, PRECISIONS
from hit_rfgm_ros.errors import EvaluationError, WeightsError
from hit_rfgm_ros.evaluation.bench.cases import Case, Missing, Wanted, choose_weights, plan
from hit_rfgm_ros.evaluation.bench.compare import Judge, compare
from hit_rfgm_ros.evaluation.bench.machine import cores_of_others
from hit_rfgm_ros.evaluation.bench.report import read_report
from hit_rfgm_ros.evaluation.bench.run import Amount, run_bench
from hit_rfgm_ros.weights.catalog import models_with_weights
from tqdm import tqdm

_FILE = click.Path(dir_okay=False, path_type=Path)
_REPORT = click.Path(exists=True, dir_okay=False, path_type=Path)


def parse_size(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, int]:
    """Width and height of ``1280x720``."""
    found = re.fullmatch(r'(\d{2,4})x(\d{2,4})', text)
    if not found or min(map(int, found.groups())) < 64:
        raise click.BadParameter(f'{text!r} is no size; 1280x720 for one, at least 64x64')
    return int(found[1]), int(found[2])


def parse_devices(
    context: click.Context, option: click.Parameter, devices: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what can be no device; auto is all of them."""
    checked = [parse_device(context, option, device) for device in devices]
    return () if 'auto' in checked else tuple(checked)


@click.command('bench')
@click.option(
    '--model',
    'models',
    type=MODEL,
    multiple=True,
    help='May be repeated. [default: all that have weights here]',
)
@click.option(
    '--weights',
    help="Of a single model: a file, or 'random'. [default: the user's, else the package's, else "
    'random]',
)
@click.option(
    '--backend',
    'backends',
    type=click.Choice([name for name in BACKENDS if name != 'auto']),
    multiple=True,
    help='May be repeated. [default: all]',
)
@click.option(
    '--device',
    'devices',
    multiple=True,
    callback=parse_devices,
    help='cpu, cuda or cuda:N; may be repeated. [default: all]',
)
@click.option(
    '--precision',
    'precisions',
    type=click.Choice([name for name in PRECISIONS if name != 'auto']),
    multiple=True,
    help='May be repeated. [default: all that a back end can]',
)
@click.option(
    '--threads',
    type=click.IntRange(0),
    multiple=True,
    default=(0,),
    help='May be repeated. [default: 0, the back end chooses]',
)
@click.option(
    '--targets',
    type=click.IntRange(1, 64),
    multiple=True,
    default=(1,),
    help='Followed at the same time, in one batch; may be repeated. [default: 1]',
)
@click.option(
    '--memory-size',
    'memory_sizes',
    type=click.IntRange(*MEMORY_SIZES),
    multiple=True,
    help='RFGM: tokens of the memory; may be repeated. [default: 192]',
)
@click.option(
    '--relevance-stages',
    'stages',
    type=click.IntRange(0, MAX_STAGES),
    multiple=True,
    help='RFGM: layers that drop memory tokens; may be repeated. [default: all of the weights]',
)
@click.option('--paper-mode', is_flag=True, help='The official algorithm and nothing else.')
@click.option(
    '--rounds',
    type=click.IntRange(1, 100),
    default=7,
    show_default=True,
    help='Each measures all rows once, in an order of its own, each in a new process.',
)
@click.option(
    '--frames',
    type=click.IntRange(1, 10000),
    default=60,
    show_default=True,
    help='Measured in each process, after a few to warm up.',
)
@click.option(
    '--size', default='1280x720', show_default=True, callback=parse_size, help='Of the frames.'
)
@click.option(
    '--cold', is_flag=True, help='Start each row once with an empty cache too; takes long.'
)
@click.option('--out', metavar='FILE.json', type=_FILE, help='Write all that was measured.')
@click.option('--plot', metavar='FILE.png', type=_FILE, help='Draw stages and percentiles.')
@click.option(
    '--compare',
    'reports',
    metavar='FIRST.json SECOND.json',
    type=_REPORT,
    nargs=2,
    help='Measure nothing; say what changed between two reports beyond noise.',
)
@click.option(
    '--judge',
    type=click.Choice(['auto', 'cpu', 'wall']),
    help='With --compare: processor time, or time by the clock. [default: auto, the first if '
    'other programs were busy]',
)
@click.option('--force', is_flag=True, help='With --compare: also for different machines.')
@click.option(
    '--fail-if-slower',
    'allowed',
    metavar='PERCENT',
    type=click.FloatRange(0),
    help='With --compare: exit code 1 if a row is slower by more than that beyond noise, or if '
    'there are too few rounds to say.',
)
def bench(
    models: tuple[str, ...],
    weights: str | None,
    memory_sizes: tuple[int, ...],
    stages: tuple[int, ...],
    rounds: int,
    frames: int,
    size: tuple[int, int],
    cold: bool,
    out: Path | None,
    plot: Path | None,
    reports: tuple[Path, Path] | None,
    judge: Judge | None,
    force: bool,
    allowed: float | None,
    **engines: Any,
) -> int:
    """Measure how fast this machine is with our models.

    Rows are all combinations of what is given. Each frame is the work of a target in view: one
    search region per target.
    """
    if reports is not None:
        _check_alone(click.get_current_context())
        return _compare(reports, judge or 'auto', force, allowed)
    if judge or force or allowed is not None:
        raise click.UsageError('--judge, --force and --fail-if-slower belong to --compare.')
    if weights is not None and len(models) != 1:
        raise click.UsageError('--weights needs a single --model.')
    files = Files(out, plot)
    files.check()
    names = models or _with_weights()
    wanted = Wanted(
        models=list(dict.fromkeys(names)),
        memory_sizes=memory_sizes or (None,),
        relevance_stages=stages or (None,),
        **engines,
    )
    with wrong_use():
        cases, missing = plan(wanted)
    return _measure(
        cases,
        missing,
        {name: choose_weights(name, weights) for name in names},
        Amount(rounds, frames, size, cold),
        files,
    )


def _check_alone(context: click.Context) -> None:
    """Refuse options that --compare would not heed."""
    heeded = {'reports', 'judge', 'force', 'allowed'}
    for option in context.command.params:
        source = context.get_parameter_source(option.name or '')
        if option.name not in heeded and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f'--compare measures nothing: leave out {option.opts[0]}.')


def _with_weights() -> list[str]:
    found = models_with_weights()
    if not found:
        raise WeightsError(
            'no model has weights here; name one with --model, it is measured with random ones'
        )
    return found


def _measure(
    cases: Sequence[Case],
    missing: Sequence[Missing],
    weights: dict[str, str],
    amount: Amount,
    files: Files,
) -> int:
    _warn(cores_of_others(), 'before the start')
    with (
        tqdm(
            total=amount.turns(len(cases)),
            unit='run',
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        ) as bar,
        Interruption() as interruption,
    ):

        def show(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        report = run_bench(
            cases,
            missing,
            weights,
            amount,
            progress=show,
            stop=lambda: interruption.requested,
        )
    for line in bench_table.lines(report):
        click.echo(line)
    files.write(report)
    _warn(report['machine']['other_cores'], 'meanwhile')
    if report['interrupted']:
        click.echo('hit-rfgm bench: stopped by Ctrl-C; this is what was measured', err=True)
        return INTERRUPTED
    return 0 if report['rows'] else FAILED


def _warn(cores: float | None, when: str) -> None:
    warning = bench_table.busy_warning(cores, when)
    if warning:
        click.echo(f'hit-rfgm bench: {warning}', err=True)


def _compare(reports: tuple[Path, Path], judge: Judge, force: bool, allowed: float | None) -> int:
    before, after = map(read_report, reports)
    try:
        comparison = compare(before, after, judge=judge, force=force)
    except EvaluationError as error:
        raise EvaluationError(f'{reports[0]} and {reports[1]}: {error}') from error
    for line in bench_table.comparison_lines(comparison, (str(reports[0]), str(reports[1]))):
        click.echo(line)
    if allowed is None:
        return 0
    slower = comparison.slower_by(allowed)
    for change in slower:
        percent = 100 * (change.ratio - 1)
        click.echo(f'hit-rfgm bench: {change.row} is slower by {percent:.1f} %', err=True)
    for change in comparison.undecided:
        click.echo(f'hit-rfgm bench: {change.row} has too few rounds to say', err=True)
    return FAILED if slower or comparison.undecided else 0
