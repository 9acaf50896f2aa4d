"""RFGM (NeurIPS 2023): one-stream transformer with relevance attention, and OSTrack's head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hit_rfgm_ros.config.rfgm import FILTER_LAYER, RFGMConfig
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.models.heads import CentreHead, centres_to_boxes
from hit_rfgm_ros.models.layers import to_map
from hit_rfgm_ros.models.rfgm.encoder import Encoder
from hit_rfgm_ros.models.rfgm.relevance import Ranker
from hit_rfgm_ros.models.rfgm.vit import ViT
from torch import Tensor, nn


@dataclass
class RFGMOutput:
    """What `RFGM` returns for a batch of B searches; g is the grid's side (16).

    Attributes:
        boxes: (B, 4) cx, cy, w, h as fractions of the search region, at the best cell of the
            score map without a window.
        score_map: (B, 1, g, g) in [1e-4, 1 - 1e-4].
        size_map: (B, 2, g, g) width and height as fractions of the search region.
        offset_map: (B, 2, g, g) of the centre from the cell's corner, in cells.
        tokens: (B, g*g, C) search tokens after the last normalisation.
        kept: evaluation: per ranking layer the places in the memory given (B, k), ascending;
            -1 at the end where a padded sample keeps fewer.
        decisions: training: per ranking layer (B, n) 1 for kept, 0 for dropped, cumulative,
            with gradients to the rankers.
    """

    boxes: Tensor
    score_map: Tensor
    size_map: Tensor
    offset_map: Tensor
    tokens: Tensor
    kept: dict[int, Tensor] = field(default_factory=dict)
    decisions: list[Tensor] = field(default_factory=list)


class RFGM(nn.Module):
    """The whole network; stateless: the memory is handed in.

    With ``relevance_stages=0`` and one template it is OSTrack-256.
    """

    def __init__(self, config: RFGMConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ViT(config)
        self.box_head = CentreHead(config.width)
        self.rankers = nn.ModuleDict(
            {str(layer): Ranker(config.heads, config.width) for layer in config.ranked_layers}
        )

    def forward(self, search: Tensor, template: Tensor) -> RFGMOutput:
        """Find the templates' target in the search region.

        Args:
            search: (B, 3, 256, 256), RGB, normalised by the ImageNet mean and deviation.
            template: (B, 3, 128, 128), likewise, or (B, T, 3, 128, 128), oldest first.
        """
        pictures = template if template.dim() == 5 else template[:, None]
        memory = self.embed_template(pictures.flatten(0, 1))
        return self.track(
            self.embed_search(search), memory.reshape(len(search), -1, memory.shape[2])
        )

    def embed_template(self, images: Tensor) -> Tensor:
        """Memory tokens of templates: (B, 3, 128, 128) -> (B, 64, C), positions included."""
        return self.backbone.embed_template(images)

    def embed_search(self, images: Tensor) -> Tensor:
        """Search tokens: (B, 3, 256, 256) -> (B, 256, C), positions included."""
        return self.backbone.embed_search(images)

    def track(
        self,
        search_tokens: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        decisions: Sequence[Tensor] | None = None,
    ) -> RFGMOutput:
        """Everything after the embedding.

        In evaluation mode each ranking layer keeps its share of the memory tokens that enter the
        first layer, those of the largest relevance; in training mode decisions are drawn.

        Args:
            search_tokens: (B, 256, C).
            memory: (B, n, C), oldest template first.
            memory_mask: (B, n) bool, False for padding, which stands at the end; every sample
                then keeps its share of its own tokens, as it does alone. Evaluation only.
            decisions: per stage (B, n), 1 for kept, cumulative: what to keep instead.

        Raises:
            ConfigError: if a mask is given in training mode.
        """
        encoder = self._encoder()
        kept: dict[int, Tensor] = {}
        taken: list[Tensor] = []
        if not self.training:
            x, kept = encoder.gathered(memory, search_tokens, memory_mask, decisions)
        elif memory_mask is not None:
            raise ConfigError('training mode takes no memory_mask: give all samples equal memory')
        else:
            x, taken = encoder.masked(memory, search_tokens, decisions)
        tokens = self.backbone.norm(x)[:, -search_tokens.shape[1] :]  # of all, as OSTrack does
        score, size, offset = self.box_head(to_map(tokens, self.config.grid))
        return RFGMOutput(
            boxes=centres_to_boxes(score, size, offset),
            score_map=score,
            size_map=size,
            offset_map=offset,
            tokens=tokens,
            kept=kept,
            decisions=taken,
        )

    def filter_relevance(
        self, memory: Tensor, template_tokens: Tensor, search_tokens: Tensor
    ) -> Tensor:
        """The Token Filter: how relevant stored and new tokens are for a frame (section 3.2).

        Args:
            memory: (B, n, C); its first 64 tokens are the first template's, and context only.
            template_tokens: (B, 64, C) of the new template.
            search_tokens: (B, 256, C) of the same frame.

        Returns:
            (B, n): logit of pi[:, 0] of the candidates, memory tokens from the 65th on, then the
            new 64.

        Raises:
            ConfigError: if the network has no ranker at layer 4.
        """
        if not self.config.has_filter:
            raise ConfigError(
                f'{self.config.name} with relevance_stages={self.config.relevance_stages} has no '
                f'ranker at layer {FILTER_LAYER}, which the memory kind gr needs: build it with '
                'filter_ranker=True or relevance_stages=3'
            )
        return self._encoder().filter_relevance(memory, template_tokens, search_tokens)

    def _encoder(self) -> Encoder:
        return Encoder(self.config, self.backbone, self.rankers)
