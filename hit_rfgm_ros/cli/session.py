"""One track from start to end: tracker, outputs, plot, summary; `track` and `demo` share it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
import time

import click
from hit_rfgm_ros.cli.interrupt import Interruption
from hit_rfgm_ros.cli.outputs import KeyFrames, OutputFiles
from hit_rfgm_ros.cli.token_pictures import TokenPictures
from hit_rfgm_ros.cli.tracker_options import TrackerSettings
from hit_rfgm_ros.cli.tracking import Step, follow
from hit_rfgm_ros.data.pictures import Frame
from hit_rfgm_ros.geometry.boxes import iou_arrays
from hit_rfgm_ros.optional import require
from hit_rfgm_ros.types import Box, ConfidenceKind, TrackState
import numpy as np
from numpy.typing import NDArray

_KEY_FRAMES = 7


@dataclass(frozen=True)
class Session:
    """What is tracked, with what, and where the results go.

    Attributes:
        title: what a person calls the source.
        frames: of the source.
        fps: frames per second of the source.
        total: number of frames, None if it is not known.
        box: of the target in the first frame.
        truth: (frames of the source, 4) true boxes, NaN where not visible; None without truth.
        settings: of the tracker.
        csv, video, plot: files to write, None for those not wanted.
        tokens: folder for pictures of the memory, None without.
        tokens_every: frames between two of them, see `TokenPictures`.
    """

    title: str
    frames: Generator[Frame, None, None]
    fps: float
    total: int | None
    box: Box
    truth: NDArray[np.float64] | None
    settings: TrackerSettings
    csv: Path | None
    video: Path | None
    plot: Path | None
    tokens: Path | None = None
    tokens_every: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        steps: one per frame.
        overlaps: (N,) with the truth, NaN where the target is not visible; None without truth.
        backend: what ran the network.
        choice: why that back end.
        seconds: of the whole run by the wall clock, all outputs included.
        interrupted: whether Ctrl-C ended it.
    """

    steps: list[Step]
    overlaps: NDArray[np.float64] | None
    backend: str
    choice: str
    seconds: float
    interrupted: bool

    @property
    def states(self) -> list[TrackState]:
        """The state of each frame."""
        return [step.result.state for step in self.steps]

    @property
    def tracker_fps(self) -> float:
        """Frames per second of the tracker alone, from the median latency of its updates."""
        latencies = [step.latency_ms for step in self.steps[1:]]
        return 1000 / float(np.median(latencies)) if latencies else 0.0

    @property
    def mean_overlap(self) -> float | None:
        """Mean overlap while the target is visible; the given box does not count."""
        if self.overlaps is None or not np.isfinite(self.overlaps[1:]).any():
            return None
        return float(np.nanmean(self.overlaps[1:]))


def run_session(session: Session) -> Outcome:
    """Track, write, and finish every file, after Ctrl-C as well.

    Raises:
        HitRfgmError: of the source, the tracker or the files; files begun are finished.
    """
    if session.plot is not None:
        require('matplotlib', extra='plot', purpose='--plot')
    click.echo('Preparing the tracker ...', err=True)
    tracker = session.settings.create(session.fps)
    engine = tracker.engine
    backend = f'{engine.backend} on {engine.device} in {engine.precision}'
    files = open_outputs(session, engine.backend)
    if files.tokens is not None:
        tracker.trace = files.tokens.take
    began = time.perf_counter()
    with Interruption() as interruption, files, closing(session.frames) as frames:
        steps = follow(frames, tracker, session.box, files.outputs, interruption)
        seconds = time.perf_counter() - began
        overlaps = None if session.truth is None else overlaps_of(steps, session.truth)
        outcome = Outcome(
            steps,
            overlaps,
            backend,
            getattr(engine, 'choice', ''),
            seconds,
            interruption.requested,
        )
        if files.key_frames is not None:
            plot_outcome(session, outcome, files.key_frames)
    return outcome


