"""Checkpoints as the authors' training code writes them, made with torch."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
import sys
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.hit_spec import index_tables
import numpy as np
import pytest
import torch

# The classes whose objects lie in official checkpoints (facts of the training code).
FOREIGN_CLASSES = (
    ('lib.train.admin.stats', 'AverageMeter'),
    ('lib.train.admin.stats', 'StatValue'),
    ('lib.train.admin.settings', 'Settings'),
    ('lib.train.admin.local', 'EnvironmentSettings'),
)


@pytest.fixture(scope='session')
def tiny_state(fill: ModuleType) -> dict[str, Array]:
    """All of hit_tiny's tensors under official keys, counters included, index tables not."""
    state: dict[str, Array] = fill.fill(fill.load_shapes('hit_tiny'), 3)
    return state


@pytest.fixture(scope='session')
def official(tiny_state: dict[str, Array]) -> dict[str, Array]:
    """`tiny_state` with the index tables that an official file holds."""
    return tiny_state | index_tables(get_model_config('hit_tiny'))


@pytest.fixture
def foreign() -> Iterator[dict[str, Any]]:
    """Objects of the training code's classes; the classes are gone when the test reads them."""
    made: dict[str, Any] = {}
    modules = {}
    for module, name in FOREIGN_CLASSES:
        home = modules.setdefault(module, ModuleType(module))
        kind = type(name, (), {'__module__': module})
        setattr(home, name, kind)
        made[name] = kind()
        made[name].__dict__.update(value=1.5, history=[1, 2], nested={'a': (1, 'b')})
    made['Settings'].env = made['EnvironmentSettings']
    packages = {'.'.join(name.split('.')[:i]): name for name in modules for i in (1, 2, 3)}
    sys.modules.update({name: ModuleType(name) for name in packages})
    sys.modules.update(modules)
    yield made
    for name in (*packages, *modules):
        sys.modules.pop(name, None)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writer of a checkpoint: arrays become tensors, under ``net`` unless told otherwise."""

    def write(
        state: dict[str, Any], *, wrapper: str = 'net', legacy: bool = False, **others: Any
    ) -> Path:
        tensors = OrderedDict(
            (key, torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value)
            for key, value in state.items()
        )
        content = {wrapper: tensors, **others} if wrapper else tensors
        path = tmp_path / 'HiT_ep1500.pth.tar'
        torch.save(content, path, _use_new_zipfile_serialization=not legacy)
        return path

    return write
