"""``hit-rfgm doctor``: what this machine has, for people in trouble and for bug reports."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, version
import os
import platform
import sys

import click
from hit_rfgm_ros import __version__
from hit_rfgm_ros.cli import doctor_ros
from hit_rfgm_ros.config.models import list_models
from hit_rfgm_ros.engines.cache import cache_folder
from hit_rfgm_ros.engines.cpu import cpu_flags, cpu_name, is_fast
from hit_rfgm_ros.engines.select import ABILITIES
from hit_rfgm_ros.errors import MissingDependencyError, WeightsError
from hit_rfgm_ros.optional import require
from hit_rfgm_ros.weights.catalog import find_weights

_BACKENDS = {'openvino': 'openvino', 'onnxruntime': 'base install', 'torch': 'torch'}


@click.command('doctor')
@click.option(
    '--network/--no-network', default=True, help='Look at the ROS network. [default: --network]'
)
def doctor(network: bool) -> None:
    """Print a report of this machine for a bug report."""
    problems: list[str] = []
    parts: list[tuple[str, Iterator[str]]] = [
        ('system', _system()),
        ('libraries', _libraries(problems)),
        ('back ends, fastest first', _backends()),
        ('processor', _processor()),
        ('weights', _weights()),
        ('cache', _cache(problems)),
        ('ROS 2', doctor_ros.installed(problems)),
        ('kernel', doctor_ros.kernel(problems)),
    ]
    if network:
        parts.append(('network', doctor_ros.network(problems)))
    for title, lines in parts:
        click.echo(title)
        for line in lines:
            click.echo(f'  {line}')
    click.echo('problems')
    for problem in problems or ['none found']:
        click.echo(f'  {problem}')


def _system() -> Iterator[str]:
    yield f'hit_rfgm_ros {__version__}'
    yield f'Python {platform.python_version()} ({sys.executable})'
    yield platform.platform()


def _libraries(problems: list[str]) -> Iterator[str]:
    for name in ('numpy', 'onnx', 'safetensors', 'PyYAML', 'matplotlib', 'scikit-image'):
        yield f'{name} {_version(name)}'
    wheels = sorted(
        {
            f'{found.metadata["Name"]} {found.version}'
            for found in distributions()
            if (found.metadata['Name'] or '').lower().replace('_', '-').startswith('opencv-')
        }
    )
    try:
        cv2 = require('cv2', extra='dev', purpose='pictures')
    except MissingDependencyError as error:
        problems.append(f'OpenCV cannot be imported: {error.__cause__}')
        return
    origin = f'from {", ".join(wheels)}' if wheels else 'of the system'
    yield f'OpenCV {cv2.__version__} {origin} ({cv2.__file__})'
    if len(wheels) > 1:
        problems.append(
            f'{len(wheels)} OpenCV wheels lie in one folder and overwrite each other '
            f'({", ".join(wheels)}): uninstall all of them, then install one'
        )
    found = list(doctor_ros.two_opencvs())
    if len(found) > 1:
        problems.append(
            f'{len(found)} OpenCVs are found, the first one counts: {", ".join(found)}; one of '
            f'pip beside that of the system can break cv_bridge: keep one'
        )


def _backends() -> Iterator[str]:
    for name, extra in _BACKENDS.items():
        try:
            module = require(name, extra=extra, purpose=name)
        except MissingDependencyError as error:
            yield f'{name}: no ({error.__cause__}); it comes with: {extra}'
            continue
        places = '; '.join(
            f'{device}: {", ".join(precisions)}' for device, precisions in ABILITIES[name].items()
        )
        yield f'{name} {module.__version__} ({places})'
        if name == 'torch':
            yield f'torch sees {module.cuda.device_count()} CUDA GPUs'
    yield 'tensorrt: not part of this version yet'


def _processor() -> Iterator[str]:
    yield f'{cpu_name()}, {os.cpu_count()} logical cores'
    yield f'flags that matter here: {" ".join(sorted(cpu_flags())) or "unknown"}'
    for precision in ('bf16', 'int8'):
        yield f'{precision}: {"can be" if is_fast(precision) else "is not"} faster than fp32'


def _weights() -> Iterator[str]:
    for model in list_models():
        try:
            yield f'{model}: {find_weights(model)}'
        except WeightsError:
            yield f'{model}: none (hit-rfgm weights list says where to get them)'


def _cache(problems: list[str]) -> Iterator[str]:
    folder = cache_folder()
    files = list(folder.glob('*.graphs')) if folder.is_dir() else []
    size = sum(path.stat().st_size for path in files)
    yield f'{folder}: {len(files)} files, {size / 1e6:.0f} MB'
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    if not os.access(nearest, os.W_OK):
        problems.append(f'{nearest} is not writable: graphs are rebuilt and checked at each start')


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return 'is not installed'
