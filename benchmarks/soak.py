"""A long run with a bad camera: does the node go on, and does it grow?

    python benchmarks/soak.py [--minutes 30] [--every 10] [--seed 0]
        [--out benchmarks/results/MACHINE/soak.json] [--plot docs/images/soak.png]
    python benchmarks/soak.py --from benchmarks/results/MACHINE/soak.json   judges a stored run

Four processes on loopback: a camera (a composed scene, looped), `test/tools/fault_relay.py` that
spoils its images in one of its ways every other --every seconds, the tracker node, and this one,
which starts targets, removes them, changes parameters, and looks at the node every second. It ends
with exit code 1 when the node died, did not come back after a fault, or grew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import pairwise
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.engines.cpu import cpu_name
from hit_rfgm_ros.nodes.host import QoS
import numpy as np
from process_watch import ProcessWatch

ROOT = Path(__file__).resolve().parent.parent
CLI = [sys.executable, '-m', 'hit_rfgm_ros.cli.main']
MOST_GROWTH = 20.0  # MB per hour over the second half; the aim over a day is 1
BACK = 3.0  # seconds within which good images give boxes again
STATES = {1: 'INITIALIZED', 2: 'TRACKING', 3: 'UNCERTAIN', 4: 'LOST', 5: 'CATCHING_UP'}


class Monitor:
    """The operator: starts targets, turns knobs, and writes down what comes."""

    def __init__(self, seed: int, scene_box: dict[str, float]) -> None:
        self.rng = np.random.default_rng(seed)
        self.box = scene_box
        self.seconds: list[dict[str, Any]] = []
        self.answers: dict[str, int] = {}
        self.last_output = 0.0
        self._ages: list[float] = []
        self._count_messages = 0
        self._states: dict[str, int] = {}
        self._lock = threading.Lock()
        self.host = DdsHost('soak')
        self.host.subscription(
            'tracker/targets', 'hit_rfgm_ros/msg/TrackedTargetArray', QoS(), self._on_targets
        )
        self._init = self.host.client('tracker/init_target', 'hit_rfgm_ros/srv/InitTarget')
        self._remove = self.host.client('tracker/remove_target', 'hit_rfgm_ros/srv/RemoveTarget')
        self._set = self.host.client('tracker/set_parameters', 'rcl_interfaces/srv/SetParameters')
        self._get = self.host.client('tracker/get_parameters', 'rcl_interfaces/srv/GetParameters')

    def _on_targets(self, message: Any) -> None:
        with self._lock:
            self.last_output = time.monotonic()
            self._count_messages += 1
            if any(STATES[int(target.state)] != 'INITIALIZED' for target in message.targets):
                self._ages.append(float(message.age))  # that of a start is its image's
            for target in message.targets:
                name = STATES[int(target.state)]
                self._states[name] = self._states.get(name, 0) + 1

    def second(self, watch: ProcessWatch, fault: str) -> None:
        """Look at the node and write one line down."""
        sample = watch.sample()
        with self._lock:
            ages, self._ages = np.array(self._ages) * 1000, []
            count, self._count_messages = self._count_messages, 0
            states, self._states = self._states, {}
        self.seconds.append(
            {
                't': round(sample.time - watch.samples[0].time, 2),
                'fault': fault,
                'rss_mb': round(sample.rss_mb, 1),
                'threads': sample.threads,
                'files': sample.files,
                'boxes': count,
                'age_p50_ms': round(float(np.median(ages)), 2) if len(ages) else None,
                'age_p99_ms': round(float(np.percentile(ages, 99)), 2) if len(ages) else None,
                'states': states,
            }
        )

    def operate(self) -> None:
        """Do what an operator could do, at random."""
        draw = self.rng.random()
        try:
            if draw < 0.25:
                self._start()
            elif draw < 0.35:
                answer = self._remove.call({'ids': []}, 3.0)
                self._count(f'removed {len(answer.removed)}')
            elif draw < 0.6:
                self._turn()
            elif draw < 0.8:
                self._get.call({'names': ['lost_after', 'model', 'no_such_name']}, 3.0)
        except TimeoutError:
            self._count('a call was not answered in 3 s')

    def _start(self) -> None:
        boxes = [self.box]
        if self.rng.random() < 0.5:
            x, y, w, h = self.rng.uniform(-100, 700, 4)
            boxes.append({'x': x, 'y': y, 'width': w, 'height': h, 'label': 'anything'})
        answer = self._init.call({'boxes': boxes, 'replace_all': True}, 3.0)
        for result in answer.results:
            self._count(f'init answered {int(result.reason)}')

    def _turn(self) -> None:
        value = {'type': 3, 'double_value': float(self.rng.uniform(-1, 4))}
        parameter = {'name': 'lost_after', 'value': value}
        answer = self._set.call({'parameters': [parameter]}, 3.0)
        self._count('parameter set' if answer.results[0].successful else 'parameter refused')

    def _count(self, what: str) -> None:
        self.answers[what] = self.answers.get(what, 0) + 1


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group that always ends."""
    with log.open('wb') as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def current_fault(log: Path) -> str:
    """The fault that the relay named last."""
    lines = log.read_text(encoding='utf-8').splitlines() if log.exists() else []
    return next(
        (json.loads(line)['fault'] for line in reversed(lines) if line.startswith('{')), 'none'
    )


