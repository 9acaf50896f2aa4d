"""What the launch files do: start trackers, and RViz, from arguments."""

from __future__ import annotations

import sys
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from hit_rfgm_ros.ros.launch_arguments import (
    Get,
    full_name,
    given_parameters,
    tracker_arguments,
    write_parameters,
)
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description import LaunchDescription
from launch_ros.actions import Node

PACKAGE = 'hit_rfgm_ros'


def tracker_launch(params_file: str) -> Any:
    """One tracker; the launch files `tracker`, `jetson` and `workstation` differ in the file."""
    return LaunchDescription([*tracker_arguments(params_file), OpaqueFunction(function=_tracker)])


def multi_camera_launch() -> Any:
    """A tracker per camera, in one process or one each."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'cameras',
                description='Namespaces of the cameras, separated by commas: front,rear. A '
                'tracker runs in each, and image_topic is relative to it.',
            ),
            DeclareLaunchArgument(
                'separate',
                default_value='false',
                choices=['true', 'false'],
                description='A process for each tracker; else one process, and one engine.',
            ),
            *tracker_arguments('multi_camera.yaml'),
            OpaqueFunction(function=_cameras),
        ]
    )


def demo_launch() -> Any:
    """A video as a camera, a tracker, and a box on its first image or drawn with the mouse."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'source',
                default_value='scene:demo',
                description='Video file, folder of pictures, number of a camera, or scene:demo.',
            ),
            DeclareLaunchArgument(
                'box',
                default_value='',
                description='x,y,width,height of the target in the first image in pixels. Empty: '
                'to be drawn in a window.',
            ),
            *tracker_arguments('tracker.yaml'),
            OpaqueFunction(function=_demo),
        ]
    )


def _tracker(context: Any) -> list[Any]:
    get: Get = context.launch_configurations.get
    return [_node(get, get('namespace'), []), *_rviz(get, get('namespace'))]


def _cameras(context: Any) -> list[Any]:
    get: Get = context.launch_configurations.get
    outer = get('namespace')
    cameras = [
        full_name(outer, camera.strip()) for camera in get('cameras').split(',') if camera.strip()
    ]
    if not cameras:
        return [LogInfo(msg='cameras names no namespace: nothing is started')]
    views = [action for camera in cameras for action in _rviz(get, camera)]
    if get('separate') == 'true':
        return [*(_node(get, camera, []) for camera in cameras), *views]
    return [_one_process(get, cameras), *views]


def _node(get: Get, namespace: str, remappings: list[tuple[str, str]]) -> Any:
    """A tracker in a process of its own."""
    return Node(
        name=get('name'),
        namespace=namespace,
        parameters=_parameters(get, [full_name(namespace, get('name'))]),
        **_common(get),
    )


def _one_process(get: Get, cameras: list[str]) -> Any:
    """A tracker per camera; names given to the process would go to every node of it."""
    common = _common(get)
    arguments = ['--cameras', ','.join(cameras), '--name', get('name'), *common.pop('arguments')]
    nodes = [full_name(camera, get('name')) for camera in cameras]
    return Node(parameters=_parameters(get, nodes), arguments=arguments, **common)


def _common(get: Get) -> dict[str, Any]:
    topic = get('image_topic')
    return {
        'package': PACKAGE,
        'executable': 'tracker',
        'arguments': ['--build-only'] if get('build_only') == 'true' else [],
        'remappings': [] if topic == 'image_raw' else [('image_raw', topic)],
        'ros_arguments': ['--log-level', get('log_level')],
        'prefix': get('python'),
        'output': 'screen',
        'emulate_tty': True,
    }


def _parameters(get: Get, nodes: list[str]) -> list[str]:
    given = given_parameters(get)
    return [get('params_file'), *([write_parameters(given, nodes)] if given else [])]


def _rviz(get: Get, namespace: str) -> list[Any]:
    if get('rviz') != 'true':
        return []
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        return [LogInfo(msg='rviz:=true needs RViz: sudo apt install ros-$ROS_DISTRO-rviz2')]
    topic = get('image_topic')
    options = {
        '--tracker': full_name(namespace, get('name')),
        '--image-topic': topic if topic.startswith('/') else full_name(namespace, topic),
        '--fixed-frame': get('fixed_frame'),
        '--use-sim-time': get('use_sim_time'),
    }
    words = [word for name, value in options.items() if value for word in (name, value)]
    return [
        ExecuteProcess(
            cmd=[get('python') or sys.executable, '-m', f'{PACKAGE}.ros.rviz', *words],
            name='rviz',
            output='screen',
        )
    ]


def _demo(context: Any) -> list[Any]:
    get: Get = context.launch_configurations.get
    tracker, box = full_name(get('namespace'), get('name')), get('box')
    draw = not box and not get('source').startswith('scene:')
    target = [] if draw else ['--target-of', tracker, *(['--box', box] if box else [])]
    common = _common(get)
    for_topic = {name: common[name] for name in ('package', 'remappings', 'prefix', 'output')}
    player = Node(
        executable='video_player',
        namespace=get('namespace'),
        parameters=[{'source': get('source'), 'loop': draw}],
        arguments=target,
        on_exit=[LogInfo(msg='The video has ended'), *([] if draw else [Shutdown()])],
        **for_topic,
    )
    selector = Node(
        executable='select_target',
        namespace=get('namespace'),
        parameters=[{'tracker': tracker, 'timeout': 60.0}],
        **for_topic,
    )
    return [*_tracker(context), player, *([selector] if draw else [])]
