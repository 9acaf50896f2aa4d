"""The interface definitions, read once: ROS's own, this package's, and messages made of them.

rosbags brings the messages of each ROS distribution and the wire format (CDR). It has no services
and no vision_msgs: those that are needed lie as field lists in ``share/interfaces``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
import logging
import os
from pathlib import Path
import struct
from typing import Any

from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.errors import ConfigError, HitRfgmError
from hit_rfgm_ros.messages.fields import Makers
from hit_rfgm_ros.optional import require

DISTROS = ('humble', 'iron', 'jazzy', 'kilted', 'lyrical')
DEFAULT_DISTRO = 'jazzy'

_PACKAGE = 'hit_rfgm_ros'
_log = logging.getLogger(__name__)


class MessageError(HitRfgmError):
    """Bytes are no message of the type that they should be, or fields do not fit a type."""


class Definitions:
    """All message and service types of one ROS distribution, with this package's own.

    Type names are ``package/msg/Name``; the two halves of a service are
    ``package/srv/Name_Request`` and ``package/srv/Name_Response``.

    Attributes:
        distro: whose definitions these are.
        typestore: rosbags' `Typestore`, for what goes beyond the methods here.
    """

    def __init__(self, distro: str, typestore: Any) -> None:
        self.distro = distro
        self.typestore = typestore
        self._makers = Makers(typestore)
        self._hashes: dict[str, str] = {}

    def __contains__(self, type_name: str) -> bool:
        return type_name in self.typestore.types

    def message(self, type_name: str) -> Any:
        """The class of a message; its attributes are the fields, numeric arrays are numpy's.

        Raises:
            ConfigError: if the type is not known.
        """
        self._check(type_name)
        return self.typestore.types[type_name]

    def request(self, service: str) -> Any:
        """The class of a service's request; its name is in ``__msgtype__``."""
        return self.message(f'{service}_Request')

    def response(self, service: str) -> Any:
        """The class of a service's response; its name is in ``__msgtype__``."""
        return self.message(f'{service}_Response')

    def fields(self, type_name: str) -> list[tuple[str, Any]]:
        """Names and rosbags descriptions of a type's fields, in the order of the wire."""
        self._check(type_name)
        return list(self.typestore.fielddefs[type_name][1])

    def hash(self, type_name: str) -> str:
        """Type hash as ROS computes it, ``RIHS01_`` and 64 hexadecimal digits."""
        if type_name not in self._hashes:
            self._check(type_name)
            self._hashes[type_name] = self.typestore.hash_rihs01(type_name)
        return self._hashes[type_name]

    def from_fields(self, type_name: str, fields: Mapping[str, Any]) -> Any:
        """Make a message; fields that are missing take the default of their type.

        Numeric arrays may be given as numpy arrays, bytes or sequences; contiguous arrays of the
        right type are taken as they are, without a copy.

        Raises:
            MessageError: if a field is unknown or its value does not fit.
            ConfigError: if the type is not known.
        """
        self._check(type_name)
        try:
            return self._makers(type_name)(fields)
        except ValueError as error:
            raise MessageError(f'{type_name}: {error}') from error

    def serialize(self, type_name: str, message: Any) -> bytes:
        """Bytes of a message on the wire: CDR with its header of 4 bytes.

        Args:
            type_name: of the message.
            message: an object of its class, or a mapping for `from_fields`.

        Raises:
            MessageError: if a value does not fit its field.
            ConfigError: if the type is not known.
        """
        if isinstance(message, Mapping):
            message = self.from_fields(type_name, message)
        self._check(type_name)
        try:
            return bytes(self.typestore.serialize_cdr(message, type_name))
        except _unusable() as error:
            raise MessageError(f'a {type_name} cannot be sent: {error}') from error

    def deserialize(self, type_name: str, data: bytes | bytearray | memoryview) -> Any:
        """The message in bytes; its numeric arrays are views of them.

        Raises:
            MessageError: if the bytes are damaged or of another type.
            ConfigError: if the type is not known.
        """
        self._check(type_name)
        try:
            return self.typestore.deserialize_cdr(memoryview(data), type_name)
        except _unusable() as error:
            raise MessageError(f'{len(data)} bytes are no {type_name}: {error}') from error

    def _check(self, type_name: str) -> None:
        if type_name not in self.typestore.types:
            raise ConfigError(
                f'type {type_name!r} is not known to ROS 2 {self.distro} as read here; names are '
                f'package/msg/Name, package/srv/Name_Request, package/srv/Name_Response'
            )


