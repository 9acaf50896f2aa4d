"""The tracker's side of TraX; the protocol itself is spoken in test_vot_runs."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from hit_rfgm_ros.errors import DatasetError, EvaluationError
from hit_rfgm_ros.evaluation.contender import ContenderSpec, open_contender
from hit_rfgm_ros.evaluation.vot.client import answer, main, warm_up
from hit_rfgm_ros.evaluation.vot.registration import register
from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.types import Box
import pytest


def request(path: Path, box: Box | None = None) -> Any:
    """As the TraX library hands it on."""
    region = SimpleNamespace(bounds=lambda: tuple(box))
    objects = [(region, {})] if box else None
    picture = SimpleNamespace(path=lambda: str(path))
    return SimpleNamespace(image={'color': picture}, objects=objects)


@pytest.fixture
def pictures(tmp_path: Path, miniatures: ModuleType) -> tuple[list[Path], list[Box]]:
    recipe = miniatures.Recipe(6, (240, 180))
    boxes = miniatures.path_of_square(recipe)
    miniatures.write_frames(tmp_path, '{:08d}.jpg', range(1, 7), boxes, recipe)
    return sorted(tmp_path.glob('*.jpg')), [Box(*box) for box in boxes.tolist()]


def python(name: str, repository: Path) -> ContenderSpec:
    file = repository / 'test' / 'tools' / 'cheap_trackers.py'
    return ContenderSpec(name, 'python', {'file': str(file), 'factory': name})


def test_a_model_is_warmed_up_and_then_follows(pictures: tuple[list[Path], list[Box]]) -> None:
    files, boxes = pictures
    spec = ContenderSpec('hit_tiny', 'model', {'model': 'hit_tiny', 'threads': 1})
    contender = open_contender(spec)
    warm_up(contender, spec)
    assert answer(contender, request(files[0], boxes[0])).box == boxes[0]
    for file, box in zip(files[1:], boxes[1:]):
        said = answer(contender, request(file))
        assert iou(said.box, box) > 0.5
        assert said.confidence is not None


def test_no_finite_box_and_no_picture_are_errors(
    pictures: tuple[list[Path], list[Box]], repository: Path
) -> None:
    files, boxes = pictures
    contender = open_contender(python('NoNumber', repository))
    answer(contender, request(files[0], boxes[0]))
    answer(contender, request(files[1]))
    with pytest.raises(EvaluationError, match=r'NoNumber gave .*, no finite box'):
        answer(contender, request(files[2]))
    files[3].write_bytes(b'no picture')
    with pytest.raises(DatasetError, match='not a readable picture'):
        answer(contender, request(files[3]))


def test_a_tracker_that_cannot_be_made_says_why(
    tmp_path: Path,
    repository: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('signal.signal', lambda *_: None)  # Ctrl-C goes on stopping the tests
    register(tmp_path, python('Refusing', repository), tmp_path)
    assert main(str(tmp_path / 'contender.json'), str(tmp_path)) == 1
    assert capsys.readouterr().err == 'TrackerError: this tracker cannot be made\n'
