"""The rivals by name, and where their files are looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from hit_rfgm_ros.config.names import unknown_name
from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.evaluation.contender import Contender, ContenderSpec
from hit_rfgm_ros.evaluation.rivals.adapter_settings import (
    NETWORKS,
    AdapterSettings,
    read_settings,
)
from hit_rfgm_ros.evaluation.rivals.onnx_rival import OnnxRival
from hit_rfgm_ros.evaluation.rivals.opencv_rival import OPENCV_MODELS, OpenCvRival, interpreter
from hit_rfgm_ros.weights.files import file_sha256

ONNX_RIVALS = ('fear_xs', 'nanotrack_v2', 'nanotrack_v3')
RIVALS = (*OPENCV_MODELS, *ONNX_RIVALS)
# In the folder of peers; TrackerVit's network comes from the user.
_NANO = ('nanotrack_v2_backbone.onnx', 'nanotrack_v2_head.onnx')
_OPTIONS = ('rival', 'peers', 'model', 'adapter', 'threads')


def open_rival(spec: ContenderSpec) -> Contender:
    """Open a rival, or a tracker of the user's.

    Args:
        spec: of kind ``rival`` with the options ``rival`` (its name, else that of the results),
            ``peers`` (folder of model files) or ``model`` (list of files in the order of
            docs/rivals.md); of kind ``onnx`` with ``adapter`` (YAML file). Both take ``threads``.

    Raises:
        ConfigError: if the rival or an option is unknown, or a file or value is missing.
        RivalError: if it cannot be run here.
    """
    return _plan(spec).open()


def describe_rival(spec: ContenderSpec) -> dict[str, Any]:
    """What is known of a rival before it is opened: the part of its `about` that files tell.

    Raises:
        ConfigError, RivalError: as `open_rival`, but for what only shows once networks are loaded.
    """
    plan = _plan(spec)
    models = {file.name: file_sha256(file) for file in plan.files}
    return {**plan.about, 'models': models}


class _Plan(NamedTuple):
    """What opens a rival, once everything was found.

    Attributes:
        open: does it.
        about: what its settings tell.
        files: its networks.
    """

    open: Callable[[], Contender]
    about: dict[str, Any]
    files: Sequence[Path]


def _plan(spec: ContenderSpec) -> _Plan:
    options = dict(spec.options)
    for name in options:
        if name not in _OPTIONS:
            raise ConfigError(f'{spec.name}: {unknown_name("option", name, _OPTIONS)}')
    threads = int(options.get('threads') or 0)
    if spec.kind == 'onnx':
        return _plan_adapter(spec.name, options, threads)
    rival = str(options.get('rival') or spec.name)
    if rival not in RIVALS:
        raise ConfigError(unknown_name('rival', rival, RIVALS))
    if rival in OPENCV_MODELS:
        models, command = _opencv_models(rival, options), interpreter(rival)
        about = {'kind': 'rival', 'rival': rival}
        return _Plan(
            lambda: OpenCvRival(spec.name, rival, command, models, threads=threads), about, models
        )
    settings = read_settings(share_folder('rivals') / f'{rival}.yaml')
    known = _files(settings)
    paths = dict(zip(known, _model_files(rival, options, known)))
    files = {role: paths[file] for role, file in _roles(settings).items()}
    return _plan_networks(spec.name, settings, files, {'kind': 'rival', 'rival': rival}, threads)


def _plan_adapter(name: str, options: dict[str, Any], threads: int) -> _Plan:
    if not options.get('adapter'):
        raise ConfigError(f'{name}: a tracker of your own needs the YAML file that describes it')
    path = Path(options['adapter'])
    settings = read_settings(path)
    files = {role: path.parent / file for role, file in _roles(settings).items()}
    for file in files.values():
        if not file.is_file():
            raise ConfigError(f'{path}: the file {file} of networks is not there')
    return _plan_networks(name, settings, files, {'kind': 'onnx'}, threads)


def _plan_networks(
    name: str,
    settings: AdapterSettings,
    files: Mapping[str, Path],
    about: dict[str, Any],
    threads: int,
) -> _Plan:
    return _Plan(
        lambda: OnnxRival(name, settings, files, about, threads=threads),
        {**about, 'settings': asdict(settings)},
        tuple(files.values()),
    )


def _opencv_models(rival: str, options: dict[str, Any]) -> list[Path]:
    if not OPENCV_MODELS[rival]:
        if options.get('model'):
            raise ConfigError(f'{rival} has no model file; leave it out')
        return []
    return _model_files(rival, options, _NANO if rival == 'nano' else ())


def _model_files(rival: str, options: dict[str, Any], known: Sequence[str]) -> list[Path]:
    """Files of a rival: those given, or those of the peers' folder."""
    if options.get('model'):
        files = [Path(file) for file in options['model']]
        wanted = len(known) or OPENCV_MODELS[rival]
        if len(files) != wanted:
            names = f' ({", ".join(known)})' if known else ''
            raise ConfigError(
                f'{rival} takes {wanted} model file{"s" * (wanted > 1)}{names}, got {len(files)}'
            )
    elif not known:
        raise ConfigError(
            f'{rival} needs its model file, which does not come with this package: give it with '
            f'--rival-model'
        )
    elif not options.get('peers'):
        raise ConfigError(
            f'{rival} needs its model files {" and ".join(known)}: give the folder that they lie '
            f'in with --peers, or each with --rival-model'
        )
    else:
        files = [Path(options['peers']) / name for name in known]
    for file in files:
        if not file.is_file():
            raise ConfigError(f'{rival}: the model file {file} is not there')
    return files


def _roles(settings: AdapterSettings) -> dict[str, str]:
    """Files by the name of the network that they hold."""
    roles = {role: getattr(settings.networks, role) for role in (*NETWORKS, 'track')}
    return {role: file for role, file in roles.items() if file}


def _files(settings: AdapterSettings) -> list[str]:
    """Files of all networks, each once, in the order template, search, track."""
    return list(dict.fromkeys(_roles(settings).values()))
