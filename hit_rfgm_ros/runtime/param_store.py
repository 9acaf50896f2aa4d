"""The parameters of a running node: what is set, what may be set now, who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import threading
from typing import Any, Generic, TypeVar

from hit_rfgm_ros.errors import ConfigError, HitRfgmError
from hit_rfgm_ros.runtime.parameter import Parameter, Parameters, nearest

P = TypeVar('P', bound=Parameters)

# Parameters that every ROS 2 node has; they are the middleware's, not the node's own.
SIM_TIME = Parameter('use_sim_time', False, 'Take the time from /clock.', live=True)
STANDARD = (SIM_TIME.name, 'start_type_description_service')
STANDARD_PREFIX = 'qos_overrides.'


class ParameterStore(Generic[P]):
    """Keeps the values of one node; every method may be called from any thread.

    Attributes:
        table: the rows.
        refused: parameters whose start value was bad, and why; empty once each was set.
    """

    def __init__(
        self,
        table: Mapping[str, Parameter],
        params: P,
        *,
        change: Callable[[P], None] | None = None,
        started: Callable[[], bool] | None = None,
    ) -> None:
        """Keep ``params``; see `connect` for the two functions."""
        self.table = table
        self.refused: dict[str, str] = {}
        self._params = params
        self._change = change
        self._started = started
        self._lock = threading.RLock()

    def connect(self, change: Callable[[P], None], started: Callable[[], bool]) -> None:
        """Say who hears of changes.

        Args:
            change: takes over new values; what it refuses with a `HitRfgmError` is not set.
            started: whether values that may only change before configure are in use.
        """
        with self._lock:
            self._change, self._started = change, started

    @property
    def params(self) -> P:
        """All values, as they are now."""
        return self._params

    def values(self) -> dict[str, Any]:
        """Names and values."""
        return self._params.values()

    def get(self, name: str) -> Any:
        """One value.

        Raises:
            ConfigError: if the name is unknown.
        """
        if name not in self.table:
            raise ConfigError(self._unknown(name))
        return getattr(self._params, name)

    def set(self, name: str, value: Any) -> tuple[bool, str]:
        """Set one parameter.

        Returns:
            Whether it was set, and why not.
        """
        return self.set_many({name: value})

    def set_many(self, values: Mapping[str, Any]) -> tuple[bool, str]:
        """Set several parameters, all or none of them.

        Returns:
            Whether they were set, and why not.
        """
        with self._lock:
            try:
                made = self._params.changed(values)
                self._check_start(made, values)
                if self._change is not None:
                    self._change(made)
            except HitRfgmError as error:
                return False, str(error)
            self._params = made
            for name in values:
                self.refused.pop(name, None)
            return True, ''

    def load(self, values: Mapping[str, Any]) -> list[str]:
        """Take over start values; bad ones are left out and remembered in `refused`.

        Returns:
            Warnings: one per unknown name, with the nearest known one.
        """
        own, warnings = self._known(values)
        with self._lock:
            for name, value in list(own.items()):
                try:
                    self.table[name].check(value)
                except ConfigError as error:
                    self.refused[name] = str(error)
                    del own[name]
            set_together, reason = self.set_many(own)
            if not set_together:
                self._load_fitting(own, reason)
        return warnings

    def _load_fitting(self, values: Mapping[str, Any], reason: str) -> None:
        """Set what fits of values that are fine alone but do not fit together."""
        for left_out in values:
            rest = {name: value for name, value in values.items() if name != left_out}
            if self.set_many(rest)[0]:
                self.refused[left_out] = reason
                return
        self.refused.update(dict.fromkeys(values, reason))

    def _known(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        own, warnings = {}, []
        for name, value in values.items():
            if name in self.table:
                own[name] = value
            elif name not in STANDARD and not name.startswith(STANDARD_PREFIX):
                warnings.append(f'{self._unknown(name)}; it has no effect')
        return own, warnings

    def _check_start(self, made: P, values: Mapping[str, Any]) -> None:
        """Refuse to change what was already built from."""
        if self._started is None or not self._started():
            return
        for name in values:
            old = getattr(self._params, name)
            if not self.table[name].live and getattr(made, name) != old:
                raise ConfigError(
                    f'{name} can only be changed before configure, and this node is configured '
                    f'(deactivate and clean it up first); it stays {old!r}'
                )

    def _unknown(self, name: str) -> str:
        hint = nearest(name, self.table)
        return f'unknown parameter {name!r}' + (f': {hint}' if hint else '')