def run(minutes: float, every: float, seed: int, logs: Path) -> tuple[Monitor, bool]:
    """The run itself; gives what was seen and whether the node lived to its end."""
    from hit_rfgm_ros.data.scene_presets import compose_scene

    box = dict(zip(('x', 'y', 'width', 'height'), compose_scene('demo', seed=0).init_box))
    relay_log = logs / 'relay.log'
    relay = [
        sys.executable, str(ROOT / 'test/tools/fault_relay.py'), '--from', '/camera/image_raw',
        '--to', '/image_raw', '--seed', str(seed), '--every', str(every),
    ]  # fmt: skip
    camera = [*CLI, 'play', 'scene:demo', '--loop', '--namespace', '/camera']
    with ExitStack() as stack:
        node = stack.enter_context(running([*CLI, 'node'], logs / 'node.log'))
        stack.enter_context(running(relay, relay_log))
        stack.enter_context(running(camera, logs / 'camera.log'))
        monitor = Monitor(seed, box)
        watch = ProcessWatch(node.pid)
        began = time.monotonic()
        while (now := time.monotonic()) - began < 60 * minutes and node.poll() is None:
            monitor.second(watch, current_fault(relay_log))
            monitor.operate()
            time.sleep(max(0.0, 1.0 - (time.monotonic() - now)))
        alive = node.poll() is None
        monitor.host.close()
    return monitor, alive


def silent_after_recovery(seconds: list[dict[str, Any]]) -> list[float]:
    """Times when images had been good for `BACK` seconds and still no boxes came."""
    silent, good_since = [], None
    for line in seconds:
        if line['fault'] not in ('none',):
            good_since = None
            continue
        good_since = line['t'] if good_since is None else good_since
        if line['t'] - good_since > BACK and line['boxes'] == 0 and line['t'] > 30:
            silent.append(line['t'])
    return silent


