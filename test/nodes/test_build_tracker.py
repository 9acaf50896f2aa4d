"""From parameters to a tracker: what is checked first, what is shared, what is told."""

from collections.abc import Callable
import gc
from pathlib import Path
import shutil
import threading
import time
from typing import Any

from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.errors import ConfigError, EngineError, HitRfgmError, WeightsError
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.nodes.shared_engines import EngineKey, SharedEngines
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.weights.catalog import shipped_folder
import pytest

Build = Callable[..., LoadedTracker]


@pytest.fixture
def engines() -> SharedEngines:
    return SharedEngines()


@pytest.fixture
def build(engines: SharedEngines, bench_module: Any) -> Build:
    builder = TrackerBuilder(engines)

    def make(told: list[str] | None = None, **values: Any) -> LoadedTracker:
        params = TrackerParams.from_values({**bench_module.FAST, **values})
        builder.check(params)
        return builder.build(params, (told if told is not None else []).append)

    return make


def check(**values: Any) -> None:
    TrackerBuilder(SharedEngines()).check(TrackerParams.from_values(values))


@pytest.mark.parametrize(
    ('values', 'error', 'message'),
    [
        ({'model': 'rfgm_s256'}, ConfigError, 'comes with a later version .* has hit_base'),
        ({'model': 'hit_small'}, WeightsError, 'hit-rfgm weights import HiT_Small'),
        ({'weights': '/'}, WeightsError, 'is a folder'),
        ({'memory_kind': 'gr'}, ConfigError, "memory_kind must be auto or none; got 'gr'"),
        ({'backend': 'tensorrt'}, EngineError, 'use backend torch'),
        ({'backend': 'onnxruntime', 'precision': 'bf16'}, EngineError, 'cannot do bf16'),
        ({'backend': 'onnxruntime', 'device': 'cuda'}, EngineError, 'runs here on cpu'),
        ({'engine_cache_dir': __file__}, ConfigError, 'is a file'),
    ],
)
def test_what_cannot_work_is_refused_in_a_moment(
    values: dict[str, Any], error: type[HitRfgmError], message: str
) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=message):
        check(**values)
    assert time.monotonic() - began < 1.5


def test_the_defaults_pass_in_a_moment() -> None:
    check()
    began = time.monotonic()
    check()
    assert time.monotonic() - began < 1.5


def test_a_damaged_file_is_refused_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'weights'
    shutil.copytree(shipped_folder(), folder)
    path = folder / 'hit_tiny.safetensors'
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    for module in ('weights.catalog', 'nodes.build_tracker'):
        monkeypatch.setattr(f'hit_rfgm_ros.{module}.shipped_folder', lambda: folder)
    with pytest.raises(WeightsError, match='install the package again'):
        check()


def test_memory_parameters_without_effect_give_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    builder = TrackerBuilder(SharedEngines())
    params = TrackerParams.from_values({'memory_size': 128, 'update_interval': 7})
    builder.check(params)
    builder.check(params)
    assert caplog.text.count('have no effect') == 1
    assert 'memory_size, update_interval have no effect: hit_tiny has no memory' in caplog.text


def test_the_defaults_of_the_memory_give_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    check()
    assert caplog.records == []


def test_nodes_of_one_process_share_an_engine(build: Build, engines: SharedEngines) -> None:
    one, other = build(), build(lost_after=3.0, max_targets=2)
    assert engine_of(one) is engine_of(other)
    assert one.tracker is not other.tracker
    assert engine_of(build(max_targets=20)) is not engine_of(one)
    assert engine_of(build(max_targets=20)).max_batch == 20
    assert len(engines) == 1  # the last two are gone already


def test_with_its_last_tracker_an_engine_goes(build: Build, engines: SharedEngines) -> None:
    one, other = build(), build()
    del one
    assert len(engines) == 1
    del other
    gc.collect()
    assert len(engines) == 0


def engine_of(loaded: LoadedTracker) -> Any:
    assert isinstance(loaded.tracker, MultiTargetTracker)
    return loaded.tracker.engine


def test_two_that_build_at_once_build_once() -> None:
    engines = SharedEngines()
    key = EngineKey('hit_tiny', 'abc', 'auto', 'auto', 'auto', 0, 8)
    built: list[BaseEngine] = []
    got: list[BaseEngine] = []

    class Plain(BaseEngine):
        def __init__(self) -> None:
            built.append(self)
            time.sleep(0.1)

        def _run(self, *_: Any) -> Any: ...

    threads = [
        threading.Thread(target=lambda: got.append(engines.get(key, Plain))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert got == built * 4


def test_two_cameras_on_one_engine_disturb_each_other_in_nothing(build: Build) -> None:
    """Both threads at once give what each gives alone."""
    frames = [golden_frame(number) for number in range(12)]

    def follow(loaded: LoadedTracker, into: list[Any]) -> None:
        tracker = loaded.tracker
        own = tracker.add(frames[0].image, frames[0].box, stamp=0.0)
        for number in range(1, 12):
            into.append(tracker.update(frames[number].image, stamp=number / 30)[own].box)

    alone: list[Any] = []
    follow(build(), alone)
    found: list[list[Any]] = [[], []]
    threads = [threading.Thread(target=follow, args=(build(), into)) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone, alone]


def test_a_rebuild_is_forced_once_and_goes_where_it_is_told(build: Build, tmp_path: Path) -> None:
    where = {'engine_cache_dir': str(tmp_path / 'engines'), 'force_rebuild': True}
    first = build(**where)
    (path,) = (tmp_path / 'engines').glob('*.graphs')
    written = path.stat().st_mtime_ns
    second = build(**where)
    assert engine_of(second) is engine_of(first)
    assert path.stat().st_mtime_ns == written


def test_it_tells_where_it_is_and_what_it_made(build: Build) -> None:
    told: list[str] = []
    info = build(told, warm_up=2).info
    assert told[0] == 'reading the weights'
    assert any('back end onnxruntime, device auto, precision auto' in line for line in told)
    assert told[-1] == 'warming up onnxruntime on cpu'
    assert info['model'] == 'hit_tiny'
    assert len(str(info['weights_sha256'])) == 64
    assert (info['backend'], info['device'], info['precision']) == ('onnxruntime', 'cpu', 'fp32')
    assert info['choice'] == 'onnxruntime on cpu in fp32, as asked for'
    assert (info['search_size'], info['template_size']) == (256, 128)
    assert info['calibrated'] is True
    assert info['lost_below'] == 0.5


def test_the_options_of_the_tracker_are_those_of_the_parameters(build: Build) -> None:
    loaded = build(lost_after=2.5, widen_search=False, max_scale_change=2.0, paper_mode=False)
    assert isinstance(loaded.tracker, MultiTargetTracker)
    options = loaded.tracker.options
    assert (options.lost_after, options.widen_search, options.max_scale_change) == (
        2.5,
        False,
        2.0,
    )


def test_random_weights_are_for_tests_and_say_so(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    info = build(weights='random').info
    assert info['weights'] == 'random'
    assert info['calibrated'] is False
    assert 'its boxes mean nothing' in caplog.text
