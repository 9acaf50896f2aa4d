"""``hit-rfgm bag``: the boxes are the tracker's own, nothing is lost, the same bag comes out."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
import itertools
import os
from pathlib import Path
import signal
import sqlite3
import subprocess
import sys
import time
from types import ModuleType

import cv2
import hit_rfgm_ros
from hit_rfgm_ros.cli.main import main
from hit_rfgm_ros.data.golden import golden_frame
from hit_rfgm_ros.messages.client import frame_report
from hit_rfgm_ros.messages.definitions import load_definitions
from hit_rfgm_ros.messages.values import read_header
from hit_rfgm_ros.runtime.images import decode
from hit_rfgm_ros.runtime.reports import FrameReport, IncomingImage, TargetState
from hit_rfgm_ros.types import Box
import numpy as np
import pytest

TARGETS, DETECTIONS = '/tracker/targets', '/tracker/detections'
ANNOTATED = '/tracker/image_annotated/compressed'
BOX = golden_frame(0).box
INIT = ','.join(f'{value:g}' for value in BOX)
OTHER = Box(200.0, 40.0, 50.0, 60.0)


@dataclass
class Run:
    """What a call of the command left behind."""

    code: int
    out: Path
    stdout: str
    stderr: str


Call = Callable[..., Run]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run ``hit-rfgm bag`` in this process, on one thread of one back end."""
    numbers = itertools.count()

    def run(path: Path, *options: str, init: Sequence[str] = (INIT,)) -> Run:
        out = tmp_path / f'new{next(numbers)}' / 'bag'
        boxes = [word for box in init for word in ('--init', box)]
        engine = ['--backend', 'onnxruntime', '--threads', '1']
        with pytest.raises(SystemExit) as end:
            main(['bag', str(path), '--out', str(out), *boxes, *engine, *options])
        said = capsys.readouterr()
        return Run(int(end.value.code or 0), out, said.out, said.err)

    return run


def reports(bags: ModuleType, run: Run) -> list[FrameReport]:
    assert run.code == 0, run.stderr
    return [frame_report(message.value) for message in bags.read_bag(run.out, TARGETS)]


def boxes_of(given: list[FrameReport], target: int = 1) -> list[Box]:
    return [item.box for report in given for item in report.targets if item.id == target]


def followed(frames: Sequence[np.ndarray], stamps: Sequence[int], **options: str) -> list[Box]:
    """Boxes of the tracker alone, on the same pictures."""
    tracker = hit_rfgm_ros.create_tracker('hit_tiny', backend='onnxruntime', threads=1, **options)
    seconds = [(stamp - stamps[0]) / 1e9 for stamp in stamps]
    found = [tracker.init(frames[0], BOX, stamp=seconds[0]).box]
    for frame, stamp in zip(frames[1:], seconds[1:], strict=True):
        found.append(tracker.update(frame, stamp=stamp).box)
    return found


def shown(bags: ModuleType, path: Path) -> list[np.ndarray]:
    """The pictures of a bag as the tracker sees them, RGB."""
    found = []
    for message in bags.read_bag(path, bags.IMAGES):
        value = message.value
        image = IncomingImage(
            header=read_header(value.header),
            arrival=0.0,
            encoding=getattr(value, 'encoding', None) or value.format,
            data=value.data,
            width=getattr(value, 'width', 0),
            height=getattr(value, 'height', 0),
            step=getattr(value, 'step', 0),
            compressed=not hasattr(value, 'encoding'),
        )
        pixels, color = decode(image)
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        found.append(np.ascontiguousarray(pixels[..., ::-1] if color == 'bgr' else pixels))
    return found


@pytest.mark.parametrize(
    ('storage', 'encoding'),
    [
        ('mcap', 'rgb8'),
        ('sqlite3', 'bgr8'),
        ('mcap', 'bayer_rggb8'),
        ('sqlite3', 'mono8'),
        ('mcap', '.jpg'),
        ('sqlite3', '.png'),
    ],
)
def test_boxes_are_those_of_the_tracker_to_the_last_bit(
    bags: ModuleType, tmp_path: Path, call: Call, storage: str, encoding: str
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(6, encoding), storage)
    given = reports(bags, call(path))
    stamps = [report.header.stamp_ns for report in given]
    assert stamps == [bags.stamp_of(index) for index in range(6)]
    assert boxes_of(given) == followed(shown(bags, path), stamps)
    states = [report.targets[0].state for report in given]
    assert states[0] is TargetState.INITIALIZED
    assert set(states[1:]) == {TargetState.TRACKING}


