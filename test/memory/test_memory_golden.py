"""The memory after an update of the Token Filter, with the expected choice of candidates."""

from importlib.util import module_from_spec, spec_from_file_location
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.memory.tokens import TokenMemory
import numpy as np
import pytest

WIDTH, PATCH = 768, 16


def cases() -> list[Any]:
    path = Path(__file__).parent.parent / 'golden' / 'rfgm_dev.json'
    table = json.loads(path.read_text(encoding='utf-8'))
    full = [case for case in table['cases'] if 'token_filter' in case]
    return [pytest.param(table['file_seed'], case, id=case['name']) for case in full]


@pytest.fixture(scope='module')
def ostrack(golden: Path) -> ModuleType:
    """The generator of seeded weights and pictures of these numbers."""
    spec = spec_from_file_location('memory_ostrack_fill', golden / 'ostrack_fill.py')
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def embed(ostrack: ModuleType, seed: int, picture: dict[str, Any]) -> np.ndarray:
    """Patch embedding plus position of one template, (64, 768)."""
    kernel = ostrack.tensor(
        'backbone.patch_embed.proj.weight', (WIDTH, 3, PATCH, PATCH), seed
    ).reshape(WIDTH, -1)
    bias = ostrack.tensor('backbone.patch_embed.proj.bias', (WIDTH,), seed)
    place = ostrack.tensor('backbone.pos_embed_z', (1, 64, WIDTH), seed)[0]
    pixels = ostrack.normalise(ostrack.make_input(picture, 128))[0]  # (3, 128, 128)
    patches = pixels.reshape(3, 8, PATCH, 8, PATCH).transpose(1, 3, 0, 2, 4).reshape(64, -1)
    return np.asarray(patches @ kernel.T + bias + place, np.float32)


@pytest.mark.parametrize(('seed', 'case'), cases())
def test_memory_after_the_filter(ostrack: ModuleType, seed: int, case: Any) -> None:
    first, *others = (embed(ostrack, seed, picture) for picture in case['templates'])
    memory = TokenMemory('gr', case['memory_tokens'], first)
    for frame, tokens in enumerate(others, start=1):
        memory.add(tokens, 5 * frame, 0.9)
    assert len(memory.tokens) == case['memory_tokens']
    chosen = case['token_filter']['kept_candidate_index']
    relevance = np.zeros(len(memory.tokens), np.float32)
    relevance[chosen] = 1
    memory.add(embed(ostrack, seed, case['new_template']), 15, 0.9, relevance)
    expected = case['token_filter']['memory_after']
    tokens = memory.tokens[None]
    assert list(tokens.shape) == expected['shape']
    assert tokens.ravel()[expected['index']] == pytest.approx(expected['value'], abs=3e-4)
    for name in ('mean', 'std', 'min', 'max'):
        assert getattr(tokens, name)() == pytest.approx(expected[name], abs=3e-4), name
    frames = [5 * (1 + index // 64) for index in chosen]
    assert memory.frames[64:].tolist() == frames
    assert memory.cells[64:].tolist() == [index % 64 for index in chosen]


def test_there_are_such_cases() -> None:
    assert len(cases()) == 2
