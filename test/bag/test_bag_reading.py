"""Bags are read in every storage; those that were cut off as far as they go."""

import logging
from pathlib import Path
import shutil
from types import ModuleType
from typing import Any

from hit_rfgm_ros.bag.reader import Bag, open_bag
from hit_rfgm_ros.errors import BagError
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

STORAGES = ['mcap', 'sqlite3']


def file_of(path: Path) -> Path:
    (file,) = [file for file in path.iterdir() if file.suffix in ('.mcap', '.db3')]
    return file


def cut(path: Path, share: float) -> Path:
    """Cut the file of a bag short."""
    file = file_of(path)
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    return path


def stamps(bag: Bag) -> list[int]:
    return [record.stamp for record in bag.records()]


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('single', [False, True], ids=['folder', 'file'])
def test_a_bag_is_read_in_the_order_of_recording(
    bags: ModuleType, tmp_path: Path, storage: str, single: bool
) -> None:
    records = bags.recording(4)
    path = bags.write_bag(tmp_path / 'bag', records[::-1], storage, qos=[bags.LATCHED])
    with open_bag(file_of(path) if single else path) as bag:
        assert bag.storage == storage
        assert [(topic.name, topic.type, topic.messages) for topic in bag.topics] == [
            (bags.WORDS, 'std_msgs/msg/String', 4),
            (bags.IMAGES, 'sensor_msgs/msg/Image', 4),
        ]
        assert all(topic.definition and topic.qos == (bags.LATCHED,) for topic in bag.topics)
        got = [(*record.key, record.stamp, record.data) for record in bag.records()]
        assert got == records
        assert bag.damage == []
        words = [topic for topic in bag.topics if topic.name == bags.WORDS]
        assert {record.key[0] for record in bag.records(words)} == {bags.WORDS}


@pytest.mark.parametrize(('storage', 'compression'), [('mcap', 'STORAGE'), ('sqlite3', 'MESSAGE')])
def test_packed_bags_are_read(
    bags: ModuleType, tmp_path: Path, storage: str, compression: str
) -> None:
    records = bags.recording(3)
    path = bags.write_bag(tmp_path / 'bag', records, storage, compression)
    with open_bag(path) as bag:
        assert [record.data for record in bag.records()] == [data for *_, data in records]


@pytest.mark.parametrize('storage', STORAGES)
def test_without_its_metadata_a_bag_is_read_all_the_same(
    bags: ModuleType, tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger('hit_rfgm_ros.bag.reader')
    lines: list[str] = []
    monkeypatch.setattr(logger, 'handle', lambda record: lines.append(record.getMessage()))
    records = bags.recording(3)
    path = bags.write_bag(tmp_path / 'bag', records, storage)
    (path / 'metadata.yaml').unlink()
    with open_bag(path) as bag:
        assert [record.data for record in bag.records()] == [data for *_, data in records]
        assert bag.damage == []
    (line,) = lines
    assert 'has no metadata.yaml, the recording was not ended' in line


def test_the_files_of_a_long_recording_are_read_one_after_another(
    bags: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / 'long'
    folder.mkdir()
    records = bags.recording(11)
    for number in range(11):
        part = bags.write_bag(tmp_path / f'part{number}', records[2 * number : 2 * number + 2])
        shutil.copy(file_of(part), folder / f'long_{number}.mcap')
    (folder / 'metadata.yaml').write_text('lost\n')
    with open_bag(folder) as bag:
        assert stamps(bag) == [stamp for _, _, stamp, _ in records]
        assert [topic.messages for topic in bag.topics] == [11, 11]


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('share', [0.3, 0.7, 0.95])
def test_of_a_bag_that_was_cut_off_the_beginning_is_read(
    bags: ModuleType, tmp_path: Path, storage: str, share: float
) -> None:
    records = bags.recording(20)
    path = cut(bags.write_bag(tmp_path / 'bag', records, storage, qos=[bags.LATCHED]), share)
    with open_bag(path) as bag:
        got = [(*record.key, record.stamp, record.data) for record in bag.records()]
        assert got == records[: len(got)]
        assert len(got) >= int(0.8 * share * len(records))
        (line,) = bag.damage
        assert file_of(path).name in line
        assert 'cut off' in line or 'ends' in line
        images = next(topic for topic in bag.topics if topic.name == bags.IMAGES)
        assert images.definition
        assert images.qos == (bags.LATCHED,)
        assert images.messages == sum(key[0] == bags.IMAGES for key, *_ in bag.records())


def test_of_a_packed_recording_that_was_cut_off_the_whole_chunks_are_read(
    bags: ModuleType, tmp_path: Path
) -> None:
    records = bags.recording(40)
    path = cut(bags.write_bag(tmp_path / 'bag', records, 'mcap', 'STORAGE'), 0.6)
    with open_bag(path) as bag:
        got = [record.data for record in bag.records()]
        assert len(got) > 10
        assert got == [data for *_, data in records[: len(got)]]
        assert bag.damage


def test_a_broken_chunk_does_not_spoil_the_others(bags: ModuleType, tmp_path: Path) -> None:
    records = bags.recording(40)
    path = bags.write_bag(tmp_path / 'bag', records, 'mcap', 'STORAGE')
    file = file_of(path)
    data = bytearray(file.read_bytes())
    place = data.index(b'\x28\xb5\x2f\xfd', len(data) // 2)  # where a packed chunk begins
    data[place : place + 4] = bytes(4)
    file.write_bytes(data[:-40])
    with open_bag(path) as bag:
        got = [record.data for record in bag.records()]
        assert len(records) / 2 < len(got) < len(records)
        assert got[-1] == records[-1][-1]
        assert any('in a chunk' in line for line in bag.damage)


@given(share=st.floats(0, 1), storage=st.sampled_from(STORAGES))
@settings(max_examples=40)
def test_wherever_it_was_cut_off_nothing_but_a_bag_error_comes_up(
    whole: dict[str, Any], share: float, storage: str
) -> None:
    file = whole['folder'] / f'cut{whole[storage].suffix}'
    data = whole[storage].read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    try:
        bag = open_bag(file)
    except BagError:
        return
    with bag:
        got = [record.data for record in bag.records()]
    assert got == whole['data'][: len(got)]


@pytest.fixture(scope='module')
def whole(bags: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One bag in each storage."""
    folder = tmp_path_factory.mktemp('whole')
    records = bags.recording(6)
    made = {
        storage: file_of(bags.write_bag(folder / storage, records, storage))
        for storage in STORAGES
    }
    return {**made, 'folder': folder, 'data': [data for *_, data in records]}


def test_what_is_no_bag_is_named(tmp_path: Path) -> None:
    with pytest.raises(BagError, match='does not exist; give the folder of a bag'):
        open_bag(tmp_path / 'nowhere')
    with pytest.raises(BagError, match='holds no bag'):
        open_bag(tmp_path)
    old = tmp_path / 'old.bag'
    old.write_bytes(b'#ROSBAG V2.0\n')
    with pytest.raises(BagError, match='ROS 1 must be converted'):
        open_bag(old)
    for name in ('text.mcap', 'text.db3'):
        (tmp_path / name).write_text('no bag at all, but long enough to be read')
        with pytest.raises(BagError, match=name):
            open_bag(tmp_path / name)
