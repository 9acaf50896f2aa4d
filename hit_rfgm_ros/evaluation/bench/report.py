"""The report of a bench: what it holds, how it is summed up, written and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from hit_rfgm_ros.errors import EvaluationError
from hit_rfgm_ros.evaluation.bench.cases import Case, Missing
from hit_rfgm_ros.evaluation.results import read_json
from hit_rfgm_ros.metrics.latency import latency_scores
from hit_rfgm_ros.trackers.parts import RANDOM
from hit_rfgm_ros.weights.files import file_sha256
import numpy as np

FORMAT = 'hit-rfgm bench 1'
STAGES = ('crop', 'engine', 'decode')
_DIGITS = 4  # behind the point, of milliseconds and megabytes


def make_row(
    case: Case,
    weights: str,
    answers: Sequence[Mapping[str, Any]],
    cold: Mapping[str, float] | None,
) -> dict[str, Any]:
    """One row of the report: what was measured, and its summary.

    Args:
        case: that was measured.
        weights: file, or ``random``.
        answers: of `worker.measure`, one per round.
        cold: seconds of a start with an empty cache.
    """
    rounds = [{name: _rounded(answer[name]) for name in answer} for answer in answers]
    return {
        'name': case.name,
        'case': case.as_dict(),
        'weights': RANDOM if weights == RANDOM else file_sha256(Path(weights)),
        'device_name': answers[0]['device_name'],
        'summary': summarize(rounds),
        'cold_start_s': _rounded(cold),
        'rounds': rounds,
    }


def make_report(
    about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], missing: Iterable[Missing]
) -> dict[str, Any]:
    """The whole report.

    Args:
        about: date, amount, machine.
        rows: of `make_row`.
        missing: what did not run.
    """
    return {
        'format': FORMAT,
        'interrupted': False,
        **about,
        'rows': list(rows),
        'missing': [
            {'name': case.name, 'case': case.as_dict(), 'reason': reason}
            for case, reason in missing
        ],
    }


def summarize(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures of one case.

    Args:
        rounds: of the report.

    Returns:
        ``update_ms`` (percentiles over the frames of all rounds; None where they are too few),
        ``fps``, ``stages_ms`` (medians), ``cpu_ms``, ``memory_update_ms``, ``warm_mb``,
        ``peak_mb``, ``start_s``, and ``spread``: the range of the medians of the rounds over
        their median.
    """
    frames = {name: _joined(rounds, name) for name in ('update', 'cpu', *STAGES, 'memory')}
    latency = latency_scores(np.array(frames['update']) / 1e3)
    middles = [median(one['ms']['update']) for one in rounds]
    return {
        'update_ms': _rounded(latency.summary()),
        'fps': round(latency.fps, 2),
        'spread': round((max(middles) - min(middles)) / median(middles), 4),
        'stages_ms': {name: _middle(frames[name]) for name in STAGES},
        'cpu_ms': _middle(frames['cpu']),
        'memory_update_ms': _middle(frames['memory']),
        'memory_tokens': rounds[-1]['memory_tokens'],
        **{
            name: _middle([one[name] for one in rounds if one[name] is not None])
            for name in ('warm_mb', 'peak_mb')
        },
        'start_s': {
            name: _middle([one['start_s'][name] for one in rounds])
            for name in rounds[0]['start_s']
        },
    }


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.

    Raises:
        EvaluationError: if it is missing, or none.
    """
    report = read_json(path)
    if report.get('format') != FORMAT:
        raise EvaluationError(
            f'{path} is no report of hit-rfgm bench: its format is {report.get("format")!r}, '
            f'{FORMAT!r} is expected; write one with: hit-rfgm bench --out FILE.json'
        )
    try:
        _check(report)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise EvaluationError(
            f'{path} is damaged: {type(error).__name__} {error}; measure again'
        ) from error
    return report


def _check(report: Mapping[str, Any]) -> None:
    """Touch what is needed later."""
    for name in ('cpu', 'cores', 'system', 'versions'):
        report['machine'][name]
    report['amount']['size']
    for row in report['rows']:
        Case(**row['case'])
        row['name'], row['weights'], row['summary']['update_ms']
        for one in row['rounds']:
            one['ms']['update'][0], one['ms']['cpu'][0], one['ms']['memory']
            one['start_s'].values(), one['peak_mb'], one['control_ms']['wall']
    for entry in report['missing']:
        entry['name'], entry['reason']


def _joined(rounds: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    return [value for one in rounds for value in one['ms'][name]]


def _middle(values: Sequence[float]) -> float | None:
    return round(median(values), _DIGITS) if values else None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value