def load_definitions(distro: str | None = None) -> Definitions:
    """Definitions of a ROS distribution; read once and shared.

    Args:
        distro: one of `DISTROS`; without it the environment's ROS_DISTRO if that is one, else
            jazzy.

    Raises:
        ConfigError: if the distribution is not known.
        MissingDependencyError: if rosbags is not installed.
    """
    if distro is None:
        distro = os.environ.get('ROS_DISTRO') or DEFAULT_DISTRO
        if distro not in DISTROS:
            _log.warning(
                'ROS_DISTRO is %r; the definitions of %s are used instead', distro, DEFAULT_DISTRO
            )
            distro = DEFAULT_DISTRO
    if distro not in DISTROS:
        raise ConfigError(f'distro must be one of {", ".join(DISTROS)}; got {distro!r}')
    return _load(distro)


@cache
def _load(distro: str) -> Definitions:
    typesys = _rosbags('rosbags.typesys')
    typestore = typesys.get_typestore(typesys.Stores(f'ros2_{distro}'))
    found: dict[str, Any] = {}
    for type_name, text in interface_texts():
        found.update(_parsed(typesys.get_types_from_msg, type_name, text))
    typestore.register(found)
    _spell_chars(typestore)
    return Definitions(distro, typestore)


def _spell_chars(typestore: Any) -> None:
    """Write ``char`` as ``uint8``, which it is in a .msg: the type hash counts it as that.

    rosbags hashes it as a type of its own, and so rmw_dds_common/msg/Gid for one gets another
    hash than in ROS. On the wire both are one byte.
    """
    for name, (constants, fields) in typestore.fielddefs.items():
        spelt = [(field, _without_char(description)) for field, description in fields]
        if spelt != fields:
            typestore.fielddefs[name] = (constants, spelt)


def _without_char(description: Any) -> Any:
    kind, detail = description
    if detail == ('char', 0):
        return kind, ('uint8', 0)
    if isinstance(detail, tuple) and isinstance(detail[0], tuple):
        return kind, (_without_char(detail[0]), detail[1])
    return description


def interface_texts() -> Iterator[tuple[str, str]]:
    """Name and text of each .msg and .srv that comes with this package.

    Names are ``package/msg/Name`` and ``package/srv/Name``.
    """
    own = ((_PACKAGE, kind, share_folder(kind)) for kind in ('msg', 'srv'))
    others = (
        (folder.parent.name, folder.name, folder)
        for folder in sorted(share_folder('interfaces').glob('*/*'))
    )
    for package, kind, folder in (*own, *others):
        for path in sorted(Path(folder).glob(f'*.{kind}')):
            yield f'{package}/{kind}/{path.stem}', path.read_text(encoding='utf-8')


def split_service(text: str) -> tuple[str, str]:
    """Request and response of the text of an .srv file.

    Raises:
        ConfigError: if there is not exactly one line ``---``.
    """
    lines = text.splitlines(keepends=True)
    marks = [number for number, line in enumerate(lines) if line.strip() == '---']
    if len(marks) != 1:
        raise ConfigError(f'an .srv file has one line ---; this one has {len(marks)}')
    return ''.join(lines[: marks[0]]), ''.join(lines[marks[0] + 1 :])


def _parsed(parse: Callable[[str, str], dict[str, Any]], name: str, text: str) -> dict[str, Any]:
    """Types of one file, under the names that ROS gives them."""
    if '/msg/' in name:
        return parse(text, name)
    halves = zip(('Request', 'Response'), split_service(text))
    # rosbags knows messages only and would file a request under package/srv/msg/.
    return {
        f'{name}_{half}': definition
        for half, part in halves
        for definition in parse(part, f'{name}_{half}').values()
    }


@cache
def _unusable() -> tuple[type[Exception], ...]:
    """What rosbags and struct raise for bytes and values that do not fit."""
    errors = _rosbags('rosbags.serde')
    return (errors.SerdeError, struct.error, ValueError, TypeError, AttributeError, IndexError)


def _rosbags(module: str) -> Any:
    return require(module, extra='dds', purpose='messages without ROS')
