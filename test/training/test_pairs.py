"""Pairs: boxes are where the target is, seeds decide everything, negatives lack the target."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.errors import ConfigError, DatasetError
from hit_rfgm_ros.training.pairs import KINDS, Pair, PairConfig, PairSampler
from hit_rfgm_ros.training.photos import PhotoSet
from hit_rfgm_ros.types import ImageU8
import numpy as np
import pytest

PLAIN = PairConfig(
    shares={'paste': 1, 'rectangle': 1, 'photo': 1, 'negative': 1},
    distractors=(0, 0),
    occluder=(0, 0),
    border=(0, 0),
    appearance=(0, 0),
)


@pytest.fixture(scope='module')
def photos(photo_tree: Path) -> PhotoSet:
    return PhotoSet.load(photo_tree, part='all')


def _reddish(image: ImageU8) -> np.ndarray:
    """Where red is at least half-way from the ground to the red object's colour."""
    difference = image[..., 0].astype(int) - image[..., 1].astype(int)
    return np.asarray(difference > 95)


def _colored(image: ImageU8) -> np.ndarray:
    values = image.astype(int)
    return np.asarray(values.max(axis=-1) - values.min(axis=-1) > 85)


def _equal(a: Pair, b: Pair) -> bool:
    return (
        np.array_equal(a.search, b.search)
        and np.array_equal(a.template, b.template)
        and np.array_equal(a.box, b.box)
        and (a.present, a.kind) == (b.present, b.kind)
    )


def _draw(sampler: PairSampler, kind: str, count: int) -> list[Pair]:
    return [sampler.sample(kind) for _ in range(count)]


def _grey(pair: Pair) -> bool:
    return bool((np.ptp(pair.template.astype(int), axis=-1) <= 1).all())


@pytest.fixture(scope='module')
def only_red(photos: PhotoSet) -> PhotoSet:
    """Plain photos and the one with the red object."""
    kept = tuple(p for p in photos.photos if not p.objects or p.objects[0].label == 'red')
    (group,) = (group for group in photos.cutouts if group[0].label == 'red')
    index = next(i for i, photo in enumerate(kept) if photo.objects)
    return PhotoSet(kept, (tuple(replace(cutout, photo=index) for cutout in group),))


def _found_box(pair: Pair) -> np.ndarray | None:
    """Extent of what is red in the search region, None if it is cut off or has no colour."""
    if _grey(pair) or pair.box.min() < 0.02 or pair.box.max() > 0.98:
        return None
    rows, columns = np.nonzero(_reddish(pair.search))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize('sizes', [(256, 128), (128, 64)])
@pytest.mark.parametrize('difficulty', [0.0, 1.0])
@pytest.mark.parametrize('kind', ['paste', 'photo'])
def test_box_is_the_extent_of_the_object(
    only_red: PhotoSet, kind: str, difficulty: float, sizes: tuple[int, int]
) -> None:
    config = replace(PLAIN, search_size=sizes[0], template_size=sizes[1])
    sampler = PairSampler(only_red, config, seed=3)
    sampler.difficulty = difficulty
    ratios, shifts = [], []
    for pair in _draw(sampler, kind, 200):
        found = _found_box(pair)
        if found is not None:
            box = pair.box * sizes[0]
            assert np.abs(box - found).max() < 0.012 * sizes[0]
            ratios.append((box[2:] - box[:2]) / (found[2:] - found[:2]))
            shifts.append(0.5 * (box[2:] + box[:2] - found[2:] - found[:2]))
    assert len(ratios) > 30
    assert abs(np.mean(ratios) - 1) < 0.012
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.2  # pixels


def test_template_shows_the_object_at_half_its_side(photos: PhotoSet) -> None:
    sampler = PairSampler(photos, PLAIN, seed=2)
    for pair in _draw(sampler, 'photo', 30):
        if _grey(pair):
            continue
        rows, columns = np.nonzero(_colored(pair.template))
        size = np.sqrt((np.ptp(columns) + 1) * (np.ptp(rows) + 1))
        assert abs(size / 128 - 0.5) < 0.05
        assert abs(0.5 * (columns.min() + columns.max() + 1) / 128 - 0.5) < 0.03


@pytest.mark.parametrize('kind', ['paste', 'rectangle', 'photo', 'negative'])
def test_seed_decides_everything(photos: PhotoSet, kind: str) -> None:
    config = PairConfig(search_size=64, template_size=32)
    first, second, other = (PairSampler(photos, config, seed) for seed in (5, 5, 6))
    pairs = [_draw(sampler, kind, 6) for sampler in (first, second, other)]
    assert all(map(_equal, pairs[0], pairs[1]))
    assert not any(map(_equal, pairs[0], pairs[2]))
    first.reseed(5)
    assert all(map(_equal, pairs[0], _draw(first, kind, 6)))


def test_pairs_have_the_promised_shapes(photos: PhotoSet) -> None:
    sampler = PairSampler(photos, PairConfig(search_size=96, template_size=48), seed=0)
    kinds = set()
    for _ in range(60):
        pair = sampler.sample()
        kinds.add(pair.kind)
        assert pair.search.shape == (96, 96, 3)
        assert pair.template.shape == (48, 48, 3)
        assert pair.search.dtype == pair.template.dtype == np.uint8
        assert pair.search.flags.c_contiguous
        assert pair.template.flags.c_contiguous
        assert pair.box.dtype == np.float32
        assert (pair.box[2:] > pair.box[:2]).all()
        assert pair.present == (pair.kind != 'negative')
    assert kinds == {'paste', 'rectangle', 'photo', 'negative'}


