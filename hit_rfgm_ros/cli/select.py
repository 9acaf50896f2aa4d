"""``hit-rfgm select``: draw a box on the live image, and start a target on it."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any

import click
from hit_rfgm_ros.cli.init import look_for_trackers
from hit_rfgm_ros.cli.node_options import NodeSettings, log_to_stderr, node_options
from hit_rfgm_ros.cli.parameter_options import parameter_options
from hit_rfgm_ros.cli.running import open_host
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.runtime.select_params import SELECT_TABLE, SelectParams


@click.command('select')
@parameter_options(SELECT_TABLE)
@node_options('select_target')
@click.pass_context
def select(context: click.Context, values: dict[str, Any], node: NodeSettings) -> None:
    """Draw a box on the live image and let a running tracker node start there.

    The image stands still while the mouse is down, and its stamp is sent with the box. Without a
    display give --box. Exit status 0 only if the box was accepted. Needs the extra dds; with ROS
    2 there is also: ros2 run hit_rfgm_ros select_target.
    """
    with wrong_use():
        params = SelectParams.from_values(values)
        for name in (params.tracker, params.image_topic):
            node.resolve(name)
    log_to_stderr('warn' if node.log_level == 'info' else node.log_level)
    with closing(open_host(node)) as host:
        from hit_rfgm_ros.nodes.select_target import TargetSelector

        offers = partial(look_for_trackers, node.domain)
        selector = TargetSelector(host, params, say=click.echo, offers=offers)
        context.exit(selector.run())
