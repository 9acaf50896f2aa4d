"""The parameter files that come with the package."""

from pathlib import Path

from hit_rfgm_ros.runtime.param_file import apply, read_param_file
from hit_rfgm_ros.runtime.params import TRACKER_TABLE, TrackerParams
import pytest
import yaml

FILES = ('tracker', 'jetson', 'workstation', 'multi_camera')


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('node', ['/tracker', '/front/tracker'])
def test_every_key_and_value_is_valid(repository: Path, name: str, node: str) -> None:
    values, warnings = read_param_file(repository / 'config' / f'{name}.yaml', node)
    assert warnings == []
    params, unknown = apply(TrackerParams, values)
    assert unknown == []
    assert {key: getattr(params, key) for key in values} == values


def test_the_file_of_the_tracker_lists_every_parameter_with_its_default(repository: Path) -> None:
    values, _ = read_param_file(repository / 'config' / 'tracker.yaml', '/tracker')
    assert values == {name: row.default for name, row in TRACKER_TABLE.items()}


def test_what_may_change_while_the_node_runs_is_marked(repository: Path) -> None:
    lines = (repository / 'config' / 'tracker.yaml').read_text(encoding='utf-8').splitlines()
    marked = {line.split(':')[0].strip(): '[live]' in line for line in lines if ': ' in line}
    assert {name: marked[name] for name in TRACKER_TABLE} == {
        name: row.live for name, row in TRACKER_TABLE.items()
    }


def test_the_other_files_hold_only_what_differs(repository: Path) -> None:
    shown = {'model', 'backend', 'device', 'precision'}  # said for the reader
    for name in FILES[1:]:
        values, _ = read_param_file(repository / 'config' / f'{name}.yaml', '/tracker')
        alike = {key for key, value in values.items() if value == TRACKER_TABLE[key].default}
        assert alike <= shown, name


def test_the_file_of_rviz_names_its_topics_by_placeholders(repository: Path) -> None:
    text = (repository / 'config' / 'tracker.rviz').read_text(encoding='utf-8')
    manager = yaml.safe_load(text)['Visualization Manager']
    topics = [display['Topic']['Value'] for display in manager['Displays']]
    assert topics == ['@TRACKER@/image_annotated', '@IMAGE@', '@TRACKER@/markers']
    assert manager['Global Options']['Fixed Frame'] == '@FRAME@'
