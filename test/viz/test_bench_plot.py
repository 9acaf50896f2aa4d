"""The picture of stages and percentiles."""

from pathlib import Path

import cv2
from hit_rfgm_ros.viz.bench_plot import BenchBar, BenchPlot, save_bench_plot
import numpy as np
import pytest

pytest.importorskip('matplotlib')


def bar(group: str, label: str, pace: float = 1.0, **more: object) -> BenchBar:
    fields = {
        'stages': {'crop': 0.3 * pace, 'engine': 8 * pace, 'decode': 0.4 * pace},
        'percentiles': {'p50': 9 * pace, 'p90': 10 * pace, 'p99': 14 * pace},
        'fps': 110 / pace,
        **more,
    }
    return BenchBar(group, label, **fields)


def draw(path: Path, *bars: BenchBar) -> np.ndarray:
    save_bench_plot(BenchPlot('A title', 'and more $1 of it', bars), path)
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


@pytest.mark.parametrize(
    'bars',
    [
        pytest.param((bar('a', 'fp32'),), id='one'),
        pytest.param((bar('a', 'fp32'), bar('a', 'bf16', 0.5), bar('b', 'fp32', 9)), id='groups'),
        pytest.param((bar('b', 'fp32', memory_update=5.0), bar('a', 'x')), id='memory'),
        pytest.param((bar('a', 'few frames', percentiles={'p50': 9}),), id='few-frames'),
        pytest.param((bar('a', 'openvino bf16, threads 12, targets 8, memory 256'),), id='long'),
    ],
)
def test_a_picture_comes_out(bars: tuple[BenchBar, ...], tmp_path: Path) -> None:
    picture = draw(tmp_path / 'plot.png', *bars)
    assert picture.shape[1] > 1000
    assert picture.std() > 5


def test_more_rows_make_a_higher_picture(tmp_path: Path) -> None:
    few = draw(tmp_path / 'few.png', bar('a', '1'))
    many = draw(tmp_path / 'many.png', *(bar('a', str(number)) for number in range(12)))
    assert many.shape[0] > 2 * few.shape[0]


def test_a_longer_stage_makes_a_longer_bar(tmp_path: Path) -> None:
    def blue(picture: np.ndarray) -> int:
        return int((np.abs(picture.astype(int) - (178, 114, 0)).sum(2) < 12).sum())

    short = draw(tmp_path / 'a.png', bar('a', '1', 4), bar('a', '2', 1))
    long = draw(tmp_path / 'b.png', bar('a', '1', 4), bar('a', '2', 4))
    assert blue(long) > 1.4 * blue(short)
