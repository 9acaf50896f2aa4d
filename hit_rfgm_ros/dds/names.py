"""Names of nodes, topics, services and types: how ROS writes them, how DDS sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import re

from hit_rfgm_ros.errors import ConfigError

DISCOVERY_TOPIC = 'ros_discovery_info'

_TOPIC, _REQUEST, _REPLY = 'rt', 'rq', 'rr'
_TOKEN = re.compile(r'[A-Za-z_][A-Za-z0-9_]*\Z')
_TYPE = re.compile(r'([a-z][a-z0-9_]*)/(msg|srv)/([A-Za-z][A-Za-z0-9_]*)\Z')
_DDS_TYPE = re.compile(r'(\w+)::(msg|srv)::dds_::(\w+)_\Z')
_LONGEST = 247  # of a DDS topic name less prefix and suffix, as rmw allows


def check_node_name(name: str) -> str:
    """A node's name: letters, digits, underscores.

    Raises:
        ConfigError: if it is none.
    """
    if not _TOKEN.match(name):
        raise ConfigError(
            f'a node name is letters, digits and underscores, no digit first; got {name!r}'
        )
    return name


def check_namespace(namespace: str) -> str:
    """A namespace with its leading slash, ``/`` for none; a trailing slash is taken off.

    Raises:
        ConfigError: if it is none.
    """
    namespace = '/' + namespace.strip('/')
    return namespace if namespace == '/' else _check_full(namespace, 'namespace')


class Names:
    """Resolves names of one node.

    Attributes:
        node: full name of the node.
    """

    def __init__(
        self, name: str, namespace: str = '', remappings: Mapping[str, str] | None = None
    ) -> None:
        """Make the resolver.

        Args:
            name: of the node.
            namespace: of the node, with or without leading slash.
            remappings: from name to name, each relative, absolute or beginning with ``~/``;
                ``__node`` and ``__ns`` replace the node's own name and namespace.

        Raises:
            ConfigError: if one of them is not valid.
        """
        remappings = dict(remappings or {})
        name = remappings.pop('__node', remappings.pop('__name', name))
        self._namespace = check_namespace(remappings.pop('__ns', namespace))
        self.name = check_node_name(name)
        self.node = _join(self._namespace, self.name)
        self._remappings = {
            self._expand(source): self._expand(target) for source, target in remappings.items()
        }

    @property
    def namespace(self) -> str:
        """With leading slash."""
        return self._namespace

    def resolve(self, name: str) -> str:
        """Full name of a topic or service, after namespace and remappings.

        Raises:
            ConfigError: if the name is not valid.
        """
        full = self._expand(name)
        return self._remappings.get(full, full)

    def _expand(self, name: str) -> str:
        if name == '~' or name.startswith('~/'):
            name = self.node + name[1:]
        elif not name.startswith('/'):
            name = _join(self._namespace, name)
        return _check_full(name, 'topic or service')


def parse_remappings(texts: Sequence[str]) -> dict[str, str]:
    """Remappings as ROS people write them, ``from:=to``.

    Raises:
        ConfigError: for a text without ``:=``.
    """
    found = {}
    for text in texts:
        source, mark, target = text.partition(':=')
        if not (mark and source and target):
            raise ConfigError(
                f'{text!r} is not FROM:=TO, like image_raw:=/camera/image_raw; '
                'a remapping is written from:=to'
            )
        found[source] = target
    return found


def check_type(type_name: str) -> str:
    """A type's name, ``package/msg/Name`` or ``package/srv/Name``.

    Raises:
        ConfigError: if it is none.
    """
    if not _TYPE.match(type_name):
        raise ConfigError(f'a type is written package/msg/Name; got {type_name!r}')
    return type_name


def dds_type(type_name: str) -> str:
    """``sensor_msgs/msg/Image`` as DDS sees it: ``sensor_msgs::msg::dds_::Image_``."""
    package, kind, name = check_type(type_name).split('/')
    return f'{package}::{kind}::dds_::{name}_'


def ros_type(dds_name: str) -> str:
    """The way back; a name that is not of ROS stays as it is."""
    match = _DDS_TYPE.match(dds_name)
    return '/'.join(match.groups()) if match else dds_name


def dds_topic(full_name: str) -> str:
    """``/a/b`` as DDS sees it: ``rt/a/b``."""
    return _TOPIC + full_name


def ros_topic(dds_name: str) -> str | None:
    """The way back; None for what is no topic of ROS."""
    return dds_name[len(_TOPIC) :] if dds_name.startswith(_TOPIC + '/') else None


def dds_service(full_name: str) -> tuple[str, str]:
    """The two DDS topics of a service: requests, replies."""
    return f'{_REQUEST}{full_name}Request', f'{_REPLY}{full_name}Reply'


def ros_service(dds_name: str) -> str | None:
    """Service of a topic of requests; None for any other topic."""
    if dds_name.startswith(_REQUEST + '/') and dds_name.endswith('Request'):
        return dds_name[len(_REQUEST) : -len('Request')]
    return None


def _join(namespace: str, name: str) -> str:
    return f'{namespace.rstrip("/")}/{name}'


def _check_full(name: str, what: str) -> str:
    tokens = name[1:].split('/')
    if not name.startswith('/') or not all(_TOKEN.match(token) for token in tokens):
        raise ConfigError(
            f'a {what} name is made of letters, digits and underscores between slashes, no part '
            f'begins with a digit, none is empty; got {name!r}'
        )
    if len(name) > _LONGEST:
        raise ConfigError(f'a {what} name has at most {_LONGEST} letters; got {len(name)}')
    return name
