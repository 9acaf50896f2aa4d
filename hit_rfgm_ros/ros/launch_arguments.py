"""The arguments of the launch files, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import tempfile
from typing import Any

from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.parameter import Parameter
from hit_rfgm_ros.runtime.params import TRACKER_TABLE
from launch.actions import DeclareLaunchArgument
import yaml

# Parameters of the node that are arguments too.
PARAMETERS = (
    'model', 'weights', 'backend', 'device', 'precision', 'memory_kind', 'memory_size',
    'update_interval', 'max_targets', 'image_transport', 'autostart',
)  # fmt: skip
_YES_NO = ('true', 'false')
_AS_FILE = 'Not given: as in params_file'

Get = Callable[[str], str]


def tracker_arguments(params_file: str) -> list[Any]:
    """Declare the arguments of `tracker.launch.py`.

    Args:
        params_file: name of the default one, in the package's folder ``config``.
    """
    declare = DeclareLaunchArgument
    return [
        declare('namespace', default_value='', description='Namespace of the node.'),
        declare('name', default_value='tracker', description='Name of the node.'),
        declare(
            'image_topic',
            default_value='image_raw',
            description='Topic of the images, relative to the namespace or absolute; without '
            '/compressed, see image_transport.',
        ),
        declare(
            'params_file',
            default_value=str(share_folder('config') / params_file),
            description='YAML file with the parameters of the node.',
        ),
        *(_of_row(TRACKER_TABLE[name]) for name in PARAMETERS),
        declare(
            'use_sim_time',
            default_value='',
            choices=['', *_YES_NO],
            description=f'Take the time from /clock. {_AS_FILE}, else false.',
        ),
        declare(
            'build_only',
            default_value='false',
            choices=_YES_NO,
            description='Build the engine, report, and exit.',
        ),
        declare(
            'log_level',
            default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='Least level of what is logged.',
        ),
        declare(
            'rviz',
            default_value='false',
            choices=_YES_NO,
            description='Open RViz with the annotated image, and the markers over the live one '
            '(they need publish_markers and a camera_info).',
        ),
        declare(
            'fixed_frame',
            default_value='',
            description="Fixed frame of RViz. Empty: the frame of the first image.",
        ),
        declare(
            'python',
            default_value='',
            description='Python interpreter to run the node with, one that has torch or TensorRT '
            'for example. Empty: the first python3 on the path.',
        ),
    ]  # fmt: skip


def given_parameters(get: Get) -> dict[str, Any]:
    """The parameters among the arguments that were given, with the types of the table.

    A value that has no such type is passed on as it is: the node refuses it and says why.
    """
    given = {name: _typed(TRACKER_TABLE[name], get(name)) for name in PARAMETERS if get(name)}
    if get('use_sim_time'):
        given['use_sim_time'] = get('use_sim_time') == 'true'
    return given


def write_parameters(values: Mapping[str, Any], nodes: Sequence[str]) -> str:
    """Write a parameter file for the nodes of these full names.

    Their names, not ``/**``: a section with the name of a node wins over one with a wildcard, so
    that an argument would lose against the parameter file of the user.

    Returns:
        Path of the file, which is left to the system's cleaning of temporary files.
    """
    text = yaml.safe_dump({node: {'ros__parameters': dict(values)} for node in nodes})
    with tempfile.NamedTemporaryFile(
        'w', prefix='hit_rfgm_ros_', suffix='.yaml', delete=False, encoding='utf-8'
    ) as file:
        file.write(text)
    return file.name


def full_name(namespace: str, name: str) -> str:
    """``/front/tracker`` of ``front`` and ``tracker``."""
    return '/'.join(['', *(part for part in namespace.split('/') if part), name])


def _of_row(row: Parameter) -> Any:
    allowed = '' if row.choices or not row.allowed else f' Allowed: {row.allowed}.'
    choices = _YES_NO if row.kind == 'bool' else row.choices
    return DeclareLaunchArgument(
        row.name,
        default_value='',
        description=f'{row.text}{allowed} {_AS_FILE}, else {_shown(row.default)}.',
        # An empty list would allow nothing, None allows all.
        choices=['', *choices] if choices else None,
    )


def _shown(value: Any) -> str:
    return (str(value).lower() if isinstance(value, bool) else str(value)) or 'empty'


def _typed(row: Parameter, text: str) -> Any:
    if row.kind == 'string':
        return text
    try:
        return row.check(yaml.safe_load(text))
    except (ConfigError, yaml.YAMLError):
        return text
