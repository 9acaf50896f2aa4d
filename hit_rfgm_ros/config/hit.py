"""Configurations of the HiT networks; needs neither torch nor weights."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.sides import STRIDE, check_sides
from hit_rfgm_ros.errors import ConfigError

BRIDGE_STAGES = (
    ('max', 'mid', 'min'),
    ('max',),
    ('mid',),
    ('min',),
    ('max', 'mid'),
    ('max', 'min'),
    ('mid', 'min'),
)
POSITION_ENCODINGS = ('diagonal', 'horizontal', 'vertical', 'separate', 'absolute')


@dataclass(frozen=True)
class HiTConfig:
    """One HiT network (ICCV 2023, sections 3 and 4.1; variants of the official code).

    Attributes:
        name: as in `list_models`.
        backbone: ``levit`` or ``pvt``.
        widths: channels of each stage.
        depths: blocks of each stage (an attention and an MLP block count as one).
        heads: attention heads of each stage.
        key_dim: query and key width per head; LeViT's values are twice as wide (4x in a shrink).
        mlp_ratios: hidden width of the MLP over the stage's width.
        drop_path: share of residual branches dropped per sample while training.
        search_size, template_size: sides of the square network inputs in pixels.
        hidden_dim: width of the corner head's input.
        bridge_stages: stages that the bridge joins (table 5): max 1/16, mid 1/32, min 1/64.
        position_encoding: layout of the dual-image position encoding (table 6).
    """

    name: str
    backbone: str
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    key_dim: int
    mlp_ratios: tuple[int, ...]
    drop_path: float = 0.0
    search_size: int = 256
    template_size: int = 128
    hidden_dim: int = 256
    bridge_stages: tuple[str, ...] = ('max', 'mid', 'min')
    position_encoding: str = 'diagonal'

    def __post_init__(self) -> None:
        stages = 3 if self.backbone == 'levit' else 4
        if self.backbone not in ('levit', 'pvt'):
            raise ConfigError(f"backbone must be 'levit' or 'pvt', got {self.backbone!r}")
        for field in ('widths', 'depths', 'heads', 'mlp_ratios'):
            if len(getattr(self, field)) != stages:
                raise ConfigError(
                    f'{field} needs {stages} numbers for {self.backbone}, '
                    f'got {getattr(self, field)}'
                )
        check_sides(search_size=self.search_size, template_size=self.template_size)
        if tuple(self.bridge_stages) not in BRIDGE_STAGES:
            raise ConfigError(
                f'bridge_stages must be one of {BRIDGE_STAGES}, got {self.bridge_stages}'
            )
        if self.position_encoding not in POSITION_ENCODINGS:
            raise ConfigError(
                f'position_encoding must be one of {POSITION_ENCODINGS}, '
                f'got {self.position_encoding!r}'
            )
        if self.backbone == 'pvt' and (
            self.bridge_stages != BRIDGE_STAGES[0] or self.position_encoding != 'diagonal'
        ):
            raise ConfigError(
                'hit_pvt has its own positions and bridge: leave bridge_stages and '
                'position_encoding at their defaults'
            )

    @property
    def value_dim(self) -> int:
        """Value width per head of LeViT's attention blocks."""
        return 2 * self.key_dim

    @property
    def shrink_value_dim(self) -> int:
        """Value width per head of LeViT's shrink attention."""
        return 4 * self.key_dim

    @property
    def shrink_heads(self) -> tuple[int, int]:
        """Heads of the two shrinks: width of the stage before over the key width."""
        return self.widths[0] // self.key_dim, self.widths[1] // self.key_dim

    @property
    def stride(self) -> int:
        """Pixels of the search region per cell of the score maps."""
        return STRIDE

    @property
    def grid(self) -> int:
        """Side of the score maps in cells."""
        return self.search_size // self.stride

    @property
    def grid_stage(self) -> int:
        """The stage whose tokens stand on the score maps' grid: LeViT's first, PVT's third."""
        return 0 if self.backbone == 'levit' else 2


def _levit(
    name: str,
    widths: tuple[int, int, int],
    depths: tuple[int, int, int],
    heads: tuple[int, int, int],
    key_dim: int,
    drop_path: float = 0.0,
) -> HiTConfig:
    return HiTConfig(
        name=name,
        backbone='levit',
        widths=widths,
        depths=depths,
        heads=heads,
        key_dim=key_dim,
        mlp_ratios=(2, 2, 2),
        drop_path=drop_path,
    )


HIT_MODELS: dict[str, HiTConfig] = {
    config.name: config
    for config in (
        _levit('hit_base', (384, 512, 768), (4, 4, 4), (6, 9, 12), 32, drop_path=0.1),
        _levit('hit_small', (128, 256, 384), (4, 4, 4), (4, 8, 12), 16),
        _levit('hit_tiny', (128, 256, 384), (2, 3, 4), (4, 6, 8), 16),
        HiTConfig(
            name='hit_pvt',
            backbone='pvt',
            widths=(64, 128, 320, 512),
            depths=(3, 4, 6, 3),
            heads=(1, 2, 5, 8),
            key_dim=64,
            mlp_ratios=(8, 8, 4, 4),
        ),
    )
}
