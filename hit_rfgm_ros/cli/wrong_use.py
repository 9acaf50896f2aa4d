"""What becomes of wrong words on the command line: exit code 2, like anything click refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import re

import click
from hit_rfgm_ros.config.tracker import DEVICES
from hit_rfgm_ros.errors import ConfigError, HitRfgmError


@contextmanager
def wrong_use(kind: type[HitRfgmError] = ConfigError) -> Iterator[None]:
    """Turn an error into wrong use.

    For code that makes settings of the words that were given, and looks at nothing else: what is
    wrong in a file, in the environment or with the machine stays an error, exit code 1.

    Args:
        kind: of error that says that the words were wrong.

    Raises:
        UsageError: with the same message.
    """
    try:
        yield
    except kind as error:
        raise click.UsageError(str(error)) from error


def parse_device(_context: click.Context, _option: click.Parameter, device: str) -> str:
    """Refuse what can be no device; whether it is there is seen when it is used."""
    if not re.fullmatch(DEVICES, device):
        raise click.BadParameter(f'{device!r} is none of auto, cpu, cuda, cuda:N')
    return device
