"""`create_tracker`: the one door from names to a tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hit_rfgm_ros.trackers.frames import check_color
from hit_rfgm_ros.trackers.parts import make_parts
from hit_rfgm_ros.trackers.single import SingleTargetTracker


def create_tracker(
    model: str,
    *,
    weights: str | Path | None = None,
    backend: str = 'auto',
    device: str = 'auto',
    precision: str = 'auto',
    paper_mode: bool = False,
    fps: float = 30.0,
    color: str = 'rgb',
    threads: int = 0,
    **options: Any,
) -> SingleTargetTracker:
    """Build a tracker of one target.

    Args:
        model: name as in `list_models`.
        weights: a weights file; None takes the user's, then those of the package; ``'random'``
            gives seeded random weights, for benchmarks and tests.
        backend: ``auto``, ``onnxruntime``, ``openvino``, ``torch`` or ``tensorrt``.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        paper_mode: the official algorithm and nothing else.
        fps: frames per second assumed where no stamps are given.
        color: order of the frames' channels, ``rgb`` or ``bgr``.
        threads: of the CPU per call; 0 leaves it to the back end.
        **options: the other fields of `TrackerConfig`.

    Raises:
        ConfigError: if a name or a value is not known, or the network lacks what an option
            needs.
        WeightsError: if there are no weights, with the way to get them, or they do not fit.
        EngineError: if no back end can run the model here.
    """
    check_color(color)
    parts = make_parts(
        model,
        weights=weights,
        backend=backend,
        device=device,
        precision=precision,
        threads=threads,
        options={'paper_mode': paper_mode, 'fps': fps, **options},
    )
    return SingleTargetTracker(
        parts.engine, parts.config, parts.options, parts.calibration, color=color
    )
