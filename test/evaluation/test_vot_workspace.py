"""Workspaces of the VOT toolkit: complete, or what is missing is named before anything runs."""

from pathlib import Path
from types import ModuleType

from hit_rfgm_ros.errors import DatasetError
from hit_rfgm_ros.evaluation.vot.workspace import open_workspace, trackers_of
import pytest

COMMAND = 'python -m vot'


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """What the toolkit's folder of stacks looks like."""
    path = tmp_path / 'stacks' / 'vot2022' / 'shorttermbox.yaml'
    path.parent.mkdir(parents=True)
    path.write_text('title: VOT-ST2022\nexperiments:\n  baseline: {type: multistart}\n')
    return tmp_path / 'stacks'


@pytest.fixture
def root(tmp_path: Path, vot_miniature: ModuleType) -> Path:
    vot_miniature.make_workspace(tmp_path / 'work', frames=26)
    return tmp_path / 'work'


def config(root: Path, text: str) -> None:
    (root / 'config.yaml').write_text(text)


def test_a_whole_one_is_read_in_order(root: Path, stacks: Path) -> None:
    workspace = open_workspace('vot', root, stacks, COMMAND)
    assert workspace.root == root.resolve()
    assert (workspace.stack, workspace.title) == ('./stack.yaml', 'miniature')
    assert workspace.experiments == ('baseline', 'realtime', 'unsupervised')
    assert workspace.sequences == ('ball', 'box')
    assert workspace.registries == ()  # named, but not there


def test_a_stack_may_be_the_toolkits_or_stand_in_the_configuration(
    root: Path, stacks: Path
) -> None:
    config(root, 'registry: [./trackers.ini]\nstack: vot2022/shorttermbox\n')
    assert open_workspace('vot2022', root, stacks, COMMAND).title == 'VOT-ST2022'
    assert open_workspace('vot', root, stacks, COMMAND).experiments == ('baseline',)
    config(root, 'stack: {title: mine, experiments: {once: {type: unsupervised}}}\n')
    assert open_workspace('vot', root, stacks, COMMAND).experiments == ('once',)


def test_a_workspace_of_another_data_set_is_refused(root: Path, stacks: Path) -> None:
    with pytest.raises(DatasetError, match=r'stack is \./stack\.yaml, and vot2021 is vot2021/sho'):
        open_workspace('vot2021', root, stacks, COMMAND)


def test_no_workspace_names_the_command_that_makes_one(tmp_path: Path, stacks: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r'is no workspace .*python -m vot initialize --workspace .* vot2022/shorttermbox$',
    ):
        open_workspace('vot2022', tmp_path, stacks, COMMAND)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('stack: vot2099/main\n', 'the stack is vot2099/main, which is neither'),
        ('registry: [.]\n', 'names no stack'),
        ('stack: {title: empty}\n', 'has no experiments'),
        ('stack: [\n', r'config\.yaml cannot be read'),
        ('- stack\n', r'config\.yaml holds no mapping'),
    ],
)
def test_a_wrong_configuration_is_named(root: Path, stacks: Path, text: str, message: str) -> None:
    config(root, text)
    with pytest.raises(DatasetError, match=message):
        open_workspace('vot', root, stacks, COMMAND)


def test_missing_sequences_are_named(root: Path, stacks: Path) -> None:
    (root / 'sequences' / 'box' / 'sequence').unlink()
    (root / 'sequences' / 'box' / 'groundtruth.txt').unlink()
    with pytest.raises(DatasetError, match=r'1 of the 2 sequences .*: box; download them again'):
        open_workspace('vot', root, stacks, COMMAND)
    (root / 'sequences' / 'list.txt').write_text('\n')
    with pytest.raises(DatasetError, match=r'list\.txt names no sequence'):
        open_workspace('vot', root, stacks, COMMAND)
    (root / 'sequences' / 'list.txt').unlink()
    with pytest.raises(DatasetError, match='nothing is downloaded by this command'):
        open_workspace('vot', root, stacks, COMMAND)


def test_the_trackers_of_a_workspace_are_known(root: Path, stacks: Path) -> None:
    (root / 'trackers.ini').write_text('[first]\ncommand = a %s b\n[second]\n')
    (root / 'more').mkdir()
    (root / 'more' / 'trackers.yaml').write_text('third: {command: c}\n')
    config(root, 'registry: [./trackers.ini, more, gone]\nstack: ./stack.yaml\n')
    registries = open_workspace('vot', root, stacks, COMMAND).registries
    assert [trackers_of(path) for path in registries] == [('first', 'second'), ('third',)]
    (root / 'trackers.ini').write_text('command = nowhere\n')
    with pytest.raises(DatasetError, match=r'trackers\.ini cannot be read'):
        trackers_of(registries[0])
