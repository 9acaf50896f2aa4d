"""HiT (ICCV 2023): hierarchical transformer, bridge and corner head; the official function."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.models.heads import CornerHead, corners_to_boxes
from hit_rfgm_ros.models.hit.bridge import Bridge
from hit_rfgm_ros.models.hit.levit import LeViT
from hit_rfgm_ros.models.hit.pvt import PVT
from hit_rfgm_ros.models.layers import to_map
from torch import Tensor, nn


@dataclass
class HiTOutput:
    """What `HiT` returns for a batch of B pairs; g is the grid's side (16).

    Attributes:
        boxes: (B, 4) cx, cy, w, h as fractions of the search region; w or h may be negative.
        corners: (B, 4) x1, y1, x2, y2 in pixels of the search region.
        score_tl, score_br: (B, 1, g, g) corner maps before the softmax.
        correlation: (B, g*g) dot product of each enhanced token with the global vector.
        stage_tokens: all tokens of each stage, search first.
        enhanced: (B, g*g, hidden) tokens after the bridge.
    """

    boxes: Tensor
    corners: Tensor
    score_tl: Tensor
    score_br: Tensor
    correlation: Tensor
    stage_tokens: list[Tensor]
    enhanced: Tensor


class Backbone(nn.Module):
    """Holds the stages under the name ``body``, as the official checkpoints do."""

    def __init__(self, config: HiTConfig) -> None:
        super().__init__()
        self.body: LeViT | PVT = LeViT(config) if config.backbone == 'levit' else PVT(config)

    def forward(self, search_tokens: Tensor, template_tokens: Tensor) -> list[Tensor]:
        """See `LeViT.forward`."""
        tokens: list[Tensor] = self.body(search_tokens, template_tokens)
        return tokens


class HiT(nn.Module):
    """The whole network; stateless, so it can be exported and batched freely."""

    def __init__(self, config: HiTConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.bottleneck = Bridge(config)
        self.box_head = CornerHead(config.hidden_dim, config.grid, config.stride)

    def forward(self, search: Tensor, template: Tensor) -> HiTOutput:
        """Find the template's target in the search region.

        Args:
            search: (B, 3, 256, 256), RGB, normalised by the ImageNet mean and deviation.
            template: (B, 3, 128, 128), likewise.
        """
        # The search region first: while training, the stem's batch statistics follow this order.
        search_tokens = self.embed(search)
        return self.track(search_tokens, self.embed(template))

    def embed(self, image: Tensor) -> Tensor:
        """Tokens of one image; a template's can be kept for as long as its target is tracked.

        Args:
            image: (B, 3, S, S), normalised.

        Returns:
            (B, (S/16)^2, C1); for hit_pvt (B, (S/4)^2, C1).
        """
        return self.backbone.body.embed(image)

    def track(self, search_tokens: Tensor, template_tokens: Tensor) -> HiTOutput:
        """Everything after `embed`."""
        stage_tokens = self.backbone(search_tokens, template_tokens)
        enhanced, global_vector = self.bottleneck(stage_tokens)
        correlation = (enhanced @ global_vector.unsqueeze(2)).squeeze(2)  # (B, g*g)
        weighted = to_map(enhanced * correlation.unsqueeze(2), self.config.grid)
        score_tl, score_br, corners = self.box_head(weighted)
        return HiTOutput(
            boxes=corners_to_boxes(corners, self.config.search_size),
            corners=corners,
            score_tl=score_tl,
            score_br=score_br,
            correlation=correlation,
            stage_tokens=stage_tokens,
            enhanced=enhanced,
        )
