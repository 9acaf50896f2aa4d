"""A tracker in a process of its own: requests out, answers in, and no process left behind."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import json
import subprocess
import tempfile
import threading
from typing import IO, Any
import weakref

from hit_rfgm_ros.errors import RivalError
from hit_rfgm_ros.types import ImageU8
import numpy as np

ANSWER_SECONDS = 60.0
END_SECONDS = 5.0
TAIL_LINES = 8  # of what the process wrote to stderr, in messages


class TrackerProcess:
    """Talks to a process that answers each line of JSON on its stdin with one on its stdout."""

    def __init__(
        self, name: str, command: Sequence[str], *, seconds: float = ANSWER_SECONDS
    ) -> None:
        """Start the process and read its first line.

        Args:
            name: of the tracker, for messages.
            command: program and arguments.
            seconds: how long an answer may take; the process is ended after that.

        Raises:
            RivalError: if it cannot be started, or says that it cannot track.
        """
        self._name = name
        self._seconds = seconds
        # Not a pipe: a process that writes much would stop once nobody reads it.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        except OSError as error:
            self._log.close()
            raise RivalError(f'{name}: {command[0]} cannot be run ({error})') from error
        self._end = weakref.finalize(self, _end, self._process, self._log)
        try:
            self.about = self._exchange(b'', None)
        except RivalError:
            self.close()
            raise

    def ask(self, request: dict[str, Any], frame: ImageU8) -> dict[str, Any]:
        """Send a request with its frame, and wait for the answer.

        Args:
            request: ready for JSON; height and width of the frame are added.
            frame: (H, W, 3) uint8.

        Raises:
            RivalError: if the process has ended, is silent for too long, answers something else,
                or says that the request failed.
        """
        request = {**request, 'height': frame.shape[0], 'width': frame.shape[1]}
        return self._exchange(json.dumps(request).encode() + b'\n', frame)

    def close(self) -> None:
        """End the process; it may be called twice."""
        self._end()

    def _exchange(self, line: bytes, frame: ImageU8 | None) -> dict[str, Any]:
        if not self._end.alive:
            raise RivalError(f'{self._name}: its process was ended')
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        if pipe_in is None or pipe_out is None:
            raise RivalError(f'{self._name}: its process has no pipes')
        # Ending the process is what frees a write or a read that hangs.
        late = threading.Event()
        watch = threading.Timer(self._seconds, _give_up, (self._process, late))
        watch.start()
        try:
            pipe_in.write(line)
            if frame is not None:
                pipe_in.write(np.ascontiguousarray(frame).data)
            pipe_in.flush()
            answer = pipe_out.readline()
        except OSError:  # it has ended
            answer = b''
        finally:
            watch.cancel()
        return self._understand(answer, in_time=not late.is_set())

    def _understand(self, line: bytes, in_time: bool) -> dict[str, Any]:
        if not line or not in_time:
            raise RivalError(self._why_silent(in_time))
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise RivalError(
                f'{self._name}: its process answered {line[:80]!r} instead of a line of JSON'
                f'{self._tail()}'
            )
        if 'error' in answer:
            raise RivalError(f'{self._name}: {answer["error"]}')
        return answer

    def _why_silent(self, in_time: bool) -> str:
        if not in_time:
            return (
                f'{self._name}: no answer for {self._seconds:g} seconds, so its process was ended'
                f'{self._tail()}'
            )
        try:
            code: int | str = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            code = 'none, it only closed its output'
        return f'{self._name}: its process ended by itself (exit code {code}){self._tail()}'

    def _tail(self) -> str:
        """The last lines of what the process wrote to stderr."""
        self._log.seek(0)
        lines = self._log.read().decode(errors='replace').splitlines()[-TAIL_LINES:]
        return '; its last words: ' + ' | '.join(lines) if lines else ''


def _give_up(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _end(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """Let the process end by itself, or end it; wait for it in both cases."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # What was still to be written cannot be where the process has ended.
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.close()
