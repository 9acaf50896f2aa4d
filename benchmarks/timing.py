"""Fair timing of single graphs: one process per variant, one at work at a time.

`hit-rfgm bench` times whole trackers; here are graphs that no tracker uses, baselines for one.

Process CPU time of a one-thread run is the judge; wall time counts only by its minima.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
import subprocess
import sys
import time

from hit_rfgm_ros.evaluation.bench.turns import shuffled_rounds
import numpy as np


@dataclass
class Variant:
    """One thing to time: an ONNX file on one back end.

    Attributes:
        name: how results are labelled.
        path: ONNX file.
        backend: ``onnxruntime`` or ``openvino``.
        threads: intra-op threads.
        hint: OpenVINO's inference precision, ``f32`` or ``bf16``.
        spinning: whether idle workers of ONNX Runtime spin.
        inputs: npz file with the graph's inputs.
        settings: further settings of OpenVINO.
        fixed: compile OpenVINO's graph for exactly the shapes of the inputs.
    """

    name: str
    path: str
    backend: str
    inputs: str
    threads: int = 1
    hint: str = 'f32'
    spinning: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    fixed: bool = False


@dataclass
class Times:
    """Milliseconds per call, one entry per timed call."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def compare(variants: list[Variant], *, rounds: int, calls: int = 3) -> dict[str, Times]:
    """Time all variants, order shuffled in each round, one warm-up and ``calls`` calls a turn."""
    workers = [_Worker(v) for v in variants]
    times = {v.name: Times() for v in variants}
    try:
        for _, worker in shuffled_rounds(workers, rounds):
            cpu, wall = worker.turn(calls)
            times[worker.name].cpu += cpu
            times[worker.name].wall += wall
    finally:
        for worker in workers:
            worker.close()
    return times


class _Worker:
    def __init__(self, variant: Variant) -> None:
        self.name = variant.name
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), json.dumps(asdict(variant))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()  # ready

    def _read(self) -> list[list[float]]:
        line = self._process.stdout.readline() if self._process.stdout else ''
        if not line:
            raise RuntimeError(f'the worker of {self.name} ended; its message is above')
        result: list[list[float]] = json.loads(line)
        return result

    def turn(self, calls: int) -> tuple[list[float], list[float]]:
        if self._process.stdin:
            self._process.stdin.write(f'{calls}\n')
            self._process.stdin.flush()
        cpu, wall = self._read()
        return cpu, wall

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=30)


Call = Callable[[], dict[str, np.ndarray]]


def make_runner(variant: Variant) -> Call:
    """Load the variant's graph and return a call without arguments."""
    feeds = dict(np.load(variant.inputs))
    if variant.backend == 'onnxruntime':
        return _onnxruntime(variant, feeds)
    return _openvino(variant, feeds)


def _onnxruntime(variant: Variant, feeds: dict[str, np.ndarray]) -> Call:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = variant.threads
    options.log_severity_level = 3
    options.add_session_config_entry(
        'session.intra_op.allow_spinning', '1' if variant.spinning else '0'
    )
    session = ort.InferenceSession(variant.path, options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return lambda: dict(zip(names, session.run(None, feeds)))


def _openvino(variant: Variant, feeds: dict[str, np.ndarray]) -> Call:
    import openvino as ov

    settings = {
        'INFERENCE_NUM_THREADS': variant.threads,
        'INFERENCE_PRECISION_HINT': variant.hint,
        'NUM_STREAMS': 1,
        'ENABLE_CPU_PINNING': False,  # a busy core would starve a pinned thread
        **variant.settings,
    }
    core = ov.Core()
    model = core.read_model(variant.path)
    if variant.fixed:
        model.reshape({name: list(value.shape) for name, value in feeds.items()})
    request = core.compile_model(model, 'CPU', settings).create_infer_request()

    def call() -> dict[str, np.ndarray]:
        outputs = request.infer(feeds, share_inputs=True, share_outputs=True)
        return {port.get_any_name(): value for port, value in outputs.items()}

    return call


def _serve(variant: Variant) -> None:
    call = make_runner(variant)
    for _ in range(3):
        call()
    print('[]', flush=True)
    for line in sys.stdin:
        call()
        cpu, wall = [], []
        for _ in range(int(line)):
            wall_start, cpu_start = time.perf_counter(), time.process_time()
            call()
            cpu.append(1e3 * (time.process_time() - cpu_start))
            wall.append(1e3 * (time.perf_counter() - wall_start))
        print(json.dumps([cpu, wall]), flush=True)


if __name__ == '__main__':
    _serve(Variant(**json.loads(sys.argv[1])))
