"""``hit-rfgm export``: write a model's graphs as ONNX files."""

from __future__ import annotations

from dataclasses import asdict
import hashlib
import json
from pathlib import Path

import click
from hit_rfgm_ros import __version__
from hit_rfgm_ros.cli.engine_options import MODEL, STAGES, WEIGHTS_HELP, load_weights
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.data.golden import LENGTH
from hit_rfgm_ros.engines import accepted
from hit_rfgm_ros.engines.base import BaseEngine, graph_specs
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.weights.options import options_of


@click.command('export')
@click.option('--model', required=True, type=MODEL, help='The model to export.')
@click.option('--weights', 'weights_file', help=WEIGHTS_HELP)
@click.option(
    '--precision',
    type=click.Choice(['fp32', 'bf16', 'int8']),
    default='fp32',
    show_default=True,
    help='Arithmetic of the graphs; bf16 is written as fp32, to be run in bf16.',
)
@click.option(
    '--backend',
    type=click.Choice(['onnxruntime', 'openvino', 'tensorrt']),
    default='onnxruntime',
    show_default=True,
    help='Whose habits the graphs suit; every back end can read them.',
)
@STAGES
@click.option('--out', required=True, type=click.Path(path_type=Path), help='Folder to write to.')
def export(
    model: str,
    weights_file: str | None,
    precision: str,
    backend: str,
    relevance_stages: int | None,
    out: Path,
) -> None:
    """Write the graphs of a model as ONNX, with a JSON file that describes them.

    They are written only if they agree with the reference (torch where it is installed) along a
    whole track.
    """
    weights = load_weights(model, weights_file, relevance_stages)
    config = weights.config
    graphs = accepted.make_graphs(config, weights, backend, precision)
    click.echo(f'comparing {model} in {precision} with the reference ...')
    engine = _engine(config, graphs, backend, precision)
    agreement = accepted.check(engine, weights, LENGTH)
    _make_folder(out)
    description = {
        'model': model,
        'precision': precision,
        'made_for': backend,
        'made_by': f'hit_rfgm_ros {__version__}',
        'weights_sha256': weights.sha256,
        'options': options_of(config),
        'pictures': 'uint8 RGB, (batch, side, side, 3); normalisation is in the graph',
        'graphs': {name: _describe(config, model, name, graph) for name, graph in graphs.items()},
        'agreement': None if agreement is None else asdict(agreement),
    }
    for name, graph in graphs.items():
        _write(out / f'{model}_{name}.onnx', graph)
    _write(out / f'{model}.json', json.dumps(description, indent=1).encode() + b'\n')
    click.echo(
        f'agrees: {agreement}' if agreement else 'not compared: no reference on this machine'
    )


def _engine(
    config: ModelConfig, graphs: dict[str, bytes], backend: str, precision: str
) -> BaseEngine:
    """Something that runs the graphs: OpenVINO where they are for it or in bf16."""
    if backend == 'openvino' or precision == 'bf16':
        from hit_rfgm_ros.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(config, graphs, precision=precision)
    from hit_rfgm_ros.engines.onnx_engine import OnnxEngine

    return OnnxEngine(config, graphs, precision=precision)


def _describe(config: ModelConfig, model: str, name: str, graph: bytes) -> dict[str, object]:
    spec = graph_specs(config)[name]
    return {
        'file': f'{model}_{name}.onnx',
        'sha256': hashlib.sha256(graph).hexdigest(),
        'inputs': {
            label: {
                'dtype': dtype,
                'shape': ['batch', *('tokens' if side is None else side for side in shape)],
            }
            for label, (dtype, shape) in spec.inputs.items()
        },
        'outputs': list(spec.outputs),
    }


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f'{path} cannot be made: {error.strerror}') from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise EngineError(f'{path} cannot be written: {error.strerror}') from error
    click.echo(f'{path} ({len(data) / 1e6:.1f} MB)')
