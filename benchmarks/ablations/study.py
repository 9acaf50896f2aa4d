"""Runs one ablation study: train each variant, track the data sets with it, print the table.

Every step is a command of ``hit-rfgm`` in a process of its own and goes on where it was stopped,
so that a study can be interrupted at any moment and called again. Variants that differ only in
how they track share one training. Results in OUT: ``runs/`` (training), ``eval/`` (boxes and
scores), ``<study>.json`` and ``<study>.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
# Columns of the papers' tables, by data set; the others have those of LaSOT.
COLUMNS = {
    'got10k_val': ('ao', 'sr50', 'sr75'),
    'got10k_test': ('ao', 'sr50', 'sr75'),
}
USUAL_COLUMNS = ('auc', 'normalized_precision', 'precision')


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        label: as in the paper.
        training: what its training has other than the study's configuration.
        tracking: flags of ``hit-rfgm eval``.
        stages: relevance stages to count multiply-adds and parameters with (needs thop); None
            counts nothing.
        paper: the authors' figures by data set, in the order of the columns, in percent.
    """

    label: str
    training: Mapping[str, Any] = field(default_factory=dict)
    tracking: Sequence[str] = ()
    stages: int | None = None
    paper: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """One table of a paper.

    Attributes:
        name: of the result files.
        title: heading of the printed table.
        config: training configuration, below ``config/train``.
        variants: the rows.
        note: what must be known of the rows, below the table.
    """

    name: str
    title: str
    config: str
    variants: Sequence[Variant]
    note: str = ''


def main(study: Study, description: str | None) -> None:
    """Read the command line, run the study, print and write its table."""
    options = _options(study, description)
    settings = _settings(study, options)
    variants = [v for v in study.variants if not options.only or v.label in options.only]
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for variant in variants:
        weights = options.weights or _train(variant, settings, options.out)
        row: dict[str, Any] = {'label': variant.label, 'weights': str(weights)}
        for text in options.eval:
            dataset, _, root = text.partition('=')
            row[dataset] = _evaluate(variant, settings, weights, (dataset, root), options)
        if variant.stages is not None:
            row['macs'], row['parameters'] = _count(settings['model'], variant.stages)
        rows.append(row)
    table = render(study.title, variants, rows)
    if study.note:
        table += f'\n{study.note}'
    print(table)
    (options.out / f'{study.name}.md').write_text(table + '\n', encoding='utf-8')
    report = {'study': study.name, 'settings': settings, 'rows': rows}
    (options.out / f'{study.name}.json').write_text(json.dumps(report, indent=1), encoding='utf-8')


def _options(study: Study, description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', help='training pictures; not needed with --weights')
    parser.add_argument(
        '--eval',
        action='append',
        default=[],
        metavar='NAME=DIR',
        help='data set to track, as in hit-rfgm eval; may be given several times',
    )
    parser.add_argument('--out', type=Path, required=True, help='folder of all results')
    parser.add_argument('--weights', type=Path, help='track with these instead of training')
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='change a key of the training configuration in all variants',
    )
    parser.add_argument('--backend', default='auto', help='of the tracker')
    parser.add_argument('--sequences', nargs='+', default=[], help='only these')
    parser.add_argument('--only', nargs='+', metavar='LABEL', help='only these rows of the table')
    options = parser.parse_args()
    labels = [variant.label for variant in study.variants]
    unknown = sorted(set(options.only or ()) - set(labels))
    if unknown:
        parser.error(f'no row {unknown[0]!r}; this table has: {"; ".join(labels)}')
    if not options.weights and not options.data:
        parser.error('give --data, the folder of training pictures, or --weights')
    return options


def _settings(study: Study, options: argparse.Namespace) -> dict[str, Any]:
    """The training configuration that all variants share."""
    path = REPOSITORY / 'config' / 'train' / study.config
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding='utf-8'))
    settings['data'] = options.data or ''
    for text in options.set:
        key, _, value = text.partition('=')
        settings[key] = yaml.safe_load(value)
    shares = settings['pairs'].get('shares', {})
    if not settings.get('videos') and shares.pop('video', 0) and not options.weights:
        print('no --set videos=[NAME, NAME]: all pairs are made of photos', flush=True)
    return settings


