"""What is measured: each model with each back end, precision and number of targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, NamedTuple

from hit_rfgm_ros.config.models import keeps_memory
from hit_rfgm_ros.engines.select import (
    ABILITIES,
    check_choice,
    possible_engines,
    supported_precisions,
)
from hit_rfgm_ros.errors import ConfigError, EngineError, MissingDependencyError, WeightsError
from hit_rfgm_ros.trackers.parts import RANDOM
from hit_rfgm_ros.weights.catalog import find_weights


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        model, backend, device, precision, threads, paper_mode: as in `create_tracker`.
        targets: followed at the same time, in one batch.
        memory_size, relevance_stages: of an RFGM, as in `TrackerConfig`; None leaves it alone.
    """

    model: str
    backend: str
    device: str = 'cpu'
    precision: str = 'fp32'
    threads: int = 0
    targets: int = 1
    memory_size: int | None = None
    relevance_stages: int | None = None
    paper_mode: bool = False

    @property
    def name(self) -> str:
        """What it is, in a line; usual settings go without saying."""
        unusual = {
            'on {}': self.device if self.device != 'cpu' else None,
            'threads {}': self.threads or None,
            'targets {}': self.targets if self.targets > 1 else None,
            'memory {}': self.memory_size,
            'stages {}': self.relevance_stages,
            'paper mode': self.paper_mode or None,
        }
        said = [text.format(value) for text, value in unusual.items() if value is not None]
        return ', '.join([f'{self.model} {self.backend} {self.precision}', *said])

    def as_dict(self) -> dict[str, Any]:
        """Its fields, ready for JSON."""
        return asdict(self)


class Missing(NamedTuple):
    """A case that does not run here."""

    case: Case
    reason: str


@dataclass(frozen=True)
class Wanted:
    """What is to be measured; each field is a list of alternatives.

    Attributes:
        models: names.
        backends, precisions: names; none takes all that this machine can run.
        devices: none takes all that there are.
        threads, targets, memory_sizes, relevance_stages: see `Case`.
        paper_mode: of all cases.
    """

    models: Sequence[str]
    backends: Sequence[str] = ()
    devices: Sequence[str] = ()
    precisions: Sequence[str] = ()
    threads: Sequence[int] = (0,)
    targets: Sequence[int] = (1,)
    memory_sizes: Sequence[int | None] = (None,)
    relevance_stages: Sequence[int | None] = (None,)
    paper_mode: bool = False


def plan(wanted: Wanted) -> tuple[list[Case], list[Missing]]:
    """The cases that may run here, and those of which it is known that they do not.

    Raises:
        ConfigError: if a setting of an RFGM's memory is given and no model has one.
    """
    _check_memory(wanted)
    cases: list[Case] = []
    missing: list[Missing] = []
    for case in _combine(wanted):
        try:
            check_choice(case.backend, case.device, case.precision)
        except (EngineError, MissingDependencyError) as error:
            # Once for each engine, not for each number of threads and targets.
            engine = Case(case.model, case.backend, case.device, case.precision)
            missing.append(Missing(engine, str(error)))
        else:
            cases.append(case)
    return cases, list(dict.fromkeys(missing))


def choose_weights(model: str, given: str | None) -> str:
    """The weights file to measure with: the user's or the package's, else ``random``.

    Raises:
        WeightsError: if a file was named that is not there.
    """
    if given == RANDOM:
        return RANDOM
    try:
        return str(find_weights(model, given))
    except WeightsError:
        if given is not None:
            raise
        return RANDOM


def _check_memory(wanted: Wanted) -> None:
    given = [*wanted.memory_sizes, *wanted.relevance_stages]
    if any(value is not None for value in given) and not any(map(keeps_memory, wanted.models)):
        raise ConfigError(
            f'a memory size or relevance stages belong to an RFGM; {", ".join(wanted.models)} '
            f'keeps the first template alone: leave them out, or take an RFGM'
        )


def _combine(wanted: Wanted) -> Iterator[Case]:
    engines = list(_engines(wanted))
    for model in wanted.models:
        sizes, stages = wanted.memory_sizes, wanted.relevance_stages
        if not keeps_memory(model):
            sizes, stages = (None,), (None,)
        for engine, threads, targets, size, stage in product(
            engines, wanted.threads, wanted.targets, sizes, stages
        ):
            yield Case(model, *engine, threads, targets, size, stage, wanted.paper_mode)


def _engines(wanted: Wanted) -> Iterator[tuple[str, str, str]]:
    """Back end, device and precision; those that were asked for by name even if none has them."""
    possible = possible_engines()
    for backend in wanted.backends or ABILITIES:
        own = {device for name, device, _ in possible if name == backend}
        for device in wanted.devices or sorted(own) or ('cpu',):
            known = [
                precision
                for precision in supported_precisions(backend, device)
                if (backend, device.partition(':')[0], precision) in possible
            ]
            for precision in wanted.precisions or known or ('fp32',):
                yield backend, device, precision
