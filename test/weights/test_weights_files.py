"""Weights files come back as written; a file that is not whole or not meant is refused."""

from collections.abc import Callable
from contextlib import suppress
import json
from pathlib import Path

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.files import (
    MAX_FILE_BYTES,
    float32_tensors,
    read_weights,
    verify,
    write_weights,
)
from hit_rfgm_ros.weights.spec import is_computed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

WEIGHT = 'box_head.conv1_tl.0.weight'


@pytest.fixture(scope='module')
def tensors(tiny_state: dict[str, Array]) -> dict[str, Array]:
    return {key: array for key, array in tiny_state.items() if not is_computed(key)}


@pytest.fixture(scope='module')
def written(tensors: dict[str, Array], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('weights') / 'hit_tiny.safetensors'
    write_weights(path, 'hit_tiny', tensors, {'licence': 'CC0', 'calibration': '{"a": 1}'})
    return path


def test_file_comes_back_as_written(written: Path, tensors: dict[str, Array]) -> None:
    found = read_weights(written, 'hit_tiny')
    assert found.metadata == {
        'model': 'hit_tiny', 'format_version': '1', 'licence': 'CC0', 'calibration': '{"a": 1}'
    }  # fmt: skip
    assert (found.model, found.path, len(found.sha256)) == ('hit_tiny', written, 64)
    assert set(found.tensors) == set(tensors)
    for key, array in tensors.items():
        np.testing.assert_array_equal(found.tensors[key], array)


def test_same_weights_make_the_same_file(
    written: Path, tensors: dict[str, Array], tmp_path: Path
) -> None:
    metadata = {'calibration': '{"a": 1}', 'licence': 'CC0'}
    backwards = dict(reversed(list(tensors.items())))
    again = write_weights(tmp_path / 'a', 'hit_tiny', backwards, metadata)
    assert again.sha256 == read_weights(written).sha256


def test_transposed_arrays_are_written_by_their_values(
    tensors: dict[str, Array], tmp_path: Path
) -> None:
    fortran = {key: np.asfortranarray(array) for key, array in tensors.items()}
    path = tmp_path / 'a.safetensors'
    write_weights(path, 'hit_tiny', fortran)
    np.testing.assert_array_equal(read_weights(path).tensors[WEIGHT], tensors[WEIGHT])


def test_counters_and_tables_are_left_out(official: dict[str, Array], tmp_path: Path) -> None:
    path = tmp_path / 'a.safetensors'
    write_weights(path, 'hit_tiny', official)
    assert not any(is_computed(key) for key in read_weights(path).tensors)


def test_float32_tensors_widens_half(tensors: dict[str, Array], tmp_path: Path) -> None:
    halves = {key: array.astype(np.float16) for key, array in tensors.items()}
    found = float32_tensors(write_weights(tmp_path / 'a', 'hit_tiny', halves))
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found[WEIGHT], halves[WEIGHT].astype(np.float32))


def test_failed_write_leaves_the_old_file_and_no_other(
    tensors: dict[str, Array], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'a.safetensors'
    path.write_bytes(b'old')

    def no_space(_: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', no_space)
    with pytest.raises(WeightsError, match='cannot be written: No space left'):
        write_weights(path, 'hit_tiny', tensors)
    assert [entry.name for entry in tmp_path.iterdir()] == ['a.safetensors']
    assert path.read_bytes() == b'old'


def test_writing_into_a_missing_folder_is_named(tensors: dict[str, Array], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match='cannot be written: No such file'):
        write_weights(tmp_path / 'none' / 'a.safetensors', 'hit_tiny', tensors)


def test_file_of_another_model_is_named(written: Path) -> None:
    with pytest.raises(WeightsError, match='was made for hit_tiny, but hit_base was asked for'):
        read_weights(written, 'hit_base')


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        pytest.param(lambda data: b'', 'damaged, truncated', id='empty'),
        pytest.param(lambda data: data[:-1], 'damaged, truncated', id='one-byte-short'),
        pytest.param(lambda data: data[:5000], 'damaged, truncated', id='half-a-header'),
        pytest.param(lambda data: data + b'x', 'damaged, truncated', id='one-byte-more'),
        pytest.param(lambda data: b'PK\x03\x04' + data, 'import it first', id='torch-zip'),
        pytest.param(lambda data: b'\x80\x02' + data, 'import it first', id='torch-legacy'),
        pytest.param(
            lambda data: data.replace(b'hit_tiny', b'hit_huge'),
            'made for hit_huge, which this version does not know',
            id='unknown-model',
        ),
        pytest.param(
            lambda data: data.replace(b'"model"', b'"medal"'), 'which model', id='no-model'
        ),
        pytest.param(
            lambda data: data.replace(b'hit_tiny', b'hit_base'), 'does not fit hit_base', id='lie'
        ),
    ],
)
def test_unusable_file_is_refused_with_the_reason(
    change: Callable[[bytes], bytes], reason: str, written: Path, tmp_path: Path
) -> None:
    path = tmp_path / 'a.safetensors'
    path.write_bytes(change(written.read_bytes()))
    with pytest.raises(WeightsError, match=reason):
        read_weights(path)


