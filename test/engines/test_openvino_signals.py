"""A Ctrl-C must reach Python however many OpenVINO engines have come and gone."""

import subprocess
import sys

SCRIPT = """
from dataclasses import replace
import signal

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.engines.select import create_engine

config = replace(
    get_model_config('hit_tiny'), widths=(32, 48, 64), depths=(1, 1, 1), heads=(2, 2, 2), key_dim=8
)
first = create_engine(config, None, backend='openvino', threads=1)
second = create_engine(config, None, backend='openvino', threads=1)
del first
del second
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print('interrupted')
"""


def test_ctrl_c_after_engines_that_overlapped() -> None:
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, 'interrupted'), done.stderr
