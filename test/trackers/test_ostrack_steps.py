"""Paper mode without stages and with one template is OSTrack's tracker, step by step."""

from collections.abc import Callable
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.config.rfgm import RFGM_MODELS
from hit_rfgm_ros.config.tracker import TrackerConfig
from hit_rfgm_ros.data.stock import photograph
from hit_rfgm_ros.engines.select import create_engine
from hit_rfgm_ros.trackers.single import SingleTargetTracker
from hit_rfgm_ros.types import Box, ConfidenceKind, TrackState
from hit_rfgm_ros.weights.files import Weights
from hit_rfgm_ros.weights.rfgm_spec import UNUSED
from hit_rfgm_ros.weights.spec import is_computed
import pytest

MakeTracker = Callable[[], SingleTargetTracker]


def steps() -> list[Any]:
    path = Path(__file__).parent.parent / 'golden' / 'ostrack_dev.json'
    table = json.loads(path.read_text(encoding='utf-8'))
    return [
        pytest.param(step, id=f'{step["picture"]}-{k}')
        for k, step in enumerate(table['tracker_steps'])
    ]


@pytest.fixture(scope='module')
def make_ostrack(
    ostrack_fill: ModuleType, ostrack_dev: dict[str, Any], golden: Path
) -> MakeTracker:
    """Makes trackers on OSTrack-256 with the weights of the expected numbers."""
    keys = json.loads((golden / 'ostrack_keys.json').read_text(encoding='utf-8'))['keys']
    used = [key for key in keys if key[0] not in UNUSED and not is_computed(key[0])]
    tensors = ostrack_fill.state_dict(used, ostrack_dev['weights']['file_seed'])
    stated = {'options': json.dumps({'relevance_stages': 0})}
    engine = create_engine(
        'rfgm_b256', Weights('rfgm_b256', tensors, stated), backend='torch', device='cpu'
    )
    options = TrackerConfig(paper_mode=True)
    return lambda: SingleTargetTracker(engine, engine.config, options)


def test_there_are_six_steps() -> None:
    assert len(steps()) == 6
    assert RFGM_MODELS['rfgm_b256'].search_size == 256


@pytest.mark.parametrize('step', steps())
def test_a_step_ends_where_the_official_tracker_does(
    make_ostrack: MakeTracker, step: dict[str, Any]
) -> None:
    picture = photograph(f'{step["picture"]}.png')
    tracker = make_ostrack()
    assert tracker.options.memory_kind == 'none'
    tracker.init(picture, Box(*step['init_box']))
    target: Any = tracker._target
    target.box = Box(*step['state'])  # where the step begins
    result = tracker.update(picture)
    assert list(result.box) == pytest.approx(step['box'], abs=0.5)
    assert result.confidence == pytest.approx(step['confidence'], abs=0.01)
    assert (result.state, result.reason) == (TrackState.TRACKING, '')
    assert result.confidence_kind is ConfidenceKind.PEAK
