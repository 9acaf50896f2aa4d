"""A tracker in another process: answers, crashes, hangs, garbage, and what is left behind."""

from collections.abc import Callable
import os
from pathlib import Path
import signal
import sys
import time

from hit_rfgm_ros.errors import RivalError
from hit_rfgm_ros.evaluation.rivals.process import TrackerProcess
import numpy as np
import pytest

FRAME = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
HELLO = 'import json, os, sys, time\nprint(json.dumps({"hello": 1}), flush=True)\n'
READ = 'line = json.loads(sys.stdin.buffer.readline())\n'
Make = Callable[..., TrackerProcess]


@pytest.fixture
def make() -> Make:
    def start(script: str, seconds: float = 30.0) -> TrackerProcess:
        return TrackerProcess('them', [sys.executable, '-c', HELLO + script], seconds=seconds)

    return start


def test_a_request_and_its_frame_arrive_whole(make: Make) -> None:
    worker = make(READ + 'print(json.dumps({"line": line}), flush=True); sys.stdin.read()')
    assert worker.about == {'hello': 1}
    answer = worker.ask({'do': 'update'}, FRAME)
    assert answer['line'] == {'do': 'update', 'height': 4, 'width': 6}
    worker.close()


def test_a_frame_in_any_memory_layout_arrives_in_order(make: Make) -> None:
    worker = make(READ + 'print(json.dumps({"got": [*sys.stdin.buffer.read(72)]}), flush=True)')
    turned = np.asfortranarray(FRAME)[:, ::-1]
    assert worker.ask({}, turned)['got'] == turned.ravel().tolist()
    worker.close()


def test_an_error_that_it_says_is_passed_on(make: Make) -> None:
    worker = make(READ + 'print(json.dumps({"error": "no box"}), flush=True)')
    with pytest.raises(RivalError, match=r'^them: no box$'):
        worker.ask({}, FRAME)
    worker.close()


def test_a_crash_is_named_with_its_last_words(make: Make) -> None:
    worker = make(READ + 'sys.stderr.write("one\\nthe last straw\\n"); sys.exit(3)')
    with pytest.raises(RivalError, match=r'ended by itself \(exit code 3\).*the last straw'):
        worker.ask({}, FRAME)
    worker.close()


def test_a_crash_before_the_first_word_is_named() -> None:
    with pytest.raises(RivalError, match=r'exit code 1.*No module named'):
        TrackerProcess('them', [sys.executable, '-c', 'import no_such_module'])


def test_a_killed_process_is_named_even_while_a_frame_goes_out(make: Make) -> None:
    worker = make(f'os.kill(os.getpid(), {int(signal.SIGKILL)})')
    with pytest.raises(RivalError, match='exit code -9'):
        worker.ask({}, np.zeros((1000, 1000, 3), np.uint8))
    worker.close()


@pytest.mark.parametrize('script', ['time.sleep(60)', READ + 'time.sleep(60)'])
def test_a_hang_is_ended_and_named(script: str, make: Make) -> None:
    worker = make('sys.stderr.write("so far\\n"); sys.stderr.flush()\n' + script, 1.0)
    began = time.monotonic()
    with pytest.raises(RivalError, match=r'no answer for 1 seconds.*so far'):
        worker.ask({}, np.zeros((1000, 1000, 3), np.uint8))
    assert time.monotonic() - began < 10
    worker.close()


@pytest.mark.parametrize('words', ['not json', '[1, 2]', '7'])
def test_garbage_is_named(words: str, make: Make) -> None:
    worker = make(READ + f'print({words!r}, flush=True)')
    with pytest.raises(RivalError, match='instead of a line of JSON'):
        worker.ask({}, FRAME)
    worker.close()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RivalError, match='cannot be run'):
        TrackerProcess('them', [str(tmp_path / 'none')])


def test_nobody_is_asked_after_the_end(make: Make) -> None:
    worker = make('sys.stdin.read()')
    worker.close()
    worker.close()
    with pytest.raises(RivalError, match='was ended'):
        worker.ask({}, FRAME)


@pytest.mark.parametrize('script', ['sys.stdin.read()', 'time.sleep(60)'])
def test_no_process_is_left_behind(
    script: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('hit_rfgm_ros.evaluation.rivals.process.END_SECONDS', 0.5)
    worker = make(script)
    process = worker._process.pid
    if script.startswith('sys'):
        del worker  # nobody closed it
    else:
        worker.close()
    with pytest.raises(ChildProcessError):  # ended, and waited for
        os.waitpid(process, os.WNOHANG)
