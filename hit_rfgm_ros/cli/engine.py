"""``hit-rfgm engine``: build engines ahead of time, ready weights for int8, see the cache."""

from __future__ import annotations

from itertools import islice
import json
from pathlib import Path
import time

import click
from hit_rfgm_ros.cli.engine_options import (
    MODEL,
    STAGES,
    WEIGHTS_HELP,
    describe_network,
    load_weights,
)
from hit_rfgm_ros.cli.wrong_use import parse_device
from hit_rfgm_ros.config.tracker import BACKENDS, PRECISIONS
from hit_rfgm_ros.data.pictures import open_source
from hit_rfgm_ros.engines import accepted
from hit_rfgm_ros.engines.cache import cache_folder
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.calibration_crops import random_crops
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.weights.files import write_weights


@click.group()
def engine() -> None:
    """Build engines before they are needed, and look at the cache."""


@engine.command('build')
@click.option('--model', required=True, type=MODEL, help='The model to build.')
@click.option('--weights', 'weights_file', help=WEIGHTS_HELP)
@click.option('--backend', type=click.Choice(BACKENDS), default='auto', show_default=True)
@click.option(
    '--device',
    default='auto',
    show_default=True,
    callback=parse_device,
    help='auto, cpu, cuda or cuda:N.',
)
@click.option('--precision', type=click.Choice(PRECISIONS), default='auto', show_default=True)
@STAGES
def build_command(
    model: str,
    weights_file: str | None,
    backend: str,
    device: str,
    precision: str,
    relevance_stages: int | None,
) -> None:
    """Build and check an engine now, so that a tracker starts at once.

    For an RFGM with the graph that is used for several targets.
    """
    start = time.perf_counter()
    weights = load_weights(model, weights_file, relevance_stages)
    built = create_engine(
        model,
        weights,
        backend=backend,
        device=device,
        precision=precision,
    )
    built.prepare(built.graphs)
    name = describe_network(weights)
    click.echo(f'{name}: {built.choice} ({time.perf_counter() - start:.1f} s)')


@engine.command('calibrate')
@click.argument('pictures', metavar='INPUT')
@click.option('--model', required=True, type=MODEL, help='The model that the weights are of.')
@click.option('--weights', 'weights_file', help="A weights file. [default: the user's]")
@click.option(
    '--count', type=click.IntRange(1), default=64, show_default=True, help='Pictures used.'
)
@click.option('--out', required=True, type=click.Path(path_type=Path), help='File to write.')
def calibrate_command(
    pictures: str, model: str, weights_file: str | None, count: int, out: Path
) -> None:
    """Make weights ready for int8 with pictures of INPUT, a video or a folder of pictures.

    Any pictures of the kind that will be tracked in do; no boxes are needed. The ranges of the
    network's activations on them are stored with a copy of the weights.
    """
    weights = load_weights(model, weights_file)
    if weights.path is None:
        raise EngineError('random weights track nothing: int8 needs no ranges of them')
    source = open_source(pictures)
    step = max(1, (source.length or count) // count)
    images = (frame.image for frame in source.frames() if frame.number % step == 0)
    crops = random_crops(islice(images, count), weights.config)
    ranges = collect_ranges(weights.config, weights.tensors, crops)
    metadata = {**weights.metadata, accepted.RANGES: json.dumps(ranges)}
    written = write_weights(out, model, weights.tensors, metadata)
    checked = create_engine(model, written, precision='int8')
    click.echo(f'{out}: ranges of {len(ranges)} layers; {checked.choice}')


@engine.command('info')
def info_command() -> None:
    """List what the cache holds."""
    folder = cache_folder()
    click.echo(f'cache folder {folder}; it may be deleted at any time')
    files = sorted(folder.glob('*.graphs')) + sorted(folder.glob('*.bad'))
    for path in files:
        status = path.stat()
        used = time.strftime('%Y-%m-%d %H:%M', time.localtime(status.st_mtime))
        note = ', was damaged' if path.suffix == '.bad' else ''
        click.echo(f'  {path.stem}  {status.st_size / 1e6:.1f} MB, last used {used}{note}')
    if not files:
        click.echo('  empty')
