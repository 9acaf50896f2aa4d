"""Scores of tracks by the rules of a named tool: ``score('pytracking', [...])``.

The same boxes get different numbers from different tools. Each row below is one tool; what it
does not say is the default of `rules.Profile`, so that the rows show what differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.metrics import thresholds
from hit_rfgm_ros.metrics.judged import Judged, check_unique
from hit_rfgm_ros.metrics.rules import HIT, MISS, Profile
from hit_rfgm_ros.metrics.scores import KEYS, DatasetScores, SequenceScores
from hit_rfgm_ros.metrics.scoring import Measured, measure, numbers
import numpy as np

# Ours, for folders of pictures: frames without a true box are left out, the first one counts.
# Average overlap and success rates follow the same rule, so sr50 is op50.
VISIBLE = Profile(
    tool='visible',
    broken='refused',
    short='nowhere',
    absent='nowhere',
    cuts_long=True,
    usable='sides',
    flags=True,
    leaves_out=True,
    overlap='edges',
    normalized='difference',
    keys=KEYS,
    printed=KEYS,
    prints='{:.1f}',
    percent=True,
)
PYTRACKING = Profile(
    tool='pytracking',
    empty='previous',
    broken='refused',
    short='zeros',
    absent='left out',
    cuts_long=True,
    refuses_nan=True,
    unusable_distance=MISS,
    hidden_normalized=HIT,
    normalized='centres',
    overlap_thresholds=thresholds.TWENTIETHS_TORCH,
    arithmetic='torch',
    keys=('auc', 'precision', 'normalized_precision', 'op50', 'op75', 'ao'),
    printed=('auc', 'op50', 'op75', 'precision', 'normalized_precision'),
    prints='{:0.2f}',
    percent=True,
    by_kind={
        'lasot': {
            'short': 'error',
            'flags': True,
            'needs_flags': True,
            'hidden_normalized': MISS,
        },
        'lasot_ext': {'flags': True},
        'uav': {'refuses_nan': False, 'unusable_distance': HIT},
    },
)
# OSTrack's copy of pytracking's analysis, which HiT's repository holds as well.
OSTRACK = replace(PYTRACKING, tool='OSTrack and HiT', usable='sides')
OTB = Profile(
    tool='the Python benchmark of OTB',
    short='left out',
    distance_decimals=4,
    overlap_thresholds=thresholds.TWENTIETHS_DIVIDED,
    arithmetic='plain',
    keys=('auc', 'precision'),
    printed=('auc', 'precision'),
    prints='{:.2f}',
)
# The toolkit reads flags of its own, which differ from the data set's on some sequences.
LASOT = Profile(
    tool="LaSOT's MATLAB toolkit",
    empty='previous',
    broken='previous',
    cuts_long=True,
    flags=True,
    normalized='centres',
    drops_zero_curves=True,
    arithmetic='plain',
)
PYSOT = Profile(
    tool='pysot-toolkit',
    first='as written',
    centre_usable=True,
    overlap='edges',
    normalized='centres',
    arithmetic='whole',
    by_kind={'lasot': {'flags': True}, 'lasot_ext': {'flags': True}},
)
GOT10K_OTB = Profile(
    tool="got10k 0.1.3's experiment OTB",
    usable='any',
    overlap='epsilon',
    keys=('auc', 'precision', 'op50'),
    printed=('auc', 'precision'),
)
GOT10K_LASOT = Profile(
    tool="got10k's experiment LaSOT (git)",
    short='left out',
    cuts_long=True,
    usable='known',
    leaves_out=True,
    overlap='epsilon',
    normalized='floored',
    normalized_thresholds=thresholds.HUNDREDTHS_LINSPACE,
    normalized_precision='mean',
    keys=('auc', 'precision', 'normalized_precision', 'op50'),
)
GOT10K = Profile(
    tool='got10k 0.1.3',
    first='skipped',
    needs_size=True,
    clipped=True,
    usable='covered',
    flags=True,
    leaves_out=True,
    overlap='epsilon',
    overlap_thresholds=thresholds.HUNDRED_STEPS,
    distance_thresholds=None,
    weights='frames',
    keys=('ao', 'sr50', 'sr75'),
    printed=('ao', 'sr50', 'sr75'),
    extras=('speed_fps',),
)
TRACKINGNET = Profile(
    tool="TrackingNet's devkit",
    short='nan',
    absent='zeros',
    cuts_long=True,
    rounded=True,
    usable='any',
    normalized='product',
    distance_thresholds=thresholds.PIXELS_TRACKINGNET,
    normalized_thresholds=thresholds.FORTIETHS,
    reaches=True,
    arithmetic='plain',
    success='area',
    precision='area',
    normalized_precision='area',
    prints='{}',
    percent=True,
    extras=('coverage',),
)
# Accuracy of the unsupervised experiment (VOT2020 to VOT2022): one run, no restart, the frame of
# the start left out. The other experiments of VOT restart trackers; see `vot_multistart`.
VOT = Profile(
    tool='the VOT toolkit 0.9.0',
    first='skipped',
    broken='refused',
    needs_size=True,
    usable='known',
    leaves_out=True,
    overlap='raster',
    overlap_thresholds=None,
    distance_thresholds=None,
    weights='lengths',
    keys=('ao',),
    printed=('ao',),
)
PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        'visible': VISIBLE,
        'pytracking': PYTRACKING,
        'ostrack': OSTRACK,
        'otb': OTB,
        'lasot': LASOT,
        'pysot': PYSOT,
        'got10k': GOT10K,
        'got10k_otb': GOT10K_OTB,
        'got10k_lasot': GOT10K_LASOT,
        'trackingnet': TRACKINGNET,
        'vot': VOT,
    }
)


def get_profile(name: str) -> Profile:
    """The rules of one tool.

    Raises:
        MetricError: if there is no profile of that name.
    """
    if name not in PROFILES:
        raise MetricError(f'no profile {name!r}; there are {", ".join(PROFILES)}')
    return PROFILES[name]


def score(
    profile: str,
    judged: Sequence[Judged],
    *,
    kind: str = 'folder',
    truncate: bool = False,
    allow_incomplete: bool = False,
) -> DatasetScores:
    """Score tracks by one tool's rules.

    Args:
        profile: a name of `PROFILES`.
        judged: all sequences of the data set; a missing result is one without predicted boxes.
        kind: of data set; pytracking and OSTrack have rules of their own for ``lasot``, ``uav``.
        truncate: cut the decimals of predicted boxes off first, as files of whole numbers do.
        allow_incomplete: score missing and surplus boxes as the tool does, and say so in the
            notes; otherwise, and where the tool does not, they are errors.

    Raises:
        MissingResultError, SurplusResultError: if frames and predicted boxes are not the same
            number.
        MetricError: if the profile is unknown, or boxes or ground truth cannot be scored by it.
    """
    rules = get_profile(profile).for_kind(kind)
    check_unique(judged)
    kept: list[tuple[Judged, Measured]] = []
    notes = _notes(judged, rules, kind)
    for one in judged:
        measured = measure(one, rules, truncate=truncate, allow_incomplete=allow_incomplete)
        if measured is None:
            notes.append(f'{one.name}: no result, left out')
        else:
            kept.append((one, measured))
            notes.extend(measured.notes)
    found, curves = numbers([measured for _, measured in kept], rules) if kept else ({}, {})
    if not found:
        raise MetricError(f'no frame of {len(judged)} sequences can be scored')
    if not np.isfinite(list(found.values())).all():
        names = [one.name for one, measured in kept if np.isnan(measured.overlap).any()]
        raise MetricError(
            f'{names[0]}: a predicted box holds a NaN, of which {rules.tool} makes no number'
        )
    return DatasetScores(
        profile=profile,
        form='truncated' if truncate else 'float',
        kind=kind,
        sequences=tuple(_sequence_scores(one, measured, rules) for one, measured in kept),
        frames=sum(len(one.truth) for one, _ in kept),
        values=_values(found, rules),
        printed=_printed(found, kept, rules),
        curves=curves,
        notes=tuple(notes),
    )


def _notes(judged: Sequence[Judged], rules: Profile, kind: str) -> list[str]:
    """What is not known of the data, and what is assumed instead."""
    notes = []
    if rules.usable == 'covered' and any(one.cover is None for one in judged):
        notes.append('no labels of cover: frames with a true box are taken as covered')
    if rules.flags and kind.startswith('lasot') and any(one.visible is None for one in judged):
        notes.append('no flags of hidden frames: no frame is taken as hidden')
    untrue = sum(int((~one.known).sum()) for one in judged)
    if untrue and not rules.leaves_out:
        notes.append(f'{untrue} frames without ground truth stay in the number of frames')
    return notes


def _sequence_scores(judged: Judged, measured: Measured, rules: Profile) -> SequenceScores:
    found, curves = numbers([measured], rules)
    frames, scored = len(judged.truth), len(measured.overlap)
    return SequenceScores(judged.name, frames, scored, _values(found, rules), curves)


def _values(found: Mapping[str, float], rules: Profile) -> dict[str, float | None]:
    unit = 1 if rules.percent else 100
    return {key: unit * found[key] if key in found else None for key in KEYS}


def _printed(
    found: Mapping[str, float], kept: Sequence[tuple[Judged, Measured]], rules: Profile
) -> dict[str, str]:
    printed = {key: rules.prints.format(found[key]) for key in rules.printed if key in found}
    if 'coverage' in rules.extras:
        there = np.concatenate([measured.there for _, measured in kept])
        printed['coverage'] = rules.prints.format(100 * float(there.mean()))
    if 'speed_fps' in rules.extras and all(one.seconds is not None for one, _ in kept):
        seconds = np.concatenate([np.asarray(one.seconds) for one, _ in kept])
        if (seconds > 0).any():
            printed['speed_fps'] = repr(float(np.mean(1 / seconds[seconds > 0])))
    return printed
