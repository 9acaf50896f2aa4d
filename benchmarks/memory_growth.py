"""Ten thousand frames with RFGM: do memory and time per frame stay? Are updates late?

    nice -n 5 python benchmarks/memory_growth.py [--model rfgm_t256] [--frames 10000]

A composed scene is played to and fro. With the paper's schedule updates become rare (every 160
frames from frame 501 on), so a fixed interval is the harder test and the default here. Frames in
which an update is due are listed beside the others: the box is out before the memory is updated,
so `update()` should take the same; the time of `update_memory()` stands apart. Writes
``benchmarks/results/<cpu>/memory_growth.json``. Needs psutil (extra dev).
"""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
import json
import time
from typing import Any

from cpu_forward import RESULTS, cpu_slug, processor
from hit_rfgm_ros import create_tracker
from hit_rfgm_ros.config.rfgm import RFGM_MODELS
from hit_rfgm_ros.data.scene_presets import compose_scene
from hit_rfgm_ros.memory.schedule import is_update
import numpy as np
import psutil

SHARES = (50, 90, 99)


def to_and_fro(length: int, count: int) -> list[int]:
    """Frame numbers 0 .. length-1 .. 0 .., ``count`` of them: no jump at the turns."""
    period = 2 * (length - 1)
    return [min(i % period, period - i % period) for i in range(count)]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run and return all figures."""
    tracker = create_tracker(
        options.model,
        weights=options.weights,
        backend=options.backend,
        precision=options.precision,
        threads=options.threads,
        memory_size=options.memory_size,
        update_interval=options.interval,
        paper_mode=True,  # an update at every scheduled frame, whatever the state
    )
    scene = compose_scene('easy', seed=0)
    frames = list(scene)
    tracker.init(frames[0], scene.init_box)
    process = psutil.Process()
    spent: dict[str, list[float]] = {'plain': [], 'update due': [], 'after an update': []}
    updates: list[float] = []
    tenths: list[dict[str, float]] = []
    before, after_update = 0, False
    for t, index in enumerate(to_and_fro(len(frames), options.frames + 1)[1:], start=1):
        start = time.perf_counter()
        tracker.update(frames[index])
        middle = time.perf_counter()
        tracker.update_memory()
        end = time.perf_counter()
        due = is_update(t, options.interval)
        kind = 'update due' if due else 'after an update' if after_update else 'plain'
        spent[kind].append(1e3 * (middle - start))
        if due:
            updates.append(1e3 * (end - middle))
        after_update = due
        if t % max(1, options.frames // 10) == 0:
            resident = process.memory_info().rss / 2**20
            plain = spent['plain'][before:]
            before = len(spent['plain'])
            tenths.append({'frame': t, 'rss_mib': resident, 'median_ms': float(np.median(plain))})
            print(
                f'frame {t:6d}: {resident:7.1f} MiB, {tenths[-1]["median_ms"]:6.2f} ms', flush=True
            )
    latency = {kind: _percentiles(values) for kind, values in spent.items() if values}
    return {
        'engine': tracker.engine.choice,
        'tenths': tenths,
        'latency_ms': latency,
        'update_memory_ms': _percentiles(updates),
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    return {
        'count': len(values),
        **{f'p{share}': round(float(np.percentile(values, share)), 3) for share in SHARES},
    }


def main() -> None:
    """Run, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', default='rfgm_t256', choices=list(RFGM_MODELS))
    parser.add_argument('--weights')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--threads', type=int, default=0)
    parser.add_argument('--memory-size', type=int, default=192)
    parser.add_argument('--interval', type=int, default=10)
    parser.add_argument('--frames', type=int, default=10_000)
    options = parser.parse_args()
    found = measure(options)
    for kind, values in (*found['latency_ms'].items(), ('memory', found['update_memory_ms'])):
        print(f'{kind:16s}' + ''.join(f'  {key} {value:g}' for key, value in values.items()))
    cpu = processor()
    path = RESULTS / cpu_slug(cpu) / 'memory_growth.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {
        'command': f'python benchmarks/memory_growth.py --model {options.model} '
        f'--frames {options.frames} --interval {options.interval}',
        'date': datetime.now(timezone.utc).date().isoformat(),
        'cpu': cpu,
        'memory_size': options.memory_size,
        **found,
    }
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
