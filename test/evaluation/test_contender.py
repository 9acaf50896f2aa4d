"""Our own models as contenders: the same boxes as the tracker alone."""

import json

from hit_rfgm_ros import create_tracker
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.evaluation.contender import ContenderSpec, open_contender
import pytest

FRAMES = [golden_frame(index) for index in range(5)]
OPTIONS = {'model': 'hit_tiny', 'backend': 'onnxruntime', 'threads': 1}


def test_it_gives_the_boxes_of_the_tracker_every_time() -> None:
    tracker = create_tracker(**OPTIONS)
    tracker.init(FRAMES[0].image, FRAMES[0].box)
    expected = [tracker.update(frame.image) for frame in FRAMES[1:]]
    contender = open_contender(ContenderSpec('mine', 'model', OPTIONS))
    assert contender.name == 'mine'
    for _ in range(2):  # nothing is left over from the sequence before
        contender.start(FRAMES[0].image, FRAMES[0].box, stamp=0)
        for index, result in enumerate(expected, start=1):
            answer = contender.update(FRAMES[index].image, stamp=index / 30)
            contender.after()
            assert (answer.box, answer.state) == (result.box, result.state)
            assert answer.confidence == result.confidence
    contender.close()


def test_it_says_what_it_is() -> None:
    options = {**OPTIONS, 'weights': 'random', 'paper_mode': True, 'search_factor': 3.0}
    contender = open_contender(ContenderSpec('mine', 'model', options))
    about = json.loads(json.dumps(contender.about))
    assert about['model'] == 'hit_tiny'
    assert (about['backend'], about['device'], about['precision']) == (
        'onnxruntime',
        'cpu',
        'fp32',
    )
    assert about['weights_sha256'] == ''
    assert about['paper_mode'] is True
    assert about['options'] == {'search_factor': 3.0}
    assert set(about['versions']) == {'hit_rfgm_ros', 'numpy', 'cv2', 'onnxruntime'}
    contender.start(FRAMES[0].image, FRAMES[0].box)
    assert contender.update(FRAMES[1].image).confidence is None  # HiT gives none in paper mode


def test_the_checksum_is_that_of_the_weights() -> None:
    contender = open_contender(ContenderSpec('mine', 'model', OPTIONS))
    assert len(contender.about['weights_sha256']) == 64
    with pytest.raises(WeightsError, match='does not exist'):
        open_contender(ContenderSpec('mine', 'model', {**OPTIONS, 'weights': 'nowhere'}))


def test_other_kinds_are_refused() -> None:
    with pytest.raises(ConfigError, match="got 'other'"):
        open_contender(ContenderSpec('x', 'other', {}))  # type: ignore[arg-type]
