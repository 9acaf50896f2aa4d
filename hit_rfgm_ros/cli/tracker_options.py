"""Options that say which tracker runs and how; shared by the commands that track."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
import re
from typing import TYPE_CHECKING, Any

import click
from hit_rfgm_ros.cli.engine_options import MODEL, WEIGHTS_HELP
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

    def create(self, fps: float) -> SingleTargetTracker:
        """Build the tracker; see `create_tracker`."""
        from hit_rfgm_ros.trackers.factory import create_tracker

        return create_tracker(
            self.model,
            weights=self.weights,
            backend=self.backend,
            device=self.device,
            precision=self.precision,
            paper_mode=self.paper_mode,
            threads=self.threads,
            fps=fps,
            **self.options,
        )


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
    click.option('--device', default='auto', show_default=True, help='cpu, cuda or cuda:N.'),
    click.option(
        '--precision', type=click.Choice(PRECISIONS), default='auto', help='[default: fp32]'
    ),
    click.option('--paper-mode', is_flag=True, help='The official algorithm and nothing else.'),
    click.option(
        '--threads', type=click.IntRange(0), default=0, help='Threads; 0: the back end chooses.'
    ),
]


def tracker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as ``settings``, a `TrackerSettings`."""
    tuned = {field.name: field for field in fields(TrackerConfig)}
    # These two have their own door: a flag, and the rate of the source.
    for name in ('paper_mode', 'fps'):
        del tuned[name]
    own = [field.name for field in fields(TrackerSettings) if field.name != 'options']

    @wraps(command)
    def with_settings(**given: Any) -> Any:
        options = {name: given.pop(name) for name in tuned}
        settings = {name: given.pop(name) for name in own}
        chosen = {name: value for name, value in options.items() if value is not None}
        return command(settings=TrackerSettings(**settings, options=chosen), **given)

    decorated: Callable[..., Any] = with_settings
    # What the node's table explains too is explained in its words.
    texts = field_texts(TrackerConfig.__doc__ or '')
    texts |= {name: row.text for name, row in TRACKER_TABLE.items()}
    for name, field in reversed(tuned.items()):
        row = TRACKER_TABLE.get(name)
        choices = row.choices if row else ()
        decorated = _option(name, field.default, texts.get(name, ''), choices)(decorated)
    for option in reversed(_SETTINGS):
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
