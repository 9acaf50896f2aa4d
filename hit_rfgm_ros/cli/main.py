"""``hit-rfgm``: the group of commands, and what becomes of errors.

Commands are imported when they are called, so that ``--help`` is quick and a library that one
command lacks does not stop the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
import os
import sys
from types import TracebackType

import click
from hit_rfgm_ros import __version__
from hit_rfgm_ros.cli.exit_codes import FAILED, INTERRUPTED, WRONG_USE
from hit_rfgm_ros.errors import HitRfgmError

# Command -> its line in the help. Each lives in cli/<command>.py under the command's name.
COMMANDS = {
    'track': 'Track one target through a video, a folder of pictures or a camera.',
    'demo': 'Compose a camera-like scene, track through it, and judge the track.',
    'node': 'Run the tracker node on the ROS 2 wire, without ROS.',
    'play': 'Play a video, pictures, a camera or a composed scene as a camera on the network.',
    'init': 'Let a running tracker node start targets on boxes.',
    'select': 'Draw a box on the live image and let a running tracker node start there.',
    'bag': 'Track through a recorded bag of ROS 2 and write one with the results added.',
    'eval': 'Run trackers over a data set and score them by the rules of a named tool.',
    'report': 'Write a page of the results of an evaluation, and its pictures.',
    'bench': 'Measure how fast this machine is with our models, and compare such reports.',
    'selftest': 'Check every back end of this machine on a golden sequence.',
    'doctor': 'Say what this machine has and what is amiss.',
    'weights': 'Import, look at, check and list the weights of models.',
    'export': 'Write the ONNX graphs of a model.',
    'engine': 'Build and look at cached engines.',
    'train': 'Train a network, or resume a run.',
}


class LazyGroup(click.Group):
    """Commands known by name, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`."""
        return [name for name in COMMANDS if find_spec(_module(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None if the name is unknown."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(_module(cmd_name)), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section('Commands'):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.command(
    cls=LazyGroup,
    no_args_is_help=False,  # a missing command is wrong use
    context_settings={'help_option_names': ['-h', '--help'], 'max_content_width': 99},
)
@click.version_option(__version__, prog_name='hit-rfgm')
@click.option('--debug', is_flag=True, expose_value=False, help='Show tracebacks of errors.')
def group() -> None:
    """Visual tracking for robots: a box on the first frame, a box and a confidence after."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit codes: 0 done, 2 wrong use, 130 after Ctrl-C, 1 anything else. An error is one line on
    stderr that says what to do; ``--debug`` (anywhere on the line) adds the traceback.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = '--debug' in words
    words = [word for word in words if word != '--debug']
    if not debug:
        sys.excepthook = _report
        # Our own line says what is wrong with a file; those of its libraries would hide it.
        os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
        os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    try:
        result = group.main(words, prog_name='hit-rfgm', standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else 'hit-rfgm'
        message = error.format_message()
        end = '' if message.endswith(('.', '?')) else '.'
        click.echo(f'{path}: {message}{end} See: {path} --help', err=True)
        code = WRONG_USE
    except click.ClickException as error:
        click.echo(f'hit-rfgm: {error.format_message()}', err=True)
        code = FAILED
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except (HitRfgmError, OSError) as error:
        if debug:
            raise
        click.echo(f'hit-rfgm: {" ".join(str(error).split())}', err=True)
        code = FAILED
    sys.exit(code)


def _module(command: str) -> str:
    return f'hit_rfgm_ros.cli.{command}'


def _report(
    kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    """Say in one line what went wrong where nobody expected it; Python then leaves with 1."""
    click.echo(
        f'hit-rfgm: internal error, {kind.__name__}: {" ".join(str(error).split())}; '
        'run it again with --debug and report what it prints',
        err=True,
    )


if __name__ == '__main__':
    main()
