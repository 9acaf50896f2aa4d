"""``hit-rfgm report``: the results of an evaluation as a page that a person likes to look at."""

from __future__ import annotations

from pathlib import Path

import click
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.evaluation.report import write_report


@click.command()
@click.argument('out', type=click.Path(file_okay=False, path_type=Path))
@click.option(
    '--html',
    metavar='FILE',
    type=click.Path(dir_okay=False, path_type=Path),
    help='The page. [default: OUT/report.html]',
)
@click.option(
    '--png',
    metavar='DIR',
    type=click.Path(file_okay=False, path_type=Path),
    help='Folder for its pictures. [default: OUT/report]',
)
@click.option(
    '--root',
    metavar='DIR',
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help='Folder of the data set. [default: where it was when it was evaluated]',
)
@click.option('--title', help='Title of the page. [default: names the data set]')
@click.option(
    '--tracker',
    'trackers',
    multiple=True,
    help='Look at this one closely; may be repeated. [default: the best two models of ours]',
)
def report(
    out: Path,
    html: Path | None,
    png: Path | None,
    root: Path | None,
    title: str | None,
    trackers: tuple[str, ...],
) -> None:
    """Write a page of the results in OUT, and its pictures as PNG files.

    OUT is a folder that hit-rfgm eval wrote. The page holds all it needs; it can be sent, printed
    and read without a network. All trackers are in its tables and plots; film strips and courses
    over time are of those looked at closely.
    """
    folder = png or out / 'report'
    with wrong_use():
        done = write_report(
            out,
            html or out / 'report.html',
            folder,
            root=root,
            title=title,
            trackers=trackers,
        )
    for remark in done.remarks:
        click.echo(f'hit-rfgm report: {remark}', err=True)
    size = done.html.stat().st_size / 1e6
    click.echo(f'wrote {done.html} ({size:.1f} MB) and {len(done.pictures)} pictures in {folder}')
