"""The program `tracker`: one tracker node, or one per camera, in one process."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import sys
import threading
import time

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.ros.lifecycle import TrackerLifecycle
from hit_rfgm_ros.ros.log import pass_on_library_logs
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.ros.spin import Spinner


def main(stop: threading.Event) -> int:
    """Run until ``stop`` is set.

    Returns:
        The exit status: 0, or 1 if ROS refused the arguments or the engine could not be built.
    """
    with session(sys.argv) as arguments:
        options = _options(arguments)
        builder = TrackerBuilder()
        nodes = [
            TrackerLifecycle(options.name, namespace=camera, builder=builder)
            for camera in options.cameras or [None]
        ]
        pass_on_library_logs(nodes[0])
        if options.build_only:
            return _build(nodes[0], builder, stop)
        _run(nodes, stop)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='tracker',
        description='Track targets in the images of a camera. Topics, parameters and the name '
        'are set by --ros-args.',
    )
    parser.add_argument(
        '--cameras',
        type=lambda text: [part for part in text.split(',') if part],
        metavar='A,B',
        help='namespaces: one node in each, and one engine for all',
    )
    parser.add_argument('--name', default='tracker', help='of the node (default: %(default)s)')
    parser.add_argument(
        '--build-only', action='store_true', help='build the engine, report, and exit'
    )
    return parser.parse_args(arguments)


def _run(nodes: Sequence[TrackerLifecycle], stop: threading.Event) -> None:
    with Spinner(nodes, stop.set) as spinner:
        for node in nodes:
            node.soon = spinner.soon
            spinner.soon(node.autostart)
        stop.wait()
    for node in nodes:
        node.end()


def _build(node: TrackerLifecycle, builder: TrackerBuilder, stop: threading.Event) -> int:
    """Build the engine in a thread, so that a signal ends it at any moment."""
    status = 1

    def build() -> None:
        nonlocal status
        begin = time.monotonic()
        log = node.host.log
        try:
            node.core.check_start_values()
            builder.check(node.core.store.params)
            loaded = builder.build(node.core.store.params, log.info)
        except HitRfgmError as error:
            log.error('The engine could not be built: %s', error)
        else:
            log.info('The engine is ready after %.1f s', time.monotonic() - begin)
            for name, value in loaded.info.items():
                log.info('%s: %s', name, value)
            status = 0
        finally:
            stop.set()

    threading.Thread(target=build, name='build', daemon=True).start()
    stop.wait()
    return status
