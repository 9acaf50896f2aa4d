"""Bytes on the wire: messages there and back, and what is refused."""

from typing import Any

from hit_rfgm_ros.messages.definitions import Definitions, MessageError, load_definitions
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.types import dds_types, is_flat
from hit_rfgm_ros.dds.wire import (
    LARGEST_CALL,
    LARGEST_NESTED,
    CallId,
    call_id,
    decode,
    decode_call,
    encode,
)

OWN = (
    'hit_rfgm_ros/msg/TrackedTargetArray',
    'hit_rfgm_ros/msg/InitResult',
    'hit_rfgm_ros/srv/InitTarget_Request',
    'hit_rfgm_ros/srv/InitTarget_Response',
    'hit_rfgm_ros/srv/RemoveTarget_Request',
    'hit_rfgm_ros/srv/RemoveTarget_Response',
)
OTHERS = (
    'sensor_msgs/msg/CameraInfo',
    'sensor_msgs/msg/CompressedImage',
    'vision_msgs/msg/Detection2DArray',
    'diagnostic_msgs/msg/DiagnosticArray',
    'visualization_msgs/msg/MarkerArray',
    'rcl_interfaces/msg/ParameterEvent',
    'rmw_dds_common/msg/ParticipantEntitiesInfo',
    'std_srvs/srv/Trigger_Request',
)
DEFINITIONS = load_definitions('jazzy')

NUMBERS = {
    'bool': st.booleans(),
    'float32': st.floats(width=32),
    'float64': st.floats(),
    'byte': st.integers(0, 127),  # rosbags reads it with a sign
    'char': st.integers(0, 255),
} | {
    f'{sign}int{bits}': st.integers(
        0 if sign else -(2 ** (bits - 1)), 2**bits - 1 if sign else 2 ** (bits - 1) - 1
    )
    for sign in ('', 'u')
    for bits in (8, 16, 32, 64)
}
TEXT = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=8)
DTYPES = {'byte': np.int8, 'char': np.uint8, 'bool': np.bool_}


