"""``hit-rfgm init``: start targets on boxes that are given as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial

import click
from hit_rfgm_ros.cli.node_options import NodeSettings, log_to_stderr, node_options
from hit_rfgm_ros.cli.running import open_host
from hit_rfgm_ros.cli.values import read_box, read_stamp
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.runtime.reports import NANOSECONDS, BoxRequest, InitRequest
from hit_rfgm_ros.types import Box

REFUSED = 1


def _stamp(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, int]:
    """Seconds and nanoseconds; 0, 0 for the newest image."""
    return (0, 0) if text is None else divmod(read_stamp(text), NANOSECONDS)


def _boxes(_context: click.Context, _option: click.Parameter, texts: Sequence[str]) -> list[Box]:
    return [read_box(text) for text in texts]


@click.command('init')
@click.option(
    '--box',
    'boxes',
    metavar='X,Y,W,H',
    multiple=True,
    required=True,
    callback=_boxes,
    help='The target in pixels of the image, top-left corner; may be repeated.',
)
@click.option('--label', 'labels', multiple=True, help='Its name; one for all, or one per box.')
@click.option(
    '--stamp',
    metavar='SECONDS',
    callback=_stamp,
    help='header.stamp of the image. [default: newest]',
)
@click.option('--id', 'target', type=click.IntRange(1, 2**32 - 1), help='Start this target again.')
@click.option('--replace-all', is_flag=True, help='Forget all other targets.')
@click.option('--tracker', default='tracker', show_default=True, help='Name of the tracker node.')
@click.option(
    '--timeout',
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    help='Longest time to wait for the tracker [s].',
)
@node_options('init_target')
@click.pass_context
def init(
    context: click.Context,
    boxes: list[Box],
    labels: Sequence[str],
    stamp: tuple[int, int],
    target: int | None,
    replace_all: bool,
    tracker: str,
    timeout: float,
    node: NodeSettings,
) -> None:
    """Ask a running tracker node to start targets.

    Exit status 0 only if every box was accepted. Needs the extra dds; with ROS 2 there is also:
    ros2 service call TRACKER/init_target hit_rfgm_ros/srv/InitTarget.
    """
    if target is not None and len(boxes) != 1:
        raise click.UsageError('--id goes with one --box.')
    if len(labels) not in (0, 1, len(boxes)):
        raise click.UsageError(f'give one --label, or one per --box; got {len(labels)}.')
    with wrong_use():
        node.resolve(tracker)
    named = list(labels) or ['']
    named = named * len(boxes) if len(named) == 1 else named
    request = InitRequest(
        tuple(BoxRequest(box, target or 0, label) for box, label in zip(boxes, named)),
        *stamp,
        replace_all=replace_all,
    )
    log_to_stderr('warn' if node.log_level == 'info' else node.log_level)
    with closing(open_host(node)) as host:
        from hit_rfgm_ros.nodes.init_call import call_init, describe

        offers = partial(look_for_trackers, node.domain)
        answer = call_init(host, tracker, request, timeout=timeout, offers=offers)
    for line in describe(answer):
        click.echo(line)
    if not answer.success:
        context.exit(REFUSED)


def look_for_trackers(domain: int | None) -> list[str]:
    """Full names of the services that the network shows for starting targets."""
    from hit_rfgm_ros.dds.domain import DomainSettings
    from hit_rfgm_ros.dds.graph import observe
    from hit_rfgm_ros.nodes.init_call import SERVICE_TYPE

    seen = observe(1.0, DomainSettings.from_environment(domain_id=domain))
    return [name for name, type_name in seen.services if type_name == SERVICE_TYPE]
