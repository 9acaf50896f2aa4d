"""What the doctor sees: this machine, what hides what, and a network with a mistake in it."""

from collections.abc import Iterator
from pathlib import Path
import sys

from click.testing import CliRunner
from hit_rfgm_ros.cli import doctor_ros
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.nodes.host import QoS
import pytest


def test_it_reports_this_machine_without_the_network() -> None:
    result = CliRunner().invoke(group, ['doctor', '--no-network'])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    for title in ('system', 'libraries', 'back ends, fastest first', 'ROS 2', 'kernel'):
        assert title in lines
    assert 'network' not in lines
    assert lines[lines.index('problems') + 1 :]


def test_the_ros_environment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp')
    monkeypatch.setattr(doctor_ros, 'is_installed', lambda _: False)
    problems: list[str] = []
    lines = list(doctor_ros.installed(problems))
    assert 'ROS jazzy is sourced' in lines
    assert 'RMW_IMPLEMENTATION=rmw_cyclonedds_cpp' in lines
    assert 'rclpy: no' in lines
    # Sourced, and yet this Python does not see it: the usual trouble with environments.
    assert any('--system-site-packages' in problem for problem in problems)


def test_a_small_receive_buffer_is_a_problem_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'core').mkdir()
    (tmp_path / 'core' / 'rmem_max').write_text('212992\n')
    monkeypatch.setattr(doctor_ros, '_KERNEL', tmp_path)
    problems: list[str] = []
    assert 'net.core.rmem_max = 212992' in list(doctor_ros.kernel(problems))
    (problem,) = problems
    assert 'sudo sysctl -w net.core.rmem_max=4194304' in problem
    (tmp_path / 'core' / 'rmem_max').write_text('4194304\n')
    problems.clear()
    assert 'net.ipv4.ipfrag_time = unknown' in list(doctor_ros.kernel(problems))
    assert not problems


def test_two_opencvs_are_found_in_the_order_of_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('first', 'second', 'without'):
        (tmp_path / name).mkdir()
    (tmp_path / 'first' / 'cv2').mkdir()
    (tmp_path / 'second' / 'cv2.cpython-310-x86_64-linux-gnu.so').touch()
    folders = [str(tmp_path / name) for name in ('first', 'without', 'second')]
    monkeypatch.setattr(sys, 'path', [*folders, folders[0]])
    assert list(doctor_ros.two_opencvs()) == [folders[0], folders[2]]


def test_a_cv_bridge_that_cannot_be_used_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / 'cv_bridge' / 'boost'
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / '__init__.py').touch()
    compiled = package / 'cv_bridge_boost.py'
    compiled.write_text("raise ImportError('numpy.core.multiarray failed to import')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    problems: list[str] = []
    assert 'cv_bridge: broken' in list(doctor_ros.installed(problems))
    assert any('numpy.core.multiarray failed to import' in problem for problem in problems)
    compiled.write_text('')
    problems.clear()
    assert 'cv_bridge: yes' in list(doctor_ros.installed(problems))
    assert not problems


@pytest.fixture
def mistaken_network(new_domain: int) -> Iterator[None]:
    """A best-effort camera, a viewer that wants reliable images, and a second type."""
    pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')
    from hit_rfgm_ros.dds.host import DdsHost

    camera, viewer = DdsHost('camera', namespace='front'), DdsHost('viewer')
    camera.publisher('image_raw', 'sensor_msgs/msg/Image', QoS(5, reliable=False))
    camera.publisher('notes', 'std_msgs/msg/String', QoS(5))
    viewer.subscription('/front/image_raw', 'sensor_msgs/msg/Image', QoS(5), print)
    viewer.subscription('/front/notes', 'std_msgs/msg/Bool', QoS(5), print)
    yield
    camera.close()
    viewer.close()


@pytest.mark.usefixtures('mistaken_network')
def test_the_network_is_shown_with_who_does_not_meet_whom() -> None:
    result = CliRunner().invoke(group, ['doctor'])
    assert result.exit_code == 0, result.output
    shown, _, problems = result.output.partition('\nproblems\n')
    for line in (
        'node /front/camera',
        'node /viewer',
        'topic /front/image_raw [sensor_msgs/msg/Image] 1 publishers, 1 subscribers',
        '/front/notes: /front/camera and /viewer do not meet: published as std_msgs/msg/String',
    ):
        assert line in shown
    assert (
        '/front/image_raw: /front/camera and /viewer do not meet: the publisher is best effort, '
        'the subscriber wants reliable'
    ) in problems


def test_without_dds_the_network_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'cyclonedds.core', None)
    monkeypatch.delitem(sys.modules, 'hit_rfgm_ros.dds.binding', raising=False)
    monkeypatch.delattr('hit_rfgm_ros.dds.binding', raising=False)
    (line,) = doctor_ros.network([])
    assert line.startswith('not looked at: ')
    assert "pip install 'hit_rfgm_ros[dds]'" in line
    monkeypatch.setattr('platform.machine', lambda: 'aarch64')
    monkeypatch.setattr(sys, 'platform', 'linux')
    (line,) = doctor_ros.network([])
    assert 'ros2 run hit_rfgm_ros tracker' in line
