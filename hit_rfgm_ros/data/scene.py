"""A camera-like stream composed of photographs, with the truth of every frame.

A cut-out object moves over a photographed background: scale change, rotation, motion blur, hunting
focus, changing light, sensor noise, a shaking hand, things that pass in front, spells out of view.
Frames are drawn when asked for; the same scene draws the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import cv2
from hit_rfgm_ros.data.cutout import CutOut
from hit_rfgm_ros.data.path import Waypoint, follow_path
from hit_rfgm_ros.types import Array, Box, ImageU8
import numpy as np
from numpy.typing import NDArray

VISIBLE_SHARE = 0.5  # of the object that must be seen for it to count as visible
_MAX_SUBFRAMES = 8  # positions that are averaged for motion blur
_NOISE_MARGIN = 64  # by which the noise picture is larger than a frame

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """A cut-out and its way through the picture, in pixels of the frame."""

    cut: CutOut
    path: tuple[Waypoint, ...]


@dataclass(frozen=True)
class Effects:
    """What a camera does to a picture.

    Attributes:
        shutter: exposure as a share of the time between frames.
        shake: how far the hand shakes, pixels (standard deviation).
        noise: of the sensor, grey levels (standard deviation).
        focus: (time, blur in pixels) points, straight lines in between.
        light: (time, red, green, blue) gains, straight lines in between.
    """

    shutter: float = 0.5
    shake: float = 1.5
    noise: float = 4.0
    focus: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    light: tuple[tuple[float, float, float, float], ...] = ((0.0, 1.0, 1.0, 1.0),)


@dataclass(frozen=True, eq=False)
class Scene:
    """A stream of frames with known truth.

    Attributes:
        name: of the preset.
        background: (H, W, 3) uint8 RGB photograph.
        camera: where the camera looks: centre and width of its view in background pixels.
        target: the object to follow.
        behind: what passes behind the target.
        before: what passes in front of it, back to front.
        effects: of the camera.
        size: (width, height) of a frame in pixels.
        fps: frames per second.
        length: number of frames.
        seed: of shake and noise.
    """

    name: str
    background: ImageU8
    camera: tuple[Waypoint, ...]
    target: Layer
    behind: tuple[Layer, ...] = ()
    before: tuple[Layer, ...] = ()
    effects: Effects = field(default_factory=Effects)
    size: tuple[int, int] = (640, 480)
    fps: float = 30.0
    length: int = 420
    seed: int = 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[ImageU8]:
        return self.frames()

    def frames(self) -> Iterator[ImageU8]:
        """Draw all frames in order, (height, width, 3) uint8 RGB each."""
        return (self.frame(index) for index in range(self.length))

    def frame(self, index: int) -> ImageU8:
        """Draw one frame."""
        if not 0 <= index < self.length:
            raise IndexError(f'the scene has the frames 0 to {self.length - 1}, got {index}')
        canvas = self._draw_background(index)
        for layer in (*self.behind, self.target, *self.before):
            _paste(canvas, layer.cut, self._poses(layer, index))
        return self._expose(canvas, index)

    @property
    def init_box(self) -> Box:
        """The object's box in the first frame."""
        return Box(*self.boxes[0].tolist())

    @cached_property
    def boxes(self) -> Floats:
        """(frames, 4) x, y, width, height of the whole object, hidden or outside as well."""
        poses = self._middle(self.target)
        return np.stack([_bounding_box(self.target.cut, pose) for pose in poses])

    @cached_property
    def shares(self) -> Floats:
        """(frames,) share of the object's pixels that can be seen, in [0, 1]."""
        targets = self._middle(self.target)
        covers = [(layer.cut, self._middle(layer)) for layer in self.before]
        return np.array(
            [
                _seen_share(
                    self.size,
                    (self.target.cut, targets[index]),
                    [(cut, poses[index]) for cut, poses in covers],
                )
                for index in range(self.length)
            ]
        )

    @property
    def visible(self) -> NDArray[np.bool_]:
        """(frames,) whether at least `VISIBLE_SHARE` of the object can be seen."""
        return np.asarray(self.shares >= VISIBLE_SHARE)

    @property
    def truth(self) -> Floats:
        """(frames, 4) `boxes` cut at the picture's edges; NaN where the object is not visible."""
        corner = np.clip(self.boxes[:, :2], 0, self.size)
        far = np.clip(self.boxes[:, :2] + self.boxes[:, 2:], 0, self.size)
        cut = np.concatenate([corner, far - corner], axis=1)
        return np.where(self.visible[:, None], cut, np.nan)

    @property
    def stamps(self) -> Floats:
        """(frames,) seconds at the middle of each exposure."""
        return np.arange(self.length) / self.fps

    @cached_property
    def _shakes(self) -> Floats:
        """(frames, 2) shift of the picture by the hand: three slow waves, pixels."""
        rng = np.random.default_rng((self.seed, 1))
        rates, starts = rng.uniform(0.3, 2.0, (3, 2)), rng.uniform(0, 2 * np.pi, (3, 2))
        phase = 2 * np.pi * rates * self.stamps[:, None, None] + starts
        return np.asarray(self.effects.shake * np.sqrt(2 / 3) * np.sin(phase).sum(axis=1))

    @cached_property
    def _noise(self) -> NDArray[np.int16]:
        width, height = self.size
        rng = np.random.default_rng((self.seed, 2))
        shape = (height + _NOISE_MARGIN, width + _NOISE_MARGIN, 3)
        noise = rng.standard_normal(shape, np.float32)
        return np.asarray(np.rint(self.effects.noise * noise), np.int16)

    def _middle(self, layer: Layer) -> Floats:
        """(frames, 4) poses of a layer at the middle of the exposures."""
        poses = follow_path(layer.path, self.stamps)
        poses[:, :2] += self._shakes
        return poses

    def _poses(self, layer: Layer, index: int) -> Floats:
        """(K, 4) poses over one exposure, as many as its motion needs."""
        half = 0.5 * self.effects.shutter / self.fps
        ends = follow_path(layer.path, self.stamps[index] + np.array([-half, half]))
        count = int(np.clip(np.hypot(*(ends[1] - ends[0])[:2]), 1, _MAX_SUBFRAMES))
        offsets = (np.arange(count) + 0.5) / count * 2 - 1
        poses = follow_path(layer.path, self.stamps[index] + half * offsets)
        poses[:, :2] += self._shakes[index]
        return poses

    def _draw_background(self, index: int) -> ImageU8:
        (view,) = follow_path(self.camera, self.stamps[index : index + 1])
        x, y, view_width, angle = view
        width, height = self.size
        middle = 0.5 * np.array([width, height]) + self._shakes[index]
        matrix = _affine((x, y), width / view_width, angle, middle)
        interpolation = cv2.INTER_AREA if width < view_width else cv2.INTER_LINEAR
        picture = cv2.warpAffine(
            self.background,
            matrix,
            self.size,
            flags=interpolation,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.asarray(picture, np.uint8)

    def _expose(self, canvas: ImageU8, index: int) -> ImageU8:
        """Focus, light and noise."""
        time = self.stamps[index]
        times, blurs = np.array(self.effects.focus).T
        blur = float(np.interp(time, times, blurs))
        if blur > 0.2:
            canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur), np.uint8)
        light = np.array(self.effects.light)
        gains = [np.interp(time, light[:, 0], light[:, channel]) for channel in (1, 2, 3)]
        table = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
        canvas = np.asarray(cv2.LUT(canvas, table[None]), np.uint8)
        if self.effects.noise:
            rng = np.random.default_rng((self.seed, 3, index))
            row, column = rng.integers(0, _NOISE_MARGIN, 2)
            width, height = self.size
            noise = self._noise[row : row + height, column : column + width]
            canvas = np.asarray(cv2.add(canvas, noise, dtype=cv2.CV_8U), np.uint8)
        return canvas


