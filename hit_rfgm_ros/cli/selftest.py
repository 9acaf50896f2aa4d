"""``hit-rfgm selftest``: does every back end of this machine give the right boxes?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click
from hit_rfgm_ros.cli.engine_options import (
    MODEL,
    STAGES,
    WEIGHTS_HELP,
    describe_network,
    load_weights,
)
from hit_rfgm_ros.engines import accepted, agreement, reference
from hit_rfgm_ros.engines.base import PrecisionError
from hit_rfgm_ros.engines.reference import Reference
from hit_rfgm_ros.engines.select import create_engine, possible_engines
from hit_rfgm_ros.errors import EngineError, HitRfgmError, MissingDependencyError, WeightsError
from hit_rfgm_ros.weights.catalog import models_with_weights
from hit_rfgm_ros.weights.files import Weights

_HEADER = (
    'BACK END',
    'DEVICE',
    'PRECISION',
    'LARGEST BOX DEVIATION',
    'MEAN IOU',
    'IOU LOST',
    'FPS',
    'VERDICT',
)
_WIDTHS = (11, 6, 9, 21, 8, 8, 6, 0)


class Row(NamedTuple):
    """One line of the table; `failed` decides the exit code."""

    cells: tuple[str, ...]
    failed: bool


@click.command('selftest')
@click.option('--model', type=MODEL, help='One model. [default: every model that has weights]')
@click.option('--weights', 'weights_file', help=WEIGHTS_HELP)
@STAGES
@click.option(
    '--threads', type=click.IntRange(0), default=0, help='Threads; 0: the back end chooses.'
)
@click.option(
    '--write-reference',
    is_flag=True,
    help='Store the boxes of torch in fp32 as the reference of these weights (for maintainers).',
)
@click.pass_context
def selftest(
    context: click.Context,
    model: str | None,
    weights_file: str | None,
    relevance_stages: int | None,
    threads: int,
    write_reference: bool,
) -> None:
    """Check every back end and precision of this machine on a golden sequence.

    The sequence of 120 frames, with one occlusion and one exit, comes with the package. MEAN IOU
    is the overlap with the reference's boxes, IOU LOST how much less the boxes overlap with the
    truth than the reference's. Exit code 1 if a back end that is installed does not agree.
    """
    if model is None and (weights_file, relevance_stages) != (None, None):
        option = '--relevance-stages' if weights_file is None else '--weights'
        raise click.UsageError(f'{option} needs --model')
    failed = False
    for name in _models(model):
        weights = load_weights(name, weights_file, relevance_stages)
        if write_reference:
            _write_reference(name, weights)
        else:
            failed |= _test_model(name, weights, threads)
    if failed:
        context.exit(1)


def _models(model: str | None) -> list[str]:
    if model is not None:
        return [model]
    found = models_with_weights()
    if not found:
        raise WeightsError(
            'no model has weights here; give --model M --weights F, or --weights random to check '
            'the arithmetic alone. hit-rfgm weights list says where weights are had.'
        )
    return found


def _write_reference(model: str, weights: Weights) -> None:
    if weights.path is None:
        raise EngineError('reference boxes belong to a weights file, not to random weights')
    engine = create_engine(model, weights, backend='torch', device='cpu', precision='fp32')
    click.echo(f'{reference.write_reference(engine, weights, agreement.lead(engine))} written')


def _test_model(model: str, weights: Weights, threads: int) -> bool:
    source, track = accepted.find_reference(weights.config, weights)
    if track is None:
        raise EngineError('neither torch nor ONNX Runtime is installed: nothing to compare with')
    which = 'random weights' if weights.path is None else f'{weights.path}'
    click.echo(f'{describe_network(weights)} ({which}), compared with {source}:')
    _print(_HEADER)
    failed = False
    for row in _rows(model, weights, track, threads):  # one by one: each takes a while
        _print(row.cells)
        failed |= row.failed
    return failed


def _print(cells: tuple[str, ...]) -> None:
    line = '  '.join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS))
    click.echo(f'  {line.rstrip()}')


def _rows(model: str, weights: Weights, track: Reference, threads: int) -> Iterator[Row]:
    trained = accepted.is_trained(weights)  # the boxes of random weights have no area
    for backend, device, precision in possible_engines():
        place = (backend, device, precision)
        blank = (*place, '-', '-', '-', '-')
        try:
            engine = create_engine(
                model,
                weights,
                backend=backend,
                device=device,
                precision=precision,
                threads=threads,
            )
            result = agreement.compare(engine, track, trained=trained)
        except MissingDependencyError as error:
            yield Row((*blank, f'not installed: {_first_sentence(error)}'), False)
        except PrecisionError as error:
            yield Row((*blank, f'not possible: {_first_sentence(error)}'), False)
        except HitRfgmError as error:
            yield Row((*blank, f'FAILED: {error}'), True)
        else:
            figures = (
                f'{result.box_deviation:.1e}',
                f'{result.overlap:.4f}' if trained else '-',
                f'{result.overlap_drop:.4f}' if trained else '-',
                f'{result.fps:.1f}',
            )
            verdict = 'ok' if result.ok else f'FAILED: {result}'
            yield Row((*place, *figures, verdict), not result.ok)


def _first_sentence(error: Exception) -> str:
    return str(error).partition(';')[0]
