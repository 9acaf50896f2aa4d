"""What the node costs: publish-to-receive latency and processor time against the bare tracker.

    python benchmarks/node_latency.py [--runtimes dds,ros] [--sizes 480p,720p,1080p] [--seconds 20]
        [--out benchmarks/results/MACHINE/node_latency.json]

A camera in this process sends a composed scene at 30 Hz and receives the node's boxes; latency is
from just before an image is sent until its boxes have arrived, on one clock. The bare tracker runs
on the same pictures, in turns with the node, and its time is taken off. `ros` needs a sourced
ROS 2 with this package built and rmw_cyclonedds_cpp; --ros-command names another way to start it.
`--minutes N` runs on at 720p and says how the memory of the node grows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
import json
import os
from pathlib import Path
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import cv2
from hit_rfgm_ros.data.scene_presets import compose_scene
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.engines.cpu import cpu_name
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.trackers.factory import create_tracker
from hit_rfgm_ros.types import Box
import numpy as np
from process_watch import ProcessWatch, find_process

SIZES = {'480p': (640, 480), '720p': (1280, 720), '1080p': (1920, 1080)}
RATE = 30.0
WARM_UP = 3.0  # seconds that do not count


class Camera:
    """Pictures of a composed scene in one size, and its target's first box."""

    def __init__(self, size: tuple[int, int], count: int = 90) -> None:
        scene = compose_scene('demo', seed=0)
        scale = (size[0] / scene.size[0], size[1] / scene.size[1])
        self.size = size
        self.pictures = []
        for picture in islice(scene, count):
            big = cv2.resize(picture, size) if size != scene.size else picture
            self.pictures.append(np.ascontiguousarray(big))
        # There and back again: the target is never out of reach at the end of the clip.
        self.pictures += self.pictures[-2:0:-1]
        box = scene.init_box
        self.box = Box(
            box.x * scale[0], box.y * scale[1], box.width * scale[0], box.height * scale[1]
        )

    def fields(self, number: int, stamp_ns: int) -> dict[str, Any]:
        """The message of one picture."""
        picture = self.pictures[number % len(self.pictures)]
        return {
            'header': _header(stamp_ns),
            'height': self.size[1],
            'width': self.size[0],
            'encoding': 'rgb8',
            'step': 3 * self.size[0],
            'data': picture.reshape(-1),
        }


class Client:
    """Camera and receiver of boxes on one host of the ROS 2 wire."""

    def __init__(self) -> None:
        self.host = DdsHost('benchmark')
        self._images = self.host.publisher('image_raw', 'sensor_msgs/msg/Image', QoS(depth=5))
        self.sent: dict[int, float] = {}
        self.latency: list[float] = []
        self.states: dict[int, int] = {}
        self.host.subscription(
            'tracker/targets', 'hit_rfgm_ros/msg/TrackedTargetArray', QoS(), self._on_targets
        )
        self._init = self.host.client('tracker/init_target', 'hit_rfgm_ros/srv/InitTarget')

    def _on_targets(self, message: Any) -> None:
        now = time.perf_counter()
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        if stamp in self.sent and message.targets:
            self.latency.append(now - self.sent.pop(stamp))
            state = int(message.targets[0].state)
            self.states[state] = self.states.get(state, 0) + 1

    def play(self, camera: Camera, seconds: float) -> None:
        """Send pictures at `RATE` for so long."""
        began, number = time.perf_counter(), 0
        while (now := time.perf_counter()) - began < seconds:
            stamp = time.time_ns()
            self.sent[stamp] = now
            self._images.publish(camera.fields(number, stamp))
            number += 1
            time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        time.sleep(0.2)
        self.sent.clear()

    def start(self, camera: Camera, timeout: float = 60.0) -> None:
        """Wait for the node and start the target on the first picture."""
        if not self._init.wait(timeout):
            raise SystemExit('no tracker node came up')
        until = time.perf_counter() + timeout
        box = dict(zip(('x', 'y', 'width', 'height'), camera.box))
        while time.perf_counter() < until:
            self._images.publish(camera.fields(0, time.time_ns()))
            time.sleep(0.2)
            answer = self._init.call({'boxes': [box], 'replace_all': True}, 5.0)
            if answer.success:
                return
            time.sleep(0.5)
        raise SystemExit(f'the node did not start a target: {answer.results[0].message}')