def test_the_new_bag_holds_the_old_one_and_the_results_in_order(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(5), qos=[bags.LATCHED])
    run = call(path)
    reports(bags, run)
    old = bags.read_bag(path)
    new = bags.read_bag(run.out)
    kept = [message for message in new if message.topic in (bags.IMAGES, bags.WORDS)]
    assert [message[:3] for message in kept] == [message[:3] for message in old]
    assert [message.stamp for message in new] == sorted(message.stamp for message in new)
    images = {m.stamp: m.value.header for m in old if m.topic == bags.IMAGES}
    for topic in (TARGETS, DETECTIONS, ANNOTATED):
        added = [message for message in new if message.topic == topic]
        assert {message.stamp: message.value.header for message in added} == images
    for message in new:
        if message.topic == TARGETS:
            assert [target.header for target in message.value.targets] == [message.value.header]
    with bags.Reader(run.out) as reader:
        qos = {item.topic: item.ext.offered_qos_profiles for item in reader.connections}
        assert qos[bags.WORDS] == [bags.LATCHED]
        assert qos[TARGETS][0].reliability is bags.QosReliability.RELIABLE
        assert all(item.msgdef.data and item.digest for item in reader.connections)


def test_the_detections_are_those_of_the_targets(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(3))
    run = call(path, init=[f'{INIT},a ball'])
    given = reports(bags, run)
    for report, message in zip(given, bags.read_bag(run.out, DETECTIONS), strict=True):
        (target,) = report.targets
        (detection,) = message.value.detections
        assert detection.id == '1'
        assert detection.results[0].hypothesis.class_id == 'a ball'
        x, y = target.box.center
        assert (detection.bbox.center.position.x, detection.bbox.center.position.y) == (x, y)


def test_the_annotated_image_shows_the_box(bags: ModuleType, tmp_path: Path, call: Call) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(2))
    for kind, topic in (('compressed', ANNOTATED), ('raw', '/tracker/image_annotated')):
        run = call(path, '--annotated', kind)
        reports(bags, run)
        first = bags.read_bag(run.out, topic)[0].value
        if kind == 'compressed':
            drawn = cv2.imdecode(first.data, cv2.IMREAD_COLOR)
        else:
            assert first.encoding == 'bgr8'
            drawn = first.data.reshape(first.height, first.width, 3)
        plain = bags.picture(0)[..., ::-1]
        assert drawn.shape == plain.shape
        changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 60
        x, y = int(BOX.x), int(BOX.y)
        corner = changed[y - 6 : y + 10, x - 6 : x + 10]
        assert corner.sum() > 20
    run = call(path, '--annotated', 'none')
    reports(bags, run)
    assert not bags.read_bag(run.out, ANNOTATED, '/tracker/image_annotated')


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_the_same_bag_gives_the_same_bytes(
    bags: ModuleType, tmp_path: Path, call: Call, storage: str
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(5), storage)
    runs = [call(path) for _ in range(2)]
    first, second = (
        [(m.topic, m.stamp, load_definitions().serialize(m.type, m.value)) for m in messages]
        for messages in (bags.read_bag(run.out) for run in runs)
    )
    assert first == second
    suffix = '.mcap' if storage == 'mcap' else '.db3'
    files = [(run.out / f'bag{suffix}').read_bytes() for run in runs]
    assert files[0] == files[1]


def test_several_targets_have_their_own_ids_labels_and_boxes(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(5))
    other = ','.join(f'{value:g}' for value in OTHER)
    given = reports(bags, call(path, init=[f'{INIT},ball', f'{other},wall, left']))
    for report in given:
        assert [(target.id, target.label) for target in report.targets] == [
            (1, 'ball'),
            (2, 'wall, left'),
        ]
    alone = reports(bags, call(path))
    assert np.allclose(
        [tuple(box) for box in boxes_of(given)], [tuple(box) for box in boxes_of(alone)], atol=0.1
    )


def test_it_starts_on_the_image_with_the_stamp(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(6))
    wanted = bags.stamp_of(2) + 3_000_000
    given = reports(bags, call(path, '--stamp', f'{wanted // 10**9}.{wanted % 10**9:09d}'))
    assert [len(report.targets) for report in given] == [0, 0, 1, 1, 1, 1]
    frames = [bags.picture(index) for index in range(2, 6)]
    stamps = [bags.stamp_of(index) for index in range(2, 6)]
    assert np.allclose(
        [tuple(box) for box in boxes_of(given)],
        [tuple(box) for box in followed(frames, stamps)],
        atol=1e-6,
    )


