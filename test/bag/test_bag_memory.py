"""``hit-rfgm bag`` with an RFGM: the memory in the messages, and results that repeat."""

from pathlib import Path
from types import ModuleType
from typing import Any

from hit_rfgm_ros.cli.main import main
from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.config.rfgm import RFGMConfig
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.messages.client import frame_report
from hit_rfgm_ros.trackers.multi import MultiTargetTracker
import pytest

TARGETS = '/tracker/targets'
COUNT = 10
OPTIONS = (
    '--model', 'rfgm_t256', '--weights', 'random', '--backend', 'onnxruntime', '--threads', '1',
    '--uncertain-below', '0', '--lost-below', '0', '--memory-min-confidence', '0',
    '--memory-size', '128', '--update-interval', '3', '--annotated', 'none',
)  # fmt: skip


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow network in the place of RFGM-T256."""
    monkeypatch.setitem(MODELS, 'rfgm_t256', RFGMConfig('rfgm_t256', width=64, heads=1))


def run(path: Path, out: Path) -> bytes:
    """Track through a bag; the file of the new one."""
    box = ','.join(f'{value:g}' for value in golden_frame(0).box)
    boxes = ['--init', box, '--init', '200,40,50,60']
    with pytest.raises(SystemExit) as end:
        main(['bag', str(path), '--out', str(out), *boxes, *OPTIONS])
    assert not end.value.code
    return (out / 'bag.mcap').read_bytes()


@pytest.fixture
def recorded(bags: ModuleType, tmp_path: Path) -> Path:
    path: Path = bags.write_bag(tmp_path / 'bag', bags.recording(COUNT))
    return path


def test_the_messages_tell_of_the_memory(bags: ModuleType, recorded: Path, tmp_path: Path) -> None:
    run(recorded, tmp_path / 'new' / 'bag')
    given = [
        frame_report(message.value) for message in bags.read_bag(tmp_path / 'new' / 'bag', TARGETS)
    ]
    stamps = [divmod(bags.stamp_of(index), 10**9) for index in range(COUNT)]
    # The image that a memory was updated with is the last one before this whose number 3 divides.
    expected = [
        (64 if index <= 3 else 128, stamps[(index - 1) // 3 * 3] if index > 3 else (0, 0))
        for index in range(COUNT)
    ]
    for own in (1, 2):
        told = [
            (target.memory_tokens, target.last_memory_update)
            for report in given
            for target in report.targets
            if target.id == own
        ]
        assert told == expected


def test_when_memories_are_updated_is_no_matter_for_the_new_bag(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(recorded, tmp_path / 'one' / 'bag')
    updated: list[Any] = []
    monkeypatch.setattr(MultiTargetTracker, 'update_memory', lambda self: updated.append(0) or 0)
    assert run(recorded, tmp_path / 'other' / 'bag') == first
    assert len(updated) >= COUNT - 1
