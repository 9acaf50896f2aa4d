"""`create_engine` takes the best back end that works and says why not the others."""

import logging
import sys

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.engines import agreement, select
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import ConfigError, EngineError, MissingDependencyError, WeightsError
from hit_rfgm_ros.weights.files import Weights
import pytest


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make modules look as if they were not installed."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_auto_takes_openvino_in_fp32(small: HiTConfig) -> None:
    engine = create_engine(small, None)
    assert (engine.backend, engine.device, engine.precision) == ('openvino', 'cpu', 'fp32')
    assert engine.choice.startswith('openvino on cpu in fp32')


def test_auto_passes_over_what_is_not_installed_and_says_so(
    small: HiTConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, 'hit_rfgm_ros')
    without(monkeypatch, 'openvino')
    engine = create_engine(small, None)
    assert engine.backend == 'onnxruntime'
    assert 'passed over: openvino on cpu: ' in engine.choice
    assert "pip install 'hit_rfgm_ros[openvino]'" in engine.choice
    assert engine.choice in caplog.text
    without(monkeypatch, 'onnxruntime')
    engine = create_engine(small, None)
    assert engine.backend == 'torch'
    assert 'pip install onnxruntime' in engine.choice


def test_auto_passes_over_what_does_not_agree(
    small: HiTConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, 'MAX_BOX_DEVIATION', -1.0)
    engine = create_engine(small, None)
    assert engine.backend == 'torch'
    assert 'openvino in fp32 does not agree with torch' in engine.choice
    assert 'onnxruntime in fp32 does not agree with torch' in engine.choice
    with pytest.raises(EngineError, match=r'does not agree with torch: over 11 frames the larg'):
        create_engine(small, None, backend='openvino')


def test_when_nothing_works_every_reason_is_given(
    small: HiTConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, 'openvino', 'onnxruntime', 'torch')
    with pytest.raises(EngineError, match=r'no back end .*openvino.*onnxruntime.*torch'):
        create_engine(small, None)


def test_a_back_end_asked_for_by_name_is_not_replaced(
    small: HiTConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(small, None, backend='onnxruntime')
    assert engine.choice == 'onnxruntime on cpu in fp32, as asked for'
    without(monkeypatch, 'openvino')
    with pytest.raises(MissingDependencyError, match=r'hit_rfgm_ros\[openvino\]'):
        create_engine(small, None, backend='openvino')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'backend': 'tensorrt'}, 'TensorRT is not part of this version yet; use .*torch'),
        ({'backend': 'trt'}, "unknown back end 'trt'; known: auto, tensorrt, onnxruntime"),
        ({'precision': 'fp8'}, "unknown precision 'fp8'; known: auto, fp32, fp16, bf16, int8"),
        ({'device': 'gpu'}, "unknown device 'gpu'; known: auto, cpu, cuda, cuda:N"),
        (
            {'backend': 'onnxruntime', 'precision': 'bf16'},
            'onnxruntime on cpu cannot do bf16; it can do fp32, int8',
        ),
        (
            {'backend': 'openvino', 'precision': 'fp16'},
            'openvino on cpu cannot do fp16; it can do fp32, bf16, int8',
        ),
        (
            {'backend': 'torch', 'precision': 'int8', 'device': 'cpu'},
            'torch on cpu cannot do int8; it can do fp32, bf16, fp16',
        ),
        ({'backend': 'openvino', 'device': 'cuda'}, 'openvino runs here on cpu, not on cuda'),
        (
            {'precision': 'fp16', 'device': 'cpu'},
            r'no back end can run hit_tiny on cpu in fp16: .*torch on cpu does fp16 slowly',
        ),
        ({'precision': 'int8', 'backend': 'openvino'}, 'int8 needs the ranges'),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    small: HiTConfig, options: dict[str, str], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        create_engine(small, None, **options)


@pytest.mark.parametrize(
    ('choice', 'message'),
    [
        (('tensorrt', 'auto', 'auto'), 'TensorRT is not part of this version yet'),
        (('auto', 'gpu', 'auto'), "unknown device 'gpu'"),
        (('onnxruntime', 'cuda:0', 'auto'), 'onnxruntime runs here on cpu, not on cuda:0'),
        (('openvino', 'auto', 'fp16'), 'openvino on cpu cannot do fp16'),
    ],
)
def test_a_choice_is_checked_without_building(choice: tuple[str, str, str], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        select.check_choice(*choice)
    select.check_choice('torch', 'auto', 'fp16')


@pytest.mark.skipif(
    select.possible_engines()[-1][1] == 'cuda', reason='this machine has a CUDA GPU'
)
@pytest.mark.parametrize('device', ['cuda', 'cuda:3'])
def test_a_missing_gpu_is_named(small: HiTConfig, device: str) -> None:
    with pytest.raises(EngineError, match=f'{device} was asked for, but torch sees 0 CUDA GPUs'):
        create_engine(small, None, backend='torch', device=device)


def test_auto_passes_over_back_ends_that_lack_the_precision(small: HiTConfig) -> None:
    engine = create_engine(small, None, precision='bf16')
    assert (engine.backend, engine.precision) == ('openvino', 'bf16')


def test_what_is_slow_is_there_for_those_who_ask_for_it(
    small: HiTConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr('hit_rfgm_ros.engines.cpu.cpu_flags', lambda: frozenset({'avx2'}))
    engine = create_engine(small, None, backend='torch', device='cpu', precision='fp16')
    assert (engine.device, engine.precision) == ('cpu', 'fp16')
    assert 'fp16 will not be faster than fp32 here' in caplog.text
    assert ('torch', 'cpu', 'fp16') not in select.possible_engines()
    assert select.supported_precisions('torch', 'cpu') == ('fp32', 'bf16', 'fp16')


def test_a_precision_without_instructions_for_it_warns(
    small: HiTConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr('hit_rfgm_ros.engines.cpu.cpu_flags', lambda: frozenset({'avx2'}))
    create_engine(small, None, backend='torch', precision='bf16')
    assert 'bf16 will not be faster than fp32 here' in caplog.text
    assert 'avx512_bf16' in caplog.text


def test_weights_must_fit_the_model(small: HiTConfig, small_configs: dict[str, HiTConfig]) -> None:
    weights = random_weights(small)
    with pytest.raises(WeightsError, match='made for hit_tiny, but hit_small was asked for'):
        create_engine('hit_small', weights)
    with pytest.raises(WeightsError, match='does not fit hit_base'):
        create_engine(small_configs['hit_base'], weights)
    with pytest.raises(ConfigError, match='hit_tny'):
        create_engine('hit_tny', None)


def test_weights_that_give_nan_are_refused_before_use(small: HiTConfig) -> None:
    weights = random_weights(small)
    weights.tensors['box_head.conv5_tl.bias'][:] = float('nan')
    with pytest.raises(EngineError, match=r'no finite box in frame 1 .*weights are unusable'):
        create_engine(small, weights, backend='openvino')


def test_random_weights_are_the_same_every_time(small: HiTConfig) -> None:
    def flat(weights: Weights) -> bytes:
        return b''.join(array.tobytes() for array in weights.tensors.values())

    assert flat(random_weights(small)) == flat(random_weights(small))
    assert flat(random_weights(small)) != flat(random_weights(small, seed=1))
