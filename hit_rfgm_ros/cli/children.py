"""Processes that a command starts beside itself, and that never outlive it."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import subprocess
import sys
from types import TracebackType

import click
from hit_rfgm_ros.errors import HitRfgmError

_PATIENCE = 3.0  # seconds for an orderly end
_TAIL = 20  # lines of a log that are shown


class ChildError(HitRfgmError):
    """A process that a command needs has ended or does not do its part."""


class Child:
    """Another ``hit-rfgm`` command.

    It ends when its stdin is closed, which happens whatever becomes of this process. It is in a
    session of its own: Ctrl-C in the terminal reaches this process alone, which then ends it.

    Attributes:
        what: it is, for messages.
        log: file of what it prints.
    """

    def __init__(self, what: str, command: Sequence[str], log: Path) -> None:
        """Start it.

        Args:
            what: it is, for messages.
            command: words after ``hit-rfgm``; the command must know ``--child``.
            log: file for what it prints.
        """
        self.what = what
        self.log = log
        with log.open('wb') as file:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *command, '--child'],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, 'PYTHONUNBUFFERED': '1'},
            )

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise if it has ended badly, after showing what it said last.

        Raises:
            ChildError: naming it and its exit status.
        """
        if self.status:
            self.show_log()
            raise ChildError(f'the {self.what} process ended with status {self.status}')

    def show_log(self) -> None:
        """Show the last lines of its log on stderr."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').splitlines()
        click.echo(f'--- the {self.what} process, last lines', err=True)
        for line in lines[-_TAIL:]:
            click.echo(f'    {line}', err=True)

    def end(self) -> None:
        """End it: kindly at first; a second call does nothing."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.end()
        finally:
            # A second Ctrl-C during the above must not leave it running.
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