def test_images_out_of_order_and_doubled_are_left_out_and_told(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    order = [0, 1, 3, 2, 3, 4]
    path = bags.write_bag(tmp_path / 'bag', bags.recording(indices=order))
    run = call(path)
    given = reports(bags, run)
    assert [report.header.stamp_ns for report in given] == [
        bags.stamp_of(index) for index in (0, 1, 3, 4)
    ]
    assert given[-1].frames_dropped == 2
    assert '6 on /camera/image_raw, 2 of them not usable or not in order' in run.stdout
    assert len(bags.read_bag(run.out, bags.IMAGES)) == 6


def test_images_that_cannot_be_used_are_left_out(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    records = bags.recording(4)
    topic, kind, stamp, data = records[2]
    records[2] = (topic, kind, stamp, data[:-50])
    path = bags.write_bag(tmp_path / 'bag', records)
    run = call(path)
    assert len(reports(bags, run)) == 3
    assert '1 of them not usable' in run.stdout
    assert len(bags.read_bag(run.out, bags.WORDS)) == 4


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_that_was_cut_off_gives_what_could_be_read_and_says_so(
    bags: ModuleType, tmp_path: Path, call: Call, storage: str
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(10), storage)
    file = next(file for file in path.iterdir() if file.suffix in ('.mcap', '.db3'))
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    run = call(path)
    assert run.code == 1
    assert f'{file.name}: ' in run.stderr
    assert 'could not be read as a whole; what could be read was used' in run.stderr
    given = [frame_report(message.value) for message in bags.read_bag(run.out, TARGETS)]
    assert 4 <= len(given) <= 5
    whole = bags.write_bag(tmp_path / 'whole', bags.recording(10), storage)
    assert boxes_of(given) == boxes_of(reports(bags, call(whole)))[: len(given)]


def test_bearings_come_with_the_calibration(bags: ModuleType, tmp_path: Path, call: Call) -> None:
    records = bags.recording(3)
    fields = {
        'header': bags.header(bags.stamp_of(0)),
        'width': 320,
        'height': 240,
        'distortion_model': 'plumb_bob',
        'd': [0.0] * 5,
        'k': [300.0, 0, 160, 0, 300, 120, 0, 0, 1],
        'r': [1.0, 0, 0, 0, 1, 0, 0, 0, 1],
        'p': [300.0, 0, 160, 0, 0, 300, 120, 0, 0, 0, 1, 0],
    }
    info = load_definitions().serialize('sensor_msgs/msg/CameraInfo', fields)
    records.insert(0, ('/camera/camera_info', 'sensor_msgs/msg/CameraInfo', records[0][2], info))
    path = bags.write_bag(tmp_path / 'bag', records)
    given = reports(bags, call(path, '--camera-info', '/camera/camera_info'))
    bearing = given[0].targets[0].bearing
    assert bearing is not None
    x, y = BOX.center
    ray = np.array([(x - 160) / 300, (y - 120) / 300, 1.0])
    assert np.allclose(bearing.direction, ray / np.linalg.norm(ray), atol=2e-3)
    assert reports(bags, call(path))[0].targets[0].bearing is None


def test_only_results_and_the_other_storage(bags: ModuleType, tmp_path: Path, call: Call) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(3), 'mcap')
    run = call(path, '--only-results', '--storage', 'sqlite3', '--name', 'front/eye')
    assert run.code == 0
    assert (run.out / 'bag.db3').is_file()
    assert {message.topic for message in bags.read_bag(run.out)} == {
        '/front/eye/targets',
        '/front/eye/detections',
        '/front/eye/image_annotated/compressed',
    }


def test_topics_of_unknown_types_are_copied_too(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    folder = bags.write_bag(tmp_path / 'bag', bags.recording(3), 'sqlite3')
    file = folder / 'bag.db3'
    # As bags of Humble are: without definitions and hashes; and of a type that nobody here knows.
    with closing(sqlite3.connect(file)) as database, database:
        database.execute('DELETE FROM message_definitions')
        database.execute("UPDATE topics SET type_description_hash = ''")
        database.execute("UPDATE topics SET type = 'other_msgs/msg/Word' WHERE name = '/words'")
    for storage in ('mcap', 'sqlite3'):
        run = call(file, '--storage', storage)
        assert run.code == 0, run.stderr
        with bags.Reader(run.out) as reader:
            kinds = {item.topic: item.msgtype for item in reader.connections}
            words = [item for item in reader.connections if item.topic == bags.WORDS]
            data = [bytes(data) for _, _, data in reader.messages(words)]
        assert kinds[bags.WORDS] == 'other_msgs/msg/Word'
        assert data == [data for topic, *_, data in bags.recording(3) if topic == bags.WORDS]


def test_a_line_per_target_and_image_is_written(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(3))
    csv = tmp_path / 'tables' / 'boxes.csv'
    reports(bags, call(path, '--csv', str(csv), init=[f'{INIT},say "hi"']))
    lines = csv.read_text(encoding='utf-8').splitlines()
    assert lines[0] == 'stamp,id,label,x,y,w,h,confidence,state'
    assert lines[1].startswith('1700000000.000000000,1,"say ""hi""",52.000,112.000,36.000,36.000,')
    assert len(lines) == 4


@pytest.fixture
def two_cameras(bags: ModuleType, tmp_path: Path) -> Path:
    """A bag with two image topics, one without messages, and one of another type."""
    records = bags.recording(3)
    second = [
        ('/rear/image', *bags.image_record(index, 'rgb8', stamp + 1))
        for index, (_, _, stamp, _) in enumerate(records[::2])
    ]
    path: Path = bags.write_bag(tmp_path / 'two', records + second)
    return path


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        pytest.param(
            [], '2 image topics with messages; choose one with --image-topic', id='which'
        ),
        pytest.param(
            ['--image-topic', '/front/image'],
            'has no topic /front/image; image topics: /camera/image_raw (3 messages), /rear/image',
            id='none',
        ),
        pytest.param(
            ['--image-topic', 'words'],
            'words of',
            id='words',
        ),
        pytest.param(
            ['--image-topic', 'rear/image', '--camera-info', '/rear/info'],
            'has no topic /rear/info; calibrations: none',
            id='calibration',
        ),
        pytest.param(
            ['--image-topic', 'rear/image', '--stamp', '1600000000'],
            'has the stamp 1600000000.000000000 (+- 0.02 s); stamps looked at: 1700000000.',
            id='stamp',
        ),
        pytest.param(
            ['--image-topic', 'rear/image', '--init', '900,900,20,20'],
            '0% of the box',
            id='outside',
        ),
    ],
)
def test_what_the_bag_lacks_is_named_and_nothing_is_written(
    two_cameras: Path, call: Call, options: list[str], text: str
) -> None:
    run = call(two_cameras, *options)
    assert run.code == 1
    assert text in run.stderr
    assert not run.out.exists()