def test_negatives_lack_the_target(photos: PhotoSet) -> None:
    sampler = PairSampler(photos, replace(PLAIN, distractors=(1, 1)), seed=4)
    centre = slice(56, 72)
    red = 0
    for pair in _draw(sampler, 'negative', 400):
        assert not pair.present
        if _reddish(pair.template)[centre, centre].mean() > 0.5:  # the one red object is wanted
            red += 1
            assert not _reddish(pair.search).any()
    assert red > 15


def test_positive_pastes_hold_the_target(photos: PhotoSet) -> None:
    sampler = PairSampler(photos, replace(PLAIN, distractors=(1, 1)), seed=4)
    centre = slice(60, 68)
    red = 0
    for pair in _draw(sampler, 'paste', 300):
        if _reddish(pair.template)[centre, centre].mean() > 0.5:
            x1, y1, x2, y2 = np.clip(np.round(pair.box * 256), 0, 256).astype(int)
            visible = _reddish(pair.search)
            assert visible[y1:y2, x1:x2].mean() > 0.3
            visible[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = False
            assert not visible.any()
            red += 1
    assert red > 10


def test_difficulty_widens_the_spread_of_sizes(photos: PhotoSet) -> None:
    sampler = PairSampler(photos, replace(PLAIN, search_size=64, template_size=32), seed=0)
    spread = []
    for difficulty in (0.0, 1.0):
        sampler.difficulty = difficulty
        boxes = np.stack([pair.box for pair in _draw(sampler, 'photo', 200)])
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        spread.append(np.log(np.sqrt(areas)).std())
    assert spread[0] == pytest.approx(0.1 / np.sqrt(2), rel=0.25)  # half the sum of two draws
    assert spread[1] == pytest.approx(0.5 / np.sqrt(2), rel=0.25)


@pytest.mark.parametrize('value', [-0.1, 1.1, float('nan')])
def test_difficulty_outside_its_range_is_refused(photos: PhotoSet, value: float) -> None:
    sampler = PairSampler(photos, PLAIN, seed=0)
    with pytest.raises(ConfigError, match=r'difficulty must lie in \[0, 1\]'):
        sampler.difficulty = value


@pytest.mark.parametrize(
    ('shares', 'message'),
    [
        pytest.param({'pasted': 1.0}, 'unknown kinds', id='unknown'),
        pytest.param({'paste': 0.0}, 'not be negative nor all 0', id='zero'),
        pytest.param({'paste': -1.0, 'photo': 2.0}, 'not be negative', id='negative'),
    ],
)
def test_bad_shares_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PairConfig(shares=shares)


@pytest.mark.parametrize('kind', ['paste', 'photo', 'video'])
def test_kind_without_data_is_refused(photos: PhotoSet, kind: str) -> None:
    bare = PhotoSet(tuple(photo for photo in photos.photos if not photo.objects), ())
    with pytest.raises(DatasetError, match=f"pairs of kind '{kind}'"):
        PairSampler(bare, PairConfig(shares={kind: 1.0}), seed=0)


def test_unlabelled_photos_alone_serve_rectangles_and_negatives(photos: PhotoSet) -> None:
    bare = PhotoSet(tuple(photo for photo in photos.photos if not photo.objects), ())
    config = PairConfig(shares={'rectangle': 1.0, 'negative': 1.0})
    kinds = {PairSampler(bare, config, seed).sample().kind for seed in range(12)}
    assert kinds == {'rectangle', 'negative'}


def test_video_pairs_follow_the_ground_truth(photos: PhotoSet, tmp_path: Path) -> None:
    folder = tmp_path / 'moving'
    folder.mkdir()
    lines: list[str] = []
    for index in range(10):
        image = np.full((200, 300, 3), 60, np.uint8)
        x, y = 40 + 15 * index, 60 + 4 * index
        image[y : y + 24, x : x + 36] = (40, 40, 230)  # red in OpenCV's order
        cv2.imwrite(str(folder / f'{index + 1:06d}.jpg'), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
        lines.append('nan,nan,nan,nan' if index == 5 else f'{x},{y},36,24')
    (folder / 'groundtruth.txt').write_text('\n'.join(lines), encoding='utf-8')
    config = replace(PLAIN, shares={'video': 1.0}, max_gap=4)
    sampler = PairSampler(photos, config, 0, videos=open_dataset('folder', tmp_path).sequences)
    _assert_red_boxes(_draw(sampler, 'video', 60))


def _assert_red_boxes(pairs: Sequence[Pair]) -> None:
    checked = 0
    for pair in pairs:
        found = _found_box(pair)
        if found is not None:
            scale = 256 * (pair.box[2] - pair.box[0]) / 36  # crop pixels per video pixel
            assert np.abs(pair.box * 256 - found).max() < max(1.5, scale)
            checked += 1
    assert checked > 10


def test_all_kinds_are_known() -> None:
    assert set(PairConfig().shares) <= set(KINDS)
    assert PairConfig().shares.get('video', 0) == 0  # videos are for validation unless asked for
