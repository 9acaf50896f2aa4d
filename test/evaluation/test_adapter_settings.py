"""The YAML file of an ONNX tracker: what is wrong in it is named with its place."""

from pathlib import Path

from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.evaluation.rivals.adapter_settings import read_settings
import pytest

GOOD = """
networks:
  template: template.onnx
  track: track.onnx
inputs:
  search: search_picture
  features: template
crops:
  rule: square
  template_size: 128
  template_context: 2
  search_size: 256
  search_context: 4
outputs:
  form: distances
  box: bbox
  score: cls
  stride: 16
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'own.yaml'


def test_what_is_left_out_has_a_default(file: Path) -> None:
    file.write_text(GOOD)
    settings = read_settings(file)
    assert settings.crops.search_context == 4
    assert settings.pictures.color == 'rgb'
    assert settings.pictures.std == (1.0, 1.0, 1.0)
    assert settings.choice.window == 'none'
    assert settings.results.min_side == 10


@pytest.mark.parametrize('name', ['fear_xs', 'nanotrack_v2', 'nanotrack_v3'])
def test_the_files_of_the_package_are_good(name: str) -> None:
    assert read_settings(share_folder('rivals') / f'{name}.yaml').outputs.form == 'distances'


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('crops:', 'crop:', r"own.yaml: unknown key 'crop': did you mean 'crops'\?"),
        ('rule:', 'rules:', "own.yaml: crops: unknown key 'rules': did you mean 'rule'"),
        ('  rule: square\n', '', "own.yaml: crops: the key 'rule' is missing"),
        ('square', 'sqare', "crops: rule: unknown value 'sqare': did you mean 'square'"),
        ('128', '128.5', 'crops: template_size must be a whole number, got 128.5'),
        ('128', 'true', 'template_size must be a whole number, got True'),
        ('128', '4', 'template_size must be 8 to 4096 pixels, got 4'),
        ('context: 4', 'context: four', 'search_context must be a number'),
        ('context: 4', 'context: .nan', 'search_context must be a number'),
        ('context: 4', 'context: 99', 'must be 0 to 16'),
        ('context: 4', 'context: 0', 'above 0'),
        ('square', 'siamfc', 'siamfc computes the search_context'),
        ('track: track.onnx', 'track: 3', 'networks: track must be a text, got 3'),
        ('networks:\n  template: template.onnx\n  track: track.onnx', 'networks: a', "'a'"),
        ('  track: track.onnx\n', '', "networks: the key 'track' is missing"),
        ('features: template', 'features: templat', "source 'templat': did you mean 'template'"),
        ('features: template', 'features: search', "has no file for 'search'"),
        ('  features: template\n', '', 'the output of template goes nowhere'),
        ('search: search_picture', 'search: template_picture', 'none gets the search picture'),
        ('  search: search_picture\n  features: template', '  - a', 'must be names with a name'),
        ('form: distances', 'form: centre', "the form centre needs the key 'size'"),
        ('  stride: 16\n', '', "the form distances needs the key 'stride'"),
        ('stride: 16', 'stride: -16', 'stride must be above 0'),
        ('stride: 16', 'stride: 16\nchoice: {window: added}', 'window_weight belongs to window'),
        ('stride: 16', 'stride: 16\nchoice: {window_weight: 2}', r'in \[0, 1\], got 2'),
        ('stride: 16', 'stride: 16\nchoice: {size_rate: 2}', r'size_rate must be in \[0, 1\]'),
        ('stride: 16', 'stride: 16\nresults: {min_side: 0}', 'at least 1 pixel'),
        ('stride: 16', 'stride: 16\nresults: {clip: yes}', 'unknown value True: known: box'),
        ('stride: 16', 'stride: 16\npictures: {mean: [1, 2]}', 'three numbers in brackets'),
        ('stride: 16', 'stride: 16\npictures: {std: [1, 0, 1]}', 'std must not be 0'),
        (GOOD, '- a\n- b', 'must hold "key: value" lines'),
        (GOOD, '', 'must hold "key: value" lines'),
        (GOOD, 'a: [', 'cannot be read as YAML'),
    ],
)
def test_mistakes_are_named(old: str, new: str, message: str, file: Path) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_settings(file)


def test_one_box_leaves_nothing_to_choose(file: Path) -> None:
    file.write_text(GOOD.replace('distances', 'boxes') + 'choice: {window: multiplied}\n')
    with pytest.raises(ConfigError, match='nothing to choose'):
        read_settings(file)