def _affine(source: tuple[float, float], scale: float, angle: float, destination: Array) -> Floats:
    """Matrix (2, 3) that turns and scales about ``source`` and puts it at ``destination``.

    Points are continuous coordinates; the matrix is for OpenCV, whose pixel centres are whole
    numbers.
    """
    turn = np.radians(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = destination - 0.5 - linear @ (np.asarray(source) - 0.5)
    return np.column_stack([linear, shift])


def _bounding_box(cut: CutOut, pose: Floats) -> Floats:
    matrix = _affine(tuple(cut.center), pose[2] / cut.side, pose[3], pose[:2])
    points = (cut.hull - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    corner = points.min(axis=0)
    return np.concatenate([corner, points.max(axis=0) - corner])


def _warp(cut: CutOut, pose: Floats, left: int, top: int, size: tuple[int, int]) -> ImageU8:
    """Draw a cut-out into a window of the frame: premultiplied (h, w, 4) uint8 RGBA."""
    scale = pose[2] / cut.side
    level = int(np.clip(np.floor(-np.log2(scale)), 0, len(cut.layers) - 1))
    shrink = 0.5**level
    center = (cut.center[0] * shrink, cut.center[1] * shrink)
    matrix = _affine(center, scale / shrink, pose[3], pose[:2] - (left, top))
    drawn = cv2.warpAffine(cut.layers[level], matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(drawn, np.uint8)


def _window(cut: CutOut, poses: Floats) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in whole pixels of all that the cut-out touches."""
    boxes = np.stack([_bounding_box(cut, pose) for pose in poses])
    left, top = np.floor(boxes[:, :2].min(axis=0)).astype(int) - 3
    right, bottom = np.ceil((boxes[:, :2] + boxes[:, 2:]).max(axis=0)).astype(int) + 3
    return int(left), int(top), int(right), int(bottom)


def _paste(canvas: ImageU8, cut: CutOut, poses: Floats) -> None:
    """Draw the mean of all poses over the canvas."""
    height, width = canvas.shape[:2]
    left, top, right, bottom = _window(cut, poses)
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return
    size = (right - left, bottom - top)
    drawn = np.zeros((size[1], size[0], 4), np.float32)
    for pose in poses:
        cv2.accumulate(_warp(cut, pose, left, top, size), drawn)
    drawn /= len(poses)
    place = canvas[top:bottom, left:right]
    place[:] = np.rint(drawn[..., :3] + place * (1 - drawn[..., 3:] / 255)).astype(np.uint8)


def _seen_share(
    size: tuple[int, int],
    target: tuple[CutOut, Floats],
    covers: list[tuple[CutOut, Floats]],
) -> float:
    """Share of the target's mask inside the picture and not covered."""
    cut, pose = target
    left, top, right, bottom = _window(cut, pose[None])
    window = (right - left, bottom - top)
    mask = _warp(cut, pose, left, top, window)[..., 3].astype(np.float64)
    whole = mask.sum()
    for cover, cover_pose in covers:
        mask *= 1 - _warp(cover, cover_pose, left, top, window)[..., 3] / 255
    width, height = size
    rows = slice(max(-top, 0), max(height - top, 0))
    columns = slice(max(-left, 0), max(width - left, 0))
    return float(mask[rows, columns].sum() / whole)
