"""How long one forward pass of RFGM takes on a CPU, beside the plain network in ONNX Runtime.

    nice -n 5 python benchmarks/rfgm_forward.py [--models rfgm_b256 ...] [--rounds 15]

The frame is one without a memory update; the memory is full (192 tokens unless said otherwise).
The baseline is `rfgm_baseline.py`: the same network without token selection, from plain modules.
Every precision of ours is timed with and without selection, in one interleaved run. Weights and
pictures are random: they change no time. One thread is judged by process CPU time (medians and
minima), two threads by wall minima, the baseline without spinning workers. Writes
``benchmarks/results/<cpu>/rfgm_forward.json``. Needs the extras torch and openvino.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
import tempfile
from typing import Any

from cpu_forward import figures, kept, save, show
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGM_MODELS, RFGMConfig
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.folding import MEAN, STD
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.geometry.centre import decode
from hit_rfgm_ros.types import Array
import numpy as np
import onnx
from rfgm_baseline import export_rfgm_baseline
from timing import Variant, compare, make_runner

BASELINE = 'plain network, ONNX Runtime fp32'
STAGES = 3
# name: precision of the graph, back end, OpenVINO's inference precision
OURS = {
    'fp32 ONNX Runtime': ('fp32', 'onnxruntime', 'f32'),
    'fp32 OpenVINO': ('fp32', 'openvino', 'f32'),
    'bf16 OpenVINO': ('bf16', 'openvino', 'bf16'),
    'int8 ONNX Runtime': ('int8', 'onnxruntime', 'f32'),
    'int8 OpenVINO': ('int8', 'openvino', 'bf16'),
}


def make_variants(config: RFGMConfig, folder: Path, tokens: int) -> list[Variant]:
    """Write all graphs and inputs of a model; the baseline comes first."""
    weights = random_weights(replace(config, relevance_stages=STAGES))
    generator = np.random.default_rng(0)
    size = config.search_size
    search = generator.integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    memory = _memory(config, weights.tensors, folder, tokens)
    normal = ((search / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
    np.savez(folder / 'baseline.npz', search=normal, memory=memory)
    np.savez(folder / 'ours.npz', search=search, memory=memory)
    export_rfgm_baseline(config, weights.tensors, folder / 'baseline.onnx', memory_tokens=tokens)
    files = (str(folder / 'baseline.onnx'), 'onnxruntime', str(folder / 'baseline.npz'))
    variants = [Variant(BASELINE, *files)]
    for stages in (0, STAGES):
        chosen = replace(config, relevance_stages=stages, filter_ranker=False)
        tensors = {
            key: value
            for key, value in weights.tensors.items()
            if stages or not key.startswith('rankers.')
        }
        ranges = collect_ranges(chosen, tensors, [_crops(config, generator)])
        for label, (precision, backend, hint) in OURS.items():
            graphs = build_graphs(
                chosen, tensors, precision=precision, backend=backend, ranges=ranges
            )
            name = f'{label}, {stages} stages'
            path = folder / f'{len(variants)}.onnx'
            onnx.save(graphs['track'], str(path))
            inputs = str(folder / 'ours.npz')
            variants.append(Variant(name, str(path), backend, inputs, hint=hint, fixed=True))
    return variants


def _crops(config: RFGMConfig, generator: np.random.Generator) -> tuple[Array, Array]:
    search, template = (
        generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        for side in (config.search_size, config.template_size)
    )
    return search, template


def _memory(config: RFGMConfig, tensors: Mapping[str, Array], folder: Path, tokens: int) -> Array:
    """A memory of random pictures' tokens, (1, tokens, C)."""
    count = -(-tokens // config.template_tokens)
    generator = np.random.default_rng(1)
    side = config.template_size
    pictures = generator.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    graph = build_graphs(config, tensors)['template']
    onnx.save(graph, str(folder / 'template.onnx'))
    np.savez(folder / 'template.npz', template=pictures)
    paths = (str(folder / 'template.onnx'), 'onnxruntime', str(folder / 'template.npz'))
    found = make_runner(Variant('', *paths))()['template_tokens']
    return np.ascontiguousarray(found.reshape(1, -1, config.width)[:, :tokens])


def box_deviation(variants: list[Variant]) -> dict[str, float]:
    """Largest difference of a box coordinate (fractions) from fp32 with as many stages.

    Without selection that is the baseline; with it our own graph in ONNX Runtime, which the
    tests compare with torch.
    """
    boxes = {v.name: _box(v) for v in variants}
    found = {}
    for v in variants[1:]:
        whole = v.name.endswith('0 stages')
        reference = BASELINE if whole else f'fp32 ONNX Runtime, {STAGES} stages'
        found[v.name] = float(np.abs(boxes[v.name] - boxes[reference]).max())
    return found


def _box(variant: Variant) -> Array:
    maps = make_runner(variant)()
    score, size, offset = (
        np.asarray(maps[name]).reshape(1, -1, 256) for name in ('score', 'size', 'offset')
    )
    return decode(score[:, 0], size, offset).boxes


def measure(name: str, rounds: int, tokens: int) -> dict[str, Any]:
    """All figures of one model."""
    config = get_model_config(name)
    if not isinstance(config, RFGMConfig):
        raise SystemExit(f'{name} is no RFGM')
    with tempfile.TemporaryDirectory() as text:
        variants = make_variants(config, Path(text), tokens)
        deviation = box_deviation(variants)
        one = compare(variants, rounds=rounds)
        for variant in variants:
            variant.threads = 2
        two = compare(variants, rounds=max(5, rounds // 2))
    return {
        v.name: {
            **figures(one, two, v.name, BASELINE),
            'box_deviation': deviation.get(v.name),
        }
        for v in variants
    }


def main() -> None:
    """Measure, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--models', nargs='+', default=['rfgm_b256'], choices=list(RFGM_MODELS))
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--memory-tokens', type=int, default=192)
    options = parser.parse_args()
    path, models = kept('rfgm_forward')
    for name in options.models:
        models[name] = measure(name, options.rounds, options.memory_tokens)
        show(name, models[name])
        command = (
            f'python benchmarks/rfgm_forward.py --rounds {options.rounds} '
            f'--memory-tokens {options.memory_tokens}'
        )
        save(path, command, models)


if __name__ == '__main__':
    main()
