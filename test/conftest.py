"""Fixtures that several rooms' tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
import json
import os
from pathlib import Path
import tempfile
from types import ModuleType
from typing import Any

from hypothesis import settings
import pytest

# The same examples on every run, and no limit on the time of one on a busy machine.
settings.register_profile('repeatable', derandomize=True, deadline=None)
settings.load_profile('repeatable')

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / 'test' / 'golden'


@pytest.fixture(scope='session', autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' graphs out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='session')
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope='session')
def golden() -> Path:
    """The folder of expected numbers; a missing file there fails a test, never skips it."""
    return GOLDEN


@pytest.fixture(scope='session')
def fill() -> ModuleType:
    """The generator of seeded weights and pictures that HiT's expected numbers were made with."""
    return load_golden('fill')


@pytest.fixture(scope='session')
def ostrack_fill() -> ModuleType:
    """The same for OSTrack and RFGM."""
    return load_golden('ostrack_fill')


@pytest.fixture(scope='session')
def hit_dev() -> dict[str, Any]:
    """Boxes and intermediate results of the official HiT networks."""
    return read_golden('hit_dev.json')


@pytest.fixture(scope='session')
def ostrack_dev() -> dict[str, Any]:
    """Boxes, maps and tokens of the official OSTrack, and steps of its tracker."""
    return read_golden('ostrack_dev.json')


@pytest.fixture(scope='session')
def rfgm_dev() -> dict[str, Any]:
    """Maps, kept tokens and filtered memories of the reading of the RFGM paper."""
    return read_golden('rfgm_dev.json')


@pytest.fixture(scope='session')
def miniatures() -> Iterator[ModuleType]:
    """The writer of miniature data sets in test/tools: ``make_dataset(name, root)``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / 'test' / 'tools'))
        yield import_module('miniatures')


@pytest.fixture(scope='session')
def evaluations() -> Iterator[ModuleType]:
    """The writer of evaluations without a tracker in test/tools: ``make_evaluation(...)``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / 'test' / 'tools'))
        yield import_module('evaluations')


@pytest.fixture(scope='session')
def bench_reports() -> Iterator[ModuleType]:
    """The writer of made-up reports of ``hit-rfgm bench`` in test/tools: ``make(...)``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / 'test' / 'tools'))
        yield import_module('bench_reports')


@pytest.fixture(scope='session')
def domain() -> Iterator[int]:
    """A ROS domain of this test process alone, over loopback; the environment says so too."""
    with isolated_domain() as number:
        yield number


@pytest.fixture
def new_domain() -> Iterator[int]:
    """The same for one test, with nobody in it."""
    with isolated_domain() as number:
        yield number


@contextmanager
def isolated_domain() -> Iterator[int]:
    """Claim a ROS domain on this machine, and set the environment for it.

    Others that do the same get another one. No multicast, nothing leaves the machine.
    """
    folder = Path(tempfile.gettempdir(), f'hit_rfgm_ros_domains_{os.getuid()}')
    folder.mkdir(exist_ok=True)
    # Spread, so that what a killed process left behind has died out when a number comes again.
    global _next_domain
    for _ in range(100):
        _next_domain = _next_domain % 100 + 1
        with open(folder / str(_next_domain), 'w', encoding='ascii') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            with pytest.MonkeyPatch.context() as patch:
                for name in ('ROS_LOCALHOST_ONLY', 'ROS_STATIC_PEERS', 'CYCLONEDDS_URI'):
                    patch.delenv(name, raising=False)
                patch.setenv('ROS_DOMAIN_ID', str(_next_domain))
                patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
                yield _next_domain
                return
    raise RuntimeError('all 100 ROS domains for tests are taken')


_next_domain = os.getpid() * 13 % 100


def load_golden(name: str) -> ModuleType:
    """One module of the golden folder."""
    spec = spec_from_file_location(f'golden_{name}', GOLDEN / f'{name}.py')
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_golden(name: str) -> dict[str, Any]:
    """One file of expected numbers."""
    table: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding='utf-8'))
    return table
