"""From parameters to a tracker: what is checked first, what is shared, what is told."""

from collections.abc import Callable, Collection
from dataclasses import replace
import gc
from pathlib import Path
import shutil
import threading
import time
from typing import Any

from hit_rfgm_ros.config.models import MODELS, get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.engines.base import BaseEngine
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.errors import ConfigError, EngineError, HitRfgmError, WeightsError
from hit_rfgm_ros.nodes.build_tracker import TrackerBuilder
from hit_rfgm_ros.nodes.shared_engines import EngineKey, SharedEngines
from hit_rfgm_ros.runtime.outputs import LoadedTracker
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
from hit_rfgm_ros.weights.catalog import shipped_folder
from hit_rfgm_ros.weights.files import write_weights
from hit_rfgm_ros.weights.options import options_text
import pytest

Build = Callable[..., LoadedTracker]
RFGM: dict[str, Any] = {'model': 'rfgm_t256', 'weights': 'random', 'max_targets': 1}


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
        ({'model': 'rfgm_s256'}, WeightsError, 'train them with: hit-rfgm train'),
        ({'model': 'rfgm_b256'}, WeightsError, 'hit-rfgm weights import OSTrack'),
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
    assert 'memory_size, update_interval have no effect: hit_tiny is no RFGM' in caplog.text


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


def test_an_rfgm_is_built_with_its_memory(build: Build) -> None:
    loaded = build(**RFGM, memory_size=128, update_interval=7)
    assert isinstance(loaded.tracker, MultiTargetTracker)
    options = loaded.tracker.options
    assert (options.memory_kind, options.memory_size, options.update_interval) == ('gr', 128, 7)
    assert (loaded.info['memory_kind'], loaded.info['relevance_stages']) == ('gr', 3)
    assert loaded.memory_tokens == 64


def test_trackers_of_different_memories_share_an_engine_and_those_of_other_stages_do_not(
    build: Build, engines: SharedEngines
) -> None:
    one, other = build(**RFGM, memory_size=128), build(**RFGM, memory_kind='fifo')
    assert engine_of(one) is engine_of(other)
    plain = build(**RFGM, relevance_stages=0)
    assert engine_of(plain) is not engine_of(one)
    assert plain.info['relevance_stages'] == 0
    assert len(engines) == 2


@pytest.mark.parametrize(
    ('targets', 'kind', 'prepared'), [(1, 'gr', []), (2, 'gr', ['track_padded']), (2, 'none', [])]
)
def test_what_several_targets_need_is_loaded_at_the_start(
    build: Build, monkeypatch: pytest.MonkeyPatch, targets: int, kind: str, prepared: list[str]
) -> None:
    small = RFGMConfig('rfgm_t256', width=64, heads=1, search_size=64, template_size=64)
    monkeypatch.setitem(MODELS, 'rfgm_t256', small)
    asked: list[str] = []
    prepare = OnnxEngine.prepare

    def watch(self: OnnxEngine, graphs: Collection[str]) -> None:
        asked.extend(graphs)
        prepare(self, graphs)

    monkeypatch.setattr(OnnxEngine, 'prepare', watch)
    build(**{**RFGM, 'max_targets': targets, 'memory_kind': kind})  # warm_up is 0
    assert asked == prepared


@pytest.fixture(scope='module')
def without_rankers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an RFGM as OSTrack's are."""
    config = replace(get_model_config('rfgm_t256'), relevance_stages=0)
    path = tmp_path_factory.mktemp('weights') / 'plain.safetensors'
    write_weights(path, 'rfgm_t256', random_weights(config).tensors, options_text(config))
    return path


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'memory_kind': 'gr'}, 'no ranker at layer 4, which the memory kind gr needs; it serves'),
        ({'relevance_stages': 2}, 'no ranker at layer 7 and 10, which relevance_stages=2 needs'),
    ],
)
def test_what_the_weights_of_an_rfgm_cannot_serve_is_refused_in_a_moment(
    without_rankers: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        check(model='rfgm_t256', weights=str(without_rankers), **values)


@pytest.mark.parametrize('kind', ['auto', 'none', 'fifo', 'score'])
def test_what_they_can_serve_passes(without_rankers: Path, kind: str) -> None:
    check(model='rfgm_t256', weights=str(without_rankers), memory_kind=kind, relevance_stages=0)


def test_a_hit_takes_no_option_of_an_rfgm_along(build: Build) -> None:
    loaded = build(memory_size=128, windowing='none', relevance_stages=1)
    assert isinstance(loaded.tracker, MultiTargetTracker)
    assert loaded.tracker.options == TrackerConfig()
    assert loaded.memory_tokens == 0
