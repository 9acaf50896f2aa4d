"""The parts of ``hit-rfgm doctor`` about ROS 2: what is installed, the kernel, the network."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import subprocess
import sys

from hit_rfgm_ros.cli.running import has_dds_wheel, require_dds
from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.optional import is_installed

IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
ENOUGH = 4 * 2**20  # bytes of a socket's receive buffer, for images above 640x480
LOOK = 1.5  # seconds that the network has to show itself
MOST = 40  # lines of one list
_ENVIRONMENT = (
    'RMW_IMPLEMENTATION',
    'ROS_DOMAIN_ID',
    'ROS_AUTOMATIC_DISCOVERY_RANGE',
    'ROS_LOCALHOST_ONLY',
    'ROS_STATIC_PEERS',
    'CYCLONEDDS_URI',
)
_KERNEL = Path('/proc/sys/net')
# Its compiled part is bound to the numpy that it was built with, and shows it only when used.
_TRY_CV_BRIDGE = 'from cv_bridge.boost import cv_bridge_boost'


def installed(problems: list[str]) -> Iterator[str]:
    """What of ROS 2, and of what stands in for it, is here."""
    distro = os.environ.get('ROS_DISTRO')
    yield f'ROS {distro} is sourced' if distro else 'no ROS is sourced'
    for name in _ENVIRONMENT:
        if os.environ.get(name):
            yield f'{name}={os.environ[name]}'
    if distro and not is_installed('rclpy'):
        problems.append(
            f'ROS {distro} is sourced, but this Python ({sys.executable}) does not find rclpy: '
            f'make environments with --system-site-packages, of the Python that ROS uses'
        )
    yield f'rclpy: {"yes" if is_installed("rclpy") else "no"}'
    yield f'cv_bridge: {_cv_bridge(problems)}'
    for name in ('cyclonedds', 'rosbags'):
        yield f'{name}: {_version(name)}'
    try:
        require_dds()
    except HitRfgmError as error:
        yield f'nodes without ROS: no ({error})'
    else:
        yield 'nodes without ROS: yes (hit-rfgm node)'
    if not has_dds_wheel():
        yield 'on this machine the node needs ROS 2: ros2 run hit_rfgm_ros tracker'


def kernel(problems: list[str]) -> Iterator[str]:
    """Limits of the kernel that images over the network run into."""
    if not _KERNEL.is_dir():
        yield 'not known on this system'
        return
    for name in (
        'core.rmem_max',
        'core.rmem_default',
        'ipv4.ipfrag_time',
        'ipv4.ipfrag_high_thresh',
    ):
        value = _kernel_value(name)
        yield f'net.{name} = {"unknown" if value is None else value}'
    most = _kernel_value('core.rmem_max')
    if most is not None and most < ENOUGH:
        problems.append(
            f'net.core.rmem_max is {most}: images above 640x480 get lost on the way; set it with: '
            f'sudo sysctl -w net.core.rmem_max={ENOUGH}'
        )


def network(problems: list[str]) -> Iterator[str]:
    """What the ROS network of this domain shows: nodes, topics, who does not meet whom."""
    try:
        require_dds()
        from hit_rfgm_ros.dds.domain import DomainSettings
        from hit_rfgm_ros.dds.graph import observe

        settings = DomainSettings.from_environment()
        seen = observe(LOOK, settings)
    except HitRfgmError as error:
        yield f'not looked at: {error}'
        return
    yield f'domain {settings.id}, range {settings.range}, looked at for {LOOK:g} s'
    yield f'{len(seen.nodes)} nodes, {len(seen.topics)} topics, {len(seen.services)} services'
    yield from _shortened([f'node {name}' for name in seen.nodes])
    yield from _shortened(
        [
            f'topic {name} [{", ".join(types)}] '
            f'{sum(end.topic == name for end in seen.publishers)} publishers, '
            f'{sum(end.topic == name for end in seen.subscribers)} subscribers'
            for name, types in seen.topics.items()
        ]
    )
    for publisher, subscriber, reason in seen.mismatches():
        line = (
            f'{publisher.topic}: {publisher.node or "an unnamed node"} and '
            f'{subscriber.node or "an unnamed node"} do not meet: {reason}'
        )
        if publisher.type in IMAGES or subscriber.type in IMAGES:
            problems.append(line)
        else:
            yield line


def two_opencvs() -> Iterator[str]:
    """Folders in which Python finds an OpenCV, in the order of its search."""
    for entry in dict.fromkeys(sys.path):
        folder = Path(entry or '.')
        if (folder / 'cv2').is_dir() or any(folder.glob('cv2.*.so')):
            yield str(folder)


def _cv_bridge(problems: list[str]) -> str:
    if not is_installed('cv_bridge'):
        return 'no'
    tried = subprocess.run(
        [sys.executable, '-c', _TRY_CV_BRIDGE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if tried.returncode == 0:
        return 'yes'
    numpy = _version('numpy')
    reason = (tried.stderr.strip().splitlines() or [f'status {tried.returncode}'])[-1]
    advice = (
        'install numpy<2, which it was built with' if numpy.startswith('2.') else 'reinstall it'
    )
    problems.append(
        f'cv_bridge does not work with this Python ({reason}; numpy {numpy}): {advice}. The '
        f'tracker does not need it, select_target and video_player of ROS do'
    )
    return 'broken'


def _kernel_value(name: str) -> int | None:
    try:
        return int((_KERNEL / name.replace('.', '/')).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _shortened(lines: list[str]) -> Iterator[str]:
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f'... and {len(lines) - MOST} more'


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return 'is not installed'
