"""Cached graphs: whole or absent, ours alone, and never in the way of tracking."""

import logging
import os
from pathlib import Path
import subprocess
import sys

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines import cache as graph_cache
from hit_rfgm_ros.engines.accepted import accepted_graphs
from hit_rfgm_ros.engines.cache import fetch
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.random_weights import random_weights
import pytest

GRAPHS = {'template': b'first' * 100, 'track': b'second' * 1000}
KEY = {'weights': 'abc', 'precision': 'fp32'}


class Builder:
    """Counts how often the graphs are built."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> dict[str, bytes]:
        self.count += 1
        return dict(GRAPHS)


@pytest.fixture
def build() -> Builder:
    return Builder()


def only_file(folder: Path, suffix: str = '.graphs') -> Path:
    (path,) = folder.glob(f'*{suffix}')
    return path


def test_graphs_are_built_once_per_key(cache: Path, build: Builder) -> None:
    assert fetch('a', KEY, build) == GRAPHS
    assert fetch('a', KEY, build) == GRAPHS
    assert build.count == 1
    fetch('a', {**KEY, 'precision': 'bf16'}, build)
    assert build.count == 2
    assert len(list(cache.glob('*.graphs'))) == 2


def test_a_rebuild_replaces_what_is_kept(cache: Path, build: Builder, tmp_path: Path) -> None:
    fetch('a', KEY, build, tmp_path)
    fetch('a', KEY, build, tmp_path, rebuild=True)
    fetch('a', KEY, build, tmp_path)
    assert build.count == 2
    assert only_file(tmp_path)
    assert not cache.exists()


def test_the_folder_is_the_users_alone(cache: Path, build: Builder) -> None:
    cache.mkdir(parents=True, mode=0o755)
    fetch('a', KEY, build)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert not list(cache.glob('*.tmp'))


@pytest.mark.parametrize('damage', ['flipped', 'truncated', 'empty', 'foreign', 'header'])
def test_a_damaged_file_is_set_aside_and_rebuilt(
    damage: str, cache: Path, build: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    fetch('a', KEY, build)
    path = only_file(cache)
    data = bytearray(path.read_bytes())
    if damage == 'flipped':
        data[-1] ^= 1
    elif damage == 'header':
        data[45] ^= 1
    path.write_bytes(
        {'truncated': bytes(data[:-1]), 'empty': b'', 'foreign': b'\x80\x02pickle'}.get(
            damage, bytes(data)
        )
    )
    assert fetch('a', KEY, build) == GRAPHS
    assert build.count == 2
    assert only_file(cache, '.bad').stem == path.stem
    assert 'set aside as .bad' in caplog.text
    assert fetch('a', KEY, build) == GRAPHS
    assert build.count == 2


def test_a_file_renamed_to_another_key_is_not_used(cache: Path, build: Builder) -> None:
    fetch('a', KEY, build)
    first = only_file(cache)
    fetch('a', {**KEY, 'weights': 'xyz'}, build)
    (second,) = set(cache.glob('*.graphs')) - {first}
    first.replace(second)
    fetch('a', {**KEY, 'weights': 'xyz'}, build)
    assert build.count == 3


def test_what_fails_to_build_is_not_kept(cache: Path, build: Builder) -> None:
    def fail() -> dict[str, bytes]:
        raise ValueError('does not agree')

    with pytest.raises(ValueError, match='does not agree'):
        fetch('a', KEY, fail)
    assert not list(cache.glob('*.graphs'))
    assert fetch('a', KEY, build) == GRAPHS


def test_an_unusable_folder_is_a_warning(
    tmp_path: Path, build: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'file').write_bytes(b'')
    for _ in range(2):
        assert fetch('a', KEY, build, tmp_path / 'file' / 'cache') == GRAPHS
    assert build.count == 2
    assert 'graphs are not cached' in caplog.text


def test_a_full_disk_is_a_warning(cache: Path) -> None:
    # A limit on file sizes fails a write in the middle, as a full disk does.
    script = f"""
import logging, resource
logging.basicConfig()
from hit_rfgm_ros.engines.cache import fetch
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
assert fetch('a', {KEY!r}, lambda: {GRAPHS!r}) == {GRAPHS!r}
"""
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'cannot be written, tracking goes on without it' in done.stderr
    assert [path.name for path in cache.iterdir()] == ['lock']


def test_two_processes_build_once(cache: Path, tmp_path: Path) -> None:
    script = f"""
import pathlib, time, os
from hit_rfgm_ros.engines.cache import fetch
def build():
    pathlib.Path({str(tmp_path)!r}, f'built-{{os.getpid()}}').write_text('')
    time.sleep(1)
    return {GRAPHS!r}
assert fetch('a', {KEY!r}, build) == {GRAPHS!r}
"""
    running = [subprocess.Popen([sys.executable, '-c', script]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert len(list(tmp_path.glob('built-*'))) == 1
    assert only_file(cache).stat().st_size > 0


def test_a_held_lock_does_not_stop_tracking(
    cache: Path, build: Builder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fcntl = pytest.importorskip('fcntl')
    monkeypatch.setattr(graph_cache, 'LOCK_SECONDS', 0.1)
    cache.mkdir(parents=True)
    with (cache / 'lock').open('wb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert fetch('a', KEY, build) == GRAPHS
    assert 'another process holds' in caplog.text


def test_the_least_recently_used_files_make_room(
    cache: Path, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        fetch(str(number), KEY, build)
        (path,) = cache.glob(f'{number}-*.graphs')
        os.utime(path, (number, number))
    fetch('0', KEY, build)  # used again, now the newest
    monkeypatch.setattr(graph_cache, 'MAX_FOLDER_BYTES', 2 * path.stat().st_size + 100)
    fetch('3', KEY, build)
    assert sorted(path.name[0] for path in cache.glob('*.graphs')) == ['0', '3']


def test_a_networks_graphs_are_rebuilt_after_damage_and_not_compared_twice(
    cache: Path, small: HiTConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, 'hit_rfgm_ros')
    weights = random_weights(small)

    def get() -> dict[str, bytes]:
        def load(graphs: dict[str, bytes]) -> OnnxEngine:
            return OnnxEngine(small, graphs, threads=1)

        return accepted_graphs(small, weights, 'onnxruntime', 'fp32', load)

    graphs = get()
    assert caplog.text.count('agrees with torch') == 1
    assert get() == graphs
    assert caplog.text.count('agrees with torch') == 1
    path = only_file(cache)
    path.write_bytes(path.read_bytes()[:-10])
    assert get() == graphs
    assert caplog.text.count('agrees with torch') == 2
