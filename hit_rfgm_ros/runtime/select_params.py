"""The parameters of the node `select_target`."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.parameter import Parameter, Parameters, row, table_of


@dataclass(frozen=True)
class SelectParams(Parameters):
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

    def check_together(self) -> None:
        """Refuse a box of another length than four."""
        if len(self.box) not in (0, 4):
            raise ConfigError(f'box must hold x, y, width, height, or nothing; got {self.box}')


SELECT_TABLE: dict[str, Parameter] = table_of(SelectParams)
