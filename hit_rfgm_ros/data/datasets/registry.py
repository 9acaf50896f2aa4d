"""All data sets by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Literal

from hit_rfgm_ros.data.datasets.folder import list_folder
from hit_rfgm_ros.data.datasets.got10k import list_got10k
from hit_rfgm_ros.data.datasets.lasot import list_lasot, list_lasot_ext
from hit_rfgm_ros.data.datasets.layout import Listing
from hit_rfgm_ros.data.datasets.nfs import list_nfs
from hit_rfgm_ros.data.datasets.otb import list_otb
from hit_rfgm_ros.data.datasets.trackingnet import list_trackingnet
from hit_rfgm_ros.data.datasets.uav123 import list_uav123
from hit_rfgm_ros.data.sequences import Sequence
from hit_rfgm_ros.errors import ConfigError, DatasetError

_IN_FULL = 8  # of so many broken sequences the whole message is told, of the others the name


@dataclass(frozen=True)
class Dataset:
    """An opened data set.

    Attributes:
        name: one of `DATASETS`.
        kind: what the rules of some tools distinguish: folder, otb, lasot, lasot_ext, got10k,
            trackingnet, uav, nfs.
        profile: the default profile of scoring.
        sequences: in the data set's own order.
        skipped: names of the broken ones that were left out.
        reasons: what is wrong with each of those.
    """

    name: str
    kind: str
    profile: str
    sequences: tuple[Sequence, ...]
    skipped: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Layout:
    kind: str
    profile: str
    reader: Callable[[Path], Listing]


_LAYOUTS = {
    'folder': _Layout('folder', 'visible', list_folder),
    'otb100': _Layout('otb', 'otb', list_otb),
    'lasot': _Layout('lasot', 'pytracking', list_lasot),
    'lasot_ext': _Layout('lasot_ext', 'pytracking', list_lasot_ext),
    'got10k_val': _Layout('got10k', 'got10k', partial(list_got10k, subset='val')),
    'got10k_test': _Layout('got10k', 'got10k', partial(list_got10k, subset='test')),
    'trackingnet': _Layout('trackingnet', 'trackingnet', list_trackingnet),
    'uav123': _Layout('uav', 'pytracking', list_uav123),
    'nfs': _Layout('nfs', 'pytracking', partial(list_nfs, rate=30)),
    'nfs30': _Layout('nfs', 'pytracking', partial(list_nfs, rate=30)),
    'nfs240': _Layout('nfs', 'pytracking', partial(list_nfs, rate=240)),
}
DATASETS: tuple[str, ...] = tuple(_LAYOUTS)


def open_dataset(
    name: str,
    root: Path | str,
    *,
    sequences: Iterable[str] | None = None,
    on_broken: Literal['raise', 'skip'] = 'raise',
) -> Dataset:
    """List a data set in its official layout; no picture is opened.

    Args:
        name: one of `DATASETS`.
        root: the folder that the data set was unpacked to.
        sequences: names of those wanted; None: all that make up the data set.
        on_broken: 'raise' names all broken sequences in one error; 'skip' leaves them out and
            names them in `Dataset.skipped`.

    Raises:
        ConfigError: if the data set or a wanted sequence is unknown, or one is named twice.
        DatasetError: if the root is wrong, a sequence is broken, or none is left.
    """
    if name not in _LAYOUTS:
        raise ConfigError(f'unknown data set {name!r}{_nearest(name, DATASETS)}')
    layout = _LAYOUTS[name]
    root = Path(root)
    try:
        listing = layout.reader(root)
    except OSError as error:
        raise DatasetError(f'{root}: cannot be listed ({error})') from error
    found, broken = [], {}
    for wanted in _choose(listing, sequences, root):
        try:
            _check_name(wanted, root)
            found.append(listing.loaders[wanted]())
        except (DatasetError, OSError) as error:
            broken[wanted] = str(error)
    if broken and on_broken == 'raise':
        raise DatasetError(_tell(broken, root, len(broken) + len(found)))
    if not found:
        why = f': {next(iter(broken.values()))}' if broken else ''
        raise DatasetError(f'{root}: no sequence of {name} is left{why}')
    skipped, reasons = tuple(broken), tuple(broken.values())
    return Dataset(name, layout.kind, layout.profile, tuple(found), skipped, reasons)


def _check_name(name: str, root: Path) -> None:
    """Refuse a name that results could not be filed under, or that would break a line of text."""
    if name.startswith('.') or not name.isprintable() or set(name) & set('/\\'):
        raise DatasetError(
            f'{root}: the sequence {name!r} needs another name: printable, without / and \\, and '
            f'no dot in front'
        )


def _choose(listing: Listing, wanted: Iterable[str] | None, root: Path) -> list[str]:
    """Names to read, groups resolved; each at most once."""
    if wanted is None:
        return list(listing.chosen)
    names: list[str] = []
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if name not in listing.loaders and name not in listing.groups:
            known = (*listing.groups, *listing.loaders)
            raise ConfigError(f'{root}: unknown sequence {name!r}{_nearest(name, known)}')
        names += listing.groups.get(name, (name,))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f'sequences: {", ".join(twice)} named twice')
    return names


def _nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: the nearest known one, or all if they are few."""
    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), list(by_lower), n=1)
    if near:
        return f'; did you mean {by_lower[near[0]]}?'
    names = list(by_lower.values())
    listed = ', '.join(names[:12])
    return f'; known are {listed}' + (f' and {len(names) - 12} more' if len(names) > 12 else '')


def _tell(broken: dict[str, str], root: Path, of: int) -> str:
    if len(broken) == 1:
        return next(iter(broken.values()))
    shown = list(broken.values())[:_IN_FULL]
    if further := list(broken)[_IN_FULL:]:
        shown.append('and ' + ', '.join(further))
    head = (
        f'{root}: {len(broken)} of {of} sequences cannot be read; mend them, name those that you '
        f'want, or leave out the broken ones:'
    )
    return '\n  '.join([head, *shown])
