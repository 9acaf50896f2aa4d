"""Composed scenes: frames, truth, chance."""

from dataclasses import replace

from hit_rfgm_ros.data.cutout import cut_out
from hit_rfgm_ros.data.path import Waypoint
from hit_rfgm_ros.data.scene import Effects, Layer, Scene
from hit_rfgm_ros.data.scene_presets import PRESETS, SceneConfig, compose_scene
from hit_rfgm_ros.errors import ConfigError
import numpy as np
import pytest

QUIET = Effects(shake=0, noise=0)
GREY = np.full((120, 160, 3), 90, np.uint8)
WHITE = np.full((60, 60, 3), 255, np.uint8)
SQUARE = cut_out(WHITE, [(10, 10), (50, 10), (50, 50), (10, 50)], feather=0.4)
WALL = cut_out(np.zeros((200, 60, 3), np.uint8), [(0, 0), (60, 0), (60, 200), (0, 200)])


def plain_scene(*path: Waypoint, before: tuple[Layer, ...] = ()) -> Scene:
    """A white square before grey."""
    return Scene(
        name='test',
        background=GREY,
        camera=(Waypoint(0, 80, 60, 160),),
        target=Layer(SQUARE, path),
        before=before,
        effects=QUIET,
        size=(160, 120),
        length=31,
    )


