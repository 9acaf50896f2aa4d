"""Which trackers ``hit-rfgm eval`` runs, from the words of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from hit_rfgm_ros.cli.tracker_options import TrackerSettings
from hit_rfgm_ros.cli.wrong_use import wrong_use
from hit_rfgm_ros.evaluation.contender import ContenderSpec
from hit_rfgm_ros.evaluation.rivals import describe_rival
from hit_rfgm_ros.trackers.parts import RANDOM


def specs_of_models(settings: Sequence[TrackerSettings]) -> list[ContenderSpec]:
    """One per setting, named after the model, and after what else tells them apart.

    Raises:
        UsageError: if one weights file is given for several models.
    """
    models = {one.model for one in settings}
    if len(models) > 1 and settings[0].weights not in (None, RANDOM):
        raise click.UsageError('--weights belongs to one model; give one --model with it.')
    return [
        ContenderSpec(_name(one, several=len(settings) > len(models)), 'model', one.arguments())
        for one in settings
    ]


def _name(settings: TrackerSettings, *, several: bool) -> str:
    if not several:
        return settings.model
    parts = [settings.model, settings.backend, settings.precision]
    return '-'.join(part for part in parts if part != 'auto')


def specs_of_rivals(
    rivals: Sequence[str], peers: Path | None, files: Sequence[Path], threads: int
) -> list[ContenderSpec]:
    """Known trackers of others.

    Raises:
        UsageError: if model files are given for several of them, or lack for one.
        RivalError: if one of them cannot be run here.
    """
    if files and len(rivals) != 1:
        raise click.UsageError('--rival-model belongs to one tracker; give one --rival with it.')
    shared = {'peers': str(peers) if peers else None, 'threads': threads}
    model = {'model': [str(file) for file in files]} if files else {}
    specs = [ContenderSpec(name, 'rival', {'rival': name, **shared, **model}) for name in rivals]
    with wrong_use():
        return _checked(specs)


def specs_of_adapters(files: Sequence[Path], threads: int) -> list[ContenderSpec]:
    """Networks of the user's, each described by a YAML file and named after that.

    Raises:
        ConfigError: if a file is not right.
    """
    return _checked(
        [
            ContenderSpec(file.stem, 'onnx', {'adapter': str(file), 'threads': threads})
            for file in files
        ]
    )


def _checked(specs: list[ContenderSpec]) -> list[ContenderSpec]:
    """The same; what is missing is named before anything is run."""
    for spec in specs:
        describe_rival(spec)
    return specs


def specs_of_python(texts: Sequence[str]) -> list[ContenderSpec]:
    """Trackers of the user's in Python, given as FILE.py:NAME and called by that name.

    Raises:
        UsageError: if there is no such file.
    """
    specs = []
    for text in texts:
        file, _, factory = text.rpartition(':')
        if not factory.isidentifier() or not Path(file).is_file():
            raise click.UsageError(
                f'{text!r} is no Python file with the name of a tracker in it: FILE.py:NAME.'
            )
        specs.append(ContenderSpec(factory, 'python', {'file': file, 'factory': factory}))
    return specs
