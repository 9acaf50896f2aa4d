"""Fixtures of the node logic's tests; clock, tracker and builder are in rig.py."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import sys
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope='session')
def rigs() -> ModuleType:
    """The module rig.py."""
    spec = spec_from_file_location('runtime_rig', Path(__file__).with_name('rig.py'))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules['runtime_rig'] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_rig(rigs: ModuleType) -> Callable[..., Any]:
    """Makes an unconfigured node logic from parameters by name."""
    return rigs.Rig


@pytest.fixture
def rig(rigs: ModuleType) -> Any:
    """A node logic that is active, with its tracker loaded."""
    return rigs.Rig().up()
