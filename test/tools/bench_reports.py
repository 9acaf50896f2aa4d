"""Made-up reports of ``hit-rfgm bench``, as they come out of a file."""

import random
from typing import Any

from hit_rfgm_ros.evaluation.bench.cases import Case, Missing
from hit_rfgm_ros.evaluation.bench.report import make_report, make_row

MACHINE = {
    'cpu': 'Some CPU (x86_64)',
    'cores': 4,
    'system': 'Linux',
    'flags': [],
    'kernel': '6.1',
    'python': '3.11.7',
    'versions': {'hit_rfgm_ros': '0.1.0', 'numpy': '2.0.0'},
    'environment': {},
    'nice': 0,
    'load_average': [0.1, 0.1, 0.1],
    'other_cores': 0.0,
}
TINY = Case('hit_tiny', 'onnxruntime')
RFGM = Case('rfgm_t256', 'openvino', precision='bf16', targets=2)


def make(
    *,
    cases: tuple[Case, ...] = (TINY, RFGM),
    pace: float = 1.0,
    paces: dict[Case, float] | None = None,
    control: float = 1.0,
    memory: float = 1.0,
    noise: float = 0.03,
    within: float = 0.1,
    rounds: int = 7,
    seed: int = 0,
    missing: tuple[Missing, ...] = (),
    machine: dict[str, Any] | None = None,
    size: tuple[int, int] = (1280, 720),
) -> dict[str, Any]:
    """A report.

    ``pace`` and ``paces`` stretch all times, or those of some cases; ``control`` those of the
    work that never changes; ``memory`` the memory. A round is off by the same share for all its
    frames (``noise``), as it is in truth, and each frame by its own (``within``).
    """
    drawn = random.Random(seed)

    def answer(case: Case) -> dict[str, Any]:
        off = pace * (paces or {}).get(case, 1.0) * drawn.lognormvariate(0, noise)
        own = drawn.lognormvariate(0, noise) * control
        frames = [10 * off * drawn.lognormvariate(0, within) for _ in range(20)]
        keeps = case.model.startswith('rfgm')
        return {
            'start_s': {'import': 0.5 * off, 'create': off, 'init': 0.01, 'first_update': 0.02},
            'device_name': None,
            'ms': {
                'update': frames,
                'crop': [0.05 * value for value in frames],
                'engine': [0.9 * value for value in frames],
                'decode': [0.05 * value for value in frames],
                'cpu': [1.5 * value for value in frames],
                'memory': [3 * off] * 4 if keeps else [],
                'windows': [1.0] * 20,
            },
            'memory_tokens': 192 if keeps else 0,
            'warm_mb': 250.0 * memory + drawn.random(),
            'peak_mb': 260.0 * memory + drawn.random(),
            'control_ms': {'wall': 2.5 * own, 'cpu': 2.4 * own},
        }

    rows = [
        make_row(case, 'random', [answer(case) for _ in range(rounds)], None) for case in cases
    ]
    about = {
        'date': '2026-01-02T03:04:05+00:00',
        'amount': {'rounds': rounds, 'frames': 20, 'size': list(size)},
        'machine': {**MACHINE, **(machine or {})},
    }
    return make_report(about, [row for row in rows if rounds], missing)
