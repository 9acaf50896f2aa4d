"""Options of the commands that are a node of their own: its name, where it is, what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
import logging
from typing import Any

import click
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.dds.names import Names, parse_remappings
from hit_rfgm_ros.errors import ConfigError

_NODES = 'hit_rfgm_ros.node.'
LEVELS = ('debug', 'info', 'warn', 'error')


@dataclass(frozen=True)
class NodeSettings:
    """What the options say.

    Attributes:
        name: of the node.
        namespace: of the node.
        remappings: from name to name.
        domain: ROS_DOMAIN_ID, None for the environment's.
        log_level: one of `LEVELS`.
    """

    name: str
    namespace: str
    remappings: dict[str, str]
    domain: int | None
    log_level: str

    @property
    def full_name(self) -> str:
        """With namespace, ``/front/tracker`` for one."""
        return '/' + '/'.join(part for part in (self.namespace.strip('/'), self.name) if part)

    def resolve(self, name: str) -> str:
        """Full name of a topic or service.

        Raises:
            ConfigError: if it is not valid, or the node's own name is not.
        """
        return Names(self.name, self.namespace, self.remappings).resolve(name)


def node_options(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options to a command, which gets them as ``node``, a `NodeSettings`.

    Args:
        name: of the node unless told otherwise.
    """
    options = [
        click.option('--namespace', default='', metavar='NS', help='Namespace of the node.'),
        click.option('--name', default=name, show_default=True, help='Name of the node.'),
        click.option(
            '--remap',
            multiple=True,
            metavar='FROM:=TO',
            callback=_remappings,
            help='Another name for a topic or service; may be repeated.',
        ),
        click.option(
            '--domain',
            type=click.IntRange(0, 232),
            help='ROS_DOMAIN_ID. [default: of the environment, else 0]',
        ),
        click.option('--log-level', type=click.Choice(LEVELS), default='info', show_default=True),
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_node(**given: Any) -> Any:
            settings = NodeSettings(
                name=given.pop('name'),
                namespace=given.pop('namespace'),
                remappings=given.pop('remap'),
                domain=given.pop('domain'),
                log_level=given.pop('log_level'),
            )
            with wrong_use():
                settings.resolve('~')
            return command(node=settings, **given)

        decorated: Callable[..., Any] = with_node
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def log_to_stderr(level: str) -> None:
    """Let all loggers write to stderr, a line each, the way ROS does."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines('[%(levelname)s] [%(created).3f] [%(name)s]: %(message)s'))
    logging.basicConfig(level=getattr(logging, level.upper()), handlers=[handler], force=True)


class _Lines(logging.Formatter):
    """Names a node as the user does, and leaves out where its logger hangs."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text.replace(f'[{record.name}]', f'[{record.name.removeprefix(_NODES)}]', 1)


def _remappings(
    _context: click.Context, _option: click.Parameter, pairs: Sequence[str]
) -> dict[str, str]:
    try:
        return parse_remappings(pairs)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from error