@contextmanager
def node(runtime: str, command: str | None) -> Iterator[int]:
    """Run the tracker node; gives the process id of the one that works."""
    if runtime == 'dds':
        line = [sys.executable, '-m', 'hit_rfgm_ros.cli.main', 'node', '--log-level', 'error']
        words = ('hit_rfgm_ros.cli.main', 'node')
    else:
        line = shlex.split(command or 'ros2 run hit_rfgm_ros tracker')
        words = ('hit_rfgm_ros/tracker',)
    process = subprocess.Popen(line, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        time.sleep(5.0)
        yield find_process(process.pid, words)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def bare(camera: Camera, count: int = 300) -> list[float]:
    """Milliseconds of `update()` on the same pictures, paced as the camera is."""
    tracker = create_tracker('hit_tiny')
    tracker.init(camera.pictures[0], camera.box)
    times, began = [], time.perf_counter()
    for number in range(1, count):
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        start = time.perf_counter()
        tracker.update(camera.pictures[number % len(camera.pictures)])
        times.append(1000 * (time.perf_counter() - start))
    return times[30:]


def measure(
    client: Client, camera: Camera, runtime: str, seconds: float, command: str | None
) -> dict[str, Any]:
    """One runtime at one size."""
    alone = bare(camera)
    with node(runtime, command) as pid:
        client.start(camera)
        client.play(camera, WARM_UP)
        client.latency.clear()
        client.states.clear()
        watch = ProcessWatch(pid)
        watch.sample()
        client.play(camera, seconds)
        watch.sample()
    latency = np.array(client.latency) * 1000
    median = float(np.median(latency))
    return {
        'images_sent': int(seconds * RATE),
        'boxes_received': len(latency),
        'latency_ms': {
            'p50': round(median, 2),
            'p99': round(float(np.percentile(latency, 99)), 2),
        },
        'bare_update_ms': {
            'p50': round(float(np.median(alone)), 2),
            'p99': round(float(np.percentile(alone, 99)), 2),
        },
        'overhead_ms': round(median - float(np.median(alone)), 2),
        'node_cores': round(watch.cores(), 3),
        'states': client.states,
    }


def soak(client: Client, runtime: str, minutes: float, command: str | None) -> dict[str, Any]:
    """Run on at 720p and look at the memory every second."""
    camera = Camera(SIZES['720p'])
    with node(runtime, command) as pid:
        client.start(camera)
        watch, stop = ProcessWatch(pid), threading.Event()

        def look() -> None:
            while not stop.wait(1.0):
                watch.sample()

        thread = threading.Thread(target=look)
        thread.start()
        client.latency.clear()
        client.play(camera, 60 * minutes)
        stop.set()
        thread.join()
    rss = [sample.rss_mb for sample in watch.samples]
    return {
        'minutes': minutes,
        'boxes_received': len(client.latency),
        'rss_mb': {
            'start': round(rss[0], 1),
            'end': round(rss[-1], 1),
            'most': round(max(rss), 1),
        },
        'rss_mb_each_half_minute': [round(value, 1) for value in rss[::30]],
        'growth_mb_per_hour_second_half': round(watch.growth(skip=30 * minutes), 2),
        'threads': [watch.samples[0].threads, watch.samples[-1].threads],
        'files': [watch.samples[0].files, watch.samples[-1].files],
    }


def _header(stamp_ns: int) -> dict[str, Any]:
    stamp = {'sec': stamp_ns // 10**9, 'nanosec': stamp_ns % 10**9}
    return {'stamp': stamp, 'frame_id': 'camera_optical_frame'}


def main() -> None:
    """Measure what is asked for, print it, and write it as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    ros = 'dds,ros' if shutil.which('ros2') else 'dds'
    parser.add_argument('--runtimes', default=ros)
    parser.add_argument('--sizes', default=','.join(SIZES))
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--minutes', type=float, default=0.0)
    parser.add_argument('--ros-command')
    parser.add_argument('--out', type=Path)
    options = parser.parse_args()
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    os.environ.setdefault('ROS_DOMAIN_ID', '101')  # tests take others
    client = Client()
    result: dict[str, Any] = {
        'what': 'publish-to-receive latency of the node, hit_tiny, one target, 30 images/s',
        'command': 'python ' + ' '.join(sys.argv),
        'date': date.today().isoformat(),
        'machine': f'{cpu_name()}, {os.cpu_count()} cores',
    }
    for runtime in options.runtimes.split(','):
        table = result.setdefault(runtime, {})
        for size in options.sizes.split(',') if options.sizes else ():
            camera = Camera(SIZES[size])
            table[size] = measure(client, camera, runtime, options.seconds, options.ros_command)
            print(runtime, size, json.dumps(table[size]), flush=True)
        if options.minutes:
            table['long'] = soak(client, runtime, options.minutes, options.ros_command)
            print(runtime, 'long', json.dumps(table['long']), flush=True)
    client.host.close()
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
