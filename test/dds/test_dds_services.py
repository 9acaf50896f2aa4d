"""Services on the wire: answers, time-outs, late and dead servers, many fresh clients."""

from collections.abc import Callable
import threading
import time
from typing import Any

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.messages.definitions import Definitions, MessageError
import numpy as np
import pytest

pytest.importorskip('cyclonedds', reason='needs the extra dds (Cyclone DDS)')

from hit_rfgm_ros.dds import binding
from hit_rfgm_ros.dds.domain import DomainSettings
from hit_rfgm_ros.dds.participant import Participant
from hit_rfgm_ros.dds.qos import SERVICE_QOS
from hit_rfgm_ros.dds.wire import LARGEST_CALL, CallId, encode

TRIGGER = 'std_srvs/srv/Trigger'
BOOL = 'std_srvs/srv/SetBool'
REMOVE = 'hit_rfgm_ros/srv/RemoveTarget'

Make = Callable[..., Any]
Until = Callable[..., Any]


def echo(request: Any) -> dict[str, Any]:
    return {'success': request.data, 'message': 'heard'}


def test_a_call_is_answered(make_host: Make) -> None:
    make_host('server').service('~/set', BOOL, echo)
    client = make_host('client').client('/server/set', BOOL)
    assert client.wait(5.0)
    for value in (True, False):
        answer = client.call({'data': value}, 5.0)
        assert (answer.success, answer.message) == (value, 'heard')


def test_arrays_come_through(make_host: Make) -> None:
    make_host('server').service(
        '~/remove', REMOVE, lambda request: {'removed': request.ids[::-1], 'unknown': [7]}
    )
    client = make_host('client').client('/server/remove', REMOVE)
    answer = client.call({'ids': np.arange(5)}, 5.0)
    assert answer.removed.tolist() == [4, 3, 2, 1, 0]
    assert answer.unknown.tolist() == [7]


def test_twenty_five_fresh_clients_lose_nothing(make_host: Make) -> None:
    make_host('server').service('~/set', BOOL, echo)
    host = make_host('client')
    for number in range(25):
        client = host.client('/server/set', BOOL)
        assert client.call({'data': number % 2 == 0}, 5.0).success == (number % 2 == 0)
        client.close()


