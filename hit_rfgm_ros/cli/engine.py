"""``hit-rfgm engine``: build engines ahead of time, and look at the cache."""

from __future__ import annotations

import time

import click
from hit_rfgm_ros.cli.engine_options import MODEL, WEIGHTS_HELP, load_weights
from hit_rfgm_ros.config.tracker import BACKENDS, PRECISIONS
from hit_rfgm_ros.engines.cache import cache_folder
from hit_rfgm_ros.engines.select import create_engine


@click.group()
def engine() -> None:
    """Build engines before they are needed, and look at the cache."""


@engine.command('build')
@click.option('--model', required=True, type=MODEL, help='The model to build.')
@click.option('--weights', 'weights_file', help=WEIGHTS_HELP)
@click.option('--backend', type=click.Choice(BACKENDS), default='auto', show_default=True)
@click.option('--device', default='auto', show_default=True, help='auto, cpu, cuda or cuda:N.')
@click.option('--precision', type=click.Choice(PRECISIONS), default='auto', show_default=True)
def build_command(
    model: str, weights_file: str | None, backend: str, device: str, precision: str
) -> None:
    """Build and check an engine now, so that a tracker starts at once."""
    start = time.perf_counter()
    built = create_engine(
        model,
        load_weights(model, weights_file),
        backend=backend,
        device=device,
        precision=precision,
    )
    click.echo(f'{model}: {built.choice} ({time.perf_counter() - start:.1f} s)')


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