def _train(variant: Variant, settings: dict[str, Any], out: Path) -> Path:
    """Train a variant, or go on with it; where to find its averaged weights."""
    own = settings | dict(variant.training)
    key = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:10]
    folder = out / 'runs' / f'{own["model"]}-{key}'
    weights = folder / 'latest.safetensors'
    config = folder / 'study.yaml'
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(own | {'out': str(folder)}), encoding='utf-8')
    print(f'==> training: {variant.label}', flush=True)
    _call('train', '--config', str(config))
    return weights


def _evaluate(
    variant: Variant,
    settings: dict[str, Any],
    weights: Path,
    dataset: tuple[str, str],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Track a data set in paper mode; its scores without those of single sequences."""
    name, root = dataset
    model = str((settings | dict(variant.training))['model'])
    out = options.out / 'eval' / name / _slug(variant.label)
    print(f'==> tracking {name}: {variant.label}', flush=True)
    words = ['--dataset', name, '--root', root, '--model', model, '--weights', str(weights)]
    words += ['--paper-mode', '--backend', options.backend, '--out', str(out), *variant.tracking]
    for sequence in options.sequences:
        words += ['--sequences', sequence]
    _call('eval', *words)
    trackers = json.loads((out / 'summary.json').read_text(encoding='utf-8'))['trackers']
    (scores,) = trackers.values()
    return {key: scores.get(key) for key in (*_columns(name), 'fps')}


def _call(*words: str) -> None:
    command = [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *words]
    status = subprocess.run(command, check=False).returncode
    if status:
        raise SystemExit(status)


def _count(model: str, stages: int) -> tuple[float, float]:
    """Multiply-adds and parameters of one call with three templates, as thop counts them."""
    from hit_rfgm_ros.models import create_model
    import thop
    import torch

    network = create_model(model, relevance_stages=stages).eval()
    pictures = (torch.zeros(1, 3, 256, 256), torch.zeros(1, 3, 3, 128, 128))
    macs, parameters = thop.profile(network, pictures, verbose=False)
    return float(macs), float(parameters)


def render(title: str, variants: Sequence[Variant], rows: Sequence[Mapping[str, Any]]) -> str:
    """The table in Markdown: our figures, the paper's in brackets."""
    datasets = [key for key in rows[0] if isinstance(rows[0][key], dict)]
    heads = [f'{d} {c}' for d in datasets for c in (*_columns(d), 'fps here')]
    heads += ['MACs', 'parameters'] if 'macs' in rows[0] else []
    lines = [f'# {title}', '', '| | ' + ' | '.join(heads) + ' |', '|---' * (len(heads) + 1)]
    lines[-1] += '|'
    for variant, row in zip(variants, rows):
        cells = [cell for d in datasets for cell in _cells(variant, d, row[d])]
        if 'macs' in row:
            cells += [f'{row["macs"] / 1e9:.2f} G', f'{row["parameters"] / 1e6:.2f} M']
        lines.append(f'| {variant.label} | ' + ' | '.join(cells) + ' |')
    return '\n'.join([*lines, '', "In brackets: the paper's figures, of the authors' training."])


def _cells(variant: Variant, dataset: str, scores: Mapping[str, float | None]) -> list[str]:
    paper = variant.paper.get(dataset.replace('got10k_val', 'got10k_test'), ())
    cells = []
    for place, column in enumerate(_columns(dataset)):
        value = scores[column]
        text = '-' if value is None else f'{value:.1f}'
        cells.append(f'{text} ({paper[place]:g})' if place < len(paper) else text)
    fps = scores['fps']
    return [*cells, '-' if fps is None else f'{fps:.0f}']


def _columns(dataset: str) -> tuple[str, ...]:
    return COLUMNS.get(dataset, USUAL_COLUMNS)


def _slug(label: str) -> str:
    return ''.join(letter if letter.isalnum() else '_' for letter in label.lower())