def open_outputs(session: Session, backend: str) -> OutputFiles:
    """Open the files of a session; ``backend`` is shown in the video."""
    return OutputFiles(
        csv=session.csv,
        video=session.video,
        plot=session.plot,
        fps=session.fps,
        total=session.total,
        caption=f'{session.settings.model}   {backend}',
        truth_of=None if session.truth is None else _Truth(session.truth),
        tokens=_token_pictures(session),
    )


def _token_pictures(session: Session) -> TokenPictures | None:
    if session.tokens is None:
        return None
    return TokenPictures(session.tokens, session.tokens_every, session.settings.model)


def summary(session: Session, outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Name and value of each line that is printed at the end."""
    steps = outcome.steps
    span = steps[-1].stamp - steps[0].stamp + 1 / session.fps
    latencies = np.array([step.latency_ms for step in steps[1:]] or [0.0])
    yield 'frames', f'{len(steps)} ({span:.1f} s of {session.title})'
    yield 'model', session.settings.model
    yield 'back end', outcome.choice or outcome.backend
    yield 'tracker', f'{outcome.tracker_fps:.1f} frames/s ({_spread(latencies)})'
    updates = [step.memory_ms for step in steps if step.memory_ms is not None]
    if updates:
        tokens = steps[-1].result.memory_tokens
        yield (
            'memory',
            f'{tokens} tokens; {len(updates)} updates after frames ({_spread(updates)})',
        )
    yield 'everything', f'{len(steps) / outcome.seconds:.1f} frames/s with reading and writing'
    counts = {state: outcome.states.count(state) for state in TrackState}
    yield (
        'states',
        ', '.join(f'{state.value} {100 * n / len(steps):.0f} %' for state, n in counts.items()),
    )
    if outcome.mean_overlap is not None:
        yield 'mean overlap', f'{outcome.mean_overlap:.3f} while the target is visible'


def _spread(milliseconds: Sequence[float] | NDArray[np.float64]) -> str:
    median, slow = np.median(milliseconds), np.percentile(milliseconds, 95)
    return f'median {median:.1f} ms, 95 % below {slow:.1f} ms'


def print_summary(lines: Iterator[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    rows = list(lines)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f'{name:<{width}}  {value}')


class _Truth:
    """True box by frame number."""

    def __init__(self, truth: NDArray[np.float64]) -> None:
        self._truth = truth

    def __call__(self, number: int) -> Box | None:
        if number >= len(self._truth) or not np.isfinite(self._truth[number]).all():
            return None
        return Box(*self._truth[number].tolist())


def overlaps_of(steps: Sequence[Step], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) overlap of each step with the truth of its frame, NaN where there is none."""
    boxes = np.array([tuple(step.result.box) for step in steps], np.float64).reshape(-1, 4)
    numbers = np.array([step.number for step in steps], int)
    true = np.full_like(boxes, np.nan)
    known = numbers < len(truth)
    true[known] = truth[numbers[known]]
    return iou_arrays(boxes, true)


def plot_outcome(session: Session, outcome: Outcome, key_frames: KeyFrames) -> None:
    """Write the plot that a session asks for, if it does."""
    if session.plot is None:
        return
    from hit_rfgm_ros.viz.plot import TrackPlot, save_plot

    facts = [session.settings.model, outcome.backend, f'{outcome.tracker_fps:.0f} frames/s']
    if outcome.mean_overlap is not None:
        facts.insert(2, f'mean overlap {outcome.mean_overlap:.2f} while visible')
    results = [step.result for step in outcome.steps]
    plot = TrackPlot(
        title=session.title[:1].upper() + session.title[1:],
        subtitle=',  '.join(facts),
        times=np.array([step.stamp for step in outcome.steps]),
        confidence=np.array(
            [
                np.nan if result.confidence_kind is ConfidenceKind.NONE else result.confidence
                for result in results
            ]
        ),
        states=outcome.states,
        overlap=outcome.overlaps,
        strip=key_frames.pick(_KEY_FRAMES),
    )
    save_plot(plot, session.plot)
