"""What the network shows of nodes: names, topics, types, QoS, type hashes."""

from collections.abc import Callable
from typing import Any

from hit_rfgm_ros.messages.definitions import Definitions, load_definitions
from hit_rfgm_ros.nodes.host import QoS
from hit_rfgm_ros.runtime.reports import Endpoint
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.discovery import DISCOVERY_TYPE, discovery_reader
from hit_rfgm_ros.dds.domain import DomainSettings
from hit_rfgm_ros.dds.graph import Graph, mismatch, observe
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.wire import decode

IMAGE = 'sensor_msgs/msg/Image'
IMAGE_HASH = 'RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47'
TEXT = 'std_msgs/msg/String'
TRIGGER = 'std_srvs/srv/Trigger'

Make = Callable[..., Any]
Until = Callable[..., Any]


def test_a_look_around_sees_nodes_topics_services_and_hashes(
    make_host: Make, until: Until, new_domain: int
) -> None:
    camera = make_host('camera', namespace='front')
    camera.publisher('image_raw', IMAGE, QoS(depth=5))
    tracker = make_host('tracker')
    tracker.subscription('/front/image_raw', IMAGE, QoS(1, reliable=False), lambda _: None)
    tracker.service('~/reset', TRIGGER, lambda _: {})
    seen = until(lambda: complete(observe(0.4)))
    assert seen.nodes == ('/front/camera', '/tracker')
    assert seen.topics['/front/image_raw'] == (IMAGE,)
    assert Endpoint('/front/camera', '/front/image_raw', IMAGE, True) in seen.publishers
    assert seen.subscribers == (Endpoint('/tracker', '/front/image_raw', IMAGE, False),)
    assert seen.services == (('/tracker/reset', TRIGGER),)
    assert seen.hashes['/front/image_raw'] == {IMAGE_HASH}
    assert seen.mismatches() == ()


def named(endpoints: Any) -> Any:
    """Endpoints, once it is known whose they are: that comes a little later."""
    return endpoints if all(endpoint.node for endpoint in endpoints) else None


def complete(seen: Any) -> Any:
    """What was seen, once all of it could be seen."""
    there = len(seen.nodes) == 2 and seen.services and seen.subscribers
    return seen if there and named(seen.subscribers) and named(seen.publishers) else None


def test_every_endpoint_tells_its_type_hash_and_service(
    make_host: Make, until: Until, new_domain: int, definitions: Definitions
) -> None:
    host = make_host()
    host.service('~/x', TRIGGER, lambda _: {})
    host.client('~/y', TRIGGER)
    watcher = Participant(DomainSettings.from_environment(), definitions)
    try:
        found = {}
        for kind in ('Publication', 'Subscription'):
            topic = getattr(binding.builtin, f'BuiltinTopicDcps{kind}')
            reader = binding.builtin.BuiltinDataReader(watcher.entity, topic)
            for seen in until(lambda reader=reader: ready(reader.read(100))):
                found[kind, seen.topic_name] = binding.user_data(seen)
        request = definitions.hash(f'{TRIGGER}_Request')
        reply = definitions.hash(f'{TRIGGER}_Response')
        for name, key in (('x', 'serviceid'), ('y', 'clientid')):
            ids = set()
            kinds = ('Subscription', 'Publication')[:: 1 if name == 'x' else -1]
            for kind, topic, expected in (
                (kinds[0], f'rq/node/{name}Request', request),
                (kinds[1], f'rr/node/{name}Reply', reply),
            ):
                assert found[kind, topic]['typehash'] == expected
                ids.add(found[kind, topic][key])
            assert len(ids) == 1
            assert len(ids.pop().split('.')) == 16
        missing = [name for (_, name), data in found.items() if 'typehash' not in data]
        # DDS's own are seen within a process only.
        assert [name for name in missing if not name.startswith('DCPS')] == []
    finally:
        watcher.close()


def ready(seen: list[Any]) -> list[Any]:
    """All endpoints of other participants, once the last one made is among them."""
    names = {item.topic_name for item in seen}
    return seen if {'rq/node/yRequest', 'rr/node/yReply'} & names else []


def test_the_discovery_topic_lists_readers_and_writers(
    make_host: Make, until: Until, new_domain: int, definitions: Definitions
) -> None:
    host = make_host('tracker', namespace='cam')
    publisher = host.publisher('a', TEXT, QoS())
    subscription = host.subscription('b', TEXT, QoS(), lambda _: None)
    watcher = Participant(DomainSettings.from_environment(), definitions)
    try:
        reader = discovery_reader(watcher)

        def last(readers: int, other_than: int = 0) -> Any:
            """The newest message, once it names so many readers and another number of writers."""
            for data, _info in binding.take(reader, 100)[-1:]:
                message = decode(definitions, DISCOVERY_TYPE, data)
                (node,) = message.node_entities_info_seq
                found = len(node.reader_gid_seq), len(node.writer_gid_seq)
                return message if found[0] == readers and found[1] != other_than else None
            return None

        message = until(lambda: last(1))
        assert bytes(message.gid.data) == host.participant.guid
        (node,) = message.node_entities_info_seq
        assert (node.node_namespace, node.node_name) == ('/cam', 'tracker')
        writers = {bytes(item.data) for item in node.writer_gid_seq}
        assert publisher.writer.guid.bytes in writers
        assert {bytes(item.data) for item in node.reader_gid_seq} == {
            subscription.reader.guid.bytes
        }
        publisher.close()
        (node,) = until(lambda: last(1, len(writers))).node_entities_info_seq
        assert len(node.writer_gid_seq) == len(writers) - 1
    finally:
        watcher.close()


