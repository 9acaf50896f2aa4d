"""A composed scene as a source of frames, under names like ``scene:demo`` or ``scene:easy:3``."""

from __future__ import annotations

from collections.abc import Generator

from hit_rfgm_ros.data.pictures import Frame, check_start
from hit_rfgm_ros.data.scene_presets import compose_scene
from hit_rfgm_ros.errors import FrameError


class SceneSource:
    """Draws the frames of a composed scene as they are asked for.

    Attributes:
        name: as given.
        fps: frames per second.
        length: number of frames.
        init_box: of the target in the first frame.
    """

    def __init__(self, name: str, fps: float | None = None) -> None:
        """Compose the scene that ``scene:PRESET`` or ``scene:PRESET:SEED`` names.

        Args:
            name: of that form.
            fps: frames per second to show it at, None for the scene's own.

        Raises:
            ConfigError: if there is no such preset.
            FrameError: if the seed is no number.
            MissingDependencyError: if scikit-image, whose pictures are used, is not installed.
        """
        _, _, rest = name.partition(':')
        preset, _, seed = rest.partition(':')
        if seed and not seed.isdecimal():
            raise FrameError(f'{name}: the seed {seed!r} is no number; scene:demo:3 for one')
        self.name = name
        self._scene = compose_scene(preset, seed=int(seed or 0))
        self.fps = fps or self._scene.fps
        self.length: int | None = len(self._scene)
        self.init_box = self._scene.init_box

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """See `Source.frames`."""
        check_start(self.name, start, self.length)
        for number in range(start, len(self._scene)):
            yield Frame(self._scene.frame(number), number / self.fps, number)
