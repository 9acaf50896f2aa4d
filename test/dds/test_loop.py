"""The node without ROS in a process of its own: the scenarios of test/tools over loopback."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.messages.definitions import MessageError

TOOLS = Path(__file__).resolve().parent.parent / 'tools'
NODE = [sys.executable, '-m', 'hit_rfgm_ros.cli.main', 'node', '--log-level', 'error']
FAST = ['--param', 'backend=onnxruntime', '--param', 'num_threads=1', '--param', 'warm_up=0']


@pytest.fixture(scope='module')
def tools() -> Iterator[SimpleNamespace]:
    """The modules of test/tools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOLS))
        import operator_client
        import scenarios

        yield SimpleNamespace(client=operator_client, scenarios=scenarios)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A tracker node; killed if it does not end."""
    process = subprocess.Popen([*NODE, *FAST, *arguments], start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def operating(tools: SimpleNamespace, film: Any, name: str = 'operator') -> Iterator[Any]:
    """A camera and an operator on a node of their own."""
    host = DdsHost(name)
    try:
        yield tools.client.Operator(host, film)
    finally:
        host.close()


@pytest.fixture(scope='module')
def film(tools: SimpleNamespace) -> Any:
    return tools.client.Film()


@pytest.fixture(scope='module')
def node(domain: int) -> Iterator[subprocess.Popen[bytes]]:
    with running() as process:
        yield process


@pytest.fixture(scope='module')
def shared(tools: SimpleNamespace, film: Any, node: Any) -> Iterator[Any]:
    with operating(tools, film) as operator:
        operator.ready()
        yield operator


@pytest.fixture
def operator(shared: Any) -> Any:
    shared.fresh()
    return shared


SCENARIOS = (
    'follows_the_target',
    'starts_on_the_image_the_operator_saw',
    'follows_several_targets',
    'refuses_bad_boxes',
    'refuses_bad_stamps',
    'starts_again_with_the_same_id',
    'says_when_the_target_is_lost',
    'pauses_and_resets',
    'reports_a_camera_that_stops',
    'survives_bad_images',
    'survives_a_loop_of_the_bag',
    'recovers_from_every_fault',
)


@pytest.mark.parametrize('name', SCENARIOS)
def test_the_node_without_ros(name: str, operator: Any, tools: SimpleNamespace) -> None:
    getattr(tools.scenarios, name)(operator)


def test_every_scenario_is_run(tools: SimpleNamespace) -> None:
    assert tuple(scenario.__name__ for scenario in tools.scenarios.SCENARIOS) == SCENARIOS


def test_boxes_equal_those_of_the_offline_tracker(operator: Any, tools: SimpleNamespace) -> None:
    tools.scenarios.boxes_equal_the_offline_tracker(operator)


def test_killed_clients_and_cameras_do_no_harm(
    operator: Any, tools: SimpleNamespace, film: Any, node: Any
) -> None:
    code = (
        f'import sys; sys.path.insert(0, {str(TOOLS)!r})\n'
        'from operator_client import Film, Operator\n'
        'from hit_rfgm_ros.dds.host import DdsHost\n'
        'host = DdsHost("victim")\n'
        'victim = Operator(host, Film(3))\n'
        'victim.number = 1_000_000\n'
        'while True:\n'
        '    victim.show()\n'
        '    victim.init()\n'
        '    if victim.arrays:\n'
        '        print("up", flush=True)\n'
        '        victim.arrays.clear()\n'
    )
    for _ in range(2):
        victim = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
        assert victim.stdout is not None
        assert victim.stdout.readline() == b'up\n'
        time.sleep(0.3)
        victim.kill()
        victim.wait()
        victim.stdout.close()
    assert node.poll() is None
    operator.call('remove_target', {'ids': []})
    operator.step()
    assert operator.init().success
    (message,) = operator.step()
    assert message.targets


def test_two_clients_that_start_targets_at_once_get_ids_of_their_own(
    operator: Any, tools: SimpleNamespace, film: Any
) -> None:
    operator.step()
    request = {
        'stamp': tools.client.time_of(tools.client.BASE + (operator.number - 1) * 33_333_333),
        'boxes': [film.box(operator.number - 1)],
        'replace_all': True,
    }
    ids: list[int] = []

    def start(client: Any) -> None:
        for _ in range(150):
            answer = client.call('init_target', request)
            assert answer.success, answer.results[0].message
            ids.append(int(answer.results[0].id))

    with operating(tools, film, 'second_operator') as other:
        threads = [threading.Thread(target=start, args=(each,)) for each in (operator, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(ids) == len(set(ids)) == 300
    (message,) = operator.step()
    assert [int(target.id) for target in message.targets] == [max(ids)]


def test_a_hostile_peer_costs_neither_memory_nor_the_others(
    operator: Any, node: subprocess.Popen[bytes], tools: SimpleNamespace, film: Any
) -> None:
    operator.step()
    before = resident(node.pid)
    hosts = [DdsHost(f'hostile_{number}') for number in range(2)]
    huge = [{**film.box(0), 'label': 'x' * 1_000_000} for _ in range(3)]
    crowd = [film.box(0)] * 20_000
    for host in hosts:
        client = host.client('/tracker/init_target', 'hit_rfgm_ros/srv/InitTarget')
        assert client.wait(30)
        for boxes in (huge, crowd):
            with suppress(TimeoutError, MessageError):  # refused on either side
                client.call({'boxes': boxes}, 1.0)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            with suppress(TimeoutError):
                client.call({'boxes': []}, 0.05)
    (message,) = operator.step()
    assert all(len(target.label) < 10_000 for target in message.targets)
    for host in hosts:
        host.close()
    assert node.poll() is None
    assert resident(node.pid) - before < 150e6
    operator.call('remove_target', {'ids': []})
    assert operator.init().success


def resident(pid: int) -> float:
    """Bytes of memory that a process holds."""
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return float(pages * os.sysconf('SC_PAGE_SIZE'))


def test_a_killed_node_can_be_started_again(
    tools: SimpleNamespace, film: Any, domain: int
) -> None:
    # `operating` first: the camera outlives the node.
    with operating(tools, film, 'survivor') as survivor:
        with running('--name', 'second') as first:
            wait_for_node(survivor, '/second')
            first.kill()
            first.wait()
        with running('--name', 'second') as second:
            wait_for_node(survivor, '/second')
            second.send_signal(signal.SIGINT)
            began = time.monotonic()
            assert second.wait(10) == 0
            assert time.monotonic() - began < 5


def wait_for_node(operator: Any, name: str) -> None:
    """Wait until a node's service answers."""
    client = operator.host.client(f'{name}/init_target', 'hit_rfgm_ros/srv/InitTarget')
    request = {'boxes': [operator.film.box(0)]}
    try:
        assert client.wait(30)
        for _ in range(15):  # a killed node is still seen until its lease runs out
            try:
                assert client.call(request, 2).results
            except TimeoutError:
                continue
            return
        raise AssertionError(f'{name} gave no answer')
    finally:
        client.close()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('wait', [0.0, 0.4, 1.2, 3.0])
def test_a_node_ends_cleanly_at_any_moment(
    number: signal.Signals, wait: float, domain: int
) -> None:
    with running('--name', f'short_{number.name.lower()}_{int(10 * wait)}') as process:
        time.sleep(1.0 + wait)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(15) == 0
        assert time.monotonic() - began < 4  # two seconds, and as many for a busy machine
