"""Configurations of the RFGM networks; needs neither torch nor weights."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.sides import STRIDE, check_sides
from hit_rfgm_ros.errors import ConfigError

DEPTH = 12
FILTER_LAYER = 4  # the Token Filter is layers 1 to 3, and layer 4 up to its ranker
_RANKED_LAYERS = (4, 7, 10)
_KEPT_TENTHS = (9, 8, 7)
MAX_STAGES = len(_RANKED_LAYERS)


@dataclass(frozen=True)
class RFGMConfig:
    """One RFGM network (NeurIPS 2023, section 3); layers count from 1.

    With ``relevance_stages=0`` and one template it is OSTrack-256 without candidate elimination.

    Attributes:
        name: as in `list_models`.
        width: channels of a token.
        heads: attention heads, 64 channels each.
        depth: transformer layers.
        relevance_stages: layers that rank the memory tokens and drop some, 0 to 3 (table 7).
        filter_ranker: keep a ranker at layer 4 for the memory's Token Filter even where the
            encoder ranks nothing there (fewer than 3 stages).
        drop_path: share of residual branches dropped per sample in the last layer while training,
            growing linearly from 0 in the first.
        search_size, template_size: sides of the square network inputs in pixels.
    """

    name: str
    width: int
    heads: int
    depth: int = DEPTH
    relevance_stages: int = 3
    filter_ranker: bool = False
    drop_path: float = 0.1
    search_size: int = 256
    template_size: int = 128

    def __post_init__(self) -> None:
        if not 0 <= self.relevance_stages <= MAX_STAGES:
            raise ConfigError(f'relevance_stages must be 0 to 3, got {self.relevance_stages!r}')
        if self.width != 64 * self.heads or self.heads < 1:
            raise ConfigError(
                f'width must be 64 times heads, got {self.width} channels and {self.heads} heads'
            )
        if self.depth < _RANKED_LAYERS[-1]:
            raise ConfigError(f'depth must be at least {_RANKED_LAYERS[-1]}, got {self.depth}')
        check_sides(search_size=self.search_size, template_size=self.template_size)

    @property
    def stride(self) -> int:
        """Pixels per token side: patches of 16 x 16."""
        return STRIDE

    @property
    def grid(self) -> int:
        """Side of the score map in cells."""
        return self.search_size // self.stride

    @property
    def template_grid(self) -> int:
        """Side of a template's token grid."""
        return self.template_size // self.stride

    @property
    def search_tokens(self) -> int:
        """Tokens of a search region."""
        return self.grid**2

    @property
    def template_tokens(self) -> int:
        """Tokens of a template."""
        return self.template_grid**2

    @property
    def stages(self) -> tuple[tuple[int, int], ...]:
        """(layer, tenths kept) of each relevance stage, first layer first.

        Stages are added from the last layer backwards, ratios from the front of the list: one
        stage keeps 9/10 at layer 10, two keep 9/10 at 7 and 8/10 at 10 (table 7).
        """
        count = self.relevance_stages
        layers = _RANKED_LAYERS[MAX_STAGES - count :]
        return tuple(zip(layers, _KEPT_TENTHS[:count]))

    @property
    def ranked_layers(self) -> tuple[int, ...]:
        """Layers that have a ranker, that of the filter included."""
        layers = tuple(layer for layer, _ in self.stages)
        extra = self.filter_ranker and FILTER_LAYER not in layers
        return (FILTER_LAYER, *layers) if extra else layers

    @property
    def has_filter(self) -> bool:
        """Whether the memory can be filtered token by token (kind ``gr``)."""
        return FILTER_LAYER in self.ranked_layers


def kept_tokens(count: int, tenths: int) -> int:
    """Memory tokens that a stage keeps of the ``count`` that enter layer 1: floor, in integers."""
    return count * tenths // 10


RFGM_MODELS: dict[str, RFGMConfig] = {
    config.name: config
    for config in (
        RFGMConfig('rfgm_b256', width=768, heads=12),
        RFGMConfig('rfgm_s256', width=384, heads=6),
        RFGMConfig('rfgm_t256', width=192, heads=3),
    )
}
