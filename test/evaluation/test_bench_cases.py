"""Which cases are measured, and which frames."""

import cv2
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.engines.select import possible_engines
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.evaluation.bench.cases import Case, Wanted, choose_weights, plan
from hit_rfgm_ros.evaluation.bench.frames import bench_frames
from hit_rfgm_ros.evaluation.bench.worker import tracker_options
from hit_rfgm_ros.optional import is_installed
from hit_rfgm_ros.trackers.factory import create_tracker
from hit_rfgm_ros.types import TrackState
import numpy as np
import pytest


def test_all_that_this_machine_can_run_is_planned() -> None:
    cases, missing = plan(Wanted(['hit_tiny']))
    planned = {(case.backend, case.device, case.precision) for case in cases}
    left_out = {(case.backend, case.device, case.precision) for case, _ in missing}
    assert planned | left_out == set(possible_engines())
    assert planned == {engine for engine in possible_engines() if is_installed(engine[0])}


def test_every_combination_comes_once() -> None:
    wanted = Wanted(
        ['hit_tiny', 'rfgm_t256'],
        backends=['onnxruntime'],
        precisions=['fp32'],
        threads=[1, 2],
        targets=[1, 4],
        memory_sizes=[128, 192],
    )
    cases, missing = plan(wanted)
    names = [case.name for case in cases]
    assert not missing
    assert len(names) == len(set(names)) == 4 + 8
    assert 'hit_tiny onnxruntime fp32, threads 1' in names
    assert 'rfgm_t256 onnxruntime fp32, threads 2, targets 4, memory 128' in names


def test_what_cannot_run_is_listed_once_with_its_reason() -> None:
    cases, missing = plan(
        Wanted(
            ['hit_tiny'],
            backends=['onnxruntime', 'tensorrt'],
            precisions=['bf16', 'int8'],
            targets=[1, 2, 4],
        )
    )
    assert {case.precision for case in cases} == {'int8'}
    reasons = {case.name: reason for case, reason in missing}
    assert 'it can do fp32, int8' in reasons['hit_tiny onnxruntime bf16']
    assert 'hit_tiny tensorrt bf16' in reasons
    assert len(missing) == 3


def test_a_slow_precision_is_measured_where_it_is_asked_for_by_name() -> None:
    pytest.importorskip('torch')
    every, _ = plan(Wanted(['hit_tiny'], devices=['cpu']))
    assert all(case.precision != 'fp16' for case in every)
    named, _ = plan(Wanted(['hit_tiny'], ['torch'], ['cpu'], ['fp16']))
    assert [case.precision for case in named] == ['fp16']


@pytest.mark.parametrize('given', [{'memory_sizes': [128]}, {'relevance_stages': [0]}])
def test_settings_of_a_memory_need_a_model_that_has_one(given: dict) -> None:
    with pytest.raises(ConfigError, match='belong to an RFGM'):
        plan(Wanted(['hit_tiny', 'hit_base'], **given))


def test_models_without_weights_are_measured_with_random_ones() -> None:
    assert choose_weights('hit_tiny', None).endswith('hit_tiny.safetensors')
    assert choose_weights('hit_tiny', 'random') == 'random'
    assert choose_weights('hit_base', None) == 'random'
    with pytest.raises(WeightsError, match='does not exist'):
        choose_weights('hit_base', 'nowhere.safetensors')


@pytest.mark.parametrize('size', [(1280, 720), (640, 480), (480, 1280), (320, 320), (1001, 333)])
def test_frames_have_the_size_and_hold_the_target(size: tuple[int, int]) -> None:
    frames, box = bench_frames(*size)
    assert frames.shape == (8, size[1], size[0], 3)
    assert frames.dtype == np.uint8
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.width <= size[0]
    assert box.y + box.height <= size[1]
    scale = max(size[0] / 320, size[1] / 240)
    assert box.width == pytest.approx(36 * scale)
    left, top = round(box.x), round(box.y)
    inside = frames[0][top : round(box.y + box.height), left : round(box.x + box.width)]
    golden = golden_frame(0)
    x, y = int(golden.box.x), int(golden.box.y)
    expected = golden.image[y : y + 36, x : x + 36]
    small = cv2.resize(inside, (36, 36), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 15
    assert np.abs(small.astype(int) - expected[:, ::-1]).mean() > 25


@pytest.mark.parametrize('model', ['hit_tiny', 'rfgm_t256'])
def test_each_frame_is_the_same_work_even_with_random_weights(model: str) -> None:
    case = Case(model, 'onnxruntime').as_dict()
    tracker = create_tracker(
        model,
        weights='random',
        backend='onnxruntime',
        threads=1,
        **tracker_options(case, 'random'),
    )
    frames, box = bench_frames(160, 120)
    tracker.init(frames[0], box)
    updates = []
    for number in range(1, 12):
        result = tracker.update(frames[number % len(frames)])
        updates.append(tracker.update_memory())
        assert result.state is TrackState.TRACKING
        assert result.box.area == pytest.approx(box.area, rel=1e-3)
    due = [4, 9] if model == 'rfgm_t256' else []
    assert [number for number, count in enumerate(updates) if count] == due
