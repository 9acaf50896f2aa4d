"""Sizes and costs of RFGM: table 7 of the paper, as thop counts it.

Counted on torch's device ``meta``, which knows shapes and computes nothing.
"""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.models import create_model
from hit_rfgm_ros.weights.spec import parameter_count
import pytest
import torch
from torch import Tensor, nn

MODELS = ('rfgm_b256', 'rfgm_s256', 'rfgm_t256')
# OSTrack's class token and 197 positions, which our network does not have.
UNUSED_TOKENS = 198


@pytest.fixture(scope='module')
def counts(golden: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((golden / 'rfgm_macs.json').read_text(encoding='utf-8'))
    return table


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, device='meta')


def pictures(templates: int) -> tuple[Tensor, Tensor]:
    return zeros(1, 3, 256, 256), zeros(1, templates, 3, 128, 128)


def network(name: str, stages: int = 3) -> nn.Module:
    with torch.device('meta'):
        return create_model(name, relevance_stages=stages)


def cut(number: float, unit: float) -> float:
    """The first two decimals, as the paper prints them."""
    return int(number / unit * 100) / 100


@pytest.mark.parametrize('stages', range(4))
@pytest.mark.parametrize('name', MODELS)
def test_multiply_adds_and_parameters_by_stages(
    name: str, stages: int, counts: dict[str, Any], thop: ModuleType
) -> None:
    expected = counts['variants'][name]['stages'][stages]
    model = network(name, stages)
    macs, parameters = thop.profile(model, pictures(3), verbose=False)
    assert (macs, parameters) == (expected['thop_macs'], expected['thop_params'])
    if name == 'rfgm_b256':
        paper = counts['paper']
        assert cut(macs, 1e9) == paper['macs_g'][stages]
        assert cut(parameters, 1e6) == paper['params_m'][stages]
    numbers = sum(parameter.numel() for parameter in model.parameters())
    assert numbers == parameter_count(model.config)
    assert numbers + UNUSED_TOKENS * model.config.width == expected['numel_params']


class Part(nn.Module):
    """One function of a network as a module, for the counter."""

    def __init__(self, model: nn.Module, part: str) -> None:
        super().__init__()
        self.model, self.part = model, part

    def forward(self, *inputs: Tensor) -> Any:
        if self.part == 'frame':
            return self.model.track(self.model.embed_search(inputs[0]), inputs[1])
        memory, template, search = inputs
        return self.model.filter_relevance(memory, self.model.embed_template(template), search)


@pytest.mark.parametrize('name', MODELS)
def test_a_frame_of_a_tracker_and_an_update_of_its_memory(
    name: str, counts: dict[str, Any], thop: ModuleType
) -> None:
    expected = counts['variants'][name]
    model = network(name)
    search, templates = pictures(1)
    memory = zeros(1, 192, model.config.width)
    macs, _ = thop.profile(Part(model, 'frame'), (search, memory), verbose=False)
    assert macs == expected['stages'][3]['thop_macs_memory_tokens_given']
    macs, _ = thop.profile(model, (search, templates), verbose=False)
    assert macs == expected['stages'][3]['thop_macs_one_template']
    given = (memory, templates[:, 0], zeros(1, 256, model.config.width))
    macs, _ = thop.profile(Part(model, 'update'), given, verbose=False)
    assert macs == expected['token_filter_update_thop_macs']
