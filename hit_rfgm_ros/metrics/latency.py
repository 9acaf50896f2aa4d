"""How long a tracker takes per frame: mean, percentiles and frames per second."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.errors import MetricError
from hit_rfgm_ros.types import FloatArray
import numpy as np

PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True)
class LatencyScores:
    """Times of one frame in milliseconds.

    Attributes:
        frames: measured.
        mean, maximum: of all frames.
        p50, p90, p95, p99: percentiles; None where there are too few frames to say, see
            `frames_needed`.
        fps: frames divided by their total time; not the mean of 1 / time.
    """

    frames: int
    mean: float
    maximum: float
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    fps: float

    def summary(self) -> dict[str, float | None]:
        """Milliseconds under the names mean, p50, p90, p95, p99 and max."""
        return {
            'mean': self.mean,
            'p50': self.p50,
            'p90': self.p90,
            'p95': self.p95,
            'p99': self.p99,
            'max': self.maximum,
        }


def frames_needed(percent: int) -> int:
    """Frames from which on one lies above that percentile: 2, 10, 20, 100 for 50, 90, 95, 99."""
    return -(-100 // (100 - percent))


def latency_scores(seconds: FloatArray) -> LatencyScores:
    """Sum up measured times.

    Args:
        seconds: (N,) per frame. Leave the start out, it is no frame.

    Raises:
        MetricError: if there is no frame, or a time is no finite number of at least 0.
    """
    times = np.asarray(seconds, np.float64)
    if not len(times):
        raise MetricError('latency needs at least one measured frame, got none')
    if not (np.isfinite(times) & (times >= 0)).all() or not times.sum() > 0:
        raise MetricError('latencies must be finite, at least 0 s, and not all 0 s')
    known = {
        percent: float(np.percentile(times, percent)) * 1e3
        for percent in PERCENTILES
        if len(times) >= frames_needed(percent)
    }
    return LatencyScores(
        frames=len(times),
        mean=float(times.mean()) * 1e3,
        maximum=float(times.max()) * 1e3,
        p50=known.get(50),
        p90=known.get(90),
        p95=known.get(95),
        p99=known.get(99),
        fps=len(times) / float(times.sum()),
    )
