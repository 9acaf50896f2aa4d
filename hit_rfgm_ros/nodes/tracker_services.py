"""The services of the tracker node; they answer at once, in every state."""

from __future__ import annotations

from typing import Any

from hit_rfgm_ros.messages.reports import done_response, init_response, remove_response
from hit_rfgm_ros.messages.requests import init_request, remove_ids
from hit_rfgm_ros.nodes.host import Closable, Fields, Host
from hit_rfgm_ros.nodes.init_log import InitLog
from hit_rfgm_ros.runtime.logic import TrackerLogic


def offer_services(host: Host, logic: TrackerLogic, init_log: InitLog) -> list[Closable]:
    """Offer `~/init_target`, `~/remove_target`, `~/pause` and `~/reset_memory`."""

    def init_target(request: Any) -> Fields:
        answer = logic.init_targets(init_request(request))
        init_log.answered(answer, 'init_target')
        return init_response(answer)

    def remove_target(request: Any) -> Fields:
        answer = logic.remove_targets(remove_ids(request))
        host.log.info('remove_target: %s', answer.message)
        return remove_response(answer)

    def pause(request: Any) -> Fields:
        return done_response(*logic.pause(bool(request.data)))

    def reset_memory(_request: Any) -> Fields:
        return done_response(*logic.reset_memory())

    return [
        host.service('~/init_target', 'hit_rfgm_ros/srv/InitTarget', init_target),
        host.service('~/remove_target', 'hit_rfgm_ros/srv/RemoveTarget', remove_target),
        host.service('~/pause', 'std_srvs/srv/SetBool', pause),
        host.service('~/reset_memory', 'std_srvs/srv/Trigger', reset_memory),
    ]
