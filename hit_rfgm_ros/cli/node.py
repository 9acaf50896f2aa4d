"""``hit-rfgm node``: the tracker node on the ROS 2 wire, without ROS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
import logging
from pathlib import Path
import threading
from typing import Any

import click
from hit_rfgm_ros.cli.node_options import NodeSettings, log_to_stderr, node_options
from hit_rfgm_ros.cli.parameter_options import parameter_options, parse_pairs
from hit_rfgm_ros.cli.running import (
    end_with_parent,
    leave,
    open_host,
    require_dds,
    stop_on_signals,
)
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.runtime.param_file import read_param_file
from hit_rfgm_ros.runtime.param_store import SIM_TIME, ParameterStore
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams

_log = logging.getLogger('hit_rfgm_ros.node')
# Parameters that are options too: those that say which tracker runs.
SHOWN = (
    'model', 'weights', 'backend', 'device', 'precision', 'num_threads', 'max_targets',
    'paper_mode', 'relevance_stages', 'windowing', 'memory_kind', 'memory_min_confidence',
    'memory_size', 'update_interval',
)  # fmt: skip


@click.command('node')
@click.option(
    '--params-file',
    type=click.Path(dir_okay=False, path_type=Path),
    help='YAML file of parameters as for ROS 2, config/tracker.yaml for one.',
)
@click.option(
    '--param',
    'pairs',
    multiple=True,
    metavar='NAME=VALUE',
    help='Any parameter; goes before the file; may be repeated.',
)
@parameter_options({name: TRACKER_TABLE[name] for name in SHOWN})
@node_options('tracker')
@click.option('--child', is_flag=True, hidden=True, help='End when stdin is closed.')
def node(
    params_file: Path | None,
    pairs: Sequence[str],
    values: Mapping[str, Any],
    node: NodeSettings,
    child: bool,
) -> None:
    """Run the tracker node on Cyclone DDS: topics, services and parameters as under ROS 2.

    ROS_DOMAIN_ID, ROS_AUTOMATIC_DISCOVERY_RANGE and ROS_LOCALHOST_ONLY hold as for ROS 2. Ctrl-C
    ends it with status 0. Needs the extra dds; with ROS 2 there is also: ros2 run hit_rfgm_ros
    tracker.
    """
    with stop_on_signals() as stop:
        log_to_stderr(node.log_level)
        with wrong_use():
            given = parse_pairs({**TRACKER_TABLE, SIM_TIME.name: SIM_TIME}, pairs)
        filed: dict[str, Any] = {}
        if params_file is not None:
            filed, warnings = read_param_file(params_file, node.full_name)
            for warning in warnings:
                _log.warning(warning)
        with wrong_use():
            _check_together(filed, {**given, **values})
        if child:
            end_with_parent()
        _run(node, {**filed, **given, **values}, stop)


def _check_together(filed: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Check that what is given fits together and to the file.

    What is wrong in the file alone the node says itself, and waits for a better value.

    Raises:
        ConfigError: naming what does not fit.
    """
    store = ParameterStore(TRACKER_TABLE, TrackerParams())
    store.load(filed)
    own = {name: value for name, value in given.items() if name != SIM_TIME.name}
    store.params.changed(own)


def _run(settings: NodeSettings, values: dict[str, Any], stop: threading.Event) -> None:
    require_dds()
    from hit_rfgm_ros.dds.lifecycle import LifecycleServices
    from hit_rfgm_ros.nodes.tracker import TrackerNode

    sim_time = SIM_TIME.check(values.pop(SIM_TIME.name, False))
    with closing(open_host(settings)) as host:
        host.clock.use_sim_time = sim_time
        tracker = TrackerNode(host, TrackerParams())
        try:
            for warning in tracker.store.load(values):
                host.log.warning(warning)
            host.serve_parameters(tracker.store)
            LifecycleServices(host, lambda: tracker.logic.state, tracker)
            tracker.start()
            stop.wait()
        finally:
            tracker.shutdown()
    if threading.active_count() > 1:
        # A library may still be loading in a thread, which Python would wait for.
        leave(0)
