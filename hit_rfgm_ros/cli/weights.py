"""``hit-rfgm weights``: import, look at, check and list weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from hit_rfgm_ros.config.models import MODELS, get_model_config, list_models
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import HitRfgmError, WeightsError
from hit_rfgm_ros.weights.catalog import (
    WEIGHT_CARDS,
    WeightCard,
    find_weights,
    read_manifest,
    shipped_folder,
    user_path,
)
from hit_rfgm_ros.weights.files import Weights, read_weights, verify, write_backbone, write_weights
from hit_rfgm_ros.weights.importing import import_checkpoint, missing_keys
from hit_rfgm_ros.weights.levit import backbone_from_levit
from hit_rfgm_ros.weights.serving import served
from hit_rfgm_ros.weights.spec import parameter_count
from hit_rfgm_ros.weights.vit import encoder_from_vit

_MODEL = click.Choice(list(MODELS))
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
    '--encoder',
    '--levit',
    'encoder',
    is_flag=True,
    help="FILE is of a network trained on pictures, LeViT's for HiT, a ViT's (MAE, DeiT, timm) "
    'for RFGM: keep its encoder, to start training from.',
)
def import_command(file: Path, model: str, out: Path | None, half: bool, encoder: bool) -> None:
    """Make the authors' checkpoint usable here.

    FILE is what torch.save wrote (.pth.tar, .pth, .bin) or a safetensors file, with the official
    key names; for RFGM it may be OSTrack's. Nothing in it is executed.
    """
    if encoder and out is None:
        raise click.UsageError('--encoder needs --out: a backbone alone is not for tracking.')
    if encoder and half:
        raise click.UsageError('--encoder and --half do not go together.')
    if out is None:
        out = user_path(model)
        _make_folder(out.parent)
    if encoder:
        config = get_model_config(model)
        if isinstance(config, RFGMConfig):
            tensors = encoder_from_vit(file, config)
        else:
            tensors = backbone_from_levit(file, config)
        count = write_backbone(out, model, tensors, file)
        click.echo(f'{out}: the backbone of {model} ({count} tensors), to train from')
        return
    imported = import_checkpoint(file, model, half=half)
    written = write_weights(out, model, imported.tensors, imported.metadata)
    click.echo(f'{out}: {_summary(written)}')
    if missing := missing_keys(written):
        click.echo(f'missing in {file}: {", ".join(missing)}')


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
        **_serves(found),
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
            card = WEIGHT_CARDS[model]
            none = 'none: import or train' if card.source else 'none: train'
            rows.append((model, count, none, card.licence or '-'))
            missing.append(card)
            continue
        shipped = path.parent == shipped_folder() and model in manifest
        licence = manifest[model].licence if shipped else _licence(path)
        rows.append((model, count, 'comes with the package' if shipped else str(path), licence))
    _print_table(rows)
    _print_sources(missing)


def _print_sources(missing: Sequence[WeightCard]) -> None:
    """Where models without weights get them, those of one page together."""
    for source in dict.fromkeys(card.source for card in missing):
        cards = [card for card in missing if card.source == source]
        if not source:
            names = ', '.join(card.model for card in cards)
            click.echo(f'\nNobody publishes weights for {names}: train them with: hit-rfgm train')
            continue
        click.echo(f"\nThe authors' checkpoints: download from {source}, then run")
        for card in cards:
            click.echo(f'  {card.import_command}' + (f'  # {card.gives}' if card.gives else ''))


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
        + ''.join(f'; it serves {text}' for text in _serves(found).values())
    )


def _serves(found: Weights) -> dict[str, str]:
    """For `info`: what rankers the weights have decides."""
    return {'serves': served(found.config)} if isinstance(found.config, RFGMConfig) else {}


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
