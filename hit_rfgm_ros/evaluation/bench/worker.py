"""The process that measures one case once, from its own start on.

``python -m hit_rfgm_ros.evaluation.bench.worker ANSWER < ORDER``, both JSON. Nothing is imported
up here that a tracker would import: the time of that is a part of what is measured.
"""

from __future__ import annotations

from dataclasses import asdict
import json
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hit_rfgm_ros.evaluation.bench.stages import Stopwatch
    from hit_rfgm_ros.types import ImageU8

INTERVAL = 5  # frames between two updates of an RFGM's memory: the paper's in the beginning
WARM_UP = 5  # frames that are not measured


def measure(order: dict[str, Any]) -> dict[str, Any]:
    """Measure one case.

    Args:
        order: ``case`` (the fields of `Case`), ``weights``, ``frames`` (file of `numpy.save`,
            (N, H, W, 3) uint8), ``box`` in the first of them, ``count`` of updates to measure, 0
            for the start alone.

    Returns:
        Seconds of the start, and unless ``count`` is 0 milliseconds of each frame, and memory.

    Raises:
        HitRfgmError: if the case does not run here.
    """
    case = order['case']
    begun = time.perf_counter()
    from hit_rfgm_ros.config.models import first_memory
    from hit_rfgm_ros.trackers.multi import MultiTargetTracker
    from hit_rfgm_ros.trackers.parts import make_parts
    from hit_rfgm_ros.trackers.single import SingleTargetTracker

    imported = time.perf_counter()
    several = case['targets'] > 1
    parts = make_parts(
        case['model'],
        weights=order['weights'],
        **{name: case[name] for name in ('backend', 'device', 'precision', 'threads')},
        options=tracker_options(case, order['weights']),
        several=several,
    )
    created = time.perf_counter()

    from hit_rfgm_ros.evaluation.bench.process import device_name
    from hit_rfgm_ros.evaluation.bench.stages import Stopwatch, TimedEngine
    from hit_rfgm_ros.types import Box
    import numpy as np

    engine = TimedEngine(parts.engine)
    make = MultiTargetTracker.from_engine if several else SingleTargetTracker
    tracker = make(engine, parts.config, parts.options, parts.calibration)
    watch = Stopwatch(tracker, engine, case['targets'])
    frames = np.load(order['frames'])

    ready = time.perf_counter()
    watch.start(frames[0], Box(*order['box']))
    started = time.perf_counter()
    watch.update(frames[1])
    first = time.perf_counter()
    answer: dict[str, Any] = {
        'start_s': {
            'import': imported - begun,
            'create': created - imported,
            'init': started - ready,
            'first_update': first - started,
        },
        'device_name': device_name(parts.engine.device),
    }
    if order['count']:
        template = first_memory(parts.config)  # a memory is filled before it is measured
        warm_up = WARM_UP + (INTERVAL * parts.options.memory_size // template if template else 0)
        answer |= _run(watch, frames, warm_up, order['count'])
    return answer


def tracker_options(case: dict[str, Any], weights: str) -> dict[str, Any]:
    """Options with which each frame is the same work, whatever the weights make of the pictures.

    A target counts as TRACKING always, so there is one window per target and frame, and a memory
    is updated every `INTERVAL` frames. Boxes of random weights keep their size.
    """
    from hit_rfgm_ros.config.models import keeps_memory
    from hit_rfgm_ros.trackers.parts import RANDOM

    options: dict[str, Any] = {'paper_mode': case['paper_mode']}
    options |= dict.fromkeys(('uncertain_below', 'lost_below', 'found_above'), 0.0)
    if weights == RANDOM:
        options['size_damping'] = 1e-9
    if keeps_memory(case['model']):
        options |= {'update_interval': INTERVAL, 'memory_min_confidence': 0.0}
        for name in ('memory_size', 'relevance_stages'):
            if case[name] is not None:
                options[name] = case[name]
    return options


def _run(watch: Stopwatch, frames: ImageU8, warm_up: int, count: int) -> dict[str, Any]:
    """Warm up, measure; the frames go to and fro, so that the target never jumps."""
    from hit_rfgm_ros.evaluation.bench.process import control_ms, memory_mb
    from hit_rfgm_ros.evaluation.bench.stages import Times

    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    number = 1  # of the frame that the first update saw
    for _ in range(warm_up):
        number += 1
        watch.update(frames[order[number % len(order)]])
    warm, _ = memory_mb()
    watch.times = Times()
    for _ in range(count):
        number += 1
        result = watch.update(frames[order[number % len(order)]])
    _, peak = memory_mb()
    own = frames.nbytes / 1e6  # a tracker on a robot holds one frame, not these
    return {
        'ms': asdict(watch.times),
        'memory_tokens': result.memory_tokens,
        'warm_mb': None if warm is None else warm - own,
        'peak_mb': None if peak is None else peak - own,
        'control_ms': control_ms(),
    }


def main() -> None:
    """Read the order, write the answer; an error of ours is an answer too."""
    order = json.load(sys.stdin)
    from hit_rfgm_ros.errors import HitRfgmError

    try:
        answer = measure(order)
    except HitRfgmError as error:
        answer = {'error': ' '.join(str(error).split())}
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding='utf-8')


if __name__ == '__main__':
    main()
