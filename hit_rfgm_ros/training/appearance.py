"""Changes of light, colour, sharpness and noise, drawn for template and search independently."""

from __future__ import annotations

from collections.abc import Sequence
import math
from random import Random

import cv2
from hit_rfgm_ros.types import ImageU8
import numpy as np

GREY_SHARE = 0.05  # both pictures, as the official recipe
_LEVELS = np.arange(256, dtype=np.float64) / 255
_NOISE_SIDE = 512
_LUMA = np.array([0.299, 0.587, 0.114])


class Appearance:
    """Draws and applies appearance changes; all randomness comes from the caller's generator."""

    def __init__(self) -> None:
        noise = np.random.default_rng(0).normal(size=(_NOISE_SIDE, _NOISE_SIDE, 3))
        self._noise = []
        for sigma in (2.0, 4.0, 7.0, 11.0):
            whole = np.rint(noise * sigma).astype(np.int16)
            brighter = np.maximum(whole, 0).astype(np.uint8)
            darker = np.maximum(-whole, 0).astype(np.uint8)
            self._noise.append((brighter, darker))

    def change(self, pictures: Sequence[ImageU8], rng: Random, strength: float) -> list[ImageU8]:
        """Change all independently; greyness is shared, one of the first two at most is blurred.

        Args:
            pictures: search region (S, S, 3) and templates (T, T, 3), uint8.
            rng: source of all randomness.
            strength: 0 (nothing) to 1.
        """
        grey = rng.random() < GREY_SHARE
        blurred = rng.random()
        changed = []
        for place, picture in enumerate(pictures):
            blur = blurred < 0.22 * strength if place == 0 else blurred > 1 - 0.08 * strength
            if place > 1:
                blur = rng.random() < 0.15 * strength
            changed.append(self._change(picture, rng, strength, grey=grey, blur=blur))
        return changed

    def _change(
        self, image: ImageU8, rng: Random, strength: float, *, grey: bool, blur: bool
    ) -> ImageU8:
        if blur:
            image = _blur(image, rng, strength)
        if rng.random() < 0.15 * strength:
            image = _lower_resolution(image, rng)
        if grey:
            image = _mix_colors(image, 0.0)
        elif rng.random() < 0.25 * strength:
            image = _mix_colors(image, 1 + strength * rng.uniform(-0.6, 0.6))
        image = _tone(image, rng, strength, grey=grey)
        if rng.random() < 0.3 * strength:
            image = self._add_noise(image, rng, strength)
        if rng.random() < 0.06 * strength:
            image = _compress(image, rng)
        return image

    def _add_noise(self, image: ImageU8, rng: Random, strength: float) -> ImageU8:
        level = min(int(rng.random() * 4 * (0.4 + 0.6 * strength)), len(self._noise) - 1)
        height, width = image.shape[:2]
        top = rng.randrange(_NOISE_SIDE - height + 1)
        left = rng.randrange(_NOISE_SIDE - width + 1)
        part = (slice(top, top + height), slice(left, left + width))
        brighter, darker = self._noise[level]
        return np.asarray(cv2.subtract(cv2.add(image, brighter[part]), darker[part]), np.uint8)


def _tone(image: ImageU8, rng: Random, strength: float, *, grey: bool) -> ImageU8:
    """Brightness, contrast, gamma and colour gains by one table per channel; black stays black.

    Black stays, because the border that the crop puts around the image is always pure black.
    """
    gamma = math.exp(strength * rng.uniform(-0.25, 0.25))
    gain = math.exp(strength * rng.uniform(-0.25, 0.16))
    contrast = 1 + strength * rng.uniform(-0.25, 0.2)
    offset = strength * rng.uniform(-0.05, 0.04)
    curve = (_LEVELS**gamma * gain - 0.45) * contrast + 0.45 + offset
    tint = 0.0 if grey else 0.12 * strength
    channels = [curve * math.exp(tint * rng.uniform(-1, 1)) for _ in range(3)]
    table = np.clip(np.stack(channels, axis=-1) * 255 + 0.5, 0, 255).astype(np.uint8)
    table[0] = 0
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def _mix_colors(image: ImageU8, saturation: float) -> ImageU8:
    """Scale the saturation; 0 is grey."""
    matrix = saturation * np.eye(3) + (1 - saturation) * np.tile(_LUMA, (3, 1))
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def _blur(image: ImageU8, rng: Random, strength: float) -> ImageU8:
    """Blur by motion along a line, or by defocus; lengths scale with the picture's side."""
    side = image.shape[0]
    if rng.random() < 0.35:
        sigma = side / 256 * rng.uniform(0.8, 1 + 1.5 * strength)
        return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.5)), np.uint8)
    length = max(2.0, side / 256 * rng.uniform(3, 4 + 14 * strength))
    angle = rng.uniform(0, math.pi)
    return _smear(image, length * math.cos(angle), length * math.sin(angle))


def _smear(image: ImageU8, dx: float, dy: float) -> ImageU8:
    """Average along the line (dx, dy) by halving: two copies half the way apart, a quarter, ...

    A few averages of whole pictures are ten times as fast as a filter with the line as kernel.
    """
    shifts = []
    while max(abs(dx), abs(dy)) >= 1:
        dx, dy = 0.5 * dx, 0.5 * dy
        shifts.append((round(dx), round(dy)))
    wide, high = sum(abs(x) for x, _ in shifts), sum(abs(y) for _, y in shifts)
    left, top = wide // 2, high // 2
    border = cv2.copyMakeBorder(image, top, high - top, left, wide - left, cv2.BORDER_REPLICATE)
    for x, y in shifts:
        height, width = border.shape[0] - abs(y), border.shape[1] - abs(x)
        near = border[max(y, 0) : max(y, 0) + height, max(x, 0) : max(x, 0) + width]
        far = border[max(-y, 0) : max(-y, 0) + height, max(-x, 0) : max(-x, 0) + width]
        border = cv2.addWeighted(near, 0.5, far, 0.5, 0)
    return np.asarray(border, np.uint8)


def _lower_resolution(image: ImageU8, rng: Random) -> ImageU8:
    """Shrink and enlarge again, as a small target in a search crop looks."""
    side = image.shape[0]
    small = round(side / rng.uniform(1.3, 3.0))
    reduced = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (side, side)), np.uint8)


def _compress(image: ImageU8, rng: Random) -> ImageU8:
    """JPEG blocks and ringing."""
    _, encoded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(15, 60)])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