def test_clients_of_one_service_get_their_own_answers(make_host: Make) -> None:
    make_host('server').service('~/remove', REMOVE, lambda request: {'removed': request.ids})
    clients = [make_host(f'client_{n}').client('/server/remove', REMOVE) for n in range(3)]
    wrong: list[Any] = []

    def use(client: Any, number: int) -> None:
        for k in range(20):
            wanted = [number, k]
            if client.call({'ids': wanted}, 10.0).removed.tolist() != wanted:
                wrong.append(wanted)

    threads = [threading.Thread(target=use, args=pair) for pair in zip(clients, range(3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_server_is_a_time_out(make_host: Make) -> None:
    client = make_host().client('nobody', TRIGGER)
    began = time.monotonic()
    assert not client.wait(0.1)
    with pytest.raises(TimeoutError, match='no server of /nobody'):
        client.call({}, 0.2)
    assert time.monotonic() - began < 1.0


def test_a_late_server_is_waited_for(make_host: Make) -> None:
    client = make_host('client').client('/server/x', TRIGGER)
    server = make_host('server')
    starter = threading.Timer(
        0.2, lambda: server.service('~/x', TRIGGER, lambda _: {'success': True})
    )
    starter.start()
    assert client.call({}, 5.0).success
    starter.join()


def test_a_server_that_goes_is_seen(make_host: Make, until: Until) -> None:
    service = make_host('server').service('~/x', TRIGGER, lambda _: {'success': True})
    client = make_host('client').client('/server/x', TRIGGER)
    assert client.wait(5.0)
    service.close()
    until(lambda: not client.wait(0.0))


def test_a_failing_server_is_a_time_out_and_goes_on(
    make_host: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: Any) -> dict[str, Any]:
        if request.data:
            raise ZeroDivisionError('of the test')
        return {'message': 'fine'}

    make_host('server').service('~/set', BOOL, answer)
    client = make_host('client').client('/server/set', BOOL)
    assert client.wait(5.0)
    with pytest.raises(TimeoutError, match='no answer'):
        client.call({'data': True}, 0.3)
    assert 'ZeroDivisionError' in caplog.text
    assert client.call({'data': False}, 5.0).message == 'fine'


def test_a_call_in_a_callback_is_refused(make_host: Make, until: Until) -> None:
    host = make_host()
    client = host.client('nobody', TRIGGER)
    seen: list[Exception] = []

    def call() -> None:
        try:
            client.call({}, 1.0)
        except RuntimeError as error:
            seen.append(error)

    timer = host.timer(0.01, call)
    until(lambda: seen)
    timer.close()
    assert 'callback' in str(seen[0])


def test_bad_fields_are_refused_at_the_client(make_host: Make) -> None:
    make_host('server').service('~/set', BOOL, echo)
    client = make_host('client').client('/server/set', BOOL)
    with pytest.raises(MessageError, match='dat'):
        client.call({'dat': True}, 5.0)


def test_a_request_too_large_is_not_read(
    make_host: Make, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Any] = []
    host = make_host('server')
    host.service('~/remove', REMOVE, lambda request: asked.append(request) or {})
    client = make_host('client').client('/server/remove', REMOVE)
    assert client.wait(5.0)
    with pytest.raises(TimeoutError):
        client.call({'ids': np.zeros(LARGEST_CALL // 4, np.uint32)}, 0.5)
    assert not asked
    assert '/server/remove' in caplog.text
    client.call({'ids': [1]}, 5.0)
    assert len(asked) == 1


class BareClient:
    """The requesting half of a client alone, on a participant of its own."""

    def __init__(self, domain: int, definitions: Definitions, mark: str) -> None:
        settings = DomainSettings.from_environment(domain_id=domain)
        self.participant = Participant(settings, definitions)
        requests, self.replies = self.participant._service_topics('/server/x', TRIGGER)
        self._policies = self.participant._call_policies
        self.mark = mark
        self.writer = self._make(binding.pub.DataWriter, requests, 'Request')
        self.definitions = definitions

    def listen(self) -> Any:
        return self._make(binding.sub.DataReader, self.replies, 'Response')

    def send(self) -> None:
        call = CallId(binding.unsigned(self.writer.get_instance_handle()), 1).packed()
        binding.write(self.writer, encode(self.definitions, f'{TRIGGER}_Request', {}, call))

    def _make(self, kind: Any, topic: Any, half: str) -> Any:
        qos = self._policies(SERVICE_QOS, self.mark, f'{TRIGGER}_{half}')
        return kind(self.participant.entity, topic, qos=qos)


def test_a_reply_waits_for_its_reader(
    make_host: Make, until: Until, new_domain: int, definitions: Definitions
) -> None:
    host = make_host('server')
    asked: list[Any] = []
    host.service('~/x', TRIGGER, lambda _: asked.append(1) or {'success': True})
    client = BareClient(new_domain, definitions, 'clientid=1.2.3;')
    try:
        until(client.writer.get_matched_subscriptions)
        client.send()
        until(lambda: asked)
        # The server has answered, but nobody listens yet: the answer must not be lost.
        reader = client.listen()
        ((data, _info),) = until(lambda: binding.take(reader, 1))
        assert len(data) > 20
    finally:
        client.participant.close()


def test_a_client_that_never_listens_holds_nothing_up(
    make_host: Make, until: Until, new_domain: int, definitions: Definitions,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    host = make_host('server')
    ticks: list[float] = []
    asked: list[int] = []
    host.service('~/x', TRIGGER, lambda _: asked.append(len(ticks)) or {'success': True})
    host.timer(0.01, lambda: ticks.append(time.monotonic()))
    client = BareClient(new_domain, definitions, 'clientid=1.2.3;')
    try:
        until(client.writer.get_matched_subscriptions)
        client.send()
        until(lambda: 'dropped' in caplog.text)
        # The node went on with other things between the request and giving up.
        assert len(ticks) >= asked[0] + 3
    finally:
        client.participant.close()


def test_a_client_without_id_is_answered_at_once(
    make_host: Make, until: Until, new_domain: int, definitions: Definitions
) -> None:
    make_host('server').service('~/x', TRIGGER, lambda _: {'success': True})
    client = BareClient(new_domain, definitions, '')
    try:
        reader = client.listen()
        until(lambda: client.writer.get_matched_subscriptions() and reader.matched_pub)
        client.send()
        until(lambda: binding.take(reader, 1))
    finally:
        client.participant.close()


def test_a_refusing_server_is_heard_in_the_log(
    make_host: Make, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(_request: Any) -> dict[str, Any]:
        raise HitRfgmError('not today')

    make_host('server').service('~/x', TRIGGER, answer)
    client = make_host('client').client('/server/x', TRIGGER)
    with pytest.raises(TimeoutError):
        client.call({}, 0.3)
    until(lambda: 'not today' in caplog.text)
