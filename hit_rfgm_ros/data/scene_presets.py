"""Ready-made scenes: one drawn by hand for the demo, others by chance from a seed."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.config.names import did_you_mean
from hit_rfgm_ros.data import stock
from hit_rfgm_ros.data.cutout import CutOut, mirrored
from hit_rfgm_ros.data.path import Waypoint
from hit_rfgm_ros.data.scene import Effects, Layer, Scene
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.types import ImageU8
import numpy as np


@dataclass(frozen=True)
class SceneConfig:
    """What happens in a scene drawn by chance. Times are seconds, sizes pixels.

    Attributes:
        place: name of the background in `stock.PLACES`; in the garage much is as red as the cup.
        width, height: of a frame.
        fps: frames per second.
        seconds: length.
        sizes: smallest and largest square root of the target's area.
        max_angle: largest turn of the target in degrees.
        pace: usual speed of the target in pixels per second.
        occlusions: how often something passes in front of the target.
        absences: how often the target leaves the picture and comes back.
        absence: how long it stays away each time.
        look_alike: whether a mirrored copy of the target crosses its way.
        noise: of the sensor, grey levels.
    """

    place: str = 'garage'
    width: int = 640
    height: int = 480
    fps: float = 30.0
    seconds: float = 12.0
    sizes: tuple[float, float] = (60.0, 120.0)
    max_angle: float = 20.0
    pace: float = 140.0
    occlusions: int = 1
    absences: int = 1
    absence: float = 2.0
    look_alike: bool = False
    noise: float = 4.0

    def __post_init__(self) -> None:
        if self.place not in stock.PLACES:
            raise ConfigError(
                f'unknown place {self.place!r}; known places: {", ".join(stock.PLACES)}'
            )
        events = self.occlusions + self.absences
        if self.seconds < 3.0 + events * (3.0 + self.absence):
            raise ConfigError(
                f'{self.seconds:g} s are too short for {events} occlusions and absences; '
                f'give at least {3.0 + events * (3.0 + self.absence):g}'
            )


PRESETS: dict[str, SceneConfig | None] = {
    'demo': None,  # drawn by hand
    'easy': SceneConfig(
        place='launch_pad', seconds=6.0, occlusions=0, absences=0, max_angle=8.0, pace=80.0
    ),
    'crossing': SceneConfig(seconds=9.0, occlusions=0, absences=0, look_alike=True),
    'varied': SceneConfig(seconds=14.0),
}


def compose_scene(
    preset: str | SceneConfig = 'demo',
    *,
    seed: int = 0,
    target: CutOut | None = None,
    background: ImageU8 | None = None,
    occluder: CutOut | None = None,
) -> Scene:
    """Make a scene.

    Args:
        preset: a name of `PRESETS`, or what shall happen. ``demo`` is drawn by hand: there the
            seed changes noise and shake alone.
        seed: of all chances; the same seed makes the same frames.
        target, background, occluder: instead of the pictures of scikit-image's package.

    Raises:
        ConfigError: if the name is unknown.
        MissingDependencyError: if scikit-image is needed and not installed.
    """
    if isinstance(preset, SceneConfig):
        name, config = 'custom', preset
    elif preset in PRESETS:
        name, chosen = preset, PRESETS[preset]
        if chosen is None:
            return _demo(
                seed,
                target or stock.coffee_cup(),
                stock.place('launch_pad') if background is None else background,
                occluder or stock.astronaut(),
            )
        config = chosen
    else:
        near = did_you_mean(preset, PRESETS)
        hint = f'{near} ' if near else ''
        raise ConfigError(f'unknown scene {preset!r}: {hint}known scenes: {", ".join(PRESETS)}')
    return _Draft(config, seed).scene(
        name,
        target or stock.coffee_cup(),
        stock.place(config.place) if background is None else background,
        (occluder or stock.brick_pillar()) if config.occlusions else None,
    )


def _demo(seed: int, target: CutOut, background: ImageU8, occluder: CutOut) -> Scene:
    """A saucer passes behind an astronaut's head, leaves, and comes back from above."""
    flight = (
        Waypoint(0.0, 120, 150, 72, -6),
        Waypoint(1.4, 210, 215, 84, 8),
        Waypoint(2.8, 300, 250, 82, 12),
        Waypoint(3.8, 425, 215, 70, 2),  # behind the head
        Waypoint(4.8, 560, 170, 76, -10),
        Waypoint(5.8, 520, 95, 92, -16),
        Waypoint(7.2, 290, 120, 116, 2),
        Waypoint(8.0, 110, 210, 122, 14),
        Waypoint(8.7, -110, 300, 122, 18),  # gone
        Waypoint(9.5, -200, -150, 100, 0),
        Waypoint(10.7, 300, -110, 80, -10),
        Waypoint(11.7, 250, 130, 92, -4),
        Waypoint(12.8, 170, 270, 104, 8),
        Waypoint(14.0, 230, 340, 112, 2),
    )
    bystander = (
        Waypoint(0.0, 455, 325, 330, 0),
        Waypoint(7.0, 425, 330, 336, 1),
        Waypoint(14.0, 465, 326, 330, -1),
    )
    camera = (
        Waypoint(0.0, 290, 225, 470, 0),
        Waypoint(7.0, 350, 215, 450, 1),
        Waypoint(14.0, 300, 228, 480, -0.5),
    )
    effects = Effects(
        focus=((1.8, 0), (2.2, 1.6), (2.6, 0), (12.2, 0), (12.6, 1.6), (13.0, 0)),
        light=(
            (0.0, 1.0, 1.0, 1.0),
            (5.2, 1.0, 1.0, 1.0),
            (6.4, 0.72, 0.74, 0.8),
            (9.0, 0.9, 0.9, 0.95),
            (14.0, 1.12, 1.08, 1.0),
        ),
    )
    return Scene(
        name='demo',
        background=background,
        camera=camera,
        target=Layer(target, flight),
        before=(Layer(occluder, bystander),),
        effects=effects,
        length=420,
        seed=seed,
    )


