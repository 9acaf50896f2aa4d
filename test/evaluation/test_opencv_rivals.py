"""OpenCV's trackers in a process of their own, under the interpreter that runs the tests."""

from collections.abc import Iterator
import ctypes
from pathlib import Path
import subprocess
import sys
from types import ModuleType

import cv2
from hit_rfgm_ros.errors import GeometryError, RivalError
from hit_rfgm_ros.evaluation.contender import Contender, ContenderSpec
from hit_rfgm_ros.evaluation.rivals import open_rival, opencv_rival
from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.types import Box, TrackState
import numpy as np
import pytest

needs_mil = pytest.mark.skipif(not hasattr(cv2, 'TrackerMIL'), reason='OpenCV without TrackerMIL')
needs_vit = pytest.mark.skipif(not hasattr(cv2, 'TrackerVit'), reason='OpenCV without TrackerVit')


@pytest.fixture(autouse=True)
def _no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'empty'))


@pytest.fixture
def mil() -> Iterator[Contender]:
    rival = open_rival(ContenderSpec('mil', 'rival', {'threads': 1}))
    yield rival
    rival.close()


@needs_mil
def test_mil_follows_the_light(mil: Contender, light) -> None:
    frames, boxes = light
    mil.start(frames[0], boxes[0])
    for frame, box in zip(frames[1:], boxes[1:]):
        answer = mil.update(frame)
        assert iou(answer.box, box) > 0.3
        assert answer.confidence is None  # it has no score
        assert answer.state is TrackState.TRACKING
        assert 0 < answer.seconds < 10


@needs_mil
def test_the_same_boxes_as_without_a_process(mil: Contender, light) -> None:
    frames, _ = light
    mil.start(frames[0], Box(59.6, 50.4, 30.2, 29.7))
    cv2.setRNGSeed(-1)
    ctypes.CDLL(None).srand(1)
    plain = cv2.TrackerMIL.create()
    plain.init(cv2.cvtColor(frames[0], cv2.COLOR_RGB2BGR), (60, 50, 30, 30))
    for frame in frames[1:]:
        found, box = plain.update(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        assert found
        assert tuple(mil.update(frame).box) == box


@needs_mil
def test_a_start_begins_anew(mil: Contender, light) -> None:
    frames, boxes = light
    found = []
    for _ in range(2):
        mil.start(frames[0], boxes[0])
        found.append([mil.update(frame).box for frame in frames[1:]])
    assert found[0] == found[1]


@needs_mil
def test_it_says_what_it_is(mil: Contender) -> None:
    assert mil.about['rival'] == 'mil'
    assert mil.about['versions'] == {'opencv': cv2.__version__, 'numpy': np.__version__}


@needs_mil
def test_wrong_use_is_named(mil: Contender, light) -> None:
    frames, _ = light
    with pytest.raises(RivalError, match='mil: update before start'):
        mil.update(frames[0])
    with pytest.raises(GeometryError, match='above 0'):
        mil.start(frames[0], Box(3, 4, 0, 5))
    with pytest.raises(GeometryError, match='outside the 240x160 frame'):
        mil.start(frames[0], Box(3000, 4000, 10, 10))


@needs_mil
def test_a_box_that_opencv_refuses_is_lost_with_a_warning(
    mil: Contender, light, caplog: pytest.LogCaptureFixture
) -> None:
    frames, boxes = light
    whole = Box(0, 0, 240, 160)
    mil.start(frames[0], whole)
    assert 'mil cannot start on x=0, y=0, width=240, height=160: OpenCV' in caplog.text
    answer = mil.update(frames[1])
    assert (answer.box, answer.state) == (whole, TrackState.LOST)
    mil.start(frames[0], boxes[0])  # the next sequence is tracked again
    assert mil.update(frames[1]).state is TrackState.TRACKING


@needs_vit
def test_vit_with_the_users_network(
    tmp_path: Path, tiny_networks: ModuleType, light, track
) -> None:
    model = tiny_networks.write_vit(tmp_path / 'vit.onnx')
    answers = track('vit', model=[model], threads=1)
    assert iou(answers[0].box, light[1][1]) > 0.3
    for answer in answers:
        assert 0.5 < answer.confidence < 1
        assert answer.state is TrackState.TRACKING


@needs_vit
def test_a_file_that_opencv_cannot_read_is_named(tmp_path: Path) -> None:
    (tmp_path / 'vit.onnx').write_bytes(b'no network')
    with pytest.raises(RivalError, match=r'vit: .*OpenCV'):
        open_rival(ContenderSpec('vit', 'rival', {'model': [tmp_path / 'vit.onnx']}))


@pytest.mark.parametrize('name', ['csrt', 'kcf'])
def test_contrib_trackers_tell_of_their_environment(name: str) -> None:
    with pytest.raises(RivalError, match='hit-rfgm eval --install opencv-contrib'):
        open_rival(ContenderSpec(name, 'rival'))


@pytest.mark.skipif(hasattr(cv2, 'TrackerKCF'), reason='this OpenCV has KCF')
def test_an_opencv_without_the_tracker_says_so() -> None:
    script = Path(opencv_rival.__file__).with_name('opencv_worker.py')
    done = subprocess.run(
        [sys.executable, str(script), 'kcf', '0'],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert f'OpenCV {cv2.__version__} of {sys.executable} has no TrackerKCF' in done.stdout
