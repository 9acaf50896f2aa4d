"""Options that the commands around engines share."""

from __future__ import annotations

import click
from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import Weights, read_weights

MODEL = click.Choice(list(MODELS))
WEIGHTS_HELP = "A weights file; 'random' for tests. [default: the user's, else the package's]"


def load_weights(model: str, weights: str | None) -> Weights | None:
    """The weights that an option ``--weights`` names; None stands for random ones."""
    if weights == 'random':
        return None
    return read_weights(find_weights(model, weights), model)
