"""FEAR, NanoTrack and users' own networks, end to end on a generated scene."""

import os
from pathlib import Path
from types import ModuleType

from hit_rfgm_ros import create_tracker
from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.data.datasets.registry import open_dataset
from hit_rfgm_ros.engines.graphs import build_graphs
from hit_rfgm_ros.errors import ConfigError, GeometryError, RivalError
from hit_rfgm_ros.evaluation.contender import ContenderSpec, open_contender
from hit_rfgm_ros.evaluation.rivals import RIVALS, describe_rival, open_rival
from hit_rfgm_ros.evaluation.rivals.adapter_settings import read_settings
from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.metrics.one_pass import one_pass_scores
from hit_rfgm_ros.types import Box
from hit_rfgm_ros.weights.catalog import find_weights
from hit_rfgm_ros.weights.files import read_weights
import numpy as np
import pytest

TWO_PICTURES = """
networks: {track: two.onnx}
inputs: {z: template_picture, x: search_picture}
pictures: {layout: nhwc}
crops: {rule: square, template_size: 128, template_context: 2, search_size: 256, search_context: 4}
outputs: {form: centre, score: score, size: size, offset: offset}
choice: {window: multiplied}
"""


@pytest.mark.parametrize('name', ['fear_xs', 'nanotrack_v2', 'nanotrack_v3'])
def test_networks_of_known_interfaces_follow_the_light(
    name: str, tmp_path: Path, tiny_networks: ModuleType, light, track
) -> None:
    tiny_networks.write_fear(tmp_path)
    tiny_networks.write_nanotrack(tmp_path, 'v2')
    tiny_networks.write_nanotrack(tmp_path, 'v3')
    answers = track(name, peers=tmp_path, threads=1)
    for answer, box in zip(answers, light[1][1:]):
        assert iou(answer.box, box) > 0.4  # a cell is a quarter of the box
        assert 0.4 < answer.confidence <= 1
        assert answer.state is None


def test_one_network_with_two_pictures(
    tmp_path: Path, tiny_networks: ModuleType, light, track
) -> None:
    tiny_networks.write_two_pictures(tmp_path / 'two.onnx')
    (tmp_path / 'own.yaml').write_text(TWO_PICTURES)
    answers = track('own', kind='onnx', adapter=tmp_path / 'own.yaml')
    for answer, box in zip(answers, light[1][1:]):
        assert iou(answer.box, box) > 0.6
        assert 0.5 < answer.confidence < 1


def examples(repository: Path) -> list[str]:
    """The YAML files that docs/rivals.md shows."""
    page = (repository / 'docs' / 'rivals.md').read_text(encoding='utf-8')
    return [block.partition('```')[0] for block in page.split('```yaml\n')[1:]]


def test_the_examples_of_the_page_are_right(tmp_path: Path, repository: Path) -> None:
    for text in examples(repository):
        (tmp_path / 'example.yaml').write_text(text)
        read_settings(tmp_path / 'example.yaml')


def test_exported_graphs_of_ours_give_our_boxes(
    tmp_path: Path, repository: Path, light, track
) -> None:
    weights = read_weights(find_weights('hit_tiny', None), 'hit_tiny')
    graphs = build_graphs(get_model_config('hit_tiny'), weights.tensors)
    for name, graph in graphs.items():
        (tmp_path / f'hit_tiny_{name}.onnx').write_bytes(graph.SerializeToString())
    (tmp_path / 'hit.yaml').write_text(examples(repository)[0])
    answers = track('hit', kind='onnx', adapter=tmp_path / 'hit.yaml')
    ours = create_tracker('hit_tiny', backend='onnxruntime', paper_mode=True)
    frames, boxes = light
    ours.init(frames[0], boxes[0])
    for answer, frame in zip(answers, frames[1:]):
        # The official way back to the frame is half a pixel off.
        np.testing.assert_allclose(tuple(answer.box), tuple(ours.update(frame).box), atol=2)
        assert answer.confidence is None


def test_what_it_is_says_about(tmp_path: Path, tiny_networks: ModuleType) -> None:
    files = tiny_networks.write_fear(tmp_path)
    spec = ContenderSpec('a', 'rival', {'rival': 'fear_xs', 'peers': tmp_path})
    first = open_contender(spec)
    again = open_contender(ContenderSpec('b', 'rival', {'rival': 'fear_xs', 'model': files}))
    assert first.name == 'a'
    assert first.about == again.about
    assert set(first.about['models']) == {file.name for file in files}
    assert first.about['settings']['crops']['rule'] == 'rectangle'
    assert describe_rival(spec).items() <= first.about.items()


def test_a_second_target_forgets_the_first(
    tmp_path: Path, tiny_networks: ModuleType, light
) -> None:
    tiny_networks.write_nanotrack(tmp_path)
    rival = open_rival(ContenderSpec('nanotrack_v2', 'rival', {'peers': tmp_path}))
    frames, boxes = light
    found = []
    for _ in range(2):
        rival.start(frames[0], boxes[0])
        found.append([rival.update(frame).box for frame in frames[1:]])
    assert found[0] == found[1]


