"""Options that say which tracker runs and how; shared by the commands that track."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
import re
from typing import TYPE_CHECKING, Any

import click
from hit_rfgm_ros.cli.engine_options import MODEL, WEIGHTS_HELP
from hit_rfgm_ros.cli.wrong_use import parse_device, wrong_use
from hit_rfgm_ros.config.models import get_model_config, keeps_memory
from hit_rfgm_ros.config.tracker import BACKENDS, PRECISIONS, TrackerConfig
from hit_rfgm_ros.runtime.params import TRACKER_TABLE

if TYPE_CHECKING:
    from hit_rfgm_ros.trackers.single import SingleTargetTracker


@dataclass(frozen=True)
class TrackerSettings:
    """What the options say.

    Attributes:
        model, weights, backend, device, precision, paper_mode, threads: as in `create_tracker`.
        options: the fields of `TrackerConfig` that were given.
    """

    model: str
    weights: str | None
    backend: str
    device: str
    precision: str
    paper_mode: bool
    threads: int
    options: Mapping[str, Any]

    def with_defaults(self, **options: Any) -> TrackerSettings:
        """The same with values for options that were not given."""
        return replace(self, options={**options, **self.options})

    def arguments(self) -> dict[str, Any]:
        """The arguments of `create_tracker`, without the rate of the source."""
        return {
            'model': self.model,
            'weights': self.weights,
            'backend': self.backend,
            'device': self.device,
            'precision': self.precision,
            'paper_mode': self.paper_mode,
            'threads': self.threads,
            **self.options,
        }

    def check(self, fps: float = 30.0) -> None:
        """Refuse options that are wrong whatever the weights are, before anything is loaded.

        Raises:
            UsageError: naming the option and what is allowed.
        """
        from hit_rfgm_ros.trackers.families import settle

        given = {'paper_mode': self.paper_mode, 'fps': fps, **self.options}
        with wrong_use():
            options = TrackerConfig.from_dict(given)
            if not keeps_memory(self.model):
                settle(get_model_config(self.model), options)

    def create(self, fps: float) -> SingleTargetTracker:
        """Build the tracker; see `create_tracker`."""
        from hit_rfgm_ros.trackers.factory import create_tracker

        return create_tracker(**self.arguments(), fps=fps)


_SETTINGS: list[Callable[..., Any]] = [
    click.option('--model', type=MODEL, default='hit_tiny', show_default=True, help='Network.'),
    click.option('--weights', help=WEIGHTS_HELP),
    click.option(
        '--backend',
        type=click.Choice(BACKENDS),
        default='auto',
        show_default=True,
        help='What runs the network; auto takes the best that works here.',
    ),
    click.option(
        '--device',
        default='auto',
        show_default=True,
        callback=parse_device,
        help='cpu, cuda or cuda:N.',
    ),
    click.option(
        '--precision', type=click.Choice(PRECISIONS), default='auto', help='[default: fp32]'
    ),
    click.option('--paper-mode', is_flag=True, help='The official algorithm and nothing else.'),
    click.option(
        '--threads', type=click.IntRange(0), default=0, help='Threads; 0: the back end chooses.'
    ),
]


# Those of them of which a command that runs several trackers takes several.
_SEVERAL: list[Callable[..., Any]] = [
    click.option('--model', type=MODEL, multiple=True, help='A network; may be repeated.'),
    click.option('--weights', help=WEIGHTS_HELP),
    click.option(
        '--backend',
        type=click.Choice(BACKENDS),
        multiple=True,
        help='What runs the networks; may be repeated. [default: auto, the best that works here]',
    ),
    _SETTINGS[3],
    click.option(
        '--precision',
        type=click.Choice(PRECISIONS),
        multiple=True,
        help='May be repeated. [default: fp32]',
    ),
    *_SETTINGS[5:],
]


def tracker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as ``settings``, a `TrackerSettings`."""

    @wraps(command)
    def with_settings(**given: Any) -> Any:
        settings, rest = _split(given)
        settings.check()
        return command(settings=settings, **rest)

    return _add_options(with_settings, _SETTINGS)


def several_tracker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that gets a tuple of `TrackerSettings` as ``settings``.

    There is one for each model with each back end in each precision, and none without a model.
    Also given is ``threads``, which others' trackers take too.
    """

    @wraps(command)
    def with_settings(**given: Any) -> Any:
        base, rest = _split(given)
        settings = tuple(
            replace(base, model=model, backend=backend, precision=precision)
            for model in base.model
            for backend in base.backend or ('auto',)
            for precision in base.precision or ('auto',)
        )
        for each in settings:
            each.check()
        return command(settings=settings, threads=base.threads, **rest)

    return _add_options(with_settings, _SEVERAL)


def _tuned() -> dict[str, Any]:
    tuned = {field.name: field for field in fields(TrackerConfig)}
    # These two have their own door: a flag, and the rate of the source.
    for name in ('paper_mode', 'fps'):
        del tuned[name]
    return tuned


def _split(given: dict[str, Any]) -> tuple[TrackerSettings, dict[str, Any]]:
    """What belongs to the tracker, and the rest."""
    own = [field.name for field in fields(TrackerSettings) if field.name != 'options']
    options = {name: given.pop(name) for name in _tuned()}
    settings = {name: given.pop(name) for name in own}
    chosen = {name: value for name, value in options.items() if value is not None}
    return TrackerSettings(**settings, options=chosen), given


def _add_options(
    command: Callable[..., Any], settings: Sequence[Callable[..., Any]]
) -> Callable[..., Any]:
    decorated, tuned = command, _tuned()
    # What the node's table explains too is explained in its words.
    texts = field_texts(TrackerConfig.__doc__ or '')
    texts |= {name: row.text for name, row in TRACKER_TABLE.items()}
    for name, field in reversed(tuned.items()):
        row = TRACKER_TABLE.get(name)
        choices = row.choices if row else ()
        decorated = _option(name, field.default, texts.get(name, ''), choices)(decorated)
    for option in reversed(settings):
        decorated = option(decorated)
    return decorated


def field_texts(docstring: str) -> dict[str, str]:
    """The descriptions below ``Attributes:`` of a Google docstring, by name."""
    _, _, attributes = docstring.partition('Attributes:\n')
    texts: dict[str, str] = {}
    for names, text in re.findall(
        r'^ {8}(\w[\w, ]*): (.*(?:\n {12}.*)*)', attributes, re.MULTILINE
    ):
        for name in names.split(', '):
            texts[name] = ' '.join(text.split())
    return texts


def _option(name: str, default: Any, text: str, choices: Sequence[str]) -> Callable[..., Any]:
    """An option for one field; it is None unless it was given."""
    flag = '--' + name.replace('_', '-')
    text = f'{text[:1].upper()}{text[1:]}'
    if isinstance(default, bool):
        off = flag.replace('--', '--no-', 1)
        shown = flag if default else off
        return click.option(f'{flag}/{off}', name, default=None, help=f'{text} [default: {shown}]')
    kind = click.Choice(choices) if choices else type(default)
    shown = f'{default:g}' if isinstance(default, float) else default
    return click.option(flag, name, type=kind, default=None, help=f'{text} [default: {shown}]')
