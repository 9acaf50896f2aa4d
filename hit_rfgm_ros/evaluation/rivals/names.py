"""What is said about a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(what: str, name: object, known: Iterable[str]) -> str:
    """Text of an error, with the nearest known name or all of them."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    hint = f'did you mean {near[0]!r}?' if near else f'known: {", ".join(names)}'
    return f'unknown {what} {name!r}: {hint}'
