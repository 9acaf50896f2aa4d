"""How long one forward pass takes on a CPU, beside the official recipe in ONNX Runtime.

    nice -n 5 python benchmarks/cpu_forward.py [--models hit_tiny ...] [--rounds 15]

Weights and pictures are random: they change no time. One thread is judged by process CPU time
(medians and minima), two threads by wall minima, the baseline without spinning workers. Writes
``benchmarks/results/<cpu>/cpu_forward.json``. Needs the extras torch and openvino.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
import json
from pathlib import Path
import platform
import re
import statistics
import subprocess
import tempfile
from typing import Any

from baseline import export_baseline
from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.engines.calibrate import collect_ranges
from hit_rfgm_ros.engines.folding import MEAN, STD
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.engines.random_weights import random_weights
import numpy as np
import onnx
from timing import Times, Variant, compare, make_runner

MODELS = ('hit_tiny', 'hit_small', 'hit_base')
BASELINE = 'official ONNX Runtime'
# name: precision of the graph, back end, OpenVINO's inference precision
OURS = {
    'fp32 ONNX Runtime': ('fp32', 'onnxruntime', 'f32'),
    'fp32 OpenVINO': ('fp32', 'openvino', 'f32'),
    'bf16 OpenVINO': ('bf16', 'openvino', 'bf16'),
    'int8 ONNX Runtime': ('int8', 'onnxruntime', 'f32'),
    'int8 OpenVINO': ('int8', 'openvino', 'bf16'),
}
RESULTS = Path(__file__).parent / 'results'


def make_variants(name: str, folder: Path) -> list[Variant]:
    """Write all graphs and inputs of a model; the baseline comes first."""
    config = get_model_config(name)
    tensors = random_weights(config).tensors
    search, template = _pictures(config)
    normal = {
        key: ((picture / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)
        for key, picture in (('search', search), ('template', template))
    }
    np.savez(folder / 'baseline.npz', **normal)
    export_baseline(name, tensors, folder / 'baseline.onnx')
    ranges = collect_ranges(config, tensors, [(search[0], template[0])])
    paths = (str(folder / 'baseline.onnx'), 'onnxruntime', str(folder / 'baseline.npz'))
    variants = [Variant(BASELINE, *paths)]
    for i, (label, (precision, backend, hint)) in enumerate(OURS.items()):
        graphs = build_graphs(config, tensors, precision=precision, backend=backend, ranges=ranges)
        files = {key: str(folder / f'{i}.{key}') for key in ('template', 'track', 'npz')}
        for key, graph in graphs.items():
            onnx.save(graph, files[key])
        np.savez(folder / 'template.npz', template=template)
        tokens = make_runner(
            Variant('', files['template'], backend, str(folder / 'template.npz'), fixed=True)
        )()
        np.savez(files['npz'], search=search, template_tokens=tokens['template_tokens'])
        variants.append(
            Variant(label, files['track'], backend, files['npz'], hint=hint, fixed=True)
        )
    return variants


def _pictures(config: HiTConfig) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    search, template = (
        rng.integers(0, 256, (1, size, size, 3), dtype=np.uint8)
        for size in (config.search_size, config.template_size)
    )
    return search, template


def box_deviation(variants: Sequence[Variant]) -> dict[str, float]:
    """Largest difference of a box coordinate (fractions) from the baseline's, random weights."""
    expected = make_runner(variants[0])()['outputs_coord_new'].reshape(1, 4)
    return {
        v.name: float(np.abs(make_runner(v)()['boxes'] - expected).max()) for v in variants[1:]
    }


def measure(name: str, rounds: int) -> dict[str, Any]:
    """All figures of one model."""
    with tempfile.TemporaryDirectory() as text:
        variants = make_variants(name, Path(text))
        deviation = box_deviation(variants)
        one = compare(variants, rounds=rounds)
        for variant in variants:
            variant.threads = 2
        two = compare(variants, rounds=max(5, rounds // 2))
    return {
        v.name: {**figures(one, two, v.name, BASELINE), 'box_deviation': deviation.get(v.name)}
        for v in variants
    }


def figures(
    one: dict[str, Times], two: dict[str, Times], name: str, baseline: str
) -> dict[str, float]:
    """Times of one variant on one and two threads, and their ratios to the baseline's."""

    def median(key: str) -> float:
        return statistics.median(one[key].cpu)

    return {
        'cpu_ms_median': round(median(name), 3),
        'cpu_ms_min': round(min(one[name].cpu), 3),
        'ratio_median': round(median(name) / median(baseline), 3),
        'ratio_min': round(min(one[name].cpu) / min(one[baseline].cpu), 3),
        'two_threads_wall_ms_min': round(min(two[name].wall), 3),
        'two_threads_ratio_min': round(min(two[name].wall) / min(two[baseline].wall), 3),
    }


def show(name: str, rows: Mapping[str, Any]) -> None:
    """Print one model's table."""
    print(f'\n{name:34s} cpu ms median     min  ratio   min | 2 threads ms  ratio | box')
    for label, f in rows.items():
        print(
            f'{label:34s}{f["cpu_ms_median"]:14.2f}{f["cpu_ms_min"]:8.2f}'
            f'{f["ratio_median"]:7.3f}{f["ratio_min"]:6.3f} |'
            f'{f["two_threads_wall_ms_min"]:13.2f}{f["two_threads_ratio_min"]:7.3f} | '
            f'{f["box_deviation"] or 0:.1e}',
            flush=True,
        )


def kept(benchmark: str) -> tuple[Path, dict[str, Any]]:
    """File of a benchmark's results on this processor, and the models that it holds so far."""
    path = RESULTS / cpu_slug(processor()) / f'{benchmark}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, json.loads(path.read_text(encoding='utf-8'))['models'] if path.exists() else {}


def save(path: Path, command: str, models: Mapping[str, Any]) -> None:
    """Write the results of all models."""
    head = subprocess.run(['git', 'rev-parse', 'HEAD'], capture_output=True, text=True)
    packages = ('numpy', 'onnx', 'onnxruntime', 'openvino', 'torch')
    report = {
        'command': command,
        'date': datetime.now(timezone.utc).date().isoformat(),
        'commit': head.stdout.strip(),
        'cpu': processor(),
        'versions': {package: version(package) for package in packages},
        'models': models,
    }
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')


def processor() -> dict[str, str]:
    """Name and revision of the processor, as far as the system tells."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text(encoding='utf-8').splitlines() if info.exists() else []
    fields = dict(re.split(r'\s*:\s*', line, maxsplit=1) for line in lines if ':' in line)
    wanted = ('avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile')
    return {
        'name': fields.get('model name', platform.processor() or platform.machine()),
        'family_model': f'{fields.get("cpu family", "?")}-{fields.get("model", "?")}',
        'flags': ' '.join(f for f in wanted if f in fields.get('flags', '').split()),
    }


def cpu_slug(cpu: dict[str, str]) -> str:
    """Name of the processor as a folder's name."""
    return re.sub(r'[^a-z0-9]+', '-', f'{cpu["name"]} {cpu["family_model"]}'.lower())


def main() -> None:
    """Measure, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--models', nargs='+', default=MODELS, choices=MODELS)
    parser.add_argument('--rounds', type=int, default=15)
    options = parser.parse_args()
    path, models = kept('cpu_forward')
    for name in options.models:
        models[name] = measure(name, options.rounds)
        show(name, models[name])
        save(path, f'python benchmarks/cpu_forward.py --rounds {options.rounds}', models)


if __name__ == '__main__':
    main()
