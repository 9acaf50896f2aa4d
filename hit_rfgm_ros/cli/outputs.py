"""What a track leaves behind: CSV, annotated video, key frames, a line of progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
import sys
from types import TracebackType
from typing import TextIO

from hit_rfgm_ros.cli.token_pictures import TokenPictures
from hit_rfgm_ros.cli.tracking import Output, Step
from hit_rfgm_ros.data.video_writer import VideoWriter
from hit_rfgm_ros.types import Box, ImageU8, TrackState
from hit_rfgm_ros.viz.draw import draw_thumbnail, draw_track
from tqdm import tqdm

CSV_HEADER = 'frame,x,y,w,h,confidence,state,latency_ms'
TruthOf = Callable[[int], Box | None]  # frame number -> true box, None where it is not visible


class CsvOutput:
    """One line per tracked frame; every line that was begun is whole."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        file.write(CSV_HEADER + '\n')

    def write(self, image: ImageU8, step: Step) -> None:
        """See `Output`."""
        if not step.held:
            self._file.write(csv_line(step) + '\n')


def csv_line(step: Step) -> str:
    """The line of one frame, without its end."""
    box = ','.join(f'{value:.3f}' for value in step.result.box)
    return (
        f'{step.number},{box},{step.result.confidence:.4f},{step.result.state.value},'
        f'{step.latency_ms:.2f}'
    )


class VideoOutput:
    """Annotated frames as a video."""

    def __init__(self, writer: VideoWriter, caption: str, truth_of: TruthOf | None) -> None:
        self._writer = writer
        self._caption = caption
        self._truth_of = truth_of

    def write(self, image: ImageU8, step: Step) -> None:
        """See `Output`."""
        truth = self._truth_of(step.number) if self._truth_of else None
        caption = f'{self._caption}   {step.stamp:.1f} s'
        self._writer.write(draw_track(image, step.result, truth=truth, caption=caption))


class KeyFrames:
    """Keeps some frames, small, evenly spread however long the source turns out to be.

    Attributes:
        kept: pairs of step and annotated (h, w, 3) uint8 RGB.
    """

    WIDTH = 320  # pixels
    MOST = 64

    def __init__(self) -> None:
        self.kept: list[tuple[Step, ImageU8]] = []
        self._every = 1
        self._count = 0

    def write(self, image: ImageU8, step: Step) -> None:
        """See `Output`."""
        if step.held:
            return
        if self._count % self._every == 0:
            self.kept.append((step, draw_thumbnail(image, step.result, self.WIDTH)))
            if len(self.kept) >= self.MOST:
                self.kept = self.kept[::2]
                self._every *= 2
        self._count += 1

    def pick(self, count: int) -> list[tuple[float, ImageU8]]:
        """Choose ``count`` of them, evenly spread, as pairs of stamp and picture."""
        last = len(self.kept) - 1
        places = (
            sorted({round(k * last / max(count - 1, 1)) for k in range(count)}) if last else [0]
        )
        return [(self.kept[place][0].stamp, self.kept[place][1]) for place in places]


class Progress:
    """A line on stderr with speed, state and time left; silent where stderr is no terminal."""

    def __init__(self, total: int | None) -> None:
        self._bar = tqdm(
            total=total, unit='frame', dynamic_ncols=True, disable=not sys.stderr.isatty()
        )
        self._state: TrackState | None = None

    def write(self, image: ImageU8, step: Step) -> None:
        """See `Output`."""
        if step.result.state is not self._state:
            self._state = step.result.state
            self._bar.set_postfix_str(self._state.value, refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the line."""
        self._bar.close()


class OutputFiles:
    """Opens what was asked for, and finishes it all when the ``with`` statement is left.

    Attributes:
        outputs: to be handed to `follow`.
        key_frames: for the plot; None if none was asked for.
        tokens: pictures of the memory; None if none were asked for.
    """

    def __init__(
        self,
        *,
        csv: Path | None,
        video: Path | None,
        plot: Path | None,
        fps: float,
        total: int | None,
        caption: str,
        truth_of: TruthOf | None,
        tokens: TokenPictures | None = None,
    ) -> None:
        """Open the files.

        Raises:
            FrameError: if the video's suffix is not known.
            OSError: if a file cannot be made.
        """
        self._stack = ExitStack()
        self.outputs: list[Output] = []
        self.key_frames = KeyFrames() if plot else None
        self.tokens = tokens
        for path in (csv, video, plot):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        if video is not None:
            writer = self._stack.enter_context(VideoWriter(video, fps))
            self.outputs.append(VideoOutput(writer, caption, truth_of))
        if csv is not None:
            # Buffered by the line, so that another program can follow the file.
            opened = csv.open('w', buffering=1, encoding='utf-8', newline='\n')
            file = self._stack.enter_context(opened)
            self.outputs.append(CsvOutput(file))
        if self.key_frames is not None:
            self.outputs.append(self.key_frames)
        if tokens is not None:
            self.outputs.append(tokens)
        progress = Progress(total)
        self._stack.callback(progress.close)
        self.outputs.append(progress)

    def __enter__(self) -> OutputFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
