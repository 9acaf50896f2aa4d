"""The Cyclone DDS wheel, as far as it is used, and what is needed to use it safely.

Everything of the wheel comes from here. Messages pass as bytes in CDR: the wheel's own way through
Python objects handles every element by itself and is far too slow for images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.optional import require


class DdsError(HitRfgmError):
    """The DDS layer refused something."""


def _part(module: str) -> Any:
    return require(f'cyclonedds.{module}', extra='dds', purpose='ROS 2 topics without ROS')


core = _part('core')
domain = _part('domain')
topic = _part('topic')
pub = _part('pub')
sub = _part('sub')
builtin = _part('builtin')
idl = _part('idl')
idl_types = _part('idl.types')
idl_annotations = _part('idl.annotations')
_clayer = _part('_clayer')

Qos = core.Qos
Policy = core.Policy
DDSException = core.DDSException
ANY_STATE = core.SampleState.Any | core.ViewState.Any | core.InstanceState.Any
INFINITE = (1 << 63) - 1


def take(reader: Any, limit: int) -> Sequence[tuple[bytes, Any]]:
    """Take up to ``limit`` samples.

    Returns:
        Pairs of the sample's bytes, with the CDR header of 4 bytes, and its ``SampleInfo``.

    Raises:
        DdsError: if the reader is gone.
    """
    taken = _clayer.ddspy_take(reader._ref, ANY_STATE, limit)
    if isinstance(taken, int):
        raise DdsError(f'reading failed: {DDSException(taken)}')
    samples: Sequence[tuple[bytes, Any]] = taken
    return samples


def write(writer: Any, data: bytes | bytearray | memoryview) -> bool:
    """Send a sample.

    Args:
        writer: a DataWriter.
        data: CDR with its header of 4 bytes, padded to a multiple of 4.

    Returns:
        False if it was dropped, because readers that want everything are too far behind.

    Raises:
        DdsError: if it was not taken, because the writer is gone or the bytes are not of its type.
    """
    code = _clayer.ddspy_write(writer._ref, data)
    if code == DDSException.DDS_RETCODE_TIMEOUT:
        return False
    if code < 0:
        raise DdsError(f'sending failed: {DDSException(code)}')
    return True


def delete(*entities: Any) -> None:
    """Give DDS entities back at once, whatever else still refers to them; twice does no harm."""
    for entity in entities:
        entity.__del__()


def unsigned(handle: int) -> int:
    """An instance handle as samples and ROS give it; the wheel's lists give it with a sign."""
    return handle & 0xFFFFFFFFFFFFFFFF


def user_data(endpoint: Any) -> dict[str, str]:
    """Keys and values of the USER_DATA of a discovered participant or endpoint, as ROS writes it.

    Foreign texts are skipped, never refused: this comes from the network.
    """
    if endpoint is None or endpoint.qos is None or Policy.Userdata not in endpoint.qos:
        return {}
    text = endpoint.qos[Policy.Userdata].data.decode('utf-8', 'replace')
    pairs = (item.partition('=') for item in text.split(';'))
    return {key: value for key, equals, value in pairs if equals}
