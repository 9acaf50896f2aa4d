"""`export`, `selftest`, `engine` and `doctor`, on small networks of both families."""

from dataclasses import replace
import json
from pathlib import Path
import sys

from click.testing import CliRunner, Result
import cv2
from hit_rfgm_ros.cli.doctor import doctor
from hit_rfgm_ros.cli.engine import engine
from hit_rfgm_ros.cli.export import export
from hit_rfgm_ros.cli.selftest import selftest
from hit_rfgm_ros.config.models import MODELS, get_model_config
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.engines import agreement, reference
from hit_rfgm_ros.engines.onnx_engine import OnnxEngine
from hit_rfgm_ros.engines.random_weights import random_weights
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.errors import EngineError, WeightsError
from hit_rfgm_ros.weights.files import read_weights, write_weights
import numpy as np
import pytest

RANDOM = ('--model', 'hit_tiny', '--weights', 'random')
RANDOM_RFGM = ('--model', 'rfgm_t256', '--weights', 'random')
ONE_THREAD = ('--threads', '1')  # two wait for each other on a busy machine


@pytest.fixture(autouse=True)
def small_hit_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path / 'data'))
    small = replace(
        get_model_config('hit_tiny'),
        widths=(32, 48, 64),
        depths=(1, 1, 1),
        heads=(2, 3, 4),
        key_dim=8,
        search_size=128,
        template_size=64,
        hidden_dim=32,
    )
    monkeypatch.setitem(MODELS, 'hit_tiny', small)
    tiny = RFGMConfig('rfgm_t256', width=64, heads=1, search_size=128, template_size=64)
    monkeypatch.setitem(MODELS, 'rfgm_t256', tiny)


def call(command: object, *arguments: str, fails: bool = False) -> Result:
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert (result.exit_code != 0) == fails, result.output
    return result


def test_selftest_compares_every_back_end_and_precision_with_the_stored_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tmp_path / 'golden.json'
    monkeypatch.setattr(reference, 'stored_path', lambda model: stored)
    file = tmp_path / 'w.safetensors'
    drawn = random_weights(get_model_config('hit_tiny'))
    weights = write_weights(file, 'hit_tiny', drawn.tensors, drawn.metadata)
    arguments = ('--model', 'hit_tiny', '--weights', str(file), *ONE_THREAD)
    assert 'golden.json written' in call(selftest, *arguments, '--write-reference').output
    content = json.loads(stored.read_text())
    assert content['weights_sha256'] == weights.sha256
    assert content['made_by'] == 'hit-rfgm selftest --model hit_tiny --write-reference'

    lines = call(selftest, *arguments).output.splitlines()
    assert lines[0] == f'hit_tiny ({file}), compared with the stored boxes:'
    rows = [line.split()[:3] for line in lines[2:]]
    assert rows[:7] == [
        ['openvino', 'cpu', 'fp32'],
        ['openvino', 'cpu', 'bf16'],
        ['openvino', 'cpu', 'int8'],
        ['onnxruntime', 'cpu', 'fp32'],
        ['onnxruntime', 'cpu', 'int8'],
        ['torch', 'cpu', 'fp32'],
        ['torch', 'cpu', 'bf16'],
    ]
    assert all(line.endswith(' ok') for line in lines[2:] if 'int8' not in line)
    assert all('not possible: int8 needs' in line for line in lines[2:] if 'int8' in line)


def test_selftest_fails_where_a_back_end_does_not_agree_but_not_where_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, 'openvino', None)
    assert "pip install 'hit_rfgm_ros[openvino]'" in call(selftest, *RANDOM, *ONE_THREAD).output
    monkeypatch.setattr(agreement, 'MAX_BOX_DEVIATION', -1.0)
    result = call(selftest, *RANDOM, *ONE_THREAD, fails=True)
    assert result.exit_code == 1
    assert result.output.startswith('hit_tiny (random weights), compared with torch:')
    assert 'FAILED: over 119 frames the largest box deviation' in result.output


def test_selftest_takes_an_rfgm_through_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [('onnxruntime', 'cpu', 'fp32'), ('torch', 'cpu', 'bf16')]
    monkeypatch.setattr('hit_rfgm_ros.cli.selftest.possible_engines', lambda: places)
    output = call(selftest, *RANDOM_RFGM, '--relevance-stages', '1', *ONE_THREAD).output
    lines = output.splitlines()
    assert lines[0] == 'rfgm_t256 at relevance_stages=1 (random weights), compared with torch:'
    assert len(lines) == 4
    assert all(line.endswith(' ok') for line in lines[2:])


def test_stages_are_refused_where_they_have_no_meaning() -> None:
    failed = call(selftest, *RANDOM, '--relevance-stages', '1', fails=True)
    assert 'relevance_stages=1 has no meaning for hit_tiny' in failed.output
    failed = call(selftest, '--relevance-stages', '1', fails=True)
    assert '--relevance-stages needs --model' in failed.output


def test_reference_boxes_of_random_weights_are_not_stored() -> None:
    with pytest.raises(EngineError, match='not to random weights'):
        call(selftest, *RANDOM, '--write-reference')


def test_selftest_without_weights_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr('hit_rfgm_ros.weights.catalog.shipped_folder', lambda: tmp_path)
    with pytest.raises(WeightsError, match='no model has weights here'):
        call(selftest)


