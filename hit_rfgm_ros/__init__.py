"""Visual tracking for robots: a box on the first frame, a box and a confidence after.

The public names are loaded on first use: importing this package loads neither torch, ROS nor
OpenCV.
Every user of the generated ``hit_rfgm_ros.msg`` imports this file, so it stays light.
"""

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

# Lets ``hit_rfgm_ros.msg`` of a sourced ROS overlay be found beside a source checkout.
__path__ = extend_path(__path__, __name__)

__version__ = '0.1.0'

if TYPE_CHECKING:
    from hit_rfgm_ros.config.models import list_models
    from hit_rfgm_ros.errors import HitRfgmError
    from hit_rfgm_ros.trackers.factory import create_tracker
    from hit_rfgm_ros.trackers.multi import MultiTargetTracker
    from hit_rfgm_ros.types import Box, TrackResult, TrackState

_HOMES = {
    'Box': 'types',
    'TrackResult': 'types',
    'TrackState': 'types',
    'HitRfgmError': 'errors',
    'MultiTargetTracker': 'trackers.multi',
    'create_tracker': 'trackers.factory',
    'list_models': 'config.models',
}

__all__ = [
    'Box',
    'HitRfgmError',
    'MultiTargetTracker',
    'TrackResult',
    'TrackState',
    '__version__',
    'create_tracker',
    'list_models',
]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)


def __dir__() -> list[str]:
    return sorted(__all__)
