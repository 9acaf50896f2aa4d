"""HiT in a training run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.models.hit.levit import LeViT
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.family import TEACHER_CHANNELS
from hit_rfgm_ros.training.objective import Objective
from hit_rfgm_ros.training.start import set_start_values, transfer
from hit_rfgm_ros.weights.levit import backbone_from_levit
import torch
from torch import nn


class HiTFamily:
    """See `training.family.Family`."""

    def sized(self, config: TrainConfig, size: int) -> HiTConfig:
        """The configuration with search regions of this size."""
        model = get_model_config(config.model)
        assert isinstance(model, HiTConfig)
        return replace(
            model,
            search_size=size,
            template_size=size // 2,
            bridge_stages=config.bridge_stages,
            position_encoding=config.position_encoding,
        )

    def network(self, config: TrainConfig, size: int) -> HiT:
        """A network with random weights."""
        return HiT(self.sized(config, size))

    def start(self, model: nn.Module, config: TrainConfig) -> None:
        """Start biases; all of the backbone but the bias tables from a file, if one is named."""
        assert isinstance(model, HiT)
        set_start_values(model)
        if config.backbone:  # HiT, section 4.1
            arrays = backbone_from_levit(Path(config.backbone), model.config)
            known = model.state_dict()
            model.load_state_dict(
                known | {key: torch.from_numpy(array).float() for key, array in arrays.items()}
            )

    def objective(self, model: nn.Module, config: TrainConfig) -> Objective:
        """Corner maps, boxes, correlation, and what helps at first."""
        assert isinstance(model, HiT)
        return Objective(model, config, TEACHER_CHANNELS)

    def transfer(self, source: nn.Module, target: nn.Module) -> None:
        """Read the bias tables at scaled offsets."""
        assert isinstance(source, HiT)
        assert isinstance(target, HiT)
        transfer(source, target)

    def freeze(self, model: nn.Module, config: TrainConfig) -> None:
        """The stem, for `TrainConfig.freeze_stem`."""
        assert isinstance(model, HiT)
        if config.freeze_stem and isinstance(model.backbone.body, LeViT):
            model.backbone.body.patch_embed.eval()
