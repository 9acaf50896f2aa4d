"""Numbers of the VOT toolkit's analysis."""

from typing import Any

from hit_rfgm_ros.errors import VotToolkitError
from hit_rfgm_ros.evaluation.vot.scores import read_scores
import pytest

MULTISTART = 'vot.analysis.multistart'


def experiment(kind: str, realtime: Any, *pairs: tuple[dict[str, Any], list[Any]]) -> Any:
    """As the toolkit writes it for one tracker."""
    return {
        'type': kind,
        'parameters': {'realtime': realtime, 'analyses': [pair[0] for pair in pairs]},
        'results': [[pair[1]] for pair in pairs],
    }


def eao(value: float) -> tuple[dict[str, Any], list[Any]]:
    return {'type': f'{MULTISTART}.EAOScore', 'low': 115, 'high': 755}, [value]


@pytest.fixture
def document() -> dict[str, Any]:
    start = 'vot.experiment.multistart.MultiStartExperiment'
    ar = {'type': f'{MULTISTART}.AverageAccuracyRobustness'}
    curve = {'type': f'{MULTISTART}.EAOCurve', 'high': 755}
    accuracy = {'type': 'vot.analysis.accuracy.AverageAccuracy'}
    return {
        'toolkit': '0.7.4',
        'results': {
            'realtime': experiment(start, {'grace': 3, 'fps': 20.0}, eao(0.25)),
            'baseline': experiment(
                start,
                None,
                eao(0.5),
                (curve, [[0, 0.75, float('nan')]]),
                (ar, [0.625, 0.875, [0.875, 0.625], 38, 80]),
                ({'type': 'user.Analysis'}, [1]),
            ),
            'unsupervised': experiment(
                'vot.experiment.multirun.UnsupervisedExperiment', None, (accuracy, [0.375])
            ),
        },
    }


def test_the_numbers_of_a_short_term_stack(document: dict[str, Any]) -> None:
    scores = read_scores(document)
    experiments = scores.pop('experiments')
    assert scores == {
        'eao': 0.5,
        'accuracy': 0.625,
        'robustness': 0.875,
        'realtime_eao': 0.25,
        'ao': 0.375,
    }
    assert experiments['baseline'] == {
        'realtime': None,
        'eao': 0.5,
        'eao_interval': [115, 755],
        'eao_curve': [0.0, 0.75, None],
        'accuracy': 0.625,
        'robustness': 0.875,
    }
    assert experiments['realtime']['realtime'] == {'grace': 3, 'fps': 20.0}


def test_what_a_stack_does_not_have_is_none(document: dict[str, Any]) -> None:
    long_term = {'type': 'vot.analysis.longterm.PrecisionRecall'}
    kind = 'vot.experiment.multirun.UnsupervisedExperiment'
    document['results'] = {'once': experiment(kind, None, (long_term, [0.5, 0.25, None]))}
    scores = read_scores(document)
    assert scores['experiments']['once'] == {
        'realtime': None,
        'precision': 0.5,
        'recall': 0.25,
        'f_score': None,
    }
    assert {scores[key] for key in ('eao', 'accuracy', 'robustness', 'realtime_eao', 'ao')} == {
        None
    }


def test_another_document_is_refused(document: dict[str, Any]) -> None:
    for broken in ({}, {'results': []}, {'results': {'baseline': {'type': 'x'}}}):
        with pytest.raises(VotToolkitError, match='not what was expected'):
            read_scores(broken)
    document['results']['baseline']['results'].pop()  # an analysis without its result
    with pytest.raises(VotToolkitError, match='not what was expected'):
        read_scores(document)
