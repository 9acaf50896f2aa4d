"""``hit-rfgm demo``: the whole way on a composed scene, judged against its truth."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import chain
from pathlib import Path

import click
from hit_rfgm_ros.cli.demo_recorder import percentiles
from hit_rfgm_ros.cli.exit_codes import INTERRUPTED
from hit_rfgm_ros.cli.running import require_dds
from hit_rfgm_ros.cli.session import (
    Outcome,
    Session,
    overlaps_of,
    print_summary,
    run_session,
    summary,
)
from hit_rfgm_ros.cli.tracker_options import TrackerSettings, tracker_options
from hit_rfgm_ros.cli.tracking import Step
from hit_rfgm_ros.data.pictures import Frame
from hit_rfgm_ros.data.scene import Scene
from hit_rfgm_ros.data.scene_presets import PRESETS, compose_scene
from hit_rfgm_ros.errors import MissingDependencyError
from hit_rfgm_ros.metrics.absence import find_absences, frames_to_found, frames_to_lost
from hit_rfgm_ros.optional import require

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
@click.option(
    '--single-process', is_flag=True, help='Without camera and tracker node in own processes.'
)
@tracker_options
@click.pass_context
def demo(
    context: click.Context,
    out: Path,
    preset: str,
    seed: int,
    single_process: bool,
    settings: TrackerSettings,
) -> None:
    """Compose a camera-like scene, track one target through it, and judge the track.

    A camera, the tracker node and a client that starts the target run as three processes and talk
    over DDS, at the pace of the scene. Without the extra dds it is one process, as fast as it
    goes. Here a target counts as LOST after 0.5 s unless --lost-after says otherwise.
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
    require('matplotlib', extra='demo', purpose='the plot of the demo')
    if single_process or not _can_loop():
        outcome = run_session(session)
        print_summary(chain(summary(session, outcome), _absences(scene, outcome.steps)))
    else:
        outcome = _loop(session, scene, f'scene:{preset}:{seed}')
    click.echo(f'wrote {session.video}, {session.csv} and {session.plot}')
    if outcome.interrupted:
        click.echo('hit-rfgm demo: stopped by Ctrl-C; the files are complete so far', err=True)
        context.exit(INTERRUPTED)


def _can_loop() -> bool:
    """Whether camera and tracker can be processes of their own here; says so if not."""
    try:
        require_dds()
    except MissingDependencyError as error:
        click.echo(f'All in one process: {error}', err=True)
        return False
    return True


def _loop(session: Session, scene: Scene, source: str) -> Outcome:
    """Run the demo in three processes and print what came of it."""
    from hit_rfgm_ros.cli.demo_loop import run_loop

    outcome, recorder = run_loop(session, scene, source)
    rows = dict(summary(session, outcome))
    del rows['everything']
    done, shown = len(recorder.steps), len(recorder.timeline)
    rows['frames'] = (
        f'{done} of {shown} processed, {shown - done} dropped ({shown / scene.fps:.1f} s of '
        f'{session.title})'
    )
    rows['node'] = f'{percentiles(recorder.ages)} from the arrival of an image to its boxes'
    rows['end to end'] = f'{percentiles(recorder.delays)} from camera to client, three processes'
    print_summary(chain(rows.items(), _absences(scene, recorder.timeline)))
    return outcome


def _frames(scene: Scene) -> Generator[Frame, None, None]:
    for number, image in enumerate(scene):
        yield Frame(image, number / scene.fps, number)


def _absences(scene: Scene, steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """What the tracker made of the target's leaving and coming back; one step per frame."""
    states = [step.result.state for step in steps]
    overlaps = overlaps_of(steps, scene.truth)
    for absence in find_absences(scene.shares[: len(steps)], round(scene.fps)):
        lost = frames_to_lost(states, absence)
        found = frames_to_found(states, overlaps, absence)
        yield 'out of view', f'from {absence.left / scene.fps:.1f} s'
        yield 'LOST', _after(lost, scene.fps, 'leaving', 'it never said so')
        if absence.back < len(steps):
            yield 'found', _after(found, scene.fps, 'its return', 'it was not found again')


def _after(frames: int | None, fps: float, event: str, otherwise: str) -> str:
    return otherwise if frames is None else f'{frames / fps:.2f} s after {event}'
