"""Tracking through `create_engine` in a process that cannot import torch."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
for module in ('torch', *{blocked!r}):
    sys.modules[module] = None  # importing it fails, as if it were not installed
from hit_rfgm_ros.config.hit import HIT_MODELS
from hit_rfgm_ros.config.models import get_model_config
from dataclasses import replace
from hit_rfgm_ros.engines import agreement
from hit_rfgm_ros.engines.select import create_engine
small = replace(
    get_model_config('hit_tiny'), widths=(32, 48, 64), depths=(1, 1, 1), heads=(2, 3, 4),
    key_dim=8, search_size=128, template_size=64, hidden_dim=32,
)
engine = create_engine(small, None)
track = agreement.lead(engine, 8)
assert track.boxes.shape == (7, 4)
assert not any(name.startswith('torch.') for name in sys.modules)
print(engine.choice)
"""


@pytest.mark.parametrize(
    ('blocked', 'backend'), [((), 'openvino'), (('openvino',), 'onnxruntime')]
)
def test_the_golden_sequence_is_tracked_without_torch(
    blocked: tuple[str, ...], backend: str
) -> None:
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT.format(blocked=blocked)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'{backend} on cpu in fp32')
