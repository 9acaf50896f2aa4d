"""The picture of a whole track."""

from pathlib import Path

import cv2
from hit_rfgm_ros.types import TrackState
from hit_rfgm_ros.viz.plot import TrackPlot, save_plot
import numpy as np
import pytest

pytest.importorskip('matplotlib')


def track(
    count: int, *, truth: bool = True, confidence: bool = True, frames: int = 3
) -> TrackPlot:
    overlap = np.linspace(0.9, 0.5, count)
    overlap[count // 3 : count // 2] = np.nan
    states = [TrackState.TRACKING] * (count - count // 3) + [TrackState.LOST] * (count // 3)
    return TrackPlot(
        title='A title',
        subtitle='and more',
        times=np.arange(count) / 30,
        confidence=np.linspace(0.1, 1, count) if confidence else np.full(count, np.nan),
        states=states,
        overlap=overlap if truth else None,
        strip=[(k / 30, np.full((48, 64, 3), 60 * k, np.uint8)) for k in range(frames)],
    )


@pytest.mark.parametrize(
    'plot',
    [
        pytest.param(track(60), id='all'),
        pytest.param(track(60, truth=False), id='no-truth'),
        pytest.param(track(60, truth=False, confidence=False), id='states-only'),
        pytest.param(track(1, frames=1), id='one-frame'),
        pytest.param(track(60, frames=0), id='no-key-frames'),
    ],
)
def test_a_picture_comes_out(plot: TrackPlot, tmp_path: Path) -> None:
    save_plot(plot, tmp_path / 'plot.png')
    picture = cv2.imread(str(tmp_path / 'plot.png'))
    assert picture is not None
    assert picture.shape[1] > 2 * 480
    assert picture.std() > 5


def test_other_formats_go_by_the_suffix(tmp_path: Path) -> None:
    save_plot(track(20), tmp_path / 'plot.svg')
    assert '<svg' in (tmp_path / 'plot.svg').read_text(encoding='utf-8')
