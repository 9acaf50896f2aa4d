"""Tensors of PyTorch files are read exactly, and nothing but a named error escapes."""

from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
import pickle
from typing import Any
import zipfile

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.types import Array
from hit_rfgm_ros.weights.checkpoint import read_state_dict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

FORMS = pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
SCALE = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 7
TENSORS = {
    'float': SCALE,
    'transposed': SCALE.T,
    'part': SCALE[1:3, ::2],
    'half': SCALE.half(),
    'double': SCALE.double(),
    'long': torch.arange(5),
    'int': torch.arange(5, dtype=torch.int32),
    'byte': torch.arange(5, dtype=torch.uint8),
    'bool': torch.tensor([True, False]),
    'scalar': torch.tensor(1000),
    'empty': torch.zeros(0, 3),
    'parameter': torch.nn.Parameter(SCALE.clone()),
}


def saved(content: Any, *, legacy: bool = False) -> bytes:
    stream = BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def read_bytes(data: bytes, folder: Path) -> dict[str, Array]:
    path = folder / 'file.pth'
    path.write_bytes(data)
    return read_state_dict(path)


@FORMS
def test_tensors_of_every_kind_come_back_exactly(legacy: bool, tmp_path: Path) -> None:
    found = read_bytes(saved({'net': TENSORS}, legacy=legacy), tmp_path)
    assert list(found) == list(TENSORS)
    for key, tensor in TENSORS.items():
        expected = tensor.detach().numpy()
        assert found[key].dtype == expected.dtype, key
        np.testing.assert_array_equal(found[key], expected, err_msg=key)


@FORMS
def test_bfloat16_becomes_float32_without_loss(legacy: bool, tmp_path: Path) -> None:
    tensor = SCALE.bfloat16()
    found = read_bytes(saved({'a': tensor}, legacy=legacy), tmp_path)['a']
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, tensor.float().numpy())


@FORMS
def test_training_objects_beside_the_network_are_passed_over(
    legacy: bool, save: Callable[..., Path], foreign: dict[str, Any]
) -> None:
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    path = save(
        {'a': np.arange(6.0).reshape(2, 3)},
        legacy=legacy,
        epoch=1500,
        net_type='VT',
        constructor=None,
        optimizer=optimizer.state_dict(),
        stats=OrderedDict(train=OrderedDict(loss=foreign['AverageMeter'])),
        settings=foreign['Settings'],
    )
    found = read_state_dict(path)
    assert list(found) == ['a']
    np.testing.assert_array_equal(found['a'], np.arange(6.0).reshape(2, 3))


@FORMS
@pytest.mark.parametrize('wrapper', ['net', 'model', 'state_dict', ''])
def test_wrappers_and_bare_state_dicts_are_taken(
    wrapper: str, legacy: bool, save: Callable[..., Path]
) -> None:
    path = save({'a': np.ones(2)}, wrapper=wrapper, legacy=legacy)
    assert list(read_state_dict(path)) == ['a']