def values(type_name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of a type, all given."""
    return st.fixed_dictionaries(
        {name: value(description) for name, description in DEFINITIONS.fields(type_name)}
    )


def value(description: Any) -> st.SearchStrategy[Any]:
    kind, detail = description
    if kind == 1:
        return TEXT if detail[0] == 'string' else NUMBERS[detail[0]]
    if kind == 2:
        return values(detail)
    inner, length = detail
    low, high = (length, length) if kind == 3 else (0, length or 3)
    items = st.lists(value(inner), min_size=low, max_size=min(high, 40))
    if inner[0] == 1 and inner[1][0] != 'string':
        dtype = np.dtype(DTYPES.get(inner[1][0], inner[1][0]))
        return items.map(lambda found: np.array(found, dtype))
    return items


def same(given_value: Any, found: Any) -> bool:
    """Whether a value came through; NaN equals NaN."""
    if isinstance(given_value, dict):
        return all(same(item, getattr(found, name)) for name, item in given_value.items())
    if isinstance(given_value, list):
        return len(given_value) == len(found) and all(map(same, given_value, found))
    if isinstance(given_value, np.ndarray):
        return found.dtype == given_value.dtype and np.array_equal(
            given_value, found, equal_nan=given_value.dtype.kind == 'f'
        )
    return bool(given_value == found or (given_value != given_value and found != found))


@pytest.mark.parametrize('type_name', [*OWN, *OTHERS])
@settings(max_examples=12)
@given(data=st.data())
def test_all_fields_come_back(type_name: str, data: st.DataObject) -> None:
    fields = data.draw(values(type_name))
    sent = encode(DEFINITIONS, type_name, fields)
    assert len(sent) % 4 == 0
    assert sent[:4] == b'\0\1\0\0'
    assert same(fields, decode(DEFINITIONS, type_name, bytes(sent)))


@pytest.fixture(scope='module')
def carry(domain: int) -> Any:
    """Sends bytes of a type through DDS within this process."""
    participant = binding.domain.DomainParticipant(domain)
    types = dds_types(DEFINITIONS)
    pairs: dict[tuple[str, bool], tuple[Any, Any]] = {}

    def through(type_name: str, data: bytearray, call: bool = False) -> bytes:
        key = type_name, call
        if key not in pairs:
            made = (types.call if call else types.message)(type_name)
            topic = binding.topic.Topic(participant, f'rt/t{len(pairs)}', made)
            pairs[key] = (
                binding.pub.DataWriter(participant, topic),
                binding.sub.DataReader(participant, topic),
            )
        writer, reader = pairs[key]
        binding.write(writer, data)
        ((received, _info),) = binding.take(reader, 10)
        return received

    yield through
    binding.delete(participant)


@pytest.mark.parametrize('type_name', [*OWN, *OTHERS])
@settings(max_examples=12)
@given(data=st.data())
def test_dds_takes_our_bytes_for_its_type(carry: Any, type_name: str, data: st.DataObject) -> None:
    # DDS checks every sample against the type that was generated: both must agree.
    fields = data.draw(values(type_name))
    received = carry(type_name, encode(DEFINITIONS, type_name, fields))
    assert same(fields, decode(DEFINITIONS, type_name, received))


@settings(max_examples=12)
@given(
    fields=values('hit_rfgm_ros/srv/InitTarget_Request'),
    client=st.integers(0, 2**64 - 1),
    number=st.integers(1, 2**63 - 1),
)
def test_calls_carry_who_asks(
    carry: Any, fields: dict[str, Any], client: int, number: int
) -> None:
    name = 'hit_rfgm_ros/srv/InitTarget_Request'
    sent = encode(DEFINITIONS, name, fields, CallId(client, number).packed())
    received = carry(name, sent, call=True)
    assert call_id(received) == CallId(client, number)
    assert same(fields, decode_call(DEFINITIONS, name, received))


def test_bytes_of_another_type_are_refused(carry: Any, definitions: Definitions) -> None:
    with pytest.raises(binding.DdsError, match='sending failed'):
        carry('hit_rfgm_ros/msg/InitResult', bytearray(b'\0\1\0\0\1'))


@given(data=st.binary(max_size=200), type_name=st.sampled_from(OWN))
def test_damaged_bytes_are_refused(data: bytes, type_name: str) -> None:
    for header in (b'', b'\0\1\0\0', b'\0\0\0\0'):
        for read in (decode, decode_call):
            try:
                read(DEFINITIONS, type_name, header + data)
            except MessageError:
                continue


@given(data=st.binary(max_size=19))
def test_a_call_too_short_for_its_id_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError, match='at least 20 bytes'):
        call_id(data)


def test_hostile_lengths_are_refused() -> None:
    endless = b'\0\1\0\0' + b'\xff\xff\xff\x7f' * 8
    for type_name in OWN:
        with pytest.raises(MessageError):
            decode(DEFINITIONS, type_name, endless)


def test_large_requests_and_lists_are_refused_unread() -> None:
    with pytest.raises(MessageError, match='at most'):
        decode_call(DEFINITIONS, OWN[2], bytes(LARGEST_CALL + 1))
    with pytest.raises(MessageError, match='at most'):
        decode(DEFINITIONS, 'vision_msgs/msg/Detection2DArray', bytes(LARGEST_NESTED + 1))


def test_images_may_be_large() -> None:
    pixels = np.arange(LARGEST_NESTED + 5, dtype=np.uint8)
    data = bytes(encode(DEFINITIONS, 'sensor_msgs/msg/Image', {'data': pixels}))
    image = decode(DEFINITIONS, 'sensor_msgs/msg/Image', data)
    assert np.array_equal(image.data, pixels)
    assert np.shares_memory(image.data, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize(
    ('type_name', 'flat'),
    [
        ('sensor_msgs/msg/Image', True),
        ('sensor_msgs/msg/CompressedImage', True),
        ('sensor_msgs/msg/CameraInfo', True),
        ('vision_msgs/msg/Detection2DArray', False),
        ('rcl_interfaces/srv/GetParameters_Request', False),
    ],
)
def test_types_whose_cost_does_not_depend_on_contents(type_name: str, flat: bool) -> None:
    assert is_flat(DEFINITIONS, type_name) is flat


@pytest.mark.parametrize(
    'fields', [{'id': -1}, {'id': 2**32}, {'x': 'left'}, {'nonsense': 1}, {'label': 5}]
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        encode(DEFINITIONS, 'hit_rfgm_ros/msg/TargetBox', fields)


def test_every_known_type_can_be_made() -> None:
    types = dds_types(DEFINITIONS)
    for name in DEFINITIONS.typestore.fielddefs:
        assert types.message(name).__idl_typename__.count('::') == 3
