"""The YAML file that describes an ONNX tracker; docs/rivals.md explains each key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
import reprlib
from typing import Any, TypeVar, get_args, get_type_hints

from hit_rfgm_ros.config.names import unknown_name
from hit_rfgm_ros.errors import ConfigError
import yaml

# What an input of the network `track` can be given.
PICTURES = ('search_picture', 'template_picture')
NETWORKS = ('template', 'search')
SOURCES = (*PICTURES, *NETWORKS)

CHOICES: dict[str, tuple[str, ...]] = {
    'color': ('rgb', 'bgr'),
    'layout': ('nchw', 'nhwc'),
    'rule': ('square', 'siamfc', 'rectangle'),
    'outside': ('black', 'mean'),
    'form': ('boxes', 'distances', 'centre'),
    'order': ('cxcywh', 'xyxy'),
    'unit': ('fraction', 'pixel'),
    'activation': ('none', 'sigmoid', 'softmax'),
    'window': ('none', 'added', 'multiplied'),
    'clip': ('box', 'centre'),
}
_SECTION = TypeVar('_SECTION')


@dataclass(frozen=True)
class Networks:
    """Files; those of features may be left out.

    Attributes:
        track: finds the target.
        template: makes features of the picture of the target, once per target.
        search: makes features of every search picture.
    """

    track: str
    template: str = ''
    search: str = ''


@dataclass(frozen=True)
class Pictures:
    """How pixels go in: ``(pixel * scale - mean) / std``; as they are into an input of uint8."""

    color: str = 'rgb'
    layout: str = 'nchw'
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Crops:
    """Which part of the frame goes in.

    Attributes:
        rule: square, siamfc or rectangle, see `rivals.regions`.
        template_size, search_size: sides of the networks' pictures in pixels.
        template_context, search_context: how much is seen around the target, by the rule.
        outside: what is put where the frame ends: black, or the mean colour of the first frame.
    """

    rule: str
    template_size: int
    search_size: int
    template_context: float
    search_context: float = 0.0
    outside: str = 'black'


@dataclass(frozen=True)
class Outputs:
    """What the network `track` gives, by the names of its outputs; see `rivals.outputs`."""

    form: str
    box: str = ''
    score: str = ''
    size: str = ''
    offset: str = ''
    order: str = 'cxcywh'
    unit: str = 'fraction'
    stride: float = 0.0
    activation: str = 'none'


@dataclass(frozen=True)
class Choice:
    """How one of the cells is chosen and the size is smoothed; see `rivals.choice`."""

    window: str = 'none'
    window_weight: float = 0.0
    penalty: float = 0.0
    size_rate: float = 0.0


@dataclass(frozen=True)
class Results:
    """What is done with the box in the frame."""

    whole_pixels: bool = False
    min_side: float = 10.0
    clip: str = 'box'


@dataclass(frozen=True)
class AdapterSettings:
    """Everything that is needed to track with somebody's ONNX networks."""

    networks: Networks
    inputs: Mapping[str, str]  # of `track`: what each is given, one of SOURCES
    crops: Crops
    outputs: Outputs
    pictures: Pictures = field(default_factory=Pictures)
    choice: Choice = field(default_factory=Choice)
    results: Results = field(default_factory=Results)


