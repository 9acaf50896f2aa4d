"""``hit-rfgm weights``: import, look at, check and list weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from hit_rfgm_ros.config.models import get_model_config, list_models
from hit_rfgm_ros.errors import HitRfgmError, WeightsError
from hit_rfgm_ros.weights.catalog import (
    WEIGHT_CARDS,
    find_weights,
    read_manifest,
    shipped_folder,
    user_path,
)
from hit_rfgm_ros.weights.files import Weights, read_weights, verify, write_weights
from hit_rfgm_ros.weights.importing import import_checkpoint
from hit_rfgm_ros.weights.levit import import_levit
from hit_rfgm_ros.weights.spec import parameter_count

_MODEL = click.Choice(list_models())
LONG_TEXT, SHORT_TEXT = 240, 60  # characters of one metadata entry


@click.group()
def weights() -> None:
    """Import, look at, check and list the weights of models."""


@weights.command('import')
@click.argument('file', type=click.Path(path_type=Path))
@click.option('--model', required=True, type=_MODEL, help='The model that the checkpoint is of.')
@click.option(
    '--out',
    type=click.Path(path_type=Path),
    help='Where to write (.safetensors). [default: the folder in which trackers look]',
)
@click.option('--half', is_flag=True, help='Store as float16: half the size.')
@click.option(
    '--levit',
    is_flag=True,
    help="FILE is LeViT's, trained on ImageNet: keep its backbone, to start training from.",
)
def import_command(file: Path, model: str, out: Path | None, half: bool, levit: bool) -> None:
    """Make the authors' checkpoint usable here.

    FILE is what torch.save wrote (.pth.tar, .pth, .bin) or a safetensors file, with the official
    key names. Nothing in it is executed.
    """
    if levit and out is None:
        raise click.UsageError('--levit needs --out: a backbone alone is not for tracking.')
    if levit and half:
        raise click.UsageError('--levit and --half do not go together.')
    if out is None:
        out = user_path(model)
        _make_folder(out.parent)
    if levit:
        count = import_levit(file, get_model_config(model), out)
        click.echo(f'{out}: the backbone of {model} ({count} tensors), to train from')
        return
    imported = import_checkpoint(file, model, half=half)
    written = write_weights(out, model, imported.tensors, imported.metadata)
    click.echo(f'{out}: {_summary(written)}')


@weights.command('info')
@click.argument('file', type=click.Path(path_type=Path))
@click.option('--full', is_flag=True, help='Show long texts whole: calibration, int8 ranges.')
def info_command(file: Path, full: bool) -> None:
    """Say what a weights file holds."""
    found = read_weights(file)
    rows = {
        'model': found.model,
        'dtype': found.dtypes,
        'tensors': str(len(found.tensors)),
        'parameters': f'{parameter_count(found.config):,}',
        'size': f'{file.stat().st_size:,} bytes',
        'sha256': found.sha256,
    }
    rows |= {key: text for key, text in sorted(found.metadata.items()) if key not in rows}
    width = max(map(len, rows))
    for name, text in rows.items():
        if len(text) > LONG_TEXT and not full:
            text = f'{text[:SHORT_TEXT]}... ({len(text):,} characters, --full shows them)'
        click.echo(f'{name:<{width}}  {text}')


@weights.command('verify')
@click.argument('file', type=click.Path(path_type=Path), required=False)
@click.option('--all', 'everything', is_flag=True, help='Check all weights found for any model.')
@click.option('--sha256', help='The hash that FILE must have.')
def verify_command(file: Path | None, everything: bool, sha256: str | None) -> None:
    """Check that weights files are whole.

    Such a file fits its model, holds finite numbers only, and has the hash that is known of it.
    """
    if (file is None) == (not everything):
        raise click.UsageError('give either FILE or --all.')
    if file is not None:
        click.echo(f'{file}: ok, {_summary(verify(file, sha256=sha256))}')
        return
    if sha256 is not None:
        raise click.UsageError('--sha256 needs FILE.')
    _verify_all()


@weights.command('list')
def list_command() -> None:
    """List the models and their weights.

    With the way to the authors' checkpoints of those that have none.
    """
    rows = [('MODEL', 'PARAMETERS', 'WEIGHTS', 'LICENCE')]
    missing = []
    manifest = read_manifest()
    for model in list_models():
        count = f'{parameter_count(get_model_config(model)) / 1e6:.2f} M'
        try:
            path = find_weights(model)
        except WeightsError:
            rows.append((model, count, 'none: import or train', WEIGHT_CARDS[model].licence))
            missing.append(WEIGHT_CARDS[model])
            continue
        shipped = path.parent == shipped_folder() and model in manifest
        licence = manifest[model].licence if shipped else _licence(path)
        rows.append((model, count, 'comes with the package' if shipped else str(path), licence))
    _print_table(rows)
    if missing:
        click.echo(f"\nThe authors' checkpoints: download from {missing[0].source}, then run")
        for card in missing:
            click.echo(f'  {card.import_command}')


def _verify_all() -> None:
    """Check what the manifest names and what lies in the user's folder; report all, then fail."""
    manifest = read_manifest()
    checks: list[tuple[Path, str, str | None]] = [
        (shipped_folder() / entry.file, model, entry.sha256) for model, entry in manifest.items()
    ]
    checks += [(user_path(m), m, None) for m in list_models() if user_path(m).exists()]
    if not checks:
        click.echo('no weights found; see: hit-rfgm weights list')
    failures = 0
    for path, model, sha256 in checks:
        try:
            click.echo(f'{path}: ok, {_summary(verify(path, model=model, sha256=sha256))}')
        except HitRfgmError as error:
            failures += 1
            click.echo(str(error), err=True)
    if failures:
        raise WeightsError(f'{failures} of {len(checks)} weights files are unusable')


def _summary(found: Weights) -> str:
    return (
        f'{found.model}, {found.dtypes}, {len(found.tensors)} tensors, '
        f'{parameter_count(found.config):,} parameters, sha256 {found.sha256}'
    )


def _licence(path: Path) -> str:
    try:
        return read_weights(path).metadata.get('licence', 'not stated')
    except HitRfgmError as error:
        return f'UNUSABLE: {error}'


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f'{folder} cannot be made: {error.strerror}; use --out') from error


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        line = '  '.join(cell.ljust(width) for cell, width in zip(row, widths))
        click.echo(line.rstrip())
