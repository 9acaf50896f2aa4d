"""RFGM in a training run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.models.rfgm.relevance import Ranker
from hit_rfgm_ros.models.rfgm.vit import Block
from hit_rfgm_ros.training.batches import collect, make_pair_config, normalise
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.family import TEACHER_CHANNELS
from hit_rfgm_ros.training.pairs import PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.training.rfgm_objective import RFGMObjective
from hit_rfgm_ros.training.rfgm_start import Layout, set_ranker_values, set_start_values, waves
from hit_rfgm_ros.weights.vit import encoder_from_vit
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

FIRST_PICTURES = 256  # whose patches give the principal components


class Sleeping(nn.Module):
    """A block that takes no part yet: the same parameters under the same names, but no `Block`.

    Both its branches end in zeros, so that in the written weights it is an ordinary block that
    changes nothing. A run that lists its layer in `TrainConfig.layers` wakes it.
    """

    def __init__(self, block: Block) -> None:
        super().__init__()
        for name, child in block.named_children():
            self.add_module(name, child)
        for layer in (block.attn.proj, block.mlp.fc2):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.requires_grad_(requires_grad=False)


class RFGMFamily:
    """See `training.family.Family`."""

    def sized(self, config: TrainConfig, size: int) -> RFGMConfig:
        """The configuration with search regions of this size and the run's stages."""
        model = get_model_config(config.model)
        assert isinstance(model, RFGMConfig)
        stages = config.relevance_stages
        return replace(
            model,
            search_size=size,
            template_size=size // 2,
            relevance_stages=model.relevance_stages if stages < 0 else stages,
            drop_path=config.drop_path,
        )

    def network(self, config: TrainConfig, size: int) -> RFGM:
        """A network with random weights; layers that the run does not list sleep.

        Rankers have their start values, since the last part of a training may add them.
        """
        model = RFGM(self.sized(config, size))
        for index, block in enumerate(model.backbone.blocks):
            if index + 1 not in config.layers and isinstance(block, Block):
                model.backbone.blocks[index] = Sleeping(block)
        for ranker in model.rankers.values():
            assert isinstance(ranker, Ranker)
            set_ranker_values(ranker)
        return model

    def start(self, model: nn.Module, config: TrainConfig) -> None:
        """An encoder from a file, if one is named; or values that already match a little.

        Raises:
            ConfigError: if layers sleep that the file would fill.
        """
        assert isinstance(model, RFGM)
        if config.backbone:
            if len(config.layers) < model.config.depth:
                raise ConfigError('backbone fills all layers: leave layers at its default')
            arrays = encoder_from_vit(config.backbone, model.config)
            known = model.state_dict()
            model.load_state_dict(
                known | {key: torch.from_numpy(array) for key, array in arrays.items()}
            )
            return
        pairs = replace(make_pair_config(config), shares={'rectangle': 1.0})
        sampler = PairSampler(PhotoSet.load(Path(config.data), part='val'), pairs, config.seed)
        set_start_values(model, normalise(collect(sampler, FIRST_PICTURES).search))

    def objective(self, model: nn.Module, config: TrainConfig) -> RFGMObjective:
        """The paper's losses, and what helps at first."""
        assert isinstance(model, RFGM)
        return RFGMObjective(model, config, TEACHER_CHANNELS)

    def transfer(self, source: nn.Module, target: nn.Module) -> None:
        """Copy all that both have; positions are read at the new grid's places."""
        assert isinstance(source, RFGM)
        assert isinstance(target, RFGM)
        state = dict(source.state_dict())
        for key, template in (('pos_embed_z', True), ('pos_embed_x', False)):
            name = f'backbone.{key}'
            old, new = source.config, target.config
            state[name] = _moved_positions(state[name], old, new, template=template)
        known = target.state_dict().keys()
        target.load_state_dict({k: v for k, v in state.items() if k in known}, strict=False)

    def freeze(self, model: nn.Module, config: TrainConfig) -> None:
        """Nothing."""


def _moved_positions(
    positions: Tensor, old: RFGMConfig, new: RFGMConfig, *, template: bool
) -> Tensor:
    """Positions (1, cells, C) for another grid.

    The waves of the start values are computed anew and what was learnt beside them is
    interpolated, which the shorter waves would not survive.
    """
    if (old.search_size, old.template_size) == (new.search_size, new.template_size):
        return positions
    place = Layout.of(new.width).place
    before, after = waves(old, template=template), waves(new, template=template)
    learnt = positions.clone()
    learnt[0, :, place] -= before
    side, wanted = round(len(before) ** 0.5), round(len(after) ** 0.5)
    grid = learnt.transpose(1, 2).unflatten(2, (side, side))
    moved = interpolate(grid, size=(wanted, wanted), mode='bilinear').flatten(2).transpose(1, 2)
    moved[0, :, place] += after
    return moved