def bright_box(frame: np.ndarray) -> list[float]:
    """Box of the white pixels."""
    rows, columns = np.nonzero(frame[..., 0] > 200)
    return [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


@pytest.mark.parametrize('size', [20, 40, 55])
@pytest.mark.parametrize('angle', [0, 17, 90])
def test_box_encloses_what_is_drawn(size: float, angle: float) -> None:
    scene = plain_scene(Waypoint(0, 81.3, 58.6, size, angle))
    np.testing.assert_allclose(bright_box(scene.frame(0)), scene.boxes[0], atol=2.0)
    x, y, width, height = scene.boxes[0]
    assert (x + width / 2, y + height / 2) == pytest.approx((81.3, 58.6))
    assert width == pytest.approx(
        size * (abs(np.cos(np.radians(angle))) + abs(np.sin(np.radians(angle))))
    )


def test_share_counts_what_lies_in_the_picture() -> None:
    scene = plain_scene(Waypoint(0, 0, 60, 40), Waypoint(1, -100, 60, 40))
    assert scene.shares[0] == pytest.approx(0.5, abs=0.02)
    assert scene.shares[-1] == 0
    assert not scene.visible[-1]
    assert np.isnan(scene.truth[-1]).all()
    assert not (scene.frame(30) > 200).any()


def test_truth_is_the_part_of_the_box_in_the_picture() -> None:
    scene = plain_scene(Waypoint(0, 5, 60, 40))
    np.testing.assert_allclose(scene.boxes[0], [-15, 40, 40, 40])
    np.testing.assert_allclose(scene.truth[0], [0, 40, 25, 40])


def test_share_counts_what_is_covered() -> None:
    wall = Layer(WALL, (Waypoint(0, 80, 60, WALL.side), Waypoint(1, 140, 60, WALL.side)))
    scene = plain_scene(Waypoint(0, 80, 60, 40), before=(wall,))
    assert scene.shares[0] == pytest.approx(0, abs=0.01)
    assert scene.shares[-1] == pytest.approx(1, abs=0.01)
    middle = int(np.argmin(abs(scene.shares - 0.5)))
    seen = (scene.frame(middle)[..., 0] > 200).sum() / 40**2
    assert seen == pytest.approx(scene.shares[middle], abs=0.05)


def test_fast_motion_is_blurred_along_its_way() -> None:
    still = plain_scene(Waypoint(0, 80, 60, 40)).frame(15)
    moving = plain_scene(Waypoint(0, 20, 60, 40), Waypoint(1, 400, 60, 40))
    index = int(np.argmin(abs(moving.boxes[:, 0] - 60)))
    blurred = moving.frame(index)
    between = [((frame > 110) & (frame < 235)).sum() for frame in (still, blurred)]
    assert between[1] > 2 * between[0]
    assert np.ptp(np.nonzero(blurred[..., 0] > 200)[0]) + 1 == pytest.approx(40, abs=2)


def test_light_and_focus_change_the_picture() -> None:
    scene = plain_scene(Waypoint(0, 80, 60, 40))
    effects = replace(QUIET, light=((0, 0.5, 1.0, 1.0),), focus=((0, 3.0),))
    lit = replace(scene, effects=effects).frame(0)
    assert tuple(lit[5, 5]) == (45, 90, 90)
    edge = lit[60, 52:68, 1].astype(int)
    assert np.abs(np.diff(edge)).max() < 40


def test_the_camera_pans() -> None:
    ramp = np.repeat(np.arange(160, dtype=np.uint8)[None, :, None], 120, axis=0).repeat(3, axis=2)
    scene = replace(
        plain_scene(Waypoint(0, -500, 0, 40)),
        background=ramp,
        camera=(Waypoint(0, 60, 60, 80), Waypoint(1, 90, 60, 80)),
    )
    first, last = scene.frame(0), scene.frame(30)
    assert int(first[60, 80, 0]) == pytest.approx(60, abs=1)
    assert int(last[60, 80, 0]) == pytest.approx(90, abs=1)


def test_same_seed_same_frames_in_any_order() -> None:
    one, two = (compose_scene('varied', seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.boxes, two.boxes)
    later = one.frame(40)
    np.testing.assert_array_equal(later, two.frame(40))
    two.frame(7)
    np.testing.assert_array_equal(later, two.frame(40))


def test_seeds_differ() -> None:
    one, two = (compose_scene('varied', seed=seed) for seed in (0, 1))
    assert not np.allclose(one.boxes, two.boxes)


@pytest.mark.parametrize('name', PRESETS)
def test_every_preset_starts_with_its_target_in_full_view(name: str) -> None:
    scene = compose_scene(name, seed=5)
    assert scene.shares[0] > 0.99
    assert scene.frame(0).shape == (480, 640, 3)
    assert scene.frame(0).dtype == np.uint8
    x, y, width, height = scene.init_box
    assert x >= 0
    assert y >= 0
    assert x + width <= 640
    assert y + height <= 480


@pytest.mark.parametrize('seed', range(6))
def test_varied_scenes_hide_the_target_and_send_it_away_once(seed: int) -> None:
    scene = compose_scene('varied', seed=seed)
    outside = np.isnan(scene.truth[:, 0]) & (scene.shares == 0)
    assert 1.5 * 30 < outside.sum() < 5 * 30
    assert scene.visible[-1] or outside[-1]
    assert (scene.shares[: len(scene) // 4] > 0.3).mean() > 0.5


@pytest.mark.parametrize('seed', range(6))
def test_easy_scenes_keep_the_target_in_view(seed: int) -> None:
    assert compose_scene('easy', seed=seed).visible.all()


def test_the_demo_has_an_occlusion_and_an_absence() -> None:
    scene = compose_scene('demo')
    assert len(scene) == 420
    hidden = np.flatnonzero(scene.shares < 0.1) / scene.fps
    assert ((hidden > 3) & (hidden < 4.2)).sum() < 12
    away = hidden[hidden > 7]
    assert 2 < np.ptp(away) < 3
    sizes = np.sqrt(np.prod(scene.boxes[scene.visible, 2:], axis=1))
    assert 60 < sizes.min() < sizes.max() < 140


def test_own_pictures_need_no_library_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('hit_rfgm_ros.data.stock.photograph', None)
    config = SceneConfig(width=160, height=120, seconds=3.5, occlusions=0, absences=0)
    config = replace(config, sizes=(20, 40))
    scene = compose_scene(config, target=SQUARE, background=GREY)
    assert scene.frame(3).shape == (120, 160, 3)


def test_an_unknown_scene_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'crossing'"):
        compose_scene('crosing')


def test_too_many_events_for_the_time_are_refused() -> None:
    with pytest.raises(ConfigError, match='too short'):
        SceneConfig(seconds=5, absences=2)


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(ConfigError, match='known places: launch_pad, garage'):
        SceneConfig(place='moon')


def test_frames_outside_the_scene_are_refused() -> None:
    with pytest.raises(IndexError, match='0 to 30'):
        plain_scene(Waypoint(0, 80, 60, 40)).frame(31)
