"""Numeric cases that were scored with the tools' own code, to the last printed digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hit_rfgm_ros.errors import MetricError, MissingResultError
from hit_rfgm_ros.metrics.judged import Judged
from hit_rfgm_ros.metrics.profiles import PROFILES, score
from hit_rfgm_ros.metrics.scores import DatasetScores
import numpy as np
import pytest

BoxRow = tuple[float, float, float, float]
G: BoxRow = (10, 20, 40, 30)
ZERO: BoxRow = (0, 0, 0, 0)
NAN: BoxRow = (np.nan,) * 4
SIZE = (200, 150)


def sequence(
    truth: Sequence[BoxRow],
    predicted: Sequence[BoxRow],
    *,
    name: str = 'a',
    absent: Sequence[int] = (),
    flags: bool = False,
) -> Judged:
    """One sequence; frames of ``absent`` have cover 0 and, if ``flags``, are flagged as hidden."""
    seen = np.array([number not in absent for number in range(len(truth))])
    return Judged(
        name,
        np.array(truth, float),
        np.array(predicted, float).reshape(-1, 4),
        visible=seen if flags else None,
        cover=8 * seen.astype(int),
        size=SIZE,
    )


def at(*corners: tuple[float, float]) -> list[BoxRow]:
    return [(x, y, 40, 30) for x, y in corners]


def left_the_view(flags: bool) -> list[Judged]:
    """C4: absent frames have a truth of zeros."""
    found = [G, (12, 20, 40, 30), (80, 80, 10, 10), ZERO, (20, 20, 40, 30)]
    return [sequence([G, G, ZERO, ZERO, G], found, absent=(2, 3), flags=flags)]


def left_the_view_annotated(flags: bool) -> list[Judged]:
    """C5: absent frames keep a true box."""
    found = [G, (12, 20, 40, 30), (80, 80, 10, 10), G, (20, 20, 40, 30)]
    return [sequence([G] * 5, found, absent=(2, 3), flags=flags)]


FRACTIONS = sequence(
    [(10.5, 20.5, 40.4, 30.6)] * 4,
    [
        (10.5, 20.5, 40.4, 30.6),
        (11.49, 20.2, 39.7, 30.1),
        (12.5, 22.5, 41.5, 29.5),
        (15.75, 18.25, 50.5, 33.3),
    ],
)
BORDER = [G, (0, 20, 40, 30), (0, 0, 40, 30), (5, 0, 40, 30)]
CASES: dict[str, list[Judged]] = {
    'C1': [sequence([G] * 5, [G] * 5)],
    'C2': [
        sequence([G] * 6, at((10, 20), (10, 20), (14, 20), (20, 20), (30, 35), (60, 60))),
    ],
    'C3': [
        sequence(
            [G] * 5, [G, (10, 20, 20, 30), (10, 20, 40, 15), (10, 20, 30, 30), (10, 20, 10, 30)]
        )
    ],
    'C4': left_the_view(flags=False),
    'C4 flags': left_the_view(flags=True),
    'C5': left_the_view_annotated(flags=False),
    'C5 flags': left_the_view_annotated(flags=True),
    'C6': [FRACTIONS],
    'C7': [sequence([G] * 5, [G, (14, 20, 40, 30), ZERO, (20, 20, 0, 30), (20, 20, 40, 30)])],
    'C8': [
        sequence([G] * 3, at((10, 20), (14, 20), (20, 20))),
        sequence([G] * 6, [G, *at(*[(60, 60)] * 4), G], name='b'),
    ],
    'C9': [
        sequence(
            [(170, 120, 40, 40)] * 4,
            [(170, 120, 40, 40), (170, 120, 60, 60), (180, 130, 40, 40), (-20, -20, 50, 50)],
        )
    ],
    'C10': [sequence(BORDER, BORDER)],
    'C11': [
        sequence([G, G, NAN, G], [G, (12, 20, 40, 30), (80, 80, 10, 10), (20, 20, 40, 30)]),
    ],
    'C12': [FRACTIONS],  # scored truncated
    'C13': [sequence([G] * 5, at((10, 20), (12, 20), (14, 20)))],
    'C15': [sequence([G] * 5, [(100, 100, 5, 5), *[G] * 4])],
}


STRICT = ('pytracking otb', 'ostrack otb', 'otb', 'lasot', 'pysot', 'got10k_otb', 'got10k_lasot')
FLAGGED = (
    'pytracking lasot',
    'ostrack lasot',
    'lasot',
    'pysot lasot',
)  # with flags of hidden frames
WITH_NORMALIZED = ('pytracking otb', 'ostrack otb', 'lasot', 'pysot')
AREAS, OVERLAPS = ('auc', 'precision', 'normalized_precision'), ('ao', 'sr50')
Row = tuple[str, tuple[str, ...], tuple[str, ...], tuple[float, ...]]
AUC, P, N = ('auc',), ('precision',), ('normalized_precision',)
TRACKINGNET, GOT10K, GIT = ('trackingnet',), ('got10k',), ('got10k_lasot',)

# case, tools, keys, percent
ROWS: list[Row] = [
    ('C1', STRICT, AUC, (95.238095,)),
    ('C1', GOT10K, OVERLAPS, (100, 100)),
    ('C1', TRACKINGNET, AREAS, (100, 100, 100)),
    ('C2', STRICT, AUC, (57.142857,)),
    ('C2', STRICT, P, (66.666667,)),
    ('C2', WITH_NORMALIZED, N, (50,)),
    ('C2', GIT, N, (55.228758,)),
    ('C2', GOT10K, OVERLAPS, (51.220779, 60)),
    ('C2', TRACKINGNET, AREAS, (59.166667, 71.25, 55.833333)),
    ('C2', ('vot',), ('ao',), (51.220779,)),
    ('C3', STRICT, AUC, (57.142857,)),
    ('C3', ('pytracking otb', 'ostrack otb', 'got10k_otb'), ('op50',), (40,)),
    ('C3', STRICT, P, (100,)),
    ('C3', WITH_NORMALIZED, N, (40,)),
    ('C3', GOT10K, OVERLAPS, (50, 25)),
    ('C3', TRACKINGNET, AREAS, (62, 87, 62)),
    ('C4', STRICT, AUC, (48.571429,)),
    ('C4 flags', FLAGGED, AUC, (48.571429,)),
    ('C4', ('pytracking otb', 'ostrack otb'), P, (60,)),
    ('C4 flags', FLAGGED, P, (60,)),
    ('C4', ('got10k_otb', 'got10k_lasot'), P, (80,)),
    ('C4', ('pytracking uav', 'ostrack uav', 'lasot', 'pysot', 'otb'), P, (100,)),
    ('C4 flags', FLAGGED, N, (40,)),
    ('C4', ('pytracking otb', 'pytracking uav', 'ostrack otb', 'ostrack uav', 'lasot'), N, (80,)),
    ('C4', GOT10K, OVERLAPS, (75.238095, 100)),
    ('C4', TRACKINGNET, AREAS, (50.5, 76, 49)),
    ('C5 flags', FLAGGED, (*AUC, *P, *N), (48.571429, 60, 40)),
    ('C5', STRICT, (*AUC, *P), (67.619048, 80)),
    ('C5', WITH_NORMALIZED, N, (60,)),
    ('C5', GOT10K, OVERLAPS, (75.238095, 100)),
    ('C5', TRACKINGNET, AREAS, (70.5, 76, 69)),
    ('C6', STRICT, (*AUC, *P), (80.952381, 100)),
    ('C6', WITH_NORMALIZED, N, (75,)),
    ('C6', GOT10K, OVERLAPS, (77.482752, 100)),
    ('C6', TRACKINGNET, AREAS, (81.875, 91.875, 79.375)),
    ('C6', ('vot',), ('ao',), (76.120096,)),  # of .921260, .788269 and .574074
    ('C7', ('pytracking otb', 'ostrack otb', 'lasot'), (*AUC, *P, *N), (79.047619, 100, 80)),
    ('C7', ('otb', 'pysot', 'got10k_otb', 'got10k_lasot'), (*AUC, *P), (46.666667, 80)),
    ('C7', ('pysot',), N, (40,)),
    ('C7', GOT10K, OVERLAPS, (35.454545, 50)),
    ('C7', TRACKINGNET, AREAS, (49, 73, 57.5)),
    ('C8', STRICT, (*AUC, *P), (54.761905, 66.666667)),
    ('C8', WITH_NORMALIZED, N, (50,)),
    ('C8', GOT10K, OVERLAPS, (34.545455, 42.857143)),
    ('C8', TRACKINGNET, AREAS, (57.5, 62.5, 55.833333)),
    ('C9', STRICT, (*AUC, *P), (44.047619, 75)),
    ('C9', WITH_NORMALIZED, N, (25,)),
    ('C9', GOT10K, OVERLAPS, (48.148148, 33.333333)),
    ('C9', TRACKINGNET, AREAS, (45.625, 61.25, 38.75)),
    ('C9', ('vot',), ('ao',), (48.148148,)),  # of 1, .444444 and 0
    ('C10', ('pytracking otb',), (*AUC, *P), (23.809524, 25)),
    ('C10', ('pytracking uav',), P, (100,)),
    ('C10', ('otb', 'lasot', 'pysot'), (*AUC, *P), (23.809524, 100)),
    ('C10', ('ostrack otb', 'got10k_otb', 'got10k_lasot'), AUC, (95.238095,)),
    ('C11', ('pytracking uav',), (*AUC, *P), (60.714286, 100)),
    ('C11', ('got10k_otb',), (*AUC, *P), (60.714286, 75)),
    ('C11', GIT, AUC, (80.952381,)),
    ('C12', tuple(tool for tool in STRICT if tool != 'pysot'), AUC, (83.333333,)),
    ('C12', ('pysot',), AUC, (82.142857,)),
    ('C12', WITH_NORMALIZED, N, (75,)),
    ('C12', GOT10K, ('ao',), (79.904626,)),
    ('C12', TRACKINGNET, AREAS, (84.375, 91.875, 83.125)),
    ('C13', ('pytracking otb', 'ostrack otb'), AUC, (53.333333,)),
    ('C13', ('otb',), AUC, (88.888889,)),
    ('C13', TRACKINGNET, AREAS, (55, 58, 55)),
    ('C15', tuple(tool for tool in STRICT if tool != 'pysot'), AUC, (95.238095,)),
    ('C15', GOT10K, OVERLAPS, (100, 100)),
    ('C15', TRACKINGNET, AREAS, (100, 100, 100)),
]


def judge(case: str, tool: str) -> DatasetScores:
    profile, _, kind = tool.partition(' ')
    return score(
        profile,
        CASES[case],
        kind=kind or 'folder',
        truncate=case == 'C12',
        allow_incomplete=case == 'C13',
    )


@pytest.mark.parametrize(
    ('case', 'tool', 'keys', 'percent'),
    [
        pytest.param(case, tool, keys, percent, id=f'{case}-{tool}-{"-".join(keys)}')
        for case, tools, keys, percent in ROWS
        for tool in tools
    ],
)
def test_case_has_the_numbers_of_the_tool(
    case: str, tool: str, keys: tuple[str, ...], percent: tuple[float, ...]
) -> None:
    scores = judge(case, tool)
    for key, expected in zip(keys, percent):
        if PROFILES[scores.profile].arithmetic == 'torch':
            assert scores.printed[key] == f'{expected:.2f}'
        else:
            assert f'{scores.values[key]:.6f}' == f'{expected:.6f}'


def test_got10ks_curve_has_101_thresholds() -> None:
    limits, values = judge('C1', 'got10k').curves['success']
    assert len(limits) == 101
    assert f'{values.mean():.6f}' == '99.009901'


@pytest.mark.parametrize(
    ('tool', 'counts'),
    [
        ('pytracking otb', '5 5 5 4 4 4 4 4 4 4 4 4 3 3 3 3 3 2 2 2 0'),
        ('lasot', '5 5 5 4 4 4 4 4 4 4 4 4 3 3 3 3 3 2 2 2 0'),
        ('trackingnet', '6 5 5 4 4 4 4 4 4 4 4 4 3 3 3 3 3 2 2 2 2'),
    ],
)
def test_an_overlap_of_six_tenths_never_reaches_six_tenths(tool: str, counts: str) -> None:
    _, values = judge('C2', tool).curves['success']
    assert (values * 6 / 100).round(4).tolist() == [float(count) for count in counts.split()]


@pytest.mark.parametrize(('case', 'covered'), [('C4', 80), ('C5', 100), ('C7', 80)])
def test_trackingnet_says_how_many_boxes_there_are(case: str, covered: int) -> None:
    assert float(judge(case, 'trackingnet').printed['coverage']) == covered


def test_normalized_precision_at_a_fifth_is_on_the_curve_of_got10ks_git() -> None:
    _, values = judge('C4', 'got10k_lasot').curves['normalized_precision']
    assert f'{values[20]:.6f}' == '60.000000'


def test_mean_of_sequences_is_not_the_mean_of_frames() -> None:
    scores = judge('C8', 'got10k')
    means = [one.values['ao'] for one in scores.sequences]
    assert f'{np.mean(means):.6f}' == '45.454545'
    assert f'{scores.values["ao"]:.6f}' == '34.545455'


@pytest.mark.parametrize('kind', ['otb', 'lasot', 'folder'])
def test_pytracking_takes_no_nan_but_on_uav(kind: str) -> None:
    with pytest.raises(MetricError, match=r'a: frame 2 has no ground truth \(NaN\)'):
        score('pytracking', CASES['C11'], kind=kind)


@pytest.mark.parametrize('tool', ['lasot', 'pysot', 'got10k', 'got10k_otb', 'ostrack lasot'])
def test_short_results_are_errors_where_the_tool_refuses_them(tool: str) -> None:
    profile, _, kind = tool.partition(' ')
    seen = [replace(one, visible=np.ones(5, bool)) for one in CASES['C13']]
    with pytest.raises(MissingResultError, match='3 predicted boxes for 5 frames'):
        score(profile, seen, kind=kind or 'folder', allow_incomplete=True)


def test_pysot_alone_takes_the_first_box_as_written() -> None:
    assert f'{judge("C15", "pysot").values["auc"]:.6f}' == '76.190476'


@pytest.mark.parametrize(
    ('tool', 'printed'),
    [
        ('pytracking otb', {'auc': '57.14', 'op50': '66.67', 'precision': '66.67'}),
        ('otb', {'auc': '0.57', 'precision': '0.67'}),
        ('lasot', {'auc': '0.571', 'normalized_precision': '0.500'}),
        ('pysot', {'auc': '0.571', 'precision': '0.667'}),
        ('got10k', {'ao': '0.512', 'sr50': '0.600'}),
        ('trackingnet', {'auc': '59.166666666666664'}),
        ('visible', {'auc': '57.1', 'precision': '66.7', 'ao': '59.4'}),
        ('vot', {'ao': '0.512'}),
    ],
)
def test_numbers_are_printed_as_the_tool_prints_them(tool: str, printed: dict[str, str]) -> None:
    found = judge('C2', tool).printed
    assert {key: found[key] for key in printed} == printed
