"""Engines that the nodes of one process share: several cameras, one network in memory."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import NamedTuple
from weakref import WeakValueDictionary

from hit_rfgm_ros.engines.base import BaseEngine


class EngineKey(NamedTuple):
    """What makes two engines interchangeable.

    Attributes:
        model: name of the network.
        weights: sha256 of the file, or what else names them.
        backend, device, precision: as asked for.
        threads: of a CPU back end.
        max_batch: largest batch.
        relevance_stages: of an RFGM, -1 for those that the weights have.
    """

    model: str
    weights: str
    backend: str
    device: str
    precision: str
    threads: int
    max_batch: int
    relevance_stages: int = -1


class SharedEngines:
    """Gives the same engine for the same key as long as somebody holds it.

    Nothing is kept here: with its last tracker an engine goes, and its memory with it. An engine
    may be run by several threads; its calls go one after the other.
    """

    def __init__(self) -> None:
        self._engines: WeakValueDictionary[EngineKey, BaseEngine] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(
        self, key: EngineKey, build: Callable[[], BaseEngine], *, rebuild: bool = False
    ) -> BaseEngine:
        """The engine of a key, built if nobody holds one; two callers never build at a time.

        Args:
            key: of the engine.
            build: makes it; what it raises is passed on.
            rebuild: build it even if somebody holds one, who keeps his.
        """
        with self._lock:
            engine = None if rebuild else self._engines.get(key)
            if engine is None:
                engine = self._engines[key] = build()
            return engine

    def __len__(self) -> int:
        return len(self._engines)


ENGINES = SharedEngines()
