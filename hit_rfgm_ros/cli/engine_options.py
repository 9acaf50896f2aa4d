"""Options that the commands around engines share."""

from __future__ import annotations

import click
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.config.models import MODELS, get_model_config
from hit_rfgm_ros.config.rfgm import MAX_STAGES, RFGMConfig
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import Weights, read_weights
from hit_rfgm_ros.weights.serving import ALL_STORED, serve

MODEL = click.Choice(list(MODELS))
WEIGHTS_HELP = "A weights file; 'random' for tests. [default: the user's, else the package's]"
STAGES = click.option(
    '--relevance-stages',
    type=click.IntRange(0, MAX_STAGES),
    help='RFGM: layers that drop memory tokens. [default: as many as the weights have rankers]',
)


def load_weights(model: str, weights: str | None, relevance_stages: int | None = None) -> Weights:
    """The weights that an option ``--weights`` names, for the network that is asked for.

    Random ones have no path.
    """
    if weights == 'random':
        found = random_weights(get_model_config(model))
    else:
        found = read_weights(find_weights(model, weights), model)
    with wrong_use():  # stages of a HiT; weights that lack a ranker are another error
        return serve(found, ALL_STORED if relevance_stages is None else relevance_stages)


def describe_network(weights: Weights) -> str:
    """A model's name, and an RFGM's stages."""
    config = weights.config
    if not isinstance(config, RFGMConfig):
        return config.name
    return f'{config.name} at relevance_stages={config.relevance_stages}'
