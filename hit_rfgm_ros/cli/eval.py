"""``hit-rfgm eval``: trackers on a data set, scored by the rules of a named tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
import math
from pathlib import Path

import click
from hit_rfgm_ros.cli.eval_run import Wish, evaluate
from hit_rfgm_ros.cli.eval_trackers import (
    specs_of_adapters,
    specs_of_models,
    specs_of_python,
    specs_of_rivals,
)
from hit_rfgm_ros.cli.eval_vot import evaluate_vot, refuse_foreign
from hit_rfgm_ros.cli.tracker_options import TrackerSettings, several_tracker_options
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.data.datasets.registry import DATASETS, open_dataset
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.jobs import rank_of, spread
from hit_rfgm_ros.evaluation.plan import common_fps, with_own_time
from hit_rfgm_ros.evaluation.rivals import RIVALS
from hit_rfgm_ros.evaluation.rivals.environment import ENVIRONMENTS, install
from hit_rfgm_ros.evaluation.run import DEFAULT_FPS, RULES, Pace
from hit_rfgm_ros.evaluation.summary import Rules
from hit_rfgm_ros.evaluation.vot.workspace import STACKS
from hit_rfgm_ros.metrics.profiles import PROFILES

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def parse_names(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Make names of texts with commas."""
    names = tuple(name.strip() for text in texts for name in text.split(',') if name.strip())
    if texts and not names:
        raise click.BadParameter('there is no name in it')
    return names


def install_environment(
    context: click.Context, _option: click.Parameter, name: str | None
) -> None:
    """Make an environment and leave."""
    if name is not None:
        click.echo(f'{name} runs with {install(name, on_line=click.echo)}')
        context.exit()


