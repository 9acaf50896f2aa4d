"""``hit-rfgm train``: train or resume a network."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click
from hit_rfgm_ros.optional import require

if TYPE_CHECKING:
    from hit_rfgm_ros.training.config import TrainConfig


@click.command()
@click.option(
    '--config',
    'config_path',
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Settings of the run, see config/train/.',
)
@click.option('--data', type=str, help='Folder of training pictures (instead of the config).')
@click.option('--out', type=str, help='Folder of the run (instead of the config).')
@click.option('--steps', type=click.IntRange(1), help='Optimiser steps (instead of the config).')
@click.option(
    '--threads',
    type=click.IntRange(1),
    help='CPU threads of the network (instead of the config).',
)
@click.option(
    '--finish',
    'finished',
    type=click.Path(dir_okay=False, path_type=Path),
    help='Train no further: calibrate the averaged weights and write them to this file.',
)
def train(
    config_path: Path,
    data: str | None,
    out: str | None,
    steps: int | None,
    threads: int | None,
    finished: Path | None,
) -> None:
    """Train a network, or resume the run that lies in its folder.

    Ctrl-C is safe at any moment: the same command goes on from the last checkpoint.
    """
    require('torch', extra='train', purpose='training')
    from hit_rfgm_ros.training.config import TrainConfig
    from hit_rfgm_ros.training.loop import train as run_training
    from tqdm import tqdm

    logging.basicConfig(level=logging.INFO, format='%(message)s')
    given = {'data': data, 'out': out, 'steps': steps, 'threads': threads}
    config = TrainConfig.from_yaml(
        config_path, {name: value for name, value in given.items() if value is not None}
    )
    if finished is not None:
        _finish(config, finished)
        return
    with tqdm(total=config.steps, unit='step', smoothing=0.05) as bar:

        def report(step: int, parts: dict[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f'{parts["total"]:.3f}', refresh=False)

        run = run_training(config, report=report)
    click.echo(f'{run.pairs_seen} pairs seen; weights: {run.folder / "latest.safetensors"}')


def _finish(config: TrainConfig, path: Path) -> None:
    from hit_rfgm_ros.training.finish import finish

    result = finish(config, path)
    click.echo(f'wrote {path} (sha256 {result.weights.sha256})')
    click.echo(f'mean overlap on held-out pairs: {result.overlap:.3f}')
    click.echo(f'AUROC, target or no target: {result.auroc_present:.3f}')
    click.echo(f'AUROC, overlap above 0.5 or not: {result.auroc_good:.3f}')
    click.echo(f'AUC on the left-out videos of the training data: {100 * result.video_auc:.1f}')
