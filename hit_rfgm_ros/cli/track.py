"""``hit-rfgm track``: one target through a video, a folder of pictures or a camera."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from itertools import islice
from pathlib import Path

import click
from hit_rfgm_ros.cli.exit_codes import INTERRUPTED
from hit_rfgm_ros.cli.session import Session, print_summary, run_session, summary
from hit_rfgm_ros.cli.tracker_options import TrackerSettings, tracker_options
from hit_rfgm_ros.cli.values import read_box
from hit_rfgm_ros.config.models import keeps_memory
from hit_rfgm_ros.data.pictures import Frame, Source, open_source
from hit_rfgm_ros.data.sequences import parse_ground_truth
from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.geometry.boxes import make_box
from hit_rfgm_ros.types import Box
import numpy as np
from numpy.typing import NDArray

_FILE = click.Path(dir_okay=False, path_type=Path)


def parse_box(_context: click.Context, _option: click.Parameter, text: str | None) -> Box | None:
    """Make a `Box` of the text x,y,w,h."""
    return None if text is None else read_box(text)


@click.command('track')
@click.argument('source', metavar='INPUT')
@click.option(
    '--init',
    metavar='X,Y,W,H',
    callback=parse_box,
    help='The target in the first frame, in pixels, top-left corner. [default: the truth there]',
)
@click.option('--csv', type=_FILE, help='Write boxes, confidences and states here.')
@click.option('--video', type=_FILE, help='Write the annotated video here (.mp4, .avi).')
@click.option('--plot', type=_FILE, help='Write one picture of the whole track (.png, .svg).')
@click.option('--truth', type=_FILE, help='groundtruth.txt: x,y,w,h per frame, nan if absent.')
@click.option(
    '--show-tokens',
    'tokens',
    metavar='DIR',
    type=click.Path(file_okay=False, path_type=Path),
    help='Write pictures of the memory of an RFGM here: what it holds, what each stage keeps.',
)
@click.option(
    '--show-tokens-every',
    'tokens_every',
    metavar='N',
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help='Of each Nth frame and of those that the memory is updated with; 0: of the latter only.',
)
@click.option('--start', type=click.IntRange(0), default=0, help='First frame. [default: 0]')
@click.option('--max-frames', type=click.IntRange(1), help='Stop after that many frames.')
@click.option(
    '--fps',
    type=click.FloatRange(0, min_open=True),
    help="Frames per second. [default: the video's own; 30 for pictures]",
)
@tracker_options
@click.pass_context
def track(
    context: click.Context,
    source: str,
    init: Box | None,
    csv: Path | None,
    video: Path | None,
    plot: Path | None,
    truth: Path | None,
    tokens: Path | None,
    tokens_every: int,
    start: int,
    max_frames: int | None,
    fps: float | None,
    settings: TrackerSettings,
) -> None:
    """Track one target through INPUT: a video, a folder of pictures, or a camera's number.

    Ctrl-C ends it; all files are finished and readable then.
    """
    if init is None and truth is None:
        raise click.UsageError("give the target's box: --init x,y,w,h (or --truth F).")
    for path in (csv, video, plot):
        if path is not None and path.exists() and _same(path, source):
            raise click.UsageError(f'{path} is the input itself; take another name.')
    if fps is not None:
        settings.check(fps)
    if tokens is not None and not keeps_memory(settings.model):
        raise click.UsageError(
            f'--show-tokens shows the memory of an RFGM, and {settings.model} keeps none; take '
            f'--model rfgm_t256 for one.'
        )
    opened = open_source(source, fps=fps)
    boxes = None if truth is None else _read_truth(truth, opened)
    session = Session(
        title=Path(opened.name).name,
        frames=_frames(opened, start, max_frames),
        fps=opened.fps,
        total=_total(opened.length, start, max_frames),
        box=_first_box(boxes, start) if init is None else init,
        truth=boxes,
        settings=settings,
        csv=csv,
        video=video,
        plot=plot,
        tokens=tokens,
        tokens_every=tokens_every,
    )
    outcome = run_session(session)
    print_summary(summary(session, outcome))
    for path in (csv, video, plot, tokens):
        if path is not None:
            click.echo(f'wrote {path}')
    if outcome.interrupted:
        click.echo('hit-rfgm track: stopped by Ctrl-C; the files are complete so far', err=True)
        context.exit(INTERRUPTED)


def _same(path: Path, source: str) -> bool:
    return Path(source).exists() and path.samefile(source)


def _frames(source: Source, start: int, most: int | None) -> Generator[Frame, None, None]:
    with closing(source.frames(start)) as frames:
        yield from islice(frames, most)


def _total(length: int | None, start: int, most: int | None) -> int | None:
    if length is None:
        return most
    return max(length - start, 0) if most is None else min(max(length - start, 0), most)


def _read_truth(path: Path, source: Source) -> NDArray[np.float64]:
    """Read the truth of a source; it has one line per frame."""
    boxes = parse_ground_truth(path)
    if source.length is not None and len(boxes) != source.length:
        raise DatasetError(
            f'{path} has {len(boxes)} lines, {source.name} has {source.length} frames; there '
            f'must be one line per frame'
        )
    return boxes


def _first_box(truth: NDArray[np.float64] | None, start: int) -> Box:
    if truth is None or start >= len(truth) or not np.isfinite(truth[start]).all():
        raise DatasetError(f'there is no true box for frame {start}; give --init x,y,w,h')
    return make_box(truth[start])
