"""node, play, init and select as a person calls them, in processes of their own over DDS."""

from collections.abc import Callable, Iterator
from pathlib import Path
import signal
import subprocess
import sys
import time

from click.testing import CliRunner
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.data.scene_presets import compose_scene
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

COMMAND = [sys.executable, '-m', 'hit_rfgm_ros.cli.main']
FAST = ['--param', 'backend=onnxruntime', '--param', 'num_threads=1', '--param', 'warm_up=0']
PATIENCE = 60.0  # seconds; the machine may be busy
ENDS_WITHIN = 2.0  # seconds after a signal


class Running:
    """A command in the background."""

    def __init__(self, log: Path, arguments: list[str]) -> None:
        self.log = log
        with log.open('wb') as file:
            self.process = subprocess.Popen(
                [*COMMAND, *arguments], stdout=file, stderr=file, stdin=subprocess.PIPE
            )

    def wait_for(self, words: str) -> None:
        until = time.monotonic() + PATIENCE
        while words not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)

    def stop(self, number: signal.Signals) -> float:
        """Seconds that it took to end, with status 0."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        return time.monotonic() - began


@pytest.fixture
def start(tmp_path: Path, new_domain: int) -> Iterator[Callable[..., Running]]:
    started = []

    def run(*arguments: str) -> Running:
        started.append(Running(tmp_path / f'{len(started)}.log', list(arguments)))
        return started[-1]

    yield run
    for running in started:
        running.process.kill()
        running.process.communicate()


def call(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    return done.returncode, done.stdout + done.stderr


def test_camera_tracker_and_operator_meet(start: Callable[..., Running]) -> None:
    box = ','.join(f'{value:.1f}' for value in compose_scene('easy').init_box)
    node = start('node', '--namespace', 'front', *FAST)
    camera = start('play', 'scene:easy', '--namespace', 'front', '--loop')
    node.wait_for('hit_tiny is ready')

    status, said = call('init', '--box', box, '--label', 'cup', '--tracker', '/front/tracker')
    assert (status, said.split(' accepted')[0]) == (0, 'target 1 (cup)')

    status, said = call(
        *('init', '--namespace', 'front', '--box', box, '--box', '9000,9000,50,50'),
        *('--label', 'one', '--label', 'two'),
    )
    assert status == 1
    first, second = said.splitlines()
    assert first.startswith('target 2 (one) accepted')
    assert second.startswith('refused, BOX_OUTSIDE: ')

    status, said = call('init', '--namespace', 'front', '--box', box, '--id', '2')
    assert (status, said.split(' accepted')[0]) == (0, 'target 2')

    status, said = call('select', '--namespace', 'front', '--box', box)
    assert (status, said.split(' accepted')[0]) == (0, 'target 3'), said

    status, said = call('init', '--box', box, '--tracker', 'rear/tracker', '--timeout', '1')
    assert status == 1
    assert 'no node offers /rear/tracker/init_target' in said
    assert '/front/tracker' in said
    assert len(said.splitlines()) == 1

    assert node.stop(signal.SIGINT) < ENDS_WITHIN
    assert camera.stop(signal.SIGTERM) < ENDS_WITHIN
    assert 'stopped in the middle of scene:easy' in camera.log.read_text()
    assert 'Traceback' not in node.log.read_text()


@pytest.mark.parametrize('words', ['loading hit_tiny', 'is ready'])
def test_the_node_ends_at_once_whatever_it_does(start: Callable[..., Running], words: str) -> None:
    node = start('node', *FAST)
    node.wait_for(words)
    assert node.stop(signal.SIGTERM) < ENDS_WITHIN


def test_a_bad_start_value_of_the_file_leaves_the_node_waiting(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    path = tmp_path / 'tracker.yaml'
    path.write_text('/**:\n  ros__parameters:\n    max_targets: 900\n    marker_dept: 2.0\n')
    node = start('node', '--params-file', str(path))
    node.wait_for('max_targets must be in 1 to 64; got 900')
    assert "did you mean 'marker_depth'" in node.log.read_text()
    assert node.stop(signal.SIGINT) < ENDS_WITHIN


def test_words_are_judged_with_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / 'tracker.yaml'
    path.write_text('/**:\n  ros__parameters:\n    memory_size: 400\n')
    words = ['node', '--params-file', str(path)]
    status, said = call(*words, '--param', 'memory_size_max=300')
    assert status == 2
    assert 'memory_size (400) must not exceed memory_size_max (300)' in said
    path.write_text('/**:\n  memory_size: 400\n')
    status, said = call(*words)
    assert status == 1
    assert "below '/**' a line 'ros__parameters:' is missing" in said


def test_a_child_ends_with_its_parent(start: Callable[..., Running]) -> None:
    camera = start('play', 'scene:easy', '--child')
    camera.wait_for('waiting for a subscriber')
    assert camera.process.stdin is not None
    camera.process.stdin.close()
    assert camera.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['node', '--param', 'max_targets=900'], 'max_targets must be in 1 to 64'),
        (['node', '--memory-size', '10'], 'memory_size must be in 64 to 1024'),
        (['node', '--memory-size', '500'], 'memory_size (500) must not exceed memory_size_max'),
        (['node', '--device', 'gpu'], 'device must be auto, cpu, cuda or cuda:N'),
        (['node', '--model', 'hit_tine'], "did you mean 'hit_tiny'"),
        (['node', '--name', '1st'], 'a node name is letters, digits and underscores'),
        (['node', '--param', 'modl=hit_tiny'], "did you mean 'model'"),
        (['node', '--remap', 'image_raw'], 'is not FROM:=TO'),
        (['init'], "Missing option '--box'"),
        (['init', '--box', '1,2,3'], 'four'),
        (['init', '--box', '1,2,30,40', '--tracker', 'front eye'], "got '/front eye'"),
        (['init', '--box', '1,2,30,nan'], 'finite'),
        (['init', '--box', '1,2,30,40', '--stamp', 'now'], 'is no number of seconds'),
        (['init', '--box', '1,2,30,40', '--box', '5,6,70,80', '--id', '1'], 'one --box'),
        (['select', '--box', '1,2,3,x'], 'box must be of type double_array'),
        (['select', '--box', '1,2,3'], 'box must hold x, y, width, height'),
        (['play'], "Missing argument 'SOURCE'"),
        (['play', 'scene:demo', '--encoding', 'bgr'], "did you mean 'bgr8'"),
        (['play', 'scene:demo', '--image-topic', '2d'], "got '/2d'"),
    ],
)
def test_wrong_use_is_named_in_one_line(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_what_cannot_be_played_is_named(new_domain: int) -> None:
    status, said = call('play', 'no/such.mp4')
    assert status == 1
    assert said.startswith('hit-rfgm: no/such.mp4 does not exist; expected a video file')
    assert len(said.splitlines()) == 1


def test_every_parameter_is_an_option_of_its_command() -> None:
    for command, words in (
        ('play', ['--jpeg-quality', '--wait-for-subscriber', '--camera-info-url']),
        ('select', ['--image-transport', '--show', '--timeout']),
    ):
        result = CliRunner().invoke(group, [command, '--help'])
        assert result.exit_code == 0
        for word in words:
            assert word in result.output


@pytest.mark.parametrize('by', ['file', 'option'])
def test_simulated_time_is_a_start_value_too(
    start: Callable[..., Running], tmp_path: Path, new_domain: int, by: str
) -> None:
    from hit_rfgm_ros.dds.host import DdsHost

    path = tmp_path / 'tracker.yaml'
    path.write_text('/**:\n  ros__parameters:\n    autostart: false\n    use_sim_time: true\n')
    if by == 'file':
        start('node', '--params-file', str(path))
    else:
        start('node', '--param', 'autostart=false', '--param', 'use_sim_time=true')
    host = DdsHost('probe', domain=new_domain)
    client = host.client('/tracker/get_parameters', 'rcl_interfaces/srv/GetParameters')
    assert client.wait(PATIENCE)
    answer = client.call({'names': ['use_sim_time', 'autostart']}, PATIENCE)
    assert [value.bool_value for value in answer.values] == [True, False]
    host.close()
