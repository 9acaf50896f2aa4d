"""``hit-rfgm demo``: the whole way on a composed scene, judged against its truth."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import click
from hit_rfgm_ros.cli.session import Outcome, Session, print_summary, run_session, summary
from hit_rfgm_ros.cli.tracker_options import TrackerSettings, tracker_options
from hit_rfgm_ros.data.pictures import Frame
from hit_rfgm_ros.data.scene import Scene
from hit_rfgm_ros.data.scene_presets import PRESETS, compose_scene
from hit_rfgm_ros.metrics.absence import find_absences, frames_to_found, frames_to_lost
import numpy as np

INTERRUPTED = 130
LOST_AFTER = 0.5  # seconds: the scene is short, and an occlusion in it takes less


@click.command('demo')
@click.option(
    '--out',
    type=click.Path(file_okay=False, path_type=Path),
    default='demo_out',
    show_default=True,
    help='Folder for demo.mp4, demo.csv and demo.png.',
)
@click.option(
    '--scene',
    'preset',
    type=click.Choice(list(PRESETS)),
    default='demo',
    show_default=True,
    help='What happens; all but demo are drawn by chance.',
)
@click.option('--seed', type=click.IntRange(0), default=0, show_default=True, help='Of chances.')
@tracker_options
@click.pass_context
def demo(
    context: click.Context, out: Path, preset: str, seed: int, settings: TrackerSettings
) -> None:
    """Compose a camera-like scene, track one target through it, and judge the track.

    Here a target counts as LOST after 0.5 s unless --lost-after says otherwise.
    """
    scene = compose_scene(preset, seed=seed)
    click.echo(
        f'Composed scene {preset!r}: {len(scene)} frames of {scene.size[0]}x{scene.size[1]}, '
        f'{scene.fps:g} per second',
        err=True,
    )
    session = Session(
        title='composed scene',
        frames=_frames(scene),
        fps=scene.fps,
        total=len(scene),
        box=scene.init_box,
        truth=scene.truth,
        settings=settings.with_defaults(lost_after=LOST_AFTER),
        csv=out / 'demo.csv',
        video=out / 'demo.mp4',
        plot=out / 'demo.png',
    )
    outcome = run_session(session)
    print_summary(summary(session, outcome))
    print_summary(_absences(scene, outcome))
    click.echo(f'wrote {session.video}, {session.csv} and {session.plot}')
    if outcome.interrupted:
        click.echo('hit-rfgm demo: stopped by Ctrl-C; the files are complete so far', err=True)
        context.exit(INTERRUPTED)


def _frames(scene: Scene) -> Generator[Frame, None, None]:
    for number, image in enumerate(scene):
        yield Frame(image, number / scene.fps, number)


def _absences(scene: Scene, outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What the tracker made of the target's leaving and coming back."""
    count = len(outcome.steps)
    overlaps = np.full(count, np.nan) if outcome.overlaps is None else outcome.overlaps
    for absence in find_absences(scene.shares[:count], round(scene.fps)):
        lost = frames_to_lost(outcome.states, absence)
        found = frames_to_found(outcome.states, overlaps, absence)
        yield 'out of view', f'from {absence.left / scene.fps:.1f} s'
        yield 'LOST', _after(lost, scene.fps, 'leaving', 'it never said so')
        if absence.back < count:
            yield 'found', _after(found, scene.fps, 'its return', 'it was not found again')


def _after(frames: int | None, fps: float, event: str, otherwise: str) -> str:
    return otherwise if frames is None else f'{frames / fps:.2f} s after {event}'