def test_a_node_sees_who_publishes_and_who_listens(make_host: Make, until: Until) -> None:
    make_host('camera').publisher('image_raw', IMAGE, QoS(1, reliable=False))
    host = make_host('tracker')
    host.subscription('image_raw', IMAGE, QoS(1, reliable=True), lambda _: None)
    (publisher,) = until(lambda: named(host.publishers_on('image_raw')))
    assert publisher == Endpoint('/camera', '/image_raw', IMAGE, False)
    (subscriber,) = until(lambda: named(host.subscribers_on('/image_raw')))
    assert subscriber == Endpoint('/tracker', '/image_raw', IMAGE, True)
    assert 'best effort' in mismatch(publisher, subscriber)
    assert host.publishers_on('other') == ()


def test_what_goes_is_gone_from_the_graph(make_host: Make, until: Until) -> None:
    watcher = make_host('watcher')
    camera = make_host('camera')
    publisher = camera.publisher('image_raw', IMAGE, QoS())
    camera.publisher('other', IMAGE, QoS())
    until(lambda: watcher.publishers_on('image_raw') and watcher.publishers_on('other'))
    publisher.close()
    until(lambda: not watcher.publishers_on('image_raw'))
    assert watcher.publishers_on('other')
    camera.close()
    until(lambda: not watcher.publishers_on('other'))


def test_two_types_on_a_topic_are_seen(make_host: Make, until: Until, new_domain: int) -> None:
    make_host('camera').publisher('image_raw', TEXT, QoS())
    host = make_host('tracker')
    host.subscription('image_raw', IMAGE, QoS(), lambda _: None)
    ((publisher, subscriber, reason),) = until(lambda: observe(0.2).mismatches())
    assert (publisher.type, subscriber.type) == (TEXT, IMAGE)
    assert TEXT in reason
    assert IMAGE in reason


@pytest.mark.parametrize(
    ('publisher', 'subscriber', 'meets'),
    [
        (QoS(1, False), QoS(1, False), True),
        (QoS(1, True), QoS(1, False), True),
        (QoS(1, False), QoS(1, True), False),
        (QoS(1, True, True), QoS(1, True, False), True),
        (QoS(1, True, False), QoS(1, True, True), False),
        (QoS(1, True, True), QoS(1, True, True), True),
    ],
)
def test_mismatches_are_those_of_dds(
    make_host: Make, until: Until, publisher: QoS, subscriber: QoS, meets: bool
) -> None:
    sender = make_host('a')
    made = sender.publisher('x', TEXT, publisher)
    receiver = make_host('b')
    receiver.subscription('x', TEXT, subscriber, lambda _: None)
    # A pair that fits, made after the other, tells when discovery is through.
    receiver.subscription('y', TEXT, QoS(), lambda _: None)
    through = sender.publisher('y', TEXT, QoS())
    until(through.subscribers)
    (theirs,) = until(lambda: receiver.publishers_on('x'))
    (ours,) = until(lambda: sender.subscribers_on('x'))
    assert (made.subscribers() == 1) is meets
    assert (mismatch(theirs, ours) == '') is meets


def test_strange_user_data_is_skipped(
    until: Until, new_domain: int, definitions: Definitions
) -> None:
    participant = Participant(DomainSettings.from_environment(), definitions)
    try:
        graph = Graph(participant)
        topic = participant._topic('rt/x', participant._types.message(TEXT))
        writers = [
            participant._make_writer(topic, binding.Qos(binding.Policy.Userdata(data)))
            for data in (b'\xff\xfe', b'typehash', b'=;=;;', b'typehash=\0;')
        ]
        until(lambda: len(graph.snapshot().publishers) == len(writers))
    finally:
        participant.close()


def test_nodes_of_humble_have_longer_ids(
    make_host: Make, until: Until, new_domain: int, definitions: Definitions
) -> None:
    humble = load_definitions('humble')
    host = make_host('old', definitions=humble)
    watchers = [Participant(DomainSettings.from_environment(), kind) for kind in
                (humble, definitions)]  # fmt: skip
    try:
        same, newer = map(Graph, watchers)
        until(lambda: same.snapshot().nodes == ('/old',))
        publisher = host.publisher('chatter', TEXT, QoS())
        (seen,) = until(lambda: named(same.publishers_on('/chatter')))
        assert seen.node == '/old'
        # Another distribution cannot read it: its topics are seen, its name is not.
        (seen,) = until(lambda: newer.publishers_on('/chatter'))
        assert seen.node == ''
        publisher.close()
    finally:
        for watcher in watchers:
            watcher.close()
