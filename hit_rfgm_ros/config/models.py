"""Names and configurations of all models; needs neither torch nor weights."""

from __future__ import annotations

from hit_rfgm_ros.config.hit import HIT_MODELS, HiTConfig
from hit_rfgm_ros.config.names import did_you_mean
from hit_rfgm_ros.config.rfgm import RFGM_MODELS, RFGMConfig
from hit_rfgm_ros.errors import ConfigError

ModelConfig = HiTConfig | RFGMConfig

MODELS: dict[str, ModelConfig] = {**HIT_MODELS, **RFGM_MODELS}


def list_models() -> list[str]:
    """Names that `create_tracker` and ``--model`` take."""
    return list(MODELS)


def keeps_memory(name: str) -> bool:
    """Whether trackers of this model keep a memory that grows beyond the first template."""
    return name in RFGM_MODELS


def first_memory(config: ModelConfig) -> int:
    """Tokens of a target's memory at its start: those of the first template; 0 without one."""
    return config.template_tokens if isinstance(config, RFGMConfig) else 0


def get_model_config(name: str) -> ModelConfig:
    """Configuration of a model by name.

    Raises:
        ConfigError: if the name is unknown; the message lists the known names.
    """
    if name not in MODELS:
        near = did_you_mean(name, MODELS)
        hint = f'{near} ' if near else ''
        raise ConfigError(f'unknown model {name!r}: {hint}known models: {", ".join(MODELS)}')
    return MODELS[name]
