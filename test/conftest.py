"""Fixtures that several rooms' tests share."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import settings
import pytest

# The same examples on every run, and no limit on the time of one on a busy machine.
settings.register_profile('repeatable', derandomize=True, deadline=None)
settings.load_profile('repeatable')

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / 'test' / 'golden'


@pytest.fixture(scope='session', autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' graphs out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='session')
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope='session')
def golden() -> Path:
    """The folder of expected numbers; a missing file there fails a test, never skips it."""
    return GOLDEN


@pytest.fixture(scope='session')
def fill() -> ModuleType:
    """The generator of seeded weights and pictures that the expected numbers were made with."""
    spec = spec_from_file_location('golden_fill', GOLDEN / 'fill.py')
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def hit_dev() -> dict[str, Any]:
    """Boxes and intermediate results of the official HiT networks."""
    return read_golden('hit_dev.json')


def read_golden(name: str) -> dict[str, Any]:
    """One file of expected numbers."""
    table: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding='utf-8'))
    return table
