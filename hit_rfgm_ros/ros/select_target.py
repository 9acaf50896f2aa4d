"""The program `select_target`."""

from __future__ import annotations

import sys
import threading
from typing import Any

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.nodes.init_call import SERVICE_TYPE
from hit_rfgm_ros.nodes.select_target import TargetSelector
from hit_rfgm_ros.ros.bridge_codec import picture_codec
from hit_rfgm_ros.ros.plain import open_node
from hit_rfgm_ros.ros.session import session
from hit_rfgm_ros.runtime.select_params import SelectParams


def main(stop: threading.Event) -> int:
    """Take a box and send it; in the main thread, for the window's sake.

    Args:
        stop: of no use here: a signal raises KeyboardInterrupt.

    Returns:
        Exit status: 0 only if the box was accepted.
    """
    try:
        with session(sys.argv), open_node('select_target', SelectParams()) as opened:
            selector = TargetSelector(
                opened.host,
                opened.store.params,
                codec=picture_codec(opened.host),
                offers=lambda: _services(opened.node),
            )
            return selector.run()
    except HitRfgmError as error:
        sys.stderr.write(f'select_target: {error}\n')
        return 1


def _services(node: Any) -> list[str]:
    return [name for name, types in node.get_service_names_and_types() if SERVICE_TYPE in types]