def test_missing_file_folder_and_giant_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match='does not exist'):
        read_weights(tmp_path / 'none')
    with pytest.raises(WeightsError, match='is a folder'):
        read_weights(tmp_path)
    giant = tmp_path / 'giant'
    with giant.open('wb') as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(WeightsError, match='more than any model'):
        read_weights(giant)


def test_verify_checks_the_hash(written: Path) -> None:
    sha256 = read_weights(written).sha256
    assert verify(written, model='hit_tiny', sha256=sha256.upper()).sha256 == sha256
    with pytest.raises(WeightsError, match='it was changed or damaged'):
        verify(written, sha256='0' * 64)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_named(
    value: float, tensors: dict[str, Array], tmp_path: Path
) -> None:
    broken = tensors[WEIGHT].copy()
    broken.flat[0] = value
    path = tmp_path / 'a.safetensors'
    with pytest.raises(WeightsError, match=WEIGHT):
        write_weights(path, 'hit_tiny', tensors | {WEIGHT: broken})
    path.write_bytes(to_bytes(tensors | {WEIGHT: broken}, metadata={'model': 'hit_tiny'}))
    with pytest.raises(WeightsError, match=f'first: {WEIGHT}'):
        verify(path)


def test_whole_numbers_and_other_metadata_than_text_are_refused(
    tensors: dict[str, Array], tmp_path: Path
) -> None:
    integers = tensors | {WEIGHT: tensors[WEIGHT].astype(np.int32)}
    with pytest.raises(WeightsError, match='int32, expected float16'):
        write_weights(tmp_path / 'a', 'hit_tiny', integers)
    with pytest.raises(WeightsError, match="'epoch' must be a string, got int"):
        write_weights(tmp_path / 'a', 'hit_tiny', tensors, {'epoch': 3})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    'options',
    [
        pytest.param('{', id='no-json'),
        pytest.param('[' * 100_000, id='deep'),
        pytest.param('[1]', id='list'),
        pytest.param('{"bridge_stages": ["high"]}', id='unknown-stage'),
        pytest.param('{"search_size": 640000}', id='huge'),
        pytest.param('{"search_size": "256"}', id='text'),
        pytest.param('{"widths": [1, 2, 3]}', id='not-an-option'),
        pytest.param('{"position_encoding": {}}', id='unhashable'),
    ],
)
def test_unusable_options_are_refused(
    options: str, tensors: dict[str, Array], tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match='unusable "options"'):
        write_weights(tmp_path / 'a', 'hit_tiny', tensors, {'options': options})


def test_other_picture_size_is_kept(tiny_state: dict[str, Array], tmp_path: Path) -> None:
    options = json.dumps({'search_size': 128, 'template_size': 64})
    with pytest.raises(WeightsError, match='11 misshapen keys'):
        write_weights(tmp_path / 'a', 'hit_tiny', tiny_state, {'options': options})


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_header_gives_weights_or_a_named_error(
    data: st.DataObject, written: Path, tmp_path: Path
) -> None:
    damaged = bytearray(written.read_bytes())
    header = int.from_bytes(damaged[:8], 'little') + 8
    changes = st.lists(st.tuples(st.integers(0, header - 1), st.integers(0, 255)), max_size=4)
    for position, value in data.draw(changes):
        damaged[position] = value
    path = tmp_path / 'a.safetensors'
    path.write_bytes(bytes(damaged))
    with suppress(WeightsError):
        read_weights(path)
