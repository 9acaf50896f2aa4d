"""Checkpoints of a run: written atomically, read without executing anything."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from hit_rfgm_ros.errors import WeightsError
import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that at any moment either the old or the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix('.tmp')
    with temporary.open('wb') as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint written by `save`.

    Raises:
        WeightsError: if the file is missing, damaged, or holds more than tensors and numbers.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, UnpicklingError) as error:
        raise WeightsError(f'{path} is no readable checkpoint of this package: {error}') from error
    return state
