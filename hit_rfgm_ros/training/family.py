"""What differs between the families of networks in a training run."""

from __future__ import annotations

from typing import Protocol

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.training.config import TrainConfig
from torch import nn

TEACHER_CHANNELS = 96  # NanoTrack v3


class Family(Protocol):
    """One family of networks."""

    def sized(self, config: TrainConfig, size: int) -> ModelConfig:
        """The model's configuration in a run with search regions of this size."""
        ...

    def network(self, config: TrainConfig, size: int) -> nn.Module:
        """A network with random weights, in training mode."""
        ...

    def start(self, model: nn.Module, config: TrainConfig) -> None:
        """Give a fresh network the values that training starts from, in place."""
        ...

    def objective(self, model: nn.Module, config: TrainConfig) -> nn.Module:
        """What is minimised: called with a `Batch` and a step, the total loss and its parts.

        Its attribute ``model`` is the network; what else it learns is no part of the weights.
        """
        ...

    def transfer(self, source: nn.Module, target: nn.Module) -> None:
        """Copy weights between networks of different picture sizes, in place."""
        ...

    def freeze(self, model: nn.Module, config: TrainConfig) -> None:
        """Set layers to evaluation mode that the run wants so."""
        ...
