"""A tracker node and its surroundings in one process, on a DDS domain of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.runtime.params import TrackerParams
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')


@pytest.fixture(scope='session')
def bench_module() -> ModuleType:
    spec = spec_from_file_location('node_bench', Path(__file__).with_name('bench.py'))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def node_domain(new_domain: int) -> int:
    """The ROS domain that the nodes of a test have to themselves."""
    return new_domain


@pytest.fixture(scope='session')
def loaded(bench_module: ModuleType) -> Any:
    """A tracker that lives as long as the tests: its engine is shared by their nodes."""
    return TrackerBuilder().build(TrackerParams.from_values(bench_module.FAST), lambda text: None)


@pytest.fixture
def make_bench(
    bench_module: ModuleType, node_domain: int, loaded: Any
) -> Iterator[Callable[..., Any]]:
    """Makes a node with a camera and a client; all are closed after the test."""
    made: list[Any] = []

    def make(
        *, builder: Any = None, namespace: str = '', remappings: Any = None, **values: Any
    ) -> Any:
        bench = bench_module.Bench(
            values,
            domain=node_domain,
            namespace=namespace,
            builder=builder,
            remappings=remappings,
        )
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Any]) -> Any:
    """One that is active and ready."""
    made = make_bench()
    made.start()
    return made


@pytest.fixture
def usage() -> Callable[[], dict[str, float]]:
    """What this process holds now: threads, open files, resident MiB."""

    def count() -> dict[str, float]:
        resident = int(Path('/proc/self/statm').read_text().split()[1])
        return {
            'threads': len(os.listdir('/proc/self/task')),
            'files': len(os.listdir('/proc/self/fd')),
            'MiB': resident * os.sysconf('SC_PAGE_SIZE') / 2**20,
        }

    return count
