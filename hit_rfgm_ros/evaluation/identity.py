"""``run.json``: what a tracker is, and that nobody adds another one's results to its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
import json
import os
from pathlib import Path
import platform
from typing import Any, NamedTuple

from hit_rfgm_ros.engines.cpu import cpu_name
from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.contender import (
    Contender,
    ContenderSpec,
    own_options,
    weights_sha256,
)
from hit_rfgm_ros.evaluation.python_tracker import describe_python
from hit_rfgm_ros.evaluation.results import RUN_FILE, Results, read_json, write_json
from hit_rfgm_ros.evaluation.rivals import describe_rival
from hit_rfgm_ros.evaluation.run import Pace


class Workers(NamedTuple):
    """How the work is spread.

    Attributes:
        jobs: worker processes of a machine.
        threads: of each; 0 leaves it to the libraries.
        ranks: calls that share the work under torchrun.
    """

    jobs: int = 1
    threads: int = 0
    ranks: int = 1


def keep_identity(
    folder: Path, contender: Contender, spec: ContenderSpec, pace: Pace | None, workers: Workers
) -> None:
    """Write ``run.json``, or compare with the one that lies there.

    Raises:
        EvaluationError: if the results there are those of a tracker that is not the same.
    """
    about = _with_pace(contender.about, pace, spec)
    place = {'machine': machine(), 'workers': workers._asdict()}
    path = folder / RUN_FILE
    if not path.exists():
        now = datetime.now(timezone.utc).isoformat(timespec='seconds')
        options = {name: str(value) for name, value in sorted(spec.options.items())}
        write_json(path, {'about': about, **place, 'date': now, 'options': options})
        return
    before = read_json(path)
    check_same(folder, before, about)
    places = [{name: before.get(name) for name in place}, *before.get('resumed', [])]
    if place not in places:
        write_json(path, {**before, 'resumed': [*before.get('resumed', []), place]})


def check_spec(folder: Path, spec: ContenderSpec) -> None:
    """Compare what is known of a tracker before it is built with the results that lie there.

    Raises:
        EvaluationError: as `keep_identity`; or if nothing says whose results lie there.
    """
    path = folder / RUN_FILE
    if path.exists():
        check_same(folder, read_json(path), _known(spec), whole=False)
    elif Results(folder.parent).sequences(folder.name):
        raise EvaluationError(
            f'{folder} holds results without a {RUN_FILE}, so they are not of this command; '
            f'rename that folder, or take another --out'
        )


def check_same(
    folder: Path, run: Mapping[str, Any], about: Mapping[str, Any], *, whole: bool = True
) -> None:
    """Refuse to go on with another tracker.

    Args:
        folder: of the results.
        run: what ``run.json`` says.
        about: of the tracker that is to go on.
        whole: whether `about` says all; else only what it says is compared.

    Raises:
        EvaluationError: naming what differs.
    """
    here = dict(_flat(json.loads(json.dumps(about))))
    there = {
        name: value
        for name, value in _flat(run.get('about', {}))
        if whole or name.partition('.')[0] in about
    }
    changes = [
        f'{name} was {there.get(name)!r} and is {here.get(name)!r}'
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    ]
    if changes:
        raise EvaluationError(
            f'{folder} holds results of another tracker of that name: {"; ".join(changes)}. Take '
            f'another --out or --name, or remove that folder'
        )


def machine() -> dict[str, Any]:
    """The machine that latencies belong to."""
    return {'cpu': cpu_name(), 'cores': cores(), 'system': platform.system()}


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _with_pace(about: dict[str, Any], pace: Pace | None, spec: ContenderSpec) -> dict[str, Any]:
    if pace is None:
        return about
    # In real time the boxes depend on the speed.
    place = {'machine': machine(), 'threads': spec.options.get('threads', 0)}
    return {**about, 'real_time': {'rule': pace.rule, 'fps': pace.fps, **place}}


def _known(spec: ContenderSpec) -> dict[str, Any]:
    """The part of `Contender.about` that is known before the tracker is opened."""
    if spec.kind == 'python':
        return describe_python(spec)
    if spec.kind != 'model':
        return describe_rival(spec)
    options = {'backend': 'auto', 'device': 'auto', 'precision': 'auto', **spec.options}
    known = {
        'model': options['model'],
        'weights_sha256': weights_sha256(spec),
        'paper_mode': options.get('paper_mode', False),
        'precision': 'fp32' if options['precision'] == 'auto' else options['precision'],
        'options': own_options(spec),
    }
    if options['backend'] != 'auto':
        known['backend'] = options['backend']
    return known


def _flat(values: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value
