"""Parameters that change while the node lives."""

from __future__ import annotations

from hit_rfgm_ros.config.models import keeps_memory
from hit_rfgm_ros.config.tracker import RFGM_OPTIONS
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.desk import Desk
from hit_rfgm_ros.runtime.orders import Tune
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
from hit_rfgm_ros.runtime.reports import NodeState

OPTIONS = (  # live parameters that are options of the tracker
    'uncertain_below',
    'lost_below',
    'lost_after',
    'max_scale_change',
    'widen_search',
    'freeze_when_lost',
    'min_box_size',
    'min_visible',
)
RFGM = tuple(name for name in RFGM_OPTIONS if TRACKER_TABLE[name].live)  # likewise, of RFGM alone


def change_params(desk: Desk, params: TrackerParams) -> None:
    """Take over parameters; those of the tracker reach it before the next image.

    Raises:
        ConfigError: if one changes that must not any more; then nothing is taken over.
    """
    with desk.lock:
        old, new = desk.params.values(), params.values()
        changed = {name: new[name] for name in new if new[name] != old[name]}
        configured = desk.state is not NodeState.UNCONFIGURED
        fixed = [name for name in changed if not TRACKER_TABLE[name].live]
        if fixed and configured:
            raise ConfigError(
                f'{", ".join(fixed)} can only be changed while the node is unconfigured; '
                f'it is {desk.state.value}'
            )
        desk.params = params
        remembers = keeps_memory(params.model)
        names = OPTIONS + RFGM if remembers else OPTIONS
        options = {name: changed[name] for name in names if name in changed}
        if options and configured:
            desk.orders.append(Tune(options))
            desk.lock.notify_all()
    idle = [name for name in RFGM if name in changed]
    if idle and not remembers:
        text = f'{", ".join(idle)} has no effect: {params.model} is no RFGM'
        desk.notes.once('memory', text)
