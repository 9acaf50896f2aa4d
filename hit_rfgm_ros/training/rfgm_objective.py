"""The training objective of RFGM: network, auxiliary layers and the weighted sum of the losses."""

from __future__ import annotations

from hit_rfgm_ros.models.rfgm.network import RFGM, RFGMOutput
from hit_rfgm_ros.training import losses, rfgm_losses
from hit_rfgm_ros.training.batches import Batch, normalise
from hit_rfgm_ros.training.config import TrainConfig
import torch
from torch import Tensor, nn

EARLY_LAYER = 4  # its tokens imitate the teacher and are compared by the Siamese loss


class RFGMObjective(nn.Module):
    """Losses of one batch. What is learnt here besides the network is not part of the weights."""

    def __init__(self, model: RFGM, config: TrainConfig, teacher_channels: int) -> None:
        super().__init__()
        self.model, self.config = model, config
        self.project = nn.Linear(model.config.width, max(teacher_channels, 1))

    def forward(self, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        """Total loss and its parts by name."""
        early: list[Tensor] = []
        watched = self.model.backbone.blocks[EARLY_LAYER - 1].register_forward_hook(
            lambda block, given, tokens: early.append(tokens)
        )
        with watched, torch.autocast(batch.search.device.type, torch.bfloat16):
            output = self.model(normalise(batch.search), normalise(batch.template))
        parts = self._main_parts(output, batch)
        if not self.config.siamese_until or step < self.config.siamese_until:
            parts |= self._early_parts(early[0], batch)
        total = torch.zeros(())
        for name, value in parts.items():
            total = total + getattr(self.config, name) * value
        return total, {name: float(value.detach()) for name, value in parts.items()}

    def _main_parts(self, output: RFGMOutput, batch: Batch) -> dict[str, Tensor]:
        grid = self.model.config.grid
        maps = rfgm_losses.centre_maps(batch.box, batch.present, grid)
        half = 0.5 * output.boxes[:, 2:]
        corners = torch.cat([output.boxes[:, :2] - half, output.boxes[:, :2] + half], 1)
        l1, giou = losses.box_loss(corners, batch.box, batch.present)
        cells = rfgm_losses.true_cells(batch.box, grid)
        there = rfgm_losses.boxes_at(cells, output.size_map, output.offset_map)
        true_l1, true_giou = losses.box_loss(there, batch.box, batch.present)
        shares = [tenths / 10 for _, tenths in self.model.config.stages]
        return {
            'focal': rfgm_losses.focal_loss(output.score_map[:, 0], maps),
            'l1': l1,
            'giou': giou,
            'centre': rfgm_losses.centre_cross_entropy(output.score_map, batch.box, batch.present),
            'true_cell': self.config.l1 * true_l1 + self.config.giou * true_giou,
            'ratio': rfgm_losses.ratio_loss(output.decisions, shares),
        }

    def _early_parts(self, tokens: Tensor, batch: Batch) -> dict[str, Tensor]:
        config = self.model.config
        search = tokens[:, -config.search_tokens :].float()
        template = tokens[:, : config.template_tokens].float()  # the first one
        parts = {'siamese': losses.siamese_loss(search, template, batch.box, batch.present)}
        if batch.search_features is not None and batch.template_features is not None:
            own = losses.distillation_loss(self.project(search), batch.search_features.float())
            small = losses.distillation_loss(
                self.project(template), batch.template_features.float()
            )
            parts['distill'] = own + 0.3 * small
        return parts
