"""Fixtures of the bags' tests; how bags are made is in bags.py."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import sys
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def bags() -> ModuleType:
    """Bags of the golden sequence."""
    spec = spec_from_file_location('test_bags_helper', Path(__file__).with_name('bags.py'))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules['test_bags_helper'] = module
    spec.loader.exec_module(module)
    return module
