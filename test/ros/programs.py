"""Programs of ROS in processes of their own, which always end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re
import signal
import subprocess
import time

import psutil
from waiting import eventually

READY = 'is ready'  # what a tracker logs when its network is loaded


class Program:
    """A running program with its output in a file.

    Args:
        arguments: ``ros2`` and what follows, for one.
        folder: for the output.
    """

    def __init__(self, arguments: tuple[str, ...], folder: Path) -> None:
        self.arguments = arguments
        self._file = folder / f'{time.monotonic_ns()}.log'
        with self._file.open('wb') as file:
            self._process = subprocess.Popen(
                arguments,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed, without colours."""
        return re.sub('\x1b\\[[0-9;]*m', '', self._file.read_text(errors='replace'))

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._process.poll()

    def says(self, text: str, timeout: float = 90.0) -> str:
        """Wait until it has printed a text (a regular expression), and return what fits."""

        def look() -> str:
            found = re.search(text, self.output)
            if found is None and self.status is not None:
                raise AssertionError(f'{self.arguments} ended before {text!r}:\n{self.output}')
            return found.group() if found else ''

        try:
            return eventually(look, timeout)
        except AssertionError as error:
            raise AssertionError(f'{text!r} did not come from:\n{self.output}') from error

    def ends(self, timeout: float = 60.0) -> int:
        """Wait for its end; the exit status."""
        return self._process.wait(timeout)

    def signal(self, number: int) -> None:
        """Send a signal to the whole group, as a terminal does."""
        os.killpg(self._process.pid, number)

    @property
    def leaf(self) -> psutil.Process:
        """The process of the node itself, below `ros2 run`."""
        process = psutil.Process(self._process.pid)
        while children := process.children():
            process = children[0]
        return process

    def stop(self) -> None:
        """End it and everything it started."""
        try:
            below = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        if self.status is None:
            self.signal(signal.SIGINT)  # `ros2 run` alone would not pass it on
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for process in below:
            if process.is_running():
                process.kill()


@contextmanager
def program(*arguments: str, folder: Path) -> Iterator[Program]:
    """Run a program for the length of a block."""
    made = Program(arguments, folder)
    try:
        yield made
    finally:
        made.stop()


def ros2(*arguments: str, timeout: float = 60.0) -> str:
    """Output of a short `ros2` command, which must succeed."""
    return ros2_any(*arguments, timeout=timeout, check=True).stdout


def ros2_any(
    *arguments: str, timeout: float = 60.0, check: bool = False
) -> subprocess.CompletedProcess[str]:
    """A short `ros2` command, whatever comes of it."""
    done = subprocess.run(
        ('ros2', *arguments), capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f'ros2 {" ".join(arguments)}: {done.stdout}{done.stderr}')
    return done


def interrupt(process: psutil.Process, number: int = signal.SIGINT) -> float:
    """Send a signal; seconds until the process has ended."""
    began = time.monotonic()
    os.kill(process.pid, number)
    process.wait(20)
    return time.monotonic() - began
