"""The family of a model in training."""

from __future__ import annotations

from hit_rfgm_ros.config.rfgm import RFGM_MODELS
from hit_rfgm_ros.training.config import TrainConfig
from hit_rfgm_ros.training.family import Family
from hit_rfgm_ros.training.hit_family import HiTFamily
from hit_rfgm_ros.training.rfgm_family import RFGMFamily


def family_of(config: TrainConfig) -> Family:
    """What a run of this model needs of its family."""
    return RFGMFamily() if config.model in RFGM_MODELS else HiTFamily()