def test_export_writes_graphs_that_run_and_describes_them(tmp_path: Path) -> None:
    out = tmp_path / 'new' / 'folder'
    output = call(export, *RANDOM, '--out', str(out)).output
    assert 'agrees: over 119 frames' in output
    described = json.loads((out / 'hit_tiny.json').read_text())
    assert described['precision'] == 'fp32'
    assert described['agreement']['box_deviation'] < 1e-4
    assert described['graphs']['track']['inputs']['search'] == {
        'dtype': 'uint8',
        'shape': ['batch', 128, 128, 3],
    }
    graphs = {
        name: (out / entry['file']).read_bytes() for name, entry in described['graphs'].items()
    }
    made = OnnxEngine(get_model_config('hit_tiny'), graphs)
    tokens = made.run('template', {'template': np.zeros((2, 64, 64, 3), np.uint8)})
    search = np.zeros((2, 128, 128, 3), np.uint8)
    assert made.run('track', {'search': search, **tokens})['boxes'].shape == (2, 4)


def test_export_writes_every_graph_of_an_rfgm(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    call(export, *RANDOM_RFGM, '--relevance-stages', '2', '--out', str(out))
    described = json.loads((out / 'rfgm_t256.json').read_text())
    assert list(described['graphs']) == ['template', 'track', 'track_padded', 'filter']
    assert described['options'] == {'relevance_stages': 2, 'filter_ranker': True}
    padded = described['graphs']['track_padded']
    assert padded['inputs']['memory']['shape'] == ['batch', 'tokens', 64]
    assert padded['inputs']['memory_count'] == {'dtype': 'int64', 'shape': ['batch']}
    assert padded['outputs'] == ['score', 'size', 'offset', 'kept_7', 'kept_10']
    assert described['agreement']['stray_frames'] == 0
    config = replace(get_model_config('rfgm_t256'), relevance_stages=2, filter_ranker=True)
    graphs = {
        name: (out / entry['file']).read_bytes() for name, entry in described['graphs'].items()
    }
    given = OnnxEngine(config, graphs).run(
        'track_padded',
        {
            'search': np.zeros((2, 128, 128, 3), np.uint8),
            'memory': np.zeros((2, 40, 64), np.float32),
            'memory_count': np.array([40, 16], np.int64),
        },
    )
    assert (given['kept_10'] >= 0).sum(1).tolist() == [32, 12]


def test_export_refuses_what_does_not_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, 'MAX_BOX_DEVIATION', -1.0)
    with pytest.raises(EngineError, match='does not agree with torch'):
        call(export, *RANDOM, '--out', str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_export_names_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(EngineError, match='file cannot be made'):
        call(export, *RANDOM, '--out', str(tmp_path / 'file'))


def test_engine_build_fills_the_cache_and_info_lists_it() -> None:
    assert 'empty' in call(engine, 'info').output
    built = call(engine, 'build', *RANDOM, '--backend', 'onnxruntime').output
    assert 'onnxruntime on cpu in fp32, as asked for' in built
    assert 'hit_tiny-onnxruntime-fp32-' in call(engine, 'info').output
    built = call(engine, 'build', *RANDOM_RFGM, '--backend', 'onnxruntime').output
    assert built.startswith('rfgm_t256 at relevance_stages=3: onnxruntime on cpu in fp32')
    listed = call(engine, 'info').output
    assert 'rfgm_t256-3stages-onnxruntime-fp32-' in listed
    assert 'rfgm_t256-3stages-onnxruntime-fp32-padded-' in listed


def test_engine_calibrate_makes_weights_ready_for_int8(tmp_path: Path) -> None:
    config = get_model_config('hit_tiny')
    drawn = random_weights(config)
    write_weights(tmp_path / 'w.safetensors', 'hit_tiny', drawn.tensors, drawn.metadata)
    generator = np.random.default_rng(0)
    (tmp_path / 'pictures').mkdir()
    for number in range(3):
        picture = generator.integers(0, 256, (90, 120, 3), np.uint8)
        cv2.imwrite(str(tmp_path / 'pictures' / f'{number}.png'), picture)
    arguments = ('--model', 'hit_tiny', '--weights', str(tmp_path / 'w.safetensors'))
    ready = tmp_path / 'int8.safetensors'
    with pytest.raises(EngineError, match='int8 needs the ranges'):
        call(engine, 'build', *arguments, '--backend', 'openvino', '--precision', 'int8')
    output = call(
        engine, 'calibrate', str(tmp_path / 'pictures'), *arguments, '--out', str(ready)
    ).output
    assert 'openvino on cpu in int8' in output
    for backend in ('openvino', 'onnxruntime'):
        made = create_engine('hit_tiny', read_weights(ready), backend=backend, precision='int8')
        tokens = made.run('template', {'template': np.zeros((1, 64, 64, 3), np.uint8)})
        search = generator.integers(0, 256, (1, 128, 128, 3), np.uint8)
        assert np.isfinite(made.run('track', {'search': search, **tokens})['boxes']).all()
    with pytest.raises(EngineError, match='random weights track nothing'):
        call(engine, 'calibrate', str(tmp_path / 'pictures'), *RANDOM, '--out', str(ready))


def test_doctor_reports_what_bug_reports_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'openvino', None)
    output = call(doctor).output
    for wanted in ('Python 3.', 'numpy ', 'OpenCV ', 'onnxruntime ', 'torch ', 'cache', 'hit_pvt'):
        assert wanted in output
    assert 'openvino: no (' in output
    assert 'tensorrt: not part of this version yet' in output


def test_doctor_names_two_opencv_wheels_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / 'opencv_contrib_python-4.9.0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: opencv-contrib-python\nVersion: 4.9.0\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    output = call(doctor).output
    assert 'OpenCV wheels lie in one folder' in output
    assert 'opencv-contrib-python 4.9.0' in output
