"""What tools for one-pass evaluation differ in: one named field per rule.

`profiles.PROFILES` has one row of it per tool. The rules were read from the tools' source and
checked by running them; what a field leaves open is alike in all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import math
from types import MappingProxyType
from typing import Any, Literal

from hit_rfgm_ros.metrics import thresholds
from hit_rfgm_ros.metrics.thresholds import Thresholds

HIT = -1.0  # written for the distance of a frame: below every threshold, so the frame counts
MISS = math.inf

First = Literal['given', 'as written', 'skipped']
Unusual = Literal['kept', 'previous', 'refused']
Incomplete = Literal['error', 'zeros', 'nan', 'nowhere', 'left out']
Usable = Literal['any', 'known', 'sides', 'box', 'covered']
OverlapForm = Literal['pixels', 'edges', 'epsilon', 'raster']
Weights = Literal['sequences', 'frames', 'lengths']
NormalizedForm = Literal['centres', 'difference', 'floored', 'product']
Arithmetic = Literal['numpy', 'whole', 'plain', 'torch']
Score = Literal['at', 'mean', 'area']


@dataclass(frozen=True)
class Profile:
    """The rules of one tool.

    The defaults are what most tools do. "Usable" is said of a frame whose annotation a tool takes
    as a box, "hidden" of one that the data set flags as such.

    Attributes:
        tool: what is reproduced.
        first: the first predicted box is replaced by the given one, taken as written, or the
            first frame is left out.
        empty: what is done with a predicted box of no width or height after the first frame;
            previous: the box before it is taken where the frame has ground truth.
        broken: likewise with a NaN or a negative side.
        short, absent: what is done, if incomplete results are allowed at all, where predicted
            boxes are missing at the end or altogether: zeros, NaN or a box far away taken for
            them, or those frames (the sequence) left out.
        cuts_long: surplus boxes are cut off, if incomplete results are allowed; else an error.
        refuses_nan: no NaN is accepted in the ground truth.
        needs_flags: flags of hidden frames must be there.
        rounded: all boxes are rounded to whole pixels first, halves to even.
        needs_size: the size of the pictures must be known.
        clipped: boxes are cut to the picture first, as GOT-10k's tool does it.
        usable: annotations that count as a box: any; no NaN; both sides above 0; all four
            numbers above 0; or, for GOT-10k, a label of cover above 0.
        centre_usable: for distances the centre's two numbers must be above 0 instead.
        flags: hidden frames are treated apart (`hidden_*`), not merely as unusable or usable.
        leaves_out: unusable and hidden frames are left out; otherwise they stay in the number of
            frames that is divided by, and never count as overlapping.
        unusable_distance, unusable_normalized: HIT or MISS, for frames that are not usable.
        hidden_distance, hidden_normalized: likewise for hidden ones.
        overlap: form of the intersection over union, see `agreement.OVERLAPS`; or ``raster``, that
            of `vot.vot_overlaps`.
        distance_decimals: distances are rounded to so many decimals.
        normalized: form of the normalized distance, None if there is none; see
            `agreement.NORMALIZED`.
        overlap_thresholds, distance_thresholds, normalized_thresholds: of the curves; None where
            the tool has no such curve.
        reaches: overlap equal to a threshold counts.
        weights: what weighs the same: sequences; frames, all of them pooled; or sequences by
            their lengths.
        drops_zero_curves: sequences whose curve is 0 everywhere are left out of its mean.
        arithmetic: order and precision of the sums; see `averages`.
        precision, normalized_precision: value of the curve at its 21st threshold (20 pixels,
            0.20), mean of its values, or area under it.
        success: likewise; mean or area.
        keys: the numbers that the tool has.
        printed: those that it prints, and how; in percent if `percent`, else as a share.
        percent: the tool itself computes in percent.
        extras: further things that it says: coverage, speed.
        by_kind: fields that change with the kind of data set.
    """

    tool: str
    first: First = 'given'
    empty: Unusual = 'kept'
    broken: Unusual = 'kept'
    short: Incomplete = 'error'
    absent: Incomplete = 'error'
    cuts_long: bool = False
    refuses_nan: bool = False
    needs_flags: bool = False
    rounded: bool = False
    needs_size: bool = False
    clipped: bool = False
    usable: Usable = 'box'
    centre_usable: bool = False
    flags: bool = False
    leaves_out: bool = False
    unusable_distance: float = HIT
    unusable_normalized: float = HIT
    hidden_distance: float = MISS
    hidden_normalized: float = MISS
    overlap: OverlapForm = 'pixels'
    distance_decimals: int | None = None
    normalized: NormalizedForm | None = None
    overlap_thresholds: Thresholds | None = thresholds.TWENTIETHS
    distance_thresholds: Thresholds | None = thresholds.PIXELS
    normalized_thresholds: Thresholds = thresholds.HUNDREDTHS
    reaches: bool = False
    weights: Weights = 'sequences'
    drops_zero_curves: bool = False
    arithmetic: Arithmetic = 'numpy'
    success: Score = 'mean'
    precision: Score = 'at'
    normalized_precision: Score = 'at'
    keys: tuple[str, ...] = ('auc', 'precision', 'normalized_precision')
    printed: tuple[str, ...] = ('auc', 'precision', 'normalized_precision')
    prints: str = '{:.3f}'
    percent: bool = False
    extras: tuple[str, ...] = ()
    by_kind: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))

    def for_kind(self, kind: str) -> Profile:
        """The rules that hold on data sets of that kind."""
        return replace(self, **self.by_kind.get(kind, {}))
