"""What is said about a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: object, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """``did you mean 'x'?`` with the nearest known name, or an empty text.

    Args:
        name: that is not known.
        known: names.
        cutoff: how much alike both must be, from 0 (not at all) to 1 (the same).
    """
    near = get_close_matches(str(name), list(known), n=1, cutoff=cutoff)
    return f'did you mean {near[0]!r}?' if near else ''


def unknown_name(what: str, name: object, known: Iterable[str]) -> str:
    """Text of an error, with the nearest known name or all of them."""
    names = list(known)
    hint = did_you_mean(name, names) or f'known: {", ".join(names)}'
    return f'unknown {what} {name!r}: {hint}'
