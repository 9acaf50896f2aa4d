"""The numbers of the toolkit's analysis, by the names that we give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import math
from typing import Any

from hit_rfgm_ros.errors import VotToolkitError

# What each analysis gives for a tracker, in the toolkit's order; others are left in its file.
_MEASURES: Mapping[str, tuple[str, ...]] = {
    'vot.analysis.multistart.EAOScore': ('eao',),
    'vot.analysis.multistart.AverageAccuracyRobustness': ('accuracy', 'robustness'),
    'vot.analysis.accuracy.AverageAccuracy': ('accuracy',),
    'vot.analysis.longterm.PrecisionRecall': ('precision', 'recall', 'f_score'),
    'vot.analysis.longterm.AccuracyRobustness': ('accuracy', 'robustness'),
    'vot.analysis.longterm.AverageQualityAuxiliary': (
        'not_reported_error',
        'drift_rate_error',
        'absence_detection_quality',
    ),
    'vot.analysis.supervised.EAOScore': ('eao',),
    'vot.analysis.supervised.AverageAccuracyRobustness': ('accuracy', 'failures'),
}
_CURVE = 'vot.analysis.multistart.EAOCurve'
_UNSUPERVISED = 'vot.experiment.multirun.UnsupervisedExperiment'


def read_scores(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``summary.json`` on a tracker.

    Args:
        document: of ``vot analysis --format json`` of this tracker alone.

    Returns:
        ``eao``, ``accuracy`` and ``robustness`` of the first experiment with an EAO (VOT2020 to
        VOT2022: baseline), ``realtime_eao`` of the first such one in real time, ``ao`` of the
        first unsupervised one, all from 0 to 1 as the toolkit gives them, None where the stack has
        no such experiment; under ``experiments`` the numbers of each.

    Raises:
        VotToolkitError: if it is no such document.
    """
    try:
        experiments = {
            name: dict(_numbers(content)) for name, content in document['results'].items()
        }
        kinds = {name: content['type'] for name, content in document['results'].items()}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise VotToolkitError(
            f'the analysis of the VOT toolkit is not what was expected: {error!r}'
        ) from error
    common = [one for one in experiments.values() if 'eao' in one and not one['realtime']]
    timed = [one for one in experiments.values() if 'eao' in one and one['realtime']]
    once = [one for name, one in experiments.items() if kinds[name] == _UNSUPERVISED]
    return {
        **{key: _first(common, key) for key in ('eao', 'accuracy', 'robustness')},
        'realtime_eao': _first(timed, 'eao'),
        'ao': _first(once, 'accuracy'),
        'experiments': experiments,
    }


def _numbers(experiment: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    parameters = experiment['parameters']
    yield 'realtime', parameters['realtime']
    for analysis, result in zip(parameters['analyses'], experiment['results'], strict=True):
        kind, values = analysis['type'], result[0]
        if kind == _CURVE:
            yield 'eao_curve', [_finite(value) for value in values[0]]
        for name, value in zip(_MEASURES.get(kind, ()), values):
            yield name, _finite(value)
            if name == 'eao':
                yield 'eao_interval', [analysis['low'], analysis['high']]


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _first(experiments: list[dict[str, Any]], key: str) -> float | None:
    values = [one[key] for one in experiments if one.get(key) is not None]
    return float(values[0]) if values else None
