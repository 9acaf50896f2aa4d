"""What ``hit-rfgm bench`` writes: the report and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from hit_rfgm_ros.evaluation.bench.report import STAGES
from hit_rfgm_ros.evaluation.results import write_json
from hit_rfgm_ros.optional import require

if TYPE_CHECKING:
    from hit_rfgm_ros.viz.bench_plot import BenchPlot


@dataclass(frozen=True)
class Files:
    """What is written.

    Attributes:
        out: the report, None for none.
        plot: the picture, None for none.
    """

    out: Path | None
    plot: Path | None

    def check(self) -> None:
        """Find out before hours are spent what could not be written.

        Raises:
            UsageError: if a folder is not there.
            MissingDependencyError: if the picture cannot be drawn.
        """
        for path in (self.out, self.plot):
            if path is not None and not path.absolute().parent.is_dir():
                raise click.UsageError(f'{path} cannot be written: its folder is not there')
        if self.plot is not None:
            require('matplotlib', extra='plot', purpose='--plot')
            if self.plot.suffix != '.png':
                raise click.UsageError(f'--plot writes a PNG; give a name.png, not {self.plot}')

    def write(self, report: dict[str, Any]) -> None:
        """Write them."""
        if self.out is not None:
            write_json(self.out, report)
            click.echo(f'wrote {self.out}')
        if self.plot is not None and report['rows']:
            from hit_rfgm_ros.viz.bench_plot import save_bench_plot

            save_bench_plot(make_plot(report), self.plot)
            click.echo(f'wrote {self.plot}')


def make_plot(report: dict[str, Any]) -> BenchPlot:
    """What is drawn of a report."""
    from hit_rfgm_ros.viz.bench_plot import BenchBar, BenchPlot

    machine, amount = report['machine'], report['amount']
    bars = []
    for row in _rows(report):
        summary, model = row['summary'], row['case']['model']
        update = summary['update_ms']
        bars.append(
            BenchBar(
                group=model,
                label=row['name'].removeprefix(f'{model} '),
                stages={name: summary['stages_ms'][name] for name in STAGES},
                percentiles={
                    name: update[name]
                    for name in ('p50', 'p90', 'p99')
                    if update[name] is not None
                },
                fps=summary['fps'],
                memory_update=summary['memory_update_ms'],
            )
        )
    busy = machine['other_cores']
    return BenchPlot(
        title='How long an update takes',
        subtitle=f'{machine["cpu"]}, {machine["cores"]} cores; rounds: {amount["rounds"]}, '
        f'frames in each: {amount["frames"]} of {amount["size"][0]}x{amount["size"][1]}; '
        + (f'others kept {busy:g} cores busy; ' if busy else '')
        + f'{report["date"][:10]}',
        bars=bars,
    )


def _rows(report: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Rows with those of a model together."""
    models = list(dict.fromkeys(row['case']['model'] for row in report['rows']))
    return sorted(report['rows'], key=lambda row: models.index(row['case']['model']))
