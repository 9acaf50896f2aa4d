"""Sides of a network's square inputs, alike for both families."""

from __future__ import annotations

from hit_rfgm_ros.errors import ConfigError

STRIDE = 16  # pixels of a search region per cell of the maps


def check_sides(*, search_size: int, template_size: int) -> None:
    """Refuse pictures that no grid of tokens fits.

    Raises:
        ConfigError: if a side is no positive multiple of 64 pixels.
    """
    for name, side in (('search_size', search_size), ('template_size', template_size)):
        if side < 64 or side % 64:
            raise ConfigError(f'{name} must be a positive multiple of 64, got {side}')
