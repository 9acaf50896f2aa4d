"""Tracking through `create_engine` in a process that cannot import torch."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
for module in ('torch', *{blocked!r}):
    sys.modules[module] = None  # importing it fails, as if it were not installed
from hit_rfgm_ros.config.models import get_model_config
from dataclasses import replace
from hit_rfgm_ros.engines import agreement
from hit_rfgm_ros.engines.select import create_engine
small = replace(
    get_model_config({model!r}), search_size=128, template_size=64, **{options!r}
)
engine = create_engine(small, None, threads=1)
track = agreement.lead(engine, {frames})
assert track.boxes.shape == ({frames} - 1, 4)
assert list(track.choices) == {filtered!r}
assert not any(name.startswith('torch.') for name in sys.modules)
print(engine.choice)
"""
FAMILIES = {
    'hit': {
        'model': 'hit_tiny',
        'options': {
            'widths': (32, 48, 64),
            'depths': (1, 1, 1),
            'heads': (2, 3, 4),
            'key_dim': 8,
            'hidden_dim': 32,
        },
        'frames': 8,
        'filtered': [],
    },
    # Far enough for the memory to be full, so that its filter runs.
    'rfgm': {
        'model': 'rfgm_t256',
        'options': {'width': 64, 'heads': 1},
        'frames': 11,
        'filtered': [9],
    },
}


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize(
    ('blocked', 'backend'), [((), 'openvino'), (('openvino',), 'onnxruntime')]
)
def test_the_golden_sequence_is_tracked_without_torch(
    blocked: tuple[str, ...], backend: str, family: str
) -> None:
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT.format(blocked=blocked, **FAMILIES[family])],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'{backend} on cpu in fp32')