@FORMS
def test_state_dict_of_a_module_is_taken(legacy: bool, tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    found = read_bytes(saved(network.state_dict(), legacy=legacy), tmp_path)
    for key, tensor in network.state_dict().items():
        np.testing.assert_array_equal(found[key], tensor.numpy())


def test_prefix_of_a_parallel_module_is_removed(save: Callable[..., Path]) -> None:
    found = read_state_dict(save({'module.a': np.ones(2), 'module.b.c': np.ones(1)}))
    assert list(found) == ['a', 'b.c']


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_every_pickle_protocol_is_read(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    torch.save({'net': {'a': SCALE}}, path, pickle_protocol=protocol)
    np.testing.assert_array_equal(read_state_dict(path)['a'], SCALE.numpy())


def repacked(data: bytes, change: Callable[[str, bytes], bytes], **how: Any) -> bytes:
    """The archive again with changed members."""
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(stream, 'w', **how) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return stream.getvalue()


def test_big_endian_files_are_read(tmp_path: Path) -> None:
    def swap(name: str, data: bytes) -> bytes:
        if name.endswith('byteorder'):
            return b'big'
        return np.frombuffer(data, '<f4').astype('>f4').tobytes() if '/data/' in name else data

    found = read_bytes(repacked(saved({'net': {'a': SCALE}}), swap), tmp_path)['a']
    np.testing.assert_array_equal(found, SCALE.numpy())
    assert found.dtype.isnative


class Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ('touch canary-ran',)


@FORMS
def test_canary_in_a_checkpoint_does_not_run(
    legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = saved({'net': {'a': SCALE}, 'settings': Canary()}, legacy=legacy)
    assert list(read_bytes(data, tmp_path)) == ['a']
    with pytest.raises(WeightsError, match='no plain tensors'):
        read_bytes(saved({'net': {'a': SCALE, 'b': Canary()}}, legacy=legacy), tmp_path)
    assert not (tmp_path / 'canary-ran').exists()


class Shaped:
    """Pickles as a tensor that claims a shape, a stride and an offset in a storage of 4."""

    def __init__(self, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> None:
        self.claims = (offset, shape, stride)

    def __reduce__(self) -> tuple[Any, ...]:
        offset, shape, stride = self.claims
        storage = torch.arange(4.0).storage()
        call = torch._utils._rebuild_tensor_v2
        return call, (storage, offset, shape, stride, False, OrderedDict())


@FORMS
@pytest.mark.filterwarnings('ignore:TypedStorage is deprecated')
@pytest.mark.parametrize(
    'claim',
    [
        pytest.param(Shaped((5,), (1,)), id='too-long'),
        pytest.param(Shaped((2,), (4,)), id='stride-beyond'),
        pytest.param(Shaped((2,), (1,), 3), id='offset-beyond'),
        pytest.param(Shaped((100, 100), (0, 0)), id='repeated-numbers'),
        pytest.param(Shaped((2**40,), (0,)), id='huge'),
        pytest.param(Shaped((2**40, 0), (1, 1), 2**40), id='huge-but-empty'),
        pytest.param(Shaped((-1,), (1,)), id='negative-shape'),
        pytest.param(Shaped((2,), (-1,), 2), id='negative-stride'),
        pytest.param(Shaped((2, 2), (1,)), id='shape-and-stride-differ'),
        pytest.param(Shaped((1,) * 9, (1,) * 9), id='nine-dimensions'),
    ],
)
def test_tensor_outside_its_storage_is_refused(
    claim: Shaped, legacy: bool, tmp_path: Path
) -> None:
    if claim.claims[1] == (2**40, 0):
        assert read_bytes(saved({'a': claim}, legacy=legacy), tmp_path)['a'].size == 0
        return
    with pytest.raises(WeightsError):
        read_bytes(saved({'a': claim}, legacy=legacy), tmp_path)


def test_compressed_archive_is_refused_as_a_bomb(tmp_path: Path) -> None:
    data = repacked(
        saved({'a': torch.zeros(100_000)}),
        lambda _, member: member,
        compression=zipfile.ZIP_DEFLATED,
    )
    with pytest.raises(WeightsError, match='compressed or overlaps'):
        read_bytes(data, tmp_path)


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        pytest.param(b'', 'neither a PyTorch checkpoint', id='empty'),
        pytest.param(b'hello, world, how are you', 'neither a PyTorch checkpoint', id='text'),
        pytest.param(saved({'epoch': 3, 'best': 0.5}), 'it holds: epoch, best', id='no-tensors'),
        pytest.param(saved([SCALE]), 'no dictionary', id='list'),
        pytest.param(saved(torch.nn.Linear(2, 2)), 'no dictionary', id='whole-module'),
        pytest.param(saved({'a': SCALE, 'b': SCALE.to_sparse()}), 'plain tensors', id='sparse'),
        pytest.param(saved({'a': SCALE.cfloat()}), 'ComplexFloatStorage', id='complex'),
        pytest.param(saved({'a': SCALE})[:-200], 'truncated', id='cut-zip'),
        pytest.param(saved({'a': SCALE}, legacy=True)[:-9], 'truncated', id='cut-legacy'),
        pytest.param(pickle.dumps({'a': 1}), 'not one of torch.save', id='other-pickle'),
        pytest.param(b'\x08\0\0\0\0\0\0\0{"a":1} ', 'safetensors', id='bad-safetensors'),
    ],
)
def test_unusable_file_is_refused_with_the_reason(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=reason):
        read_bytes(data, tmp_path)


def test_other_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('readme.txt', 'hello')
    with pytest.raises(WeightsError, match=r'no data\.pkl'):
        read_state_dict(path)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match='does not exist'):
        read_state_dict(tmp_path / 'none.pth')
    with pytest.raises(WeightsError, match='is a folder'):
        read_state_dict(tmp_path)


SMALL = {'net': {'a': SCALE, 'b': SCALE.half().T}, 'epoch': 3, 'stats': {'x': Canary()}}
SEEDS = [saved(SMALL), saved(SMALL, legacy=True)]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), seed=st.sampled_from(SEEDS))
def test_damaged_files_give_tensors_or_a_named_error(
    data: st.DataObject, seed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    damaged = bytearray(seed)
    place = st.integers(0, len(seed) - 1)
    for position, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=6)):
        damaged[position] = value
    start, length = data.draw(st.tuples(place, st.integers(0, 64)))
    if data.draw(st.booleans()):
        del damaged[start : start + length]
    try:
        found = read_bytes(bytes(damaged), tmp_path)
    except WeightsError:
        found = {}
    assert all(isinstance(array, np.ndarray) for array in found.values())
    assert not (tmp_path / 'canary-ran').exists()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_changed_pickle_in_a_whole_archive_gives_tensors_or_a_named_error(
    data: st.DataObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def change(name: str, member: bytes) -> bytes:
        if not name.endswith('data.pkl'):
            return member
        changed = bytearray(member)
        place = st.integers(0, len(member) - 1)
        for position, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)))):
            changed[position] = value
        return bytes(changed)

    try:
        found = read_bytes(repacked(SEEDS[0], change), tmp_path)
    except WeightsError:
        found = {}
    assert all(isinstance(array, np.ndarray) for array in found.values())
    assert not (tmp_path / 'canary-ran').exists()
