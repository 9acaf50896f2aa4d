"""Boxes and stamps on the command line."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click
from hit_rfgm_ros.errors import GeometryError
from hit_rfgm_ros.geometry.boxes import make_box
from hit_rfgm_ros.runtime.reports import NANOSECONDS
from hit_rfgm_ros.types import Box

_LATEST = 2**31  # seconds; a Time holds 32 bits with a sign


def read_box(text: str, form: str = 'four numbers x,y,w,h, like 120,80,64,48') -> Box:
    """Make a box of the text x,y,w,h.

    Args:
        text: as given.
        form: what should have been given, for the message.

    Raises:
        BadParameter: if it is none, or has no area.
    """
    try:
        return make_box(float(part) for part in text.split(','))
    except ValueError as error:
        raise click.BadParameter(f'{text!r} is not {form}') from error
    except GeometryError as error:
        raise click.BadParameter(str(error)) from error


def read_stamp(text: str) -> int:
    """Nanoseconds of a number of seconds, without a float's rounding.

    Raises:
        BadParameter: if it is no number, or no time that a stamp can hold.
    """
    try:
        seconds = Decimal(text)
    except InvalidOperation as error:
        raise click.BadParameter(f'{text!r} is no number of seconds') from error
    if not 0 <= seconds < _LATEST:
        raise click.BadParameter(f'{text!r} is no stamp: those are seconds from 0 to 2147483647')
    return int(seconds * NANOSECONDS)