def judge(lines: list[dict[str, Any]], alive: bool, answers: dict[str, int]) -> dict[str, Any]:
    """What a run says, from its lines."""
    half = [(line['t'], line['rss_mb']) for line in lines[len(lines) // 2 :]]
    times, memory = np.array(half).T
    ages = [line['age_p99_ms'] for line in lines if line['age_p99_ms'] is not None]
    third = max(1, len(ages) // 3)
    settled = lines[len(lines) // 10]
    return {
        'node_alive_to_the_end': alive,
        'seconds_silent_after_recovery': silent_after_recovery(lines),
        'growth_mb_per_hour_second_half': round(float(np.polyfit(times, memory, 1)[0] * 3600), 2),
        'rss_mb': {
            'after_a_tenth': settled['rss_mb'],
            'half_way': lines[len(lines) // 2]['rss_mb'],
            'end': lines[-1]['rss_mb'],
        },
        'threads': [settled['threads'], lines[-1]['threads']],
        'files': [settled['files'], lines[-1]['files']],
        'age_p99_ms_median': {
            'first_third': round(float(np.median(ages[:third])), 2),
            'last_third': round(float(np.median(ages[-third:])), 2),
        },
        'faults': sorted({line['fault'] for line in lines}),
        'answers': answers,
    }


def passed(verdict: dict[str, Any]) -> bool:
    """Whether the node lived, came back after every fault, and did not grow."""
    return (
        verdict['node_alive_to_the_end']
        and not verdict['seconds_silent_after_recovery']
        and not verdict['growth_mb_per_hour_second_half'] > MOST_GROWTH
    )


def show(verdict: dict[str, Any]) -> None:
    """Print it line by line."""
    for name, value in verdict.items():
        print(f'{name}: {value}')


def stored(path: Path) -> int:
    """Judge a run that was written down."""
    run_before = json.loads(path.read_text(encoding='utf-8'))
    old = run_before['verdict']
    verdict = judge(run_before['every_tenth_second'], old['node_alive_to_the_end'], old['answers'])
    verdict['seconds_silent_after_recovery'] = old['seconds_silent_after_recovery']
    show(verdict)
    if verdict != old:
        run_before['verdict'] = verdict
        path.write_text(json.dumps(run_before, indent=1) + '\n', encoding='utf-8')
    return 0 if passed(verdict) else 1


def plot(seconds: list[dict[str, Any]], path: Path) -> None:
    """Memory, age and boxes per second over time."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    times = np.array([line['t'] for line in seconds]) / 60
    figure, axes = pyplot.subplots(3, 1, figsize=(10, 7), sharex=True, layout='constrained')
    for row, names, label in (
        (axes[0], ('rss_mb',), 'memory [MB]'),
        (axes[1], ('age_p50_ms', 'age_p99_ms'), 'age of boxes [ms]'),
        (axes[2], ('boxes',), 'messages per second'),
    ):
        for name in names:
            values = np.array(
                [line[name] if line[name] is not None else np.nan for line in seconds]
            )
            row.plot(times, values, linewidth=0.8, label=name)
        row.set_ylabel(label)
        row.set_ylim(bottom=0)
        row.grid(alpha=0.3)
        for line, following in pairwise(seconds):
            if line['fault'] != 'none':
                row.axvspan(line['t'] / 60, following['t'] / 60, color='tab:red', alpha=0.12, lw=0)
    axes[1].set_yscale('log')
    axes[1].set_ylim(bottom=1)
    axes[1].legend(['median', '99 %'], loc='upper right')
    axes[2].set_xlabel('minutes; red: the images are spoilt')
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> int:
    """Run, print the verdict, write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--every', type=float, default=10.0)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path)
    parser.add_argument('--plot', type=Path)
    parser.add_argument('--from', dest='before', type=Path)
    options = parser.parse_args()
    if options.before:
        return stored(options.before)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ.setdefault('ROS_DOMAIN_ID', '101')  # tests take others
    logs = Path(tempfile.mkdtemp(prefix='soak-'))
    monitor, alive = run(options.minutes, options.every, options.seed, logs)
    lines = monitor.seconds
    verdict = judge(lines, alive, monitor.answers)
    show(verdict)
    print(f'logs of the processes: {logs}')
    if options.out:
        result = {
            'what': 'a long run of the node without ROS, hit_tiny, with random faults',
            'command': 'python ' + ' '.join(sys.argv),
            'date': date.today().isoformat(),
            'machine': f'{cpu_name()}, {os.cpu_count()} cores',
            'minutes': options.minutes,
            'verdict': verdict,
            'every_tenth_second': lines[::10],
        }
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    if options.plot:
        plot(lines, options.plot)
    return 0 if passed(verdict) else 1


if __name__ == '__main__':
    sys.exit(main())
