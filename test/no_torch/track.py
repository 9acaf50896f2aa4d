"""Tracks where torch is absent; run by ``make test`` with the wheel in a clean environment.

Not a pytest file: the environment holds what the wheel brings and nothing else.
"""

from importlib.util import find_spec
import math
import sys

import click
import hit_rfgm_ros
from hit_rfgm_ros.cli.main import main
from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.errors import MissingDependencyError, WeightsError
from hit_rfgm_ros.optional import require
from hit_rfgm_ros.weights.catalog import find_weights

FRAMES = 30
ABSENT = ('torch', 'openvino', 'skimage', 'matplotlib', 'rclpy', 'pytest')


def weights_of(model: str) -> str | None:
    """The model's own weights where there are some, else random ones."""
    try:
        find_weights(model)
    except WeightsError:
        return 'random'
    return None


def follow(model: str) -> str:
    """Track the golden sequence alone and among many; give the engine's choice."""
    frames = [golden_frame(index) for index in range(FRAMES)]
    weights = weights_of(model)
    alone = hit_rfgm_ros.create_tracker(model, weights=weights)
    alone.init(frames[0].image, frames[0].box)
    many = hit_rfgm_ros.MultiTargetTracker(model, weights=weights)
    target = many.add(frames[0].image, frames[0].box)
    many.add(frames[0].image, hit_rfgm_ros.Box(20, 20, 40, 40))
    for frame in frames[1:]:
        result = alone.update(frame.image)
        together = many.update(frame.image)[target]
        check(all(math.isfinite(value) for value in result.box), 'a box is not finite')
        check(0 <= result.confidence <= 1, 'a confidence is outside [0, 1]')
        same = all(
            math.isclose(a, b, abs_tol=0.1) for a, b in zip(result.box, together.box, strict=True)
        )
        check(same, f'alone {result.box}, among others {together.box}')
    return alone.engine.choice


def check(passed: bool, message: str) -> None:
    """Stop with a message; an assert would vanish under ``python -O``."""
    if not passed:
        raise SystemExit(f'failed: {message}')


def run() -> None:
    """Everything that has to work without torch."""
    check('site-packages' in hit_rfgm_ros.__file__, f'not the wheel: {hit_rfgm_ros.__file__}')
    present = [name for name in ABSENT if find_spec(name) is not None]
    check(not present, f'the environment is not clean, it holds {present}')
    try:
        require('torch', extra='torch', purpose='training')
    except MissingDependencyError as error:
        check('hit_rfgm_ros[torch]' in str(error), f'no way to install torch in: {error}')
    for name, file in (('msg', 'TrackedTarget.msg'), ('srv', 'InitTarget.srv')):
        check((share_folder(name) / file).is_file(), f'the wheel lacks {file}')
    choice = follow('hit_tiny')
    for arguments in (['--version'], ['weights', 'list'], ['doctor'], ['eval', '--help']):
        try:
            main(arguments)
        except SystemExit as end:
            check(end.code in (0, None), f'hit-rfgm {" ".join(arguments)} ended with {end.code}')
    check('torch' not in sys.modules, 'torch was imported')
    click.echo(f'tracked {FRAMES} frames without torch; {choice}')


if __name__ == '__main__':
    run()
