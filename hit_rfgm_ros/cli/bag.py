"""``hit-rfgm bag``: track through a recorded bag of ROS 2, without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
import re
import sys
import time
from typing import TYPE_CHECKING, TextIO

import click
from hit_rfgm_ros.cli.exit_codes import FAILED, INTERRUPTED
from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.session import print_summary
from hit_rfgm_ros.cli.tracker_options import TrackerSettings, tracker_options
from hit_rfgm_ros.cli.values import read_box, read_stamp
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import BoxRequest, FrameReport
from tqdm import tqdm

if TYPE_CHECKING:
    from hit_rfgm_ros.bag.job import BagOutcome
    from hit_rfgm_ros.bag.run import BagRun

CSV_HEADER = 'stamp,id,label,x,y,w,h,confidence,state'


def parse_targets(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> tuple[BoxRequest, ...]:
    """Make boxes with labels of the texts x,y,w,h and x,y,w,h,label."""
    targets = []
    for text in texts:
        numbers, label = text.split(',')[:4], ','.join(text.split(',')[4:])
        try:
            box = read_box(','.join(numbers), 'x,y,w,h or x,y,w,h,label, like 120,80,64,48,dog')
        except click.BadParameter as error:
            raise click.BadParameter(f'{text!r}: {error.message}') from error
        targets.append(BoxRequest(box, label=label.strip()))
    return tuple(targets)


def parse_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """Refuse what ROS takes for no name of a node."""
    if not re.fullmatch(r'/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*', name, re.ASCII):
        raise click.BadParameter(
            f'{name!r} is no name in ROS: letters, digits and _, with / in between, like front/eye'
        )
    return name


def parse_stamp(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """Make nanoseconds of seconds."""
    return None if text is None else read_stamp(text)


@click.command('bag')
@click.argument('bag_path', metavar='IN', type=click.Path(path_type=Path))
@click.option('--out', required=True, type=click.Path(path_type=Path), help='Folder to write.')
@click.option(
    '--init',
    'boxes',
    metavar='X,Y,W,H[,LABEL]',
    multiple=True,
    required=True,
    callback=parse_targets,
    help='A target in the first image, in pixels, top-left corner; may be repeated.',
)
@click.option('--image-topic', metavar='TOPIC', help='[default: the only image topic]')
@click.option(
    '--stamp',
    metavar='SECONDS',
    callback=parse_stamp,
    help='Start on the image with this header.stamp. [default: the first image]',
)
@click.option(
    '--name',
    default='tracker',
    show_default=True,
    callback=parse_name,
    help='Node name before the new topics.',
)
@click.option(
    '--storage', type=click.Choice(['mcap', 'sqlite3']), help='[default: that of the old bag]'
)
@click.option('--only-results', is_flag=True, help='Leave out what the old bag held.')
@click.option(
    '--annotated',
    type=click.Choice(['compressed', 'raw', 'none']),
    default='compressed',
    show_default=True,
    help='How annotated images are written.',
)
@click.option(
    '--camera-info',
    metavar='TOPIC',
    default='',
    help='Calibration, for the bearings of targets. [default: none]',
)
@click.option(
    '--csv',
    type=click.Path(dir_okay=False, path_type=Path),
    help='Write a line per target and image here too.',
)
@tracker_options
@click.pass_context
def bag(
    context: click.Context,
    bag_path: Path,
    out: Path,
    boxes: tuple[BoxRequest, ...],
    image_topic: str | None,
    stamp: int | None,
    name: str,
    storage: str | None,
    only_results: bool,
    annotated: str,
    camera_info: str,
    csv: Path | None,
    settings: TrackerSettings,
) -> None:
    """Track through IN, a bag of ROS 2: the folder of a bag, or one .mcap or .db3 file.

    Writes a new bag with all that IN holds and, under the times of the images, NAME/targets,
    NAME/detections and NAME/image_annotated. The same bag and boxes give the same new bag. Ctrl-C
    ends it; the new bag is finished and readable then. Of a bag that was cut off, what can be read
    is used, and the exit code is 1.
    """
    from hit_rfgm_ros.bag.building import OptionsBuilder
    from hit_rfgm_ros.bag.job import BagJob
    from hit_rfgm_ros.bag.reader import open_bag
    from hit_rfgm_ros.bag.run import BagRun

    with wrong_use():
        params = _params(settings, len(boxes), bearings=bool(camera_info))
    job = BagJob(
        boxes=boxes,
        out=out,
        image_topic=image_topic,
        stamp=stamp,
        params=params,
        name=name,
        storage=storage or '',
        only_results=only_results,
        annotated=annotated,
        camera_info=camera_info,
    )
    if out.exists():
        raise click.UsageError(f'{out} exists already; take another name.')
    with open_bag(bag_path) as opened:
        run = BagRun(job, opened, OptionsBuilder(settings.model, _arguments(settings)))
        outcome, seconds = _run(run, csv)
    print_summary(_summary(run, outcome, seconds))
    for path in (out, csv):
        if path is not None and path.exists():
            click.echo(f'wrote {path}')
    for line in outcome.damage:
        click.echo(f'hit-rfgm bag: {line}', err=True)
    if outcome.interrupted:
        click.echo('hit-rfgm bag: stopped by Ctrl-C; the new bag is complete so far', err=True)
        context.exit(INTERRUPTED)
    if outcome.damage:
        click.echo(
            f'hit-rfgm bag: {bag_path} could not be read as a whole; what could be read was used',
            err=True,
        )
        context.exit(FAILED)


def _run(run: BagRun, csv: Path | None) -> tuple[BagOutcome, float]:
    click.echo('Preparing the tracker ...', err=True)
    run.load()
    with ExitStack() as stack:
        bar = stack.enter_context(
            tqdm(
                total=run.images.messages or None,
                unit='image',
                dynamic_ncols=True,
                disable=not sys.stderr.isatty(),
            )
        )
        lines: TextIO | None = None
        if csv is not None:
            csv.parent.mkdir(parents=True, exist_ok=True)
            lines = stack.enter_context(csv.open('w', encoding='utf-8', newline='\n'))
            lines.write(CSV_HEADER + '\n')
        interruption = stack.enter_context(Interruption())

        def watch(report: FrameReport | None) -> None:
            bar.update()
            if lines is not None and report is not None:
                lines.writelines(csv_lines(report))

        began = time.perf_counter()
        outcome = run.run(watch, lambda: interruption.requested)
        return outcome, time.perf_counter() - began


def csv_lines(report: FrameReport) -> Iterator[str]:
    """A line per target."""
    for target in report.targets:
        header = target.header
        label = '"' + target.label.replace('"', '""') + '"' if target.label else ''
        box = ','.join(f'{value:.3f}' for value in target.box)
        yield (
            f'{header.sec}.{header.nanosec:09d},{target.id},{label},{box},'
            f'{target.confidence:.4f},{target.state.name}\n'
        )


def _params(settings: TrackerSettings, count: int, *, bearings: bool) -> TrackerParams:
    """What the node logic itself goes by; the tracker is given its options by the builder."""
    judged = ('min_box_size', 'min_visible', 'lost_after')
    known = {name: settings.options[name] for name in judged if name in settings.options}
    return TrackerParams.from_values(
        {
            **known,
            'model': settings.model,
            'publish_bearing': bearings,
            'max_targets': count,
            'image_timeout': 0,  # a gap in a bag is no camera that stopped
        }
    )


def _arguments(settings: TrackerSettings) -> dict[str, object]:
    return {
        'weights': settings.weights,
        'backend': settings.backend,
        'device': settings.device,
        'precision': settings.precision,
        'paper_mode': settings.paper_mode,
        'threads': settings.threads,
        **settings.options,
    }


def _summary(run: BagRun, outcome: BagOutcome, seconds: float) -> Iterator[tuple[str, str]]:
    unused = outcome.images - outcome.processed
    left_out = f', {unused} of them not usable or not in order' if unused else ''
    yield 'images', f'{outcome.images} on {run.images.name}{left_out}'
    yield 'model', str(outcome.info['model'])
    yield 'back end', str(outcome.info['choice'] or outcome.info['backend'])
    yield 'everything', f'{outcome.images / max(seconds, 1e-9):.1f} images/s'
    total = sum(outcome.states.values())
    shares = (f'{name} {100 * n / total:.0f} %' for name, n in outcome.states.items())
    yield 'states', ', '.join(shares)
    yield 'copied', f'{outcome.messages} messages'