def read_settings(path: Path | str) -> AdapterSettings:
    """Read and check a file.

    Raises:
        ConfigError: if it cannot be read, a key is missing or unknown (the nearest is named), or
            a value does not fit.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'{path} cannot be read as YAML: {error}') from error
    settings = _build(AdapterSettings, values, str(path))
    for check in (_check_inputs, _check_crops, _check_outputs, _check_results):
        problem = check(settings)
        if problem:
            raise ConfigError(f'{path}: {problem}')
    return settings


def _build(kind: type[_SECTION], values: Any, where: str) -> _SECTION:
    """Make a section of the mapping that the file holds for it."""
    if not isinstance(values, dict):
        raise ConfigError(f'{where} must hold "key: value" lines, got {reprlib.repr(values)}')
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]  # dataclasses
    for name in values:
        if name not in known:
            raise ConfigError(f'{where}: {unknown_name("key", name, known)}')
    types = get_type_hints(kind)
    made = {}
    for name, each in known.items():
        if name in values:
            made[name] = _fit(types[name], values[name], f'{where}: {name}')
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ConfigError(f'{where}: the key {name!r} is missing')
    return kind(**made)


def _fit(kind: Any, value: Any, where: str) -> Any:
    """The value as its field wants it."""
    name = where.rpartition(' ')[2]
    if isinstance(kind, type) and kind.__module__ == __name__:
        return _build(kind, value, where)
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise ConfigError(f'{where}: {unknown_name("value", value, CHOICES[name])}')
        return value
    if kind is bool or kind is str or kind is int:
        good = type(value) is kind
    elif kind is float:
        good, value = _is_number(value), value
    elif get_args(kind) == (float, ...):
        good = isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))
    else:
        good = isinstance(value, dict) and all(
            isinstance(item, str) for pair in value.items() for item in pair
        )
    if not good:
        raise ConfigError(f'{where} must be {_words(kind)}, got {value!r}')
    return tuple(map(float, value)) if isinstance(value, list) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def _words(kind: Any) -> str:
    words = {bool: 'true or false', str: 'a text', int: 'a whole number', float: 'a number'}
    if kind in words:
        return words[kind]
    return 'three numbers in brackets' if get_args(kind) == (float, ...) else 'names with a name'


def _check_inputs(settings: AdapterSettings) -> str:
    if not settings.inputs:
        return f'inputs must say what each input of track gets: {", ".join(SOURCES)}'
    for name, source in settings.inputs.items():
        network = source.partition('.')[0]
        if source not in PICTURES and network not in NETWORKS:
            return f'inputs: {name}: {unknown_name("source", source, SOURCES)}'
        if network in NETWORKS and not getattr(settings.networks, network):
            return f'inputs: {name} asks for {network}, but networks has no file for {network!r}'
    for network in NETWORKS:
        if getattr(settings.networks, network) and not any(
            source.partition('.')[0] == network for source in settings.inputs.values()
        ):
            return f'networks: the output of {network} goes nowhere: name it in inputs'
    if not any(source.startswith('search') for source in settings.inputs.values()):
        return 'inputs: none gets the search picture or its features'
    return ''


def _check_crops(settings: AdapterSettings) -> str:
    crops = settings.crops
    for name in ('template_size', 'search_size'):
        if not 8 <= getattr(crops, name) <= 4096:
            return f'crops: {name} must be 8 to 4096 pixels, got {getattr(crops, name)}'
    if not 0 <= crops.template_context <= 16 or not 0 <= crops.search_context <= 16:
        return 'crops: template_context and search_context must be 0 to 16'
    if crops.rule == 'square' and not (crops.template_context and crops.search_context):
        return 'crops: square needs a template_context and a search_context above 0'
    if crops.rule == 'siamfc' and crops.search_context:
        return 'crops: siamfc computes the search_context from the two sizes: leave it out'
    if 0.0 in settings.pictures.std:
        return 'pictures: std must not be 0'
    return ''


def _check_outputs(settings: AdapterSettings) -> str:
    outputs, choice = settings.outputs, settings.choice
    wanted = {
        'boxes': ('box',),
        'distances': ('box', 'score', 'stride'),
        'centre': ('score', 'size', 'offset'),
    }[outputs.form]
    for name in wanted:
        if not getattr(outputs, name):
            return f'outputs: the form {outputs.form} needs the key {name!r}'
    if outputs.form == 'boxes' and choice != Choice():
        return 'choice: the form boxes has one box, so there is nothing to choose'
    if outputs.stride < 0:
        return f'outputs: stride must be above 0, got {outputs.stride}'
    return ''


def _check_results(settings: AdapterSettings) -> str:
    choice = settings.choice
    if not 0 <= choice.window_weight <= 1:
        return f'choice: window_weight must be in [0, 1], got {choice.window_weight}'
    if (choice.window == 'added') != (choice.window_weight > 0):
        return 'choice: window_weight belongs to window: added, and is above 0 there'
    if not 0 <= choice.size_rate <= 1 or choice.penalty < 0:
        return 'choice: size_rate must be in [0, 1] and penalty not below 0'
    if settings.results.min_side < 1:
        return f'results: min_side must be at least 1 pixel, got {settings.results.min_side}'
    return ''