@click.command('eval')
@click.option(
    '--install',
    type=click.Choice(list(ENVIRONMENTS)),
    is_eager=True,
    expose_value=False,
    callback=install_environment,
    help='Make the environment that some rivals or the VOT toolkit run in, and do nothing else.',
)
@click.option(
    '--dataset',
    'name',
    type=click.Choice((*DATASETS, *STACKS)),
    required=True,
    help='Its layout; vot: a workspace of the VOT toolkit.',
)
@click.option('--root', type=_FOLDER, required=True, help='Folder that the data set lies in.')
@click.option(
    '--out',
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help='Folder of the results; what is done there is not done again.',
)
@click.option(
    '--sequences',
    metavar='NAME,NAME',
    multiple=True,
    callback=parse_names,
    help='Only these; may be repeated. [default: all of the data set]',
)
@click.option('--skip-broken', is_flag=True, help='Leave out sequences that cannot be read.')
@click.option(
    '--rival', 'rivals', type=click.Choice(RIVALS), multiple=True, help='May be repeated.'
)
@click.option('--peers', type=_FOLDER, help='Folder of the ONNX files of rivals.')
@click.option(
    '--rival-model', 'rival_files', type=_FILE, multiple=True, help='Its ONNX files, in order.'
)
@click.option(
    '--tracker-onnx',
    'adapters',
    metavar='FILE.yaml',
    type=_FILE,
    multiple=True,
    help='A network of your own with its description; may be repeated.',
)
@click.option(
    '--tracker-python',
    'pythons',
    metavar='FILE.py:NAME',
    multiple=True,
    help='A tracker of your own in Python; may be repeated.',
)
@click.option('--name', 'called', help='Name of the results of a single tracker. [default: its]')
@click.option(
    '--profile',
    'profiles',
    type=click.Choice(list(PROFILES)),
    multiple=True,
    help="Whose rules of scoring; may be repeated. [default: the data set's own]",
)
@click.option('--truncate', is_flag=True, help='Cut boxes to integers, as papers do.')
@click.option(
    '--allow-incomplete', is_flag=True, help='Score what is missing as the tool does; say so.'
)
@click.option('--score-only', is_flag=True, help='Run nothing; score what lies in --out.')
@click.option(
    '--jobs', type=click.IntRange(1), default=1, show_default=True, help='Worker processes.'
)
@click.option(
    '--real-time',
    'real_time',
    type=click.Choice(RULES),
    multiple=True,
    help='Run in real time as well, by this rule; may be repeated.',
)
@click.option(
    '--own-time',
    is_flag=True,
    help='Tell our models the times of the frames. [default: 30 frames per second, as published]',
)
@click.option(
    '--fps',
    type=click.FloatRange(0, min_open=True),
    help="Pictures per second in real time. [default: the sequences' own, else 30]",
)
@click.option(
    '--submission',
    metavar='ZIP',
    type=click.Path(dir_okay=False, path_type=Path),
    help='Write the archive for the server of got10k_test, trackingnet or a VOT challenge.',
)
@several_tracker_options
@click.pass_context
def eval(  # noqa: A001 the command's name
    context: click.Context,
    name: str,
    root: Path,
    out: Path,
    sequences: tuple[str, ...],
    skip_broken: bool,
    rivals: tuple[str, ...],
    peers: Path | None,
    rival_files: tuple[Path, ...],
    adapters: tuple[Path, ...],
    pythons: tuple[str, ...],
    called: str | None,
    profiles: tuple[str, ...],
    truncate: bool,
    allow_incomplete: bool,
    score_only: bool,
    jobs: int,
    real_time: tuple[str, ...],
    own_time: bool,
    fps: float | None,
    submission: Path | None,
    settings: tuple[TrackerSettings, ...],
    threads: int,
) -> None:
    """Run trackers over a data set and score them by the rules of a named tool.

    Boxes go to OUT/<tracker>/<sequence>.txt, scores to OUT/summary.json. The same command goes on
    where it was stopped. Under torchrun the ranks share the work.
    """
    specs = [
        *specs_of_models(settings),
        *specs_of_rivals(rivals, peers, rival_files, threads),
        *specs_of_adapters(adapters, threads),
        *specs_of_python(pythons),
    ]
    if own_time:
        specs = [with_own_time(spec) for spec in specs]
    specs = _check(specs, called, score_only=score_only, submission=submission)
    _check_real_time(real_time, jobs, fps)
    if name in STACKS:
        refuse_foreign(context)
        workers = spread(1, threads)
        context.exit(
            evaluate_vot(
                name,
                root,
                out,
                specs,
                score_only=score_only,
                submission=submission,
                workers=workers,
            )
        )
    if out.resolve() == root.resolve():
        raise click.UsageError(
            '--out is the folder of the data set; results need one of their own.'
        )
    with wrong_use():
        dataset = open_dataset(
            name, root, sequences=sequences or None, on_broken='skip' if skip_broken else 'raise'
        )
    for reason in dataset.reasons:
        click.echo(f'left out: {reason}', err=True)
    rules = Rules(profiles or (dataset.profile,), truncate, allow_incomplete, whole=not sequences)
    wish = Wish(root, out, rules, skip_broken, score_only, submission)
    rate = fps or common_fps(dataset, DEFAULT_FPS)
    paces = [None, *(Pace(rule, rate) for rule in dict.fromkeys(real_time))]
    context.exit(evaluate(wish, dataset, specs, paces, spread(jobs, threads)))


def _check(
    specs: list[ContenderSpec],
    called: str | None,
    *,
    score_only: bool,
    submission: Path | None,
) -> list[ContenderSpec]:
    if not specs and not score_only:
        raise click.UsageError(
            'nothing to run: give --model M, --rival R, --tracker-onnx F or --tracker-python F:N; '
            'or --score-only for results that are there.'
        )
    if submission is not None and submission.suffix != '.zip':
        raise click.UsageError(f'--submission {submission}: its name must end in .zip.')
    for option, value in (('--name', called), ('--submission', submission)):
        if value is not None and len(specs) != 1:
            raise click.UsageError(f'{option} is for a single tracker, these are {len(specs)}.')
    return [replace(spec, name=called) for spec in specs] if called else specs


def _check_real_time(rules: Sequence[str], jobs: int, fps: float | None) -> None:
    if fps is not None and not rules:
        raise click.UsageError('--fps is the rate of runs in real time; give --real-time too.')
    if fps is not None and not math.isfinite(fps):
        raise click.UsageError(f'--fps must be a finite number, got {fps}.')
    if rules and jobs * rank_of()[2] > 1:
        raise click.UsageError(
            '--real-time needs the machine to itself: processes side by side would slow each '
            'other down, and the boxes would depend on it. Take --jobs 1 and one rank.'
        )
