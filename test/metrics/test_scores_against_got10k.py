"""The profiles `got10k` and `got10k_otb` against the installed package got10k."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
import warnings

from hit_rfgm_ros.metrics.judged import Judged
from hit_rfgm_ros.metrics.profiles import score
import numpy as np
from numpy.typing import NDArray
import pytest

SIZE = (200, 150)
TRACKER = 'ours'


@pytest.fixture(scope='module')
def experiments() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of its dependencies, on newer versions of Python
        return pytest.importorskip('got10k.experiments', reason='needs the package got10k')


def write(path: Path, rows: NDArray[np.float64], form: str = '%.3f') -> NDArray[np.float64]:
    """Write numbers as the package does, and read what it will read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt=form, delimiter=',')
    return np.loadtxt(path, delimiter=',')


def walk(chance: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """A box that wanders across the border of the picture."""
    corners = chance.uniform(20, 120, 2) + chance.normal(0, 12, (frames, 2)).cumsum(axis=0)
    sides = chance.uniform(10, 60, 2) * chance.uniform(0.8, 1.2, (frames, 2))
    return np.concatenate([corners, sides], axis=1)


def near(chance: np.random.Generator, truth: NDArray[np.float64]) -> NDArray[np.float64]:
    found = truth + chance.normal(0, 6, truth.shape)
    found[:, 2:] = np.maximum(found[:, 2:], 1)
    found[-1] = 0  # a tracker that gave up
    return found


def val_tree(root: Path, results: Path) -> list[Judged]:
    """A val set of three sequences in GOT-10k's layout, with the results of a tracker."""
    chance = np.random.default_rng(7)
    judged = []
    for number, frames in enumerate((9, 30, 4), start=1):
        name = f'GOT-10k_Val_{number:06d}'
        folder = root / 'val' / name
        cover = chance.integers(1, 9, frames)
        cover[[2, -2]] = 0
        truth = write(folder / 'groundtruth.txt', walk(chance, frames), '%.4f')
        write(folder / 'cover.label', cover, '%d')
        for label in ('absence', 'cut_by_image'):
            write(folder / f'{label}.label', cover == 0, '%d')
        (folder / 'meta_info.ini').write_text(f'[METAINFO]\nresolution: {SIZE}\n')
        for frame in range(frames):
            (folder / f'{frame + 1:08d}.jpg').touch()
        files = results / 'GOT-10k' / TRACKER / name
        predicted = write(files / f'{name}_001.txt', near(chance, truth))
        seconds = write(files / f'{name}_time.txt', chance.uniform(0, 0.1, frames), '%.8f')
        judged.append(Judged(name, truth, predicted, None, cover, SIZE, seconds))
    (root / 'val' / 'list.txt').write_text('\n'.join(one.name for one in judged) + '\n')
    return judged


def test_average_overlap_and_success_rates(experiments: ModuleType, tmp_path: Path) -> None:
    class WithoutPlot(experiments.ExperimentGOT10k):
        def plot_curves(self, *_: object) -> None:
            """Not asked for here."""

    judged = val_tree(tmp_path / 'data', tmp_path / 'results')
    experiment = WithoutPlot(
        str(tmp_path / 'data'), 'val', str(tmp_path / 'results'), str(tmp_path / 'reports')
    )
    theirs = experiment.report([TRACKER])[TRACKER]
    ours = score('got10k', judged, kind='got10k')
    overall = theirs['overall']
    assert ours.values['ao'] / 100 == pytest.approx(overall['ao'], rel=1e-14)
    assert ours.values['sr50'] / 100 == pytest.approx(overall['sr'], rel=1e-14)
    assert float(ours.printed['speed_fps']) == pytest.approx(overall['speed_fps'], rel=1e-14)
    _, curve = ours.curves['success']
    np.testing.assert_allclose(curve / 100, overall['succ_curve'], rtol=1e-14)
    for one in ours.sequences:
        values = theirs['seq_wise'][one.name]
        assert one.values['ao'] / 100 == pytest.approx(values['ao'], rel=1e-14)
        assert one.values['sr50'] / 100 == pytest.approx(values['sr'], rel=1e-14)
        assert one.frames - 1 == values['length']


def otb_tree(root: Path, results: Path) -> list[Judged]:
    """Three sequences in OTB's layout, with the results of a tracker."""
    chance = np.random.default_rng(8)
    judged = []
    for name, frames in (('Basketball', 9), ('Bolt', 30), ('Boy', 4)):
        truth = write(root / name / 'groundtruth_rect.txt', walk(chance, frames).round(), '%d')
        (root / name / 'img').mkdir()
        for frame in range(frames):
            (root / name / 'img' / f'{frame + 1:04d}.jpg').touch()
        predicted = write(results / 'OTB2013' / TRACKER / f'{name}.txt', near(chance, truth))
        judged.append(Judged(name, truth, predicted))
    return judged


def test_success_and_precision(experiments: ModuleType, tmp_path: Path) -> None:
    class WithoutPlot(experiments.ExperimentOTB):
        def __init__(self, folder: Path) -> None:
            """As the package does it, but without a download of what is not there."""
            datasets = importlib.import_module('got10k.datasets')
            self.dataset = datasets.OTB(str(folder / 'data'), 2013, download=False)
            self.result_dir = str(folder / 'results' / 'OTB2013')
            self.report_dir = str(folder / 'reports' / 'OTB2013')
            self.nbins_iou, self.nbins_ce = 21, 51

        def plot_curves(self, *_: object) -> None:
            """Not asked for here."""

    judged = otb_tree(tmp_path / 'data', tmp_path / 'results')
    experiment = WithoutPlot(tmp_path)
    theirs = experiment.report([TRACKER])[TRACKER]
    ours = score('got10k_otb', judged, kind='otb')
    overall = theirs['overall']
    assert ours.values['auc'] / 100 == pytest.approx(overall['success_score'], rel=1e-14)
    assert ours.values['precision'] / 100 == pytest.approx(overall['precision_score'], rel=1e-14)
    assert ours.values['op50'] / 100 == pytest.approx(overall['success_rate'], rel=1e-14)
    for name, key in (('success', 'success_curve'), ('precision', 'precision_curve')):
        np.testing.assert_allclose(ours.curves[name][1] / 100, overall[key], rtol=1e-14)
    for one in ours.sequences:
        values = theirs['seq_wise'][one.name]
        assert one.values['auc'] / 100 == pytest.approx(values['success_score'], rel=1e-14)
