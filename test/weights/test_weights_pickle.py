"""Nothing in a pickle is ever executed, and damaged pickles give named errors."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
import os
from pathlib import Path
import pickle
import pickletools
from typing import Any

from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.weights.pickle_reader import Name, Opaque, TensorRecord, read_pickle
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def read(data: bytes) -> Any:
    return read_pickle(BytesIO(data))


class Reduced:
    """Runs a shell command when Python's own unpickler meets it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class Restored(dict):  # type: ignore[type-arg]
    """Likewise, when its state is set."""

    def __setstate__(self, state: str) -> None:
        os.system(state)

    def __reduce__(self) -> tuple[Any, ...]:
        return Restored, (), self.command

    command = ''


class Made:
    """Likewise, when an object is made by NEWOBJ."""

    def __new__(cls, command: str = '') -> 'Made':
        if command:
            os.system(command)
        return super().__new__(cls)

    def __getnewargs__(self) -> tuple[str]:
        return (self.command,)

    command = ''


def by_reduce(command: str) -> bytes:
    return pickle.dumps({'net': Reduced(command)}, 2)


def by_stack_global(command: str) -> bytes:
    return pickle.dumps({'net': Reduced(command)}, 4)


def by_build(command: str) -> bytes:
    victim = Restored()
    victim.command = command
    return pickle.dumps(victim, 2)


def by_newobj(command: str) -> bytes:
    victim = Made()
    victim.command = command
    return pickle.dumps(victim, 2)


def by_inst(command: str) -> bytes:
    return b"(S'" + command.encode() + b"'\nios\nsystem\n."


def by_obj(command: str) -> bytes:
    return b"(cos\nsystem\nS'" + command.encode() + b"'\no."


def by_chain(command: str) -> bytes:
    """``getattr(__import__('os'), 'system')(command)``: no dangerous name of two parts."""
    text = command.encode()
    imported = b"cbuiltins\n__import__\n(S'os'\ntR"
    return b'cbuiltins\ngetattr\n(' + imported + b"S'system'\ntR(S'" + text + b"'\ntR."


CANARIES = [by_reduce, by_stack_global, by_build, by_newobj, by_inst, by_obj, by_chain]


@pytest.mark.parametrize('canary', CANARIES)
def test_canary_does_not_run(canary: Callable[[str], bytes], tmp_path: Path) -> None:
    trace = tmp_path / 'ran'
    data = canary(f'touch {trace}')
    read(data)
    assert not trace.exists()
    pickle.loads(data)  # Python's own unpickler does run it: the canary is alive
    assert trace.exists()


def test_canary_inside_a_dictionary_leaves_the_rest_readable(tmp_path: Path) -> None:
    trace = tmp_path / 'ran'
    content = {'net': {'a': 1}, 'settings': Reduced(f'touch {trace}'), 'epoch': 3}
    found = read(pickle.dumps(content))
    assert (found['net'], found['epoch']) == ({'a': 1}, 3)
    assert isinstance(found['settings'], Opaque)
    assert not trace.exists()


@settings(max_examples=100, deadline=None)
@given(value=PLAIN, protocol=st.integers(0, 5))
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    if protocol > 2:  # bytes are a call of a codec in older protocols
        assert read(pickle.dumps(value, protocol)) == value
    else:
        read(pickle.dumps(value, protocol))


def test_ordered_dictionaries_are_plain_ones() -> None:
    ordered: OrderedDict[str, Any] = OrderedDict(a=1, b=OrderedDict(c=[2]))
    for protocol in range(6):
        assert read(pickle.dumps(ordered, protocol)) == {'a': 1, 'b': {'c': [2]}}


def test_shared_and_recursive_values_keep_their_identity() -> None:
    shared: list[Any] = [1]
    shared.append(shared)
    found = read(pickle.dumps([shared, shared]))
    assert found[0] is found[1]
    assert found[0][1] is found[0]


def test_names_stay_text() -> None:
    assert read(pickle.dumps(os.system, 2)) in (Name('posix', 'system'), Name('nt', 'system'))


def test_keys_that_are_no_plain_values_are_left_out() -> None:
    assert read(pickle.dumps({'a': 1, (1, 2): 3, frozenset([1]): 4})) == {'a': 1}


def test_deeply_nested_values_do_not_exhaust_the_stack() -> None:
    depth = 100_000
    assert isinstance(read(b')' + b'\x85' * depth + b'.'), tuple)
    assert read(b'}' + b')' + b'\x85' * depth + b'Ns.') == {}


@pytest.mark.parametrize(
    'data',
    [
        pytest.param(b'', id='empty'),
        pytest.param(b'hello', id='text'),
        pytest.param(b'\x80\x02}q\x00', id='no-end'),
        pytest.param(b'.', id='nothing-on-the-stack'),
        pytest.param(b't.', id='no-mark'),
        pytest.param(b'h\x05.', id='unknown-memo'),
        pytest.param(b'\x82\x01.', id='extension-code'),
        pytest.param(b'Pid\n.', id='textual-persistent-id'),
        pytest.param(b'B\xff\xff\xff\xff.', id='length-beyond-the-end'),
        pytest.param(b'B' + (2**23).to_bytes(4, 'little') + bytes(2**23) + b'0N.', id='huge'),
        pytest.param(b'NN\x93.', id='class-named-by-none'),
    ],
)
def test_unusable_pickle_is_refused(data: bytes) -> None:
    with pytest.raises(WeightsError, match='damaged or no pickle'):
        read(data)


OPCODES = b''.join(opcode.code.encode('latin-1') for opcode in pickletools.opcodes)
OPERANDS = [b'', b'\x00', b'\x01a', b'os\nsystem\n', b'1\n', b"'x'\n", b'\x02\x00\x00\x00ab']


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(OPCODES), st.sampled_from(OPERANDS)).map(
            lambda pair: bytes([pair[0]]) + pair[1]
        ),
        max_size=40,
    )
)
def test_any_sequence_of_opcodes_gives_a_value_or_a_named_error(parts: list[bytes]) -> None:
    with suppress(WeightsError):
        read(b''.join(parts) + b'.')


def test_tensor_without_a_storage_is_opaque() -> None:
    rebuild = b'ctorch._utils\n_rebuild_tensor_v2\n'
    assert isinstance(read(rebuild + b')R.'), Opaque)
    assert isinstance(read(rebuild + b'(I0\nI0\n)(K\x01tK\x01tR.'), Opaque)
    assert not isinstance(read(rebuild + b'.'), TensorRecord)