def test_a_topic_may_be_named_without_its_slash(
    bags: ModuleType, two_cameras: Path, call: Call
) -> None:
    run = call(two_cameras, '--image-topic', 'rear/image')
    assert 'rear/image' in run.stdout
    assert len(reports(bags, run)) == 3


def test_results_do_not_mix_with_those_of_an_earlier_run(
    bags: ModuleType, tmp_path: Path, call: Call
) -> None:
    first = call(bags.write_bag(tmp_path / 'bag', bags.recording(2)), '--annotated', 'none')
    again = call(first.out)
    assert again.code == 1
    assert 'holds /tracker/targets, /tracker/detections already' in again.stderr
    assert call(first.out, '--name', 'second').code == 0


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (['--init', '1,2,3'], 'a box is four numbers'),
        (['--init', 'a,b,c,d'], 'is not x,y,w,h'),
        (['--stamp', 'noon'], 'is no number of seconds'),
        (['--stamp', '-1'], 'is no stamp'),
        (['--name', 'my node'], 'is no name in ROS'),
        (['--storage', 'ros1'], 'is not one of'),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, call: Call, options: list[str], text: str) -> None:
    run = call(tmp_path, *options)
    assert run.code == 2
    assert text in run.stderr


def test_an_old_bag_is_never_written_over(bags: ModuleType, tmp_path: Path, call: Call) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(2))
    run = call(path, '--out', str(path))
    assert run.code == 2
    assert 'exists already' in run.stderr


def test_ctrl_c_leaves_a_finished_bag(bags: ModuleType, tmp_path: Path) -> None:
    path = bags.write_bag(tmp_path / 'bag', bags.recording(120))
    out, csv = tmp_path / 'out', tmp_path / 'boxes.csv'
    command = [
        *(sys.executable, '-m', 'hit_rfgm_ros.cli.main', 'bag', str(path), '--out', str(out)),
        *('--init', INIT, '--backend', 'onnxruntime', '--threads', '1', '--csv', str(csv)),
    ]
    root = Path(hit_rfgm_ros.__file__).parent.parent
    process = subprocess.Popen(
        command, env={**os.environ, 'PYTHONPATH': str(root)}, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / 'out.mcap').exists() or not (out / 'out.mcap').stat().st_size > 2e6:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert 'stopped by Ctrl-C; the new bag is complete so far' in said
    count = len(bags.read_bag(out, TARGETS))
    assert 5 < count < 120
    assert len(bags.read_bag(out, bags.IMAGES)) == count
    assert len(csv.read_text(encoding='utf-8').splitlines()) == count + 1
