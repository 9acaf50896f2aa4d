"""Faults of a camera and of the network between it and the tracker, one function each.

A fault takes an image message as fields and gives what is sent instead: any number of messages,
each after a delay. All chance comes from the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np

Fields = dict[str, Any]
SECOND = 1_000_000_000


class Sent(NamedTuple):
    """A message and the seconds to wait before it is sent."""

    delay: float
    fields: Fields


class Context:
    """What faults remember between two images.

    Attributes:
        rng: source of all chance.
        strength: share of the images that are hit, in [0, 1].
        held: images that are held back.
    """

    def __init__(self, seed: int, strength: float = 0.3) -> None:
        self.rng = np.random.default_rng(seed)
        self.strength = strength
        self.held: list[Fields] = []
        self.last: Fields | None = None

    def hits(self) -> bool:
        """Whether the fault hits this image."""
        return bool(self.rng.random() < self.strength)


Fault = Callable[[Context, Fields], list[Sent]]


def none(_context: Context, image: Fields) -> list[Sent]:
    """Pass everything on."""
    return [Sent(0.0, image)]


def silence(_context: Context, _image: Fields) -> list[Sent]:
    """The camera stops."""
    return []


def drop(context: Context, image: Fields) -> list[Sent]:
    """Some images never arrive."""
    return [] if context.hits() else [Sent(0.0, image)]


def delay(context: Context, image: Fields) -> list[Sent]:
    """Some images come late, after later ones."""
    return [Sent(float(context.rng.uniform(0.05, 0.6)) if context.hits() else 0.0, image)]


def burst(context: Context, image: Fields) -> list[Sent]:
    """Images are held back and then come all at once."""
    context.held.append(image)
    if len(context.held) < 20:
        return []
    held, context.held = context.held, []
    return [Sent(0.0, each) for each in held]


def duplicate(context: Context, image: Fields) -> list[Sent]:
    """Some images come twice."""
    return [Sent(0.0, image)] * (2 if context.hits() else 1)


def freeze(context: Context, image: Fields) -> list[Sent]:
    """The picture stands still while the stamps go on."""
    if context.last is None:
        context.last = image
    return [Sent(0.0, {**context.last, 'header': image['header']})]


def black(_context: Context, image: Fields) -> list[Sent]:
    """The lens is covered."""
    return [Sent(0.0, {**image, 'data': np.zeros_like(_bytes(image))})]


def noise(context: Context, image: Fields) -> list[Sent]:
    """The sensor gives noise."""
    data = context.rng.integers(0, 256, len(_bytes(image)), np.uint8)
    return [Sent(0.0, {**image, 'data': data})]


def corrupt(context: Context, image: Fields) -> list[Sent]:
    """Bytes of some images are wrong; of a JPEG this is most often the end."""
    if not context.hits():
        return [Sent(0.0, image)]
    data = _bytes(image).copy()
    places = context.rng.integers(0, len(data), max(1, len(data) // 200))
    data[places] = context.rng.integers(0, 256, len(places), np.uint8)
    return [Sent(0.0, {**image, 'data': data})]


def truncate(context: Context, image: Fields) -> list[Sent]:
    """Some images lack their end: a short raw image, a JPEG that was cut."""
    if not context.hits():
        return [Sent(0.0, image)]
    data = _bytes(image)
    return [Sent(0.0, {**image, 'data': data[: int(context.rng.integers(0, len(data)))]})]


def relabel(context: Context, image: Fields) -> list[Sent]:
    """Some raw images carry another encoding than they have, or one that does not exist."""
    if not context.hits():
        return [Sent(0.0, image)]
    name = str(context.rng.choice(['rgb8', 'mono8', 'rgba8', 'yuv422', 'bgr16', 'secret9', '']))
    return [Sent(0.0, {**image, ('encoding' if 'encoding' in image else 'format'): name})]


def wrong_step(context: Context, image: Fields) -> list[Sent]:
    """Some raw images carry a row length that cannot be."""
    if not context.hits() or 'step' not in image:
        return [Sent(0.0, image)]
    step = int(context.rng.choice([0, 1, image['step'] - 1, image['step'] + 1, 2**32 - 1]))
    return [Sent(0.0, {**image, 'step': step})]


def wrong_size(context: Context, image: Fields) -> list[Sent]:
    """Some raw images say that they are empty, or larger than any camera's."""
    if not context.hits() or 'width' not in image:
        return [Sent(0.0, image)]
    side = str(context.rng.choice(['width', 'height']))
    return [Sent(0.0, {**image, side: int(context.rng.choice([0, 2**31, 2**32 - 1]))})]


def resize(_context: Context, image: Fields) -> list[Sent]:
    """The camera gives smaller pictures, as after a restart with other settings."""
    if image.get('encoding') not in ('bgr8', 'rgb8'):
        return [Sent(0.0, image)]
    picture = _bytes(image).reshape(image['height'], image['step'])
    picture = picture[:, : 3 * image['width']].reshape(image['height'], image['width'], 3)
    small = cv2.resize(picture, (2 * image['width'] // 3, 2 * image['height'] // 3))
    return [Sent(0.0, _raw(image, np.asarray(small, np.uint8), image['encoding']))]


def recolor(_context: Context, image: Fields) -> list[Sent]:
    """The camera gives grey pictures, rightly labelled, as after a restart."""
    if image.get('encoding') not in ('bgr8', 'rgb8'):
        return [Sent(0.0, image)]
    picture = _bytes(image).reshape(image['height'], image['width'], 3)
    return [Sent(0.0, _raw(image, np.asarray(picture.mean(axis=2), np.uint8), 'mono8'))]


def stamp_zero(_context: Context, image: Fields) -> list[Sent]:
    """The driver does not fill in stamps."""
    return [Sent(0.0, _stamped(image, 0))]


def stamp_jump(_context: Context, image: Fields) -> list[Sent]:
    """The camera's clock was set back by ten seconds."""
    return [Sent(0.0, _stamped(image, max(1, _stamp(image) - 10 * SECOND)))]


def stamp_shuffle(context: Context, image: Fields) -> list[Sent]:
    """Stamps jitter by up to 0.2 s in both directions."""
    shift = int(context.rng.integers(-SECOND // 5, SECOND // 5))
    return [Sent(0.0, _stamped(image, max(1, _stamp(image) + shift)))]


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        none, silence, drop, delay, burst, duplicate, freeze, black, noise, corrupt, truncate,
        relabel, wrong_step, wrong_size, resize, recolor, stamp_zero, stamp_jump, stamp_shuffle,
    )
}  # fmt: skip


def _bytes(image: Fields) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(memoryview(image['data']).cast('B'), np.uint8)


def _raw(image: Fields, picture: np.ndarray[Any, np.dtype[np.uint8]], encoding: str) -> Fields:
    height, width = picture.shape[:2]
    step = picture[0].nbytes
    return {
        **image,
        'height': height,
        'width': width,
        'encoding': encoding,
        'step': step,
        'data': np.ascontiguousarray(picture).reshape(-1),
    }


def _stamp(image: Fields) -> int:
    stamp = image['header']['stamp']
    return int(stamp['sec']) * SECOND + int(stamp['nanosec'])


def _stamped(image: Fields, stamp: int) -> Fields:
    time = {'sec': stamp // SECOND, 'nanosec': stamp % SECOND}
    return {**image, 'header': {**image['header'], 'stamp': time}}
