"""The parameters of the node `select_target`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.parameter import Parameter, check_values, row, table_of


@dataclass(frozen=True)
class SelectParams:
    """Values of all parameters of `select_target`; the fields are the table."""

    tracker: str = row('tracker', 'Name of the tracker node.')
    image_topic: str = row('image_raw', 'Topic of the images to draw on, as the tracker has it.')
    image_transport: str = row(
        'raw',
        'raw subscribes to the image topic, compressed to its /compressed.',
        choices=('raw', 'compressed'),
    )
    box: tuple[float, ...] = row(
        (), 'x, y, width, height in pixels of the image; empty: to be drawn with the mouse.'
    )
    label: str = row('', 'Text that comes back with the target.')
    stamp: float = row(
        0.0,
        'Stamp of the image that the box belongs to; 0 is the shown one, or the newest [s].',
        low=0,
        high=2**32 - 1,
    )
    show: str = row(
        'auto',
        'auto opens a window if no box is given; true always does; false never.',
        choices=('auto', 'true', 'false'),
    )
    timeout: float = row(
        5.0, 'Longest time to wait for an image, the tracker, its answer [s].', low=0.1, high=3600
    )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> SelectParams:
        """Make one from names and values as people write them.

        Raises:
            ConfigError: for an unknown name (the nearest one is named) or a bad value.
        """
        return cls().changed(values)

    def changed(self, values: Mapping[str, Any]) -> SelectParams:
        """The same with some values replaced; errors as `from_values`."""
        made = replace(self, **check_values(SELECT_TABLE, values))
        if len(made.box) not in (0, 4):
            raise ConfigError(f'box must hold x, y, width, height, or nothing; got {made.box}')
        return made

    def values(self) -> dict[str, Any]:
        """Names and values."""
        return asdict(self)


SELECT_TABLE: dict[str, Parameter] = table_of(SelectParams)
