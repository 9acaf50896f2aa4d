"""The launch files, as users call them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import re
import signal
import sys

import pytest

pytest.importorskip('rclpy', reason='needs a sourced ROS 2')
pytest.importorskip('hit_rfgm_ros.msg', reason='needs this package built and sourced')

from hit_rfgm_ros.ros.host import RosHost
from hit_rfgm_ros.ros.launch_arguments import full_name, given_parameters, write_parameters
from hit_rfgm_ros.ros.rviz import fill_in
from programs import READY, Program, program, ros2, ros2_any
from stage import Stage
from waiting import eventually
import yaml

pytestmark = pytest.mark.ros

TRACKER = (
    'namespace', 'name', 'image_topic', 'params_file', 'model', 'weights', 'backend', 'device',
    'precision', 'memory_kind', 'memory_size', 'update_interval', 'max_targets', 'image_transport',
    'autostart', 'build_only', 'use_sim_time', 'log_level', 'rviz', 'fixed_frame', 'python',
)  # fmt: skip
MORE = {
    'tracker': (), 'jetson': (), 'workstation': (), 'multi_camera': ('cameras', 'separate'),
    'demo': ('source', 'box'),
}  # fmt: skip
SHARED = {'/diagnostics', '/rosout', '/parameter_events', '/clock'}


@contextmanager
def launched(file: str, *arguments: str, folder: Path) -> Iterator[Program]:
    command = ('ros2', 'launch', 'hit_rfgm_ros', f'{file}.launch.py', *arguments)
    with program(*command, folder=folder) as running:
        yield running


def get(node: str, name: str) -> str:
    return ros2('param', 'get', node, name, '--hide-type').strip()


def is_there(node: str) -> bool:
    return ros2_any('lifecycle', 'get', node).returncode == 0


@pytest.mark.parametrize('file', list(MORE))
def test_every_argument_is_described(file: str) -> None:
    shown = ros2('launch', 'hit_rfgm_ros', f'{file}.launch.py', '--show-args')
    described = dict(re.findall(r"^    '(\w+)':\n {8}(.+)$", shown, re.MULTILINE))
    assert set(described) == {*TRACKER, *MORE[file]}
    assert all(len(text) > 10 for text in described.values())


def test_arguments_reach_the_node_with_their_types(outputs: Path) -> None:
    arguments = ('model:=rfgm_s256', 'memory_size:=128', 'update_interval:=7')
    with launched('tracker', *arguments, folder=outputs) as running:
        running.says('there are no weights for rfgm_s256')
        for argument in arguments:
            name, value = argument.split(':=')
            assert get('/tracker', name) == value
        assert get('/tracker', 'backend') == 'auto'
        assert 'unconfigured' in ros2('lifecycle', 'get', '/tracker')
        assert running.status is None


def test_the_memory_of_an_rfgm_changes_while_the_node_runs(outputs: Path) -> None:
    arguments = (
        'model:=rfgm_t256', 'weights:=random', 'backend:=onnxruntime', 'memory_size:=128',
        'update_interval:=7',
    )  # fmt: skip
    with launched('tracker', *arguments, folder=outputs) as running:
        running.says('rfgm_t256 is ready', 180)
        said = ros2_any('param', 'set', '/tracker', 'memory_size', '500')
        assert 'must not exceed memory_size_max (448)' in said.stdout + said.stderr
        assert get('/tracker', 'memory_size') == '128'
        assert 'successful' in ros2('param', 'set', '/tracker', 'memory_size', '192')
        said = ros2_any('param', 'set', '/tracker', 'memory_kind', 'fifo')
        assert 'can only be changed' in said.stdout + said.stderr
        assert 'active' in ros2('lifecycle', 'get', '/tracker')
        done = ros2('service', 'call', '/tracker/reset_memory', 'std_srvs/srv/Trigger')
        assert 'go back to their first template' in done


def test_what_is_not_given_stays_with_the_file_and_what_is_given_wins(outputs: Path) -> None:
    file = outputs / 'mine.yaml'
    file.write_text(
        '/**:\n  ros__parameters: {max_targets: 3, autostart: false, lost_after: 7}\n'
        '/left/eye:\n  ros__parameters: {update_interval: 5, num_threads: 1}\n'
    )
    arguments = (
        'namespace:=left', 'name:=eye', f'params_file:={file}', 'update_interval:=9',
        'image_topic:=camera/image', 'use_sim_time:=true', 'log_level:=debug',
    )  # fmt: skip
    with launched('tracker', *arguments, folder=outputs):
        eventually(lambda: is_there('/left/eye'), 60)
        expected = {
            'max_targets': '3', 'autostart': 'False', 'lost_after': '7.0',
            'update_interval': '9', 'num_threads': '1', 'use_sim_time': 'True',
        }  # fmt: skip
        assert {name: get('/left/eye', name) for name in expected} == expected
        ros2('lifecycle', 'set', '/left/eye', 'configure')
        ros2('lifecycle', 'set', '/left/eye', 'activate')
        eventually(lambda: '/left/camera/image' in ros2('node', 'info', '/left/eye'))


def test_a_value_of_the_wrong_type_is_the_nodes_to_refuse(outputs: Path) -> None:
    with launched('tracker', 'memory_size:=lots', folder=outputs) as running:
        running.says("memory_size must be of type int; got 'lots'")
        assert 'unconfigured' in ros2('lifecycle', 'get', '/tracker')


def test_an_unknown_choice_is_refused_with_those_there_are() -> None:
    done = ros2_any('launch', 'hit_rfgm_ros', 'tracker.launch.py', 'model:=hit_tyni')
    assert done.returncode != 0
    assert "'hit_tiny'" in done.stdout + done.stderr


@pytest.mark.parametrize('file', ['jetson', 'workstation'])
def test_the_other_files_differ_in_their_parameters(outputs: Path, file: str) -> None:
    with launched(file, 'python:=' + sys.executable, folder=outputs) as running:
        running.says(READY)
        assert get('/tracker', 'annotated_rate') == {'jetson': '5.0', 'workstation': '30.0'}[file]
        assert 'active' in ros2('lifecycle', 'get', '/tracker')


def test_build_only_reports_and_ends(outputs: Path) -> None:
    with launched('tracker', 'build_only:=true', folder=outputs) as running:
        running.says('The engine is ready after')
        assert running.ends() == 0
        assert 'backend: ' in running.output


def test_ctrl_c_ends_everything_cleanly(outputs: Path) -> None:
    with launched('tracker', folder=outputs) as running:
        running.says(READY)
        running.signal(signal.SIGINT)
        assert running.ends(20) == 0
        assert 'process has finished cleanly' in running.output
        assert 'Traceback' not in running.output


@pytest.mark.parametrize('separate', ['true', 'false'])
def test_two_cameras_share_only_what_is_allowed(
    outputs: Path, host: RosHost, separate: str
) -> None:
    arguments = ('cameras:=front,rear', f'separate:={separate}', 'max_targets:=2')
    with launched('multi_camera', *arguments, folder=outputs) as running:
        eventually(lambda: running.output.count(READY) == 2, 90)
        cameras = ('/front', '/rear')
        stages = [Stage(host, f'{camera}/tracker', f'{camera}/image_raw') for camera in cameras]
        for stage in stages:
            stage.connected()
            stage.start()
        assert [len(stage.track().targets) for stage in stages] == [1, 1]
        for stage in stages:
            stage.close()
        assert get('/rear/tracker', 'max_targets') == '2'
        front, rear = (_topics(f'{camera}/tracker') for camera in cameras)
        assert front & rear <= SHARED
        builds = running.output.count('building the engine')
        assert builds == (2 if separate == 'true' else 1)


def test_the_demo_tracks_and_ends(outputs: Path) -> None:
    pytest.importorskip('skimage', reason='the scene is made of its pictures')
    with launched('demo', 'name:=eye', folder=outputs) as running:
        running.says('target 1 accepted')
        running.says('the end of scene:demo', timeout=180)
        assert running.ends() == 0


def test_without_rviz_the_rest_goes_on(outputs: Path) -> None:
    if 'rviz2' in ros2('pkg', 'list').split():
        pytest.skip('RViz is installed')
    with launched('tracker', 'rviz:=true', folder=outputs) as running:
        running.says('needs RViz')
        running.says(READY)


def test_the_template_for_rviz_is_filled_in(repository: Path) -> None:
    template = (repository / 'config' / 'tracker.rviz').read_text(encoding='utf-8')
    words = {
        'TRACKER': '/robot/eye', 'NAME': 'eye', 'IMAGE': '/robot/cam/image', 'FRAME': 'optical',
    }  # fmt: skip
    filled = fill_in(template.split('Panels:')[1], words)
    assert '@' not in filled
    manager = yaml.safe_load('Panels:' + filled)['Visualization Manager']
    topics = [display['Topic']['Value'] for display in manager['Displays']]
    assert topics == ['/robot/eye/image_annotated', '/robot/cam/image', '/robot/eye/markers']
    assert manager['Global Options']['Fixed Frame'] == 'optical'


def test_names_and_values_of_the_arguments(tmp_path: Path) -> None:
    assert full_name('', 'tracker') == '/tracker'
    assert full_name('/a/b/', 'tracker') == '/a/b/tracker'
    given = {'model': '007', 'memory_size': '64', 'autostart': 'false', 'use_sim_time': 'true'}
    values = given_parameters(lambda name: given.get(name, ''))
    assert values == {
        'model': '007', 'memory_size': 64, 'autostart': False, 'use_sim_time': True,
    }  # fmt: skip
    file = Path(write_parameters(values, ['/a', '/b']))
    assert yaml.safe_load(file.read_text())['/b']['ros__parameters'] == values
    file.unlink()


def _topics(node: str) -> set[str]:
    info = ros2('node', 'info', node).split('Service Servers')[0]
    return set(re.findall(r'^ {4}(/\S+):', info, re.MULTILINE))
