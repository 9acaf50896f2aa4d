"""Asking a tracker to start targets, and saying what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
import time

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.messages.client import init_answer, init_request_message
from hit_rfgm_ros.nodes.host import Host
from hit_rfgm_ros.runtime.reports import InitAnswer, InitRequest

SERVICE_TYPE = 'hit_rfgm_ros/srv/InitTarget'

# Full names of the services of that type which the network shows.
Offers = Callable[[], Sequence[str]]


class CallError(HitRfgmError):
    """A tracker is not there or does not answer."""


def call_init(
    host: Host,
    tracker: str,
    request: InitRequest,
    *,
    timeout: float,
    offers: Offers | None = None,
) -> InitAnswer:
    """Call ``<tracker>/init_target``.

    Args:
        host: spun by another thread.
        tracker: name of the node, relative or full.
        request: what to start.
        timeout: seconds for finding the tracker and for its answer, both together.
        offers: looks for others that could be meant, for the error message.

    Raises:
        CallError: if the tracker is not there or does not answer.
    """
    name = f'{tracker}/init_target'
    until = time.monotonic() + timeout
    with closing(host.client(name, SERVICE_TYPE)) as client:
        if not client.wait(timeout):
            raise CallError(
                f'no node offers {host.resolve(name)} (waited {timeout:g} s); {_others(offers)}'
            )
        try:
            # Whoever was found in the last moment still gets the time of an answer.
            answer = client.call(init_request_message(request), max(until - time.monotonic(), 1.0))
        except TimeoutError as error:
            raise CallError(
                f'{host.resolve(name)} is there but did not answer in time; look at its log'
            ) from error
    return init_answer(answer)


def describe(answer: InitAnswer) -> Iterator[str]:
    """One line per box: what became of it."""
    for result in answer.results:
        if result.success:
            label = f' ({result.box_used.label})' if result.box_used.label else ''
            yield f'target {result.id}{label} {result.message}'.rstrip()
        else:
            yield f'refused, {result.reason.name}: {result.message}'


def _others(offers: Offers | None) -> str:
    names = sorted(offers()) if offers else []
    if not names:
        return (
            'is the tracker running, in this ROS_DOMAIN_ID and namespace? A node that has just '
            'been started takes a moment'
        )
    return 'these are there: ' + ', '.join(name.removesuffix('/init_target') for name in names)