@pytest.mark.parametrize('box', [Box(0, 0, 4, 3), Box(210, 130, 30, 30), Box(0, 0, 240, 160)])
def test_boxes_stay_inside_the_frame(
    box: Box, tmp_path: Path, tiny_networks: ModuleType, light
) -> None:
    tiny_networks.write_fear(tmp_path)
    tiny_networks.write_nanotrack(tmp_path)
    frames, _ = light
    for name in ('fear_xs', 'nanotrack_v2'):
        rival = open_rival(ContenderSpec(name, 'rival', {'peers': tmp_path}))
        rival.start(frames[0], box)
        for frame in frames[1:]:
            found = rival.update(frame).box
            cx, cy = found.center
            assert 0 <= cx <= 240
            assert 0 <= cy <= 160
            assert 3 <= found.width <= 240
            assert 3 <= found.height <= 160


def test_wrong_use_is_named(tmp_path: Path, tiny_networks: ModuleType, light) -> None:
    tiny_networks.write_fear(tmp_path)
    rival = open_rival(ContenderSpec('fear_xs', 'rival', {'peers': tmp_path}))
    with pytest.raises(GeometryError, match='finite'):
        rival.start(light[0][0], Box(1, 2, float('nan'), 3))
    rival.close()
    with pytest.raises(RivalError, match='update before start'):
        rival.update(light[0][0])


@pytest.mark.parametrize(
    ('spec', 'message'),
    [
        (ContenderSpec('fear', 'rival'), "did you mean 'fear_xs'"),
        (
            ContenderSpec('fear_xs', 'rival'),
            r'fear_xs_template.onnx and fear_xs_track.onnx: give .* --peers',
        ),
        (ContenderSpec('fear_xs', 'rival', {'peers': '/none'}), 'fear_xs_template.onnx is not'),
        (ContenderSpec('fear_xs', 'rival', {'model': ['a']}), 'takes 2 model files'),
        (ContenderSpec('vit', 'rival', {'model': ['a', 'b']}), 'takes 1 model file, got 2'),
        (ContenderSpec('vit', 'rival', {'peers': '/none'}), 'does not come with this package'),
        (ContenderSpec('mil', 'rival', {'model': ['a']}), 'has no model file'),
        (ContenderSpec('mil', 'rival', {'peer': 'a'}), "did you mean 'peers'"),
        (ContenderSpec('own', 'onnx'), 'needs the YAML file'),
        (ContenderSpec('own', 'onnx', {'adapter': '/none.yaml'}), 'cannot be read as YAML'),
    ],
)
def test_wrong_options_are_named(spec: ContenderSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        describe_rival(spec)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('two.onnx', 'three.onnx', 'three.onnx of networks is not there'),
        ('z: template_picture, ', '', 'nothing is said about z'),
        ('z: temp', 'zz: temp', "unknown input 'zz'"),
        ('score: score', 'score: scores', "unknown output 'scores': did you mean 'score'"),
        ('offset: offset', 'offset: score', r"'score' must be \(1, 2, 16, 16\)"),
        ('search_size: 256', 'search_size: 255', 'three|15'),
        ('layout: nhwc', 'layout: nchw', 'cannot be run with'),
    ],
)
def test_settings_that_do_not_fit_the_network_are_named(
    old: str, new: str, message: str, tmp_path: Path, tiny_networks: ModuleType
) -> None:
    tiny_networks.write_two_pictures(tmp_path / 'two.onnx')
    assert old in TWO_PICTURES
    (tmp_path / 'own.yaml').write_text(TWO_PICTURES.replace(old, new))
    with pytest.raises((ConfigError, RivalError), match=message):
        open_rival(ContenderSpec('own', 'onnx', {'adapter': tmp_path / 'own.yaml'}))


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / 'two.onnx').write_bytes(b'no network')
    (tmp_path / 'own.yaml').write_text(TWO_PICTURES)
    with pytest.raises(RivalError, match='no network that can be run'):
        open_rival(ContenderSpec('own', 'onnx', {'adapter': tmp_path / 'own.yaml'}))


@pytest.mark.parametrize(
    ('name', 'low'), [('fear_xs', 70.0), ('nanotrack_v2', 74.0), ('nanotrack_v3', 75.0)]
)
def test_the_published_networks_track_real_pictures(name: str, low: float) -> None:
    data = Path(os.environ.get('HIT_RFGM_DATA', '../shared/data'))
    if not (data / 'peers').is_dir() or not (data / 'sequences').is_dir():
        pytest.skip(f'no {data}/peers: set HIT_RFGM_DATA to the folder of development data')
    (goat,) = open_dataset('folder', data / 'sequences', sequences='goat').sequences
    rival = open_rival(ContenderSpec(name, 'rival', {'peers': data / 'peers', 'threads': 1}))
    first = goat.box(0)
    rival.start(goat.read(0), first)
    boxes = [first, *(rival.update(goat.read(index)).box for index in range(1, len(goat)))]
    scores = one_pass_scores(np.array([tuple(box) for box in boxes]), goat.boxes)
    assert 100 * scores.auc > low


def test_every_name_is_known_once() -> None:
    assert len(set(RIVALS)) == len(RIVALS) == 8
