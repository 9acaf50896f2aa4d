"""Activation ranges for int8, measured on real crops with ONNX Runtime."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hit_rfgm_ros.config.hit import HiTConfig
from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.engines.graphs import watched_graph
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.types import Array, ImageU8
import numpy as np
import onnxruntime as ort

_TEMPLATES = 3  # in a full memory


def collect_ranges(
    config: ModelConfig,
    tensors: Mapping[str, Array],
    crops: Iterable[tuple[ImageU8, ImageU8]],
) -> dict[str, tuple[float, float]]:
    """Smallest and largest input of every layer that int8 replaces.

    Args:
        config: the network; an RFGM sees each search region with the pair's template alone, and
            with those of the two pairs before as well.
        tensors: its state dict under official keys.
        crops: (search, template) pairs, uint8 RGB, (256, 256, 3) and (128, 128, 3). Some dozens
            will do; clipping the outermost values changed nothing measurable.

    Returns:
        (lowest, highest) by the layer's label, to be given to `graphs.build_graphs`; JSON of
        it belongs into the weights' metadata under ``ranges``.

    Raises:
        EngineError: if there are no crops.
    """
    graphs, watched = watched_graph(config, tensors)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    template_run, track_run = (
        ort.InferenceSession(
            graphs[name].SerializeToString(), options, providers=['CPUExecutionProvider']
        )
        for name in ('template', 'track')
    )
    lows: dict[str, list[float]] = {}
    highs: dict[str, list[float]] = {}
    names = sorted(set(watched.values()))
    recent: deque[Array] = deque(maxlen=_TEMPLATES)
    for search, template in crops:
        recent.appendleft(template_run.run(None, {'template': template[None]})[0])
        for given in _inputs(config, search[None], recent):
            for name, value in zip(names, track_run.run(names, given)):
                lows.setdefault(name, []).append(float(value.min()))
                highs.setdefault(name, []).append(float(value.max()))
    if not lows:
        raise EngineError('there are no crops to measure activation ranges on: give some dozens')
    return {label: (min(lows[name]), max(highs[name])) for label, name in watched.items()}


def _inputs(
    config: ModelConfig, search: ImageU8, recent: Sequence[Array]
) -> Iterator[dict[str, Array]]:
    """What ``track`` is given with the templates, the newest of which stands first."""
    if isinstance(config, HiTConfig):
        yield {'search': search, 'template_tokens': recent[0]}
        return
    yield {'search': search, 'memory': recent[0]}
    if len(recent) == _TEMPLATES:
        yield {'search': search, 'memory': np.concatenate(recent, 1)}