class _Draft:
    """Draws the course of one scene by chance."""

    def __init__(self, config: SceneConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self._rng = np.random.default_rng((seed, 0))

    def scene(
        self, name: str, target: CutOut, background: ImageU8, occluder: CutOut | None
    ) -> Scene:
        config = self._config
        events = ['occlusion'] * config.occlusions + ['absence'] * config.absences
        self._rng.shuffle(events)
        flight, hidden = self._flight(events)
        before = []
        if occluder is not None:
            before = [Layer(occluder, self._crossing(occluder, place)) for place in hidden]
        behind = []
        if config.look_alike:
            middle = flight[len(flight) // 2]
            behind = [Layer(mirrored(target), self._meeting(middle))]
        return Scene(
            name=name,
            background=background,
            camera=self._camera(background),
            target=Layer(target, flight),
            behind=tuple(behind),
            before=tuple(before),
            effects=self._effects(),
            size=(config.width, config.height),
            fps=config.fps,
            length=round(config.seconds * config.fps),
            seed=self._seed,
        )

    def _flight(self, events: list[str]) -> tuple[tuple[Waypoint, ...], list[Waypoint]]:
        """The target's way, and the places where it shall be hidden."""
        config, rng = self._config, self._rng
        path = [self._inside(None, 0.0)]
        hidden: list[Waypoint] = []
        spell = config.seconds / (len(events) + 1)
        pending = [(spell * (k + 1), event) for k, event in enumerate(events)]
        while path[-1].time < config.seconds:
            if pending and path[-1].time >= pending[0][0] - 1.5:
                _, event = pending.pop(0)
                if event == 'absence':
                    path += self._away(path[-1])
                else:
                    hidden.append(path[-1])
            path.append(self._inside(path[-1], path[-1].time + rng.uniform(0.9, 1.5)))
        return tuple(path), hidden

    def _inside(self, last: Waypoint | None, time: float) -> Waypoint:
        """A place inside the picture, not too far from the last one."""
        config, rng = self._config, self._rng
        small, large = config.sizes
        size = float(np.exp(rng.uniform(np.log(small), np.log(large))))
        angle = float(rng.uniform(-config.max_angle, config.max_angle))
        margin = 0.75 * large
        x = float(rng.uniform(margin, config.width - margin))
        y = float(rng.uniform(margin, config.height - margin))
        if last is not None:
            reach = config.pace * (time - last.time)
            far = max(float(np.hypot(x - last.x, y - last.y)), 1e-9)
            share = min(1.0, reach * rng.uniform(0.6, 1.4) / far)
            x, y = last.x + share * (x - last.x), last.y + share * (y - last.y)
            size = float(np.clip(size, last.size / 1.35, last.size * 1.35))
        return Waypoint(time, x, y, size, angle)

    def _away(self, last: Waypoint) -> list[Waypoint]:
        """Out through one side, back through another one."""
        config, rng = self._config, self._rng
        out = int(np.argmin([last.x, config.width - last.x]))
        back = int(rng.choice([side for side in range(3) if side != out]))
        gone = self._beyond(out, last, last.time + 0.8)
        hidden = self._beyond(back, last, gone.time + config.absence)
        size = float(np.clip(last.size * rng.uniform(0.8, 1.25), *config.sizes))
        home = self._inside(None, hidden.time + 1.0)._replace(size=size)
        # Over the upper corners, so that the way does not lead through the picture.
        above = [
            place._replace(time=gone.time + share * config.absence, y=-3.0 * last.size)
            for place, share in ((gone, 0.3), (hidden, 0.7))
        ]
        return [gone, *above, hidden._replace(size=size), home]

    def _beyond(self, side: int, last: Waypoint, time: float) -> Waypoint:
        """A place outside the left, right or upper side."""
        config, rng = self._config, self._rng
        away = 0.9 * last.size + 20
        y = float(rng.uniform(0.3, 0.7)) * config.height
        x = float(rng.uniform(0.3, 0.7)) * config.width
        x, y = ((-away, y), (config.width + away, y), (x, -away))[side]
        return Waypoint(time, x, y, last.size, 0.0)

    def _crossing(self, occluder: CutOut, place: Waypoint) -> tuple[Waypoint, ...]:
        """A way that covers a place for a moment, straight through the picture."""
        config = self._config
        width, height = occluder.extent[2:] - occluder.extent[:2]
        # As wide as the target and half more; high enough to reach over the picture.
        scale = max(1.5 * place.size / width, 1.0 * config.height / height)
        size = float(scale * occluder.side)
        speed = float(self._rng.choice([-1, 1])) * 320.0
        y = 0.5 * config.height
        reach = (config.width + scale * width) / 320.0
        return tuple(
            Waypoint(place.time + dt, place.x + speed * dt, y, size) for dt in (-reach, reach)
        )

    def _meeting(self, place: Waypoint) -> tuple[Waypoint, ...]:
        """A way of a look-alike that crosses the target's close by."""
        config, rng = self._config, self._rng
        start = float(rng.choice([-0.2, 1.2])) * config.width
        side = float(rng.choice([-1, 1])) * 0.6 * place.size
        return (
            Waypoint(max(place.time - 3.0, 0.0), start, place.y, place.size, 0.0),
            Waypoint(place.time, place.x, place.y + side, place.size, 5.0),
            Waypoint(place.time + 3.0, config.width - start, place.y + side, place.size, 0.0),
        )

    def _camera(self, background: ImageU8) -> tuple[Waypoint, ...]:
        """A slow pan over the background."""
        config, rng = self._config, self._rng
        height, width = background.shape[:2]
        fitting = min(width, height * config.width / config.height)
        points = []
        for time in np.arange(0.0, config.seconds + 4.0, 4.0):
            view = float(rng.uniform(0.75, 0.9)) * fitting
            slack_x = 0.5 * (width - view)
            slack_y = 0.5 * (height - view * config.height / config.width)
            x = 0.5 * width + slack_x * float(rng.uniform(-0.8, 0.8))
            y = 0.5 * height + slack_y * float(rng.uniform(-0.8, 0.8))
            points.append(Waypoint(float(time), x, y, view, float(rng.uniform(-1.5, 1.5))))
        return tuple(points)

    def _effects(self) -> Effects:
        config, rng = self._config, self._rng
        focus = [(0.0, 0.0)]
        light = [(0.0, 1.0, 1.0, 1.0)]
        for start in np.arange(2.0, config.seconds, 5.0):
            time = float(start + rng.uniform(0.0, 3.0))
            focus += [(time, 0.0), (time + 0.4, float(rng.uniform(0.5, 2.0))), (time + 0.8, 0.0)]
            gain, warmth = float(rng.uniform(0.65, 1.15)), float(rng.uniform(-0.08, 0.08))
            light.append((time, gain * (1 + warmth), gain, gain * (1 - warmth)))
        return Effects(noise=config.noise, focus=tuple(focus), light=tuple(light))
