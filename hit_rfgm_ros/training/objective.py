"""The training objective: network, auxiliary layers and the weighted sum of the losses."""

from __future__ import annotations

from hit_rfgm_ros.models.hit.network import HiT, HiTOutput
from hit_rfgm_ros.training import losses
from hit_rfgm_ros.training.batches import Batch, normalise
from hit_rfgm_ros.training.config import TrainConfig
import torch
from torch import Tensor, nn


class Objective(nn.Module):
    """Losses of one batch. What is learnt here besides the network is not part of the weights."""

    def __init__(self, model: HiT, config: TrainConfig, teacher_channels: int) -> None:
        super().__init__()
        self.model, self.config = model, config
        # Starts so small that the softmax over positions is nearly flat: its gradient stays tame.
        self.correlation_scale = nn.Parameter(torch.tensor(-4.0))
        width = model.config.widths[model.config.grid_stage]
        self.project = nn.Linear(width, max(teacher_channels, 1))

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        """Total loss and its parts by name."""
        search, template = normalise(batch.search), normalise(batch.template)
        with torch.autocast(search.device.type, torch.bfloat16):
            search_tokens = self.model.embed(search)
            template_tokens = self.model.embed(template)
            output = self.model.track(search_tokens, template_tokens)
        parts = self._main_parts(output, batch)
        if not self.config.siamese_until or step < self.config.siamese_until:
            parts |= self._early_parts(search_tokens, template_tokens, output, batch)
        total = torch.zeros(())
        for name, value in parts.items():
            total = total + getattr(self.config, name) * value
        return total, {name: float(value.detach()) for name, value in parts.items()}

    def _main_parts(self, output: HiTOutput, batch: Batch) -> dict[str, Tensor]:
        corners = output.corners.float() / self.model.config.search_size
        l1, giou = losses.box_loss(corners, batch.box, batch.present)
        centre = 0.5 * (batch.box[:, :2] + batch.box[:, 2:])
        cells = losses.bilinear_cells(centre, self.model.config.grid, offset=0.5)
        correlation = output.correlation.float() * self.correlation_scale.exp()
        return {
            'l1': l1,
            'giou': giou,
            'corner': losses.corner_loss(
                output.score_tl, output.score_br, batch.box, batch.present
            ),
            'absence': losses.absence_loss(output.score_tl, output.score_br, ~batch.present),
            'correlation': losses.map_cross_entropy(correlation, cells, batch.present),
        }

    def _early_parts(
        self, search: Tensor, template: Tensor, output: HiTOutput, batch: Batch
    ) -> dict[str, Tensor]:
        cells = self.model.config.grid**2
        staged = output.stage_tokens[self.model.config.grid_stage]
        staged_search, staged_template = staged[:, :cells], staged[:, cells:]
        siamese = losses.siamese_loss(search, template, batch.box, batch.present)
        siamese = siamese + losses.siamese_loss(
            staged_search, staged_template, batch.box, batch.present
        )
        parts = {'siamese': 0.5 * siamese}
        if batch.search_features is not None and batch.template_features is not None:
            own = losses.distillation_loss(
                self.project(staged_search.float()), batch.search_features.float()
            )
            small = losses.distillation_loss(
                self.project(staged_template.float()), batch.template_features.float()
            )
            parts['distill'] = own + 0.3 * small
        return parts
