"""The course of ``hit-rfgm eval``: run, tell what failed, score, print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
import sys
import traceback

import click
from hit_rfgm_ros.cli import eval_table
from hit_rfgm_ros.cli.exit_codes import FAILED, INTERRUPTED
from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.data.datasets.registry import Dataset
from hit_rfgm_ros.errors import DatasetError, EvaluationError, HitRfgmError, MetricError
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.identity import Workers
from hit_rfgm_ros.evaluation.jobs import Failure, Outcome, rank_of, run_jobs, share_of
from hit_rfgm_ros.evaluation.plan import make_jobs, record_dataset
from hit_rfgm_ros.evaluation.results import SUMMARY_FILE, Results, write_json, write_text
from hit_rfgm_ros.evaluation.run import Pace
from hit_rfgm_ros.evaluation.submission import server_of, write_submission
from hit_rfgm_ros.evaluation.summary import Rules, check_rules, summarize, without
from hit_rfgm_ros.evaluation.worker import Job, is_done
from tqdm import tqdm


@dataclass(frozen=True)
class Wish:
    """What is asked for beside the trackers.

    Attributes:
        root: folder of the data set.
        out: folder of the results.
        rules: of scoring.
        skip_broken: leave out sequences with damaged pictures.
        score_only: run nothing.
        submission: archive for a server, None for none.
    """

    root: Path
    out: Path
    rules: Rules
    skip_broken: bool
    score_only: bool
    submission: Path | None


def evaluate(
    wish: Wish,
    dataset: Dataset,
    specs: Sequence[ContenderSpec],
    paces: Sequence[Pace | None],
    workers: Workers,
) -> int:
    """Run, score, print; returns the exit code."""
    with wrong_use(MetricError):
        check_rules(dataset, wish.rules)
    if wish.submission is not None:
        with wrong_use(EvaluationError):
            server_of(dataset)
    with wrong_use():
        jobs = make_jobs(wish.out, dataset, specs, paces)
    try:
        record_dataset(wish.out, dataset, wish.root)
    except OSError as error:
        reason = f'{wish.out} cannot be written: {error.strerror}; take another --out'
        raise EvaluationError(reason) from error
    outcome = Outcome()
    if not wish.score_only:
        outcome = _run(jobs, workers)
        if outcome.interrupted:
            left = sum(not is_done(job) for job in jobs)
            click.echo(
                f'hit-rfgm eval: stopped by Ctrl-C; {left} of {len(jobs)} sequences are left, the '
                f'same command goes on with them',
                err=True,
            )
            return INTERRUPTED
    if wish.skip_broken:
        dataset = _leave_out_broken(dataset, outcome)
    for line in _failures(outcome.failures, wish.out):
        click.echo(f'hit-rfgm eval: {line}', err=True)
    if _others_run_on(jobs, outcome, workers):
        return 0
    refused = _score(wish, dataset, [*dict.fromkeys(job.tracker for job in jobs)])
    if wish.submission is not None and not (refused or outcome.failures):
        write_submission(wish.submission, Results(wish.out), specs[0].name, dataset)
        click.echo(f'wrote {wish.submission}')
    return FAILED if refused or outcome.failures else 0


def _run(jobs: Sequence[Job], workers: Workers) -> Outcome:
    todo = share_of(jobs)
    if len(todo) < len(jobs) and workers.ranks == 1:
        click.echo(f'{len(jobs) - len(todo)} of {len(jobs)} sequences are done', err=True)
    with (
        tqdm(
            total=sum(len(job.sequence) for job in todo),
            unit='frame',
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        ) as bar,
        Interruption() as interruption,
    ):
        return run_jobs(todo, workers, progress=bar.update, stop=lambda: interruption.requested)


def _leave_out_broken(dataset: Dataset, outcome: Outcome) -> Dataset:
    """Count sequences whose pictures turned out to be damaged as broken ones."""
    broken = [one for one in outcome.failures if isinstance(one.error, DatasetError)]
    outcome.failures = [one for one in outcome.failures if one not in broken]
    for reason in dict.fromkeys(str(one.error) for one in broken):
        click.echo(f'left out: {reason}', err=True)
    return without(dataset, {one.sequence for one in broken})


def _failures(failures: Sequence[Failure], out: Path) -> Iterator[str]:
    """One line for each tracker and reason; where nobody expected it, the traceback in a file."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for tracker, sequence, error in failures:
        reason = ' '.join(str(error).split())
        if not isinstance(error, (HitRfgmError, OSError)):
            path = out / tracker / 'errors' / f'{sequence}.log'
            write_text(path, ''.join(traceback.format_exception(error)))
            reason = f'{type(error).__name__}: {reason}; see {path.parent}'
        by_reason.setdefault((tracker, reason), []).append(sequence)
    for (tracker, reason), names in by_reason.items():
        which = names[0] if len(names) == 1 else f'{len(names)} sequences'
        yield f'{tracker} failed on {which}: {reason}'


def _others_run_on(jobs: Sequence[Job], outcome: Outcome, workers: Workers) -> bool:
    """Whether other ranks are to finish, and the last of them is to score."""
    if workers.ranks == 1 or outcome.failures:
        return False
    left = sum(not is_done(job) for job in jobs)
    if left:
        click.echo(
            f'rank {rank_of()[0]} is done; {left} sequences of other ranks are not yet, the last '
            f'rank or a later call scores'
        )
    return left > 0


def _score(wish: Wish, dataset: Dataset, called: Sequence[str]) -> bool:
    """Score all that lies there; whether something that was asked for could not be."""
    if not Results(wish.out).trackers():
        click.echo(f'hit-rfgm eval: there is nothing to score in {wish.out}', err=True)
        return True
    summary = summarize(Results(wish.out), dataset, wish.rules)
    write_json(wish.out / SUMMARY_FILE, summary)
    for line in eval_table.lines(summary):
        click.echo(line)
    for tracker, reason in summary['refused'].items():
        click.echo(f'hit-rfgm eval: {tracker} is not scored: {reason}', err=True)
    click.echo(f'wrote {wish.out / SUMMARY_FILE}')
    missing = set(called) - summary['trackers'].keys()
    return bool(missing or (summary['refused'] and not called) or not summary['trackers'])
