"""Weights are found where they should be, and a model without any says how to get them."""

from hashlib import sha256
import json
from pathlib import Path

from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.errors import ConfigError, WeightsError
from hit_rfgm_ros.weights import catalog
from hit_rfgm_ros.weights.catalog import (
    WEIGHT_CARDS,
    find_weights,
    read_manifest,
    shipped_folder,
    user_path,
)
from hit_rfgm_ros.weights.files import verify
import pytest

SHIPPED_LIMIT = 60_000_000  # bytes of all shipped weights together


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An empty user folder and an empty package folder."""
    user, package = tmp_path / 'user', tmp_path / 'package'
    user.mkdir()
    package.mkdir()
    monkeypatch.setattr(catalog, 'user_path', lambda model: user / f'{model}.safetensors')
    monkeypatch.setattr(catalog, 'shipped_folder', lambda: package)
    return user, package


def test_order_is_given_file_then_user_folder_then_package(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    given = tmp_path / 'mine.safetensors'
    given.touch()
    files = [folder / 'hit_tiny.safetensors' for folder in places]
    files[1].touch()
    assert find_weights('hit_tiny') == files[1]
    files[0].touch()
    assert find_weights('hit_tiny') == files[0]
    assert find_weights('hit_tiny', given) == given
    assert find_weights('hit_tiny', str(given)) == given


@pytest.mark.usefixtures('places')
@pytest.mark.parametrize('model', MODELS)
def test_model_without_weights_says_how_to_get_them(model: str) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(model)
    message = str(caught.value)
    card = WEIGHT_CARDS[model]
    assert message.startswith(f'there are no weights for {model}')
    assert card.source in message
    if card.source:
        assert f'hit-rfgm weights import {card.file} --model {model}' in message
    else:
        assert f'Nobody publishes any for {model}' in message
    assert 'hit-rfgm train' in message
    assert "weights='random'" in message


def test_given_path_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match='is a folder, expected a weights file'):
        find_weights('hit_tiny', tmp_path)
    with pytest.raises(WeightsError, match='does not exist; expected the weights'):
        find_weights('hit_tiny', tmp_path / 'none')


def test_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'hit_base'"):
        find_weights('hit_bse')


def test_every_model_has_a_card() -> None:
    assert list(WEIGHT_CARDS) == list(MODELS)
    for card in WEIGHT_CARDS.values():
        assert card.source.startswith('https://') == bool(card.file) == bool(card.licence)


@pytest.mark.usefixtures('places')
def test_what_a_published_checkpoint_does_not_give_is_said() -> None:
    with pytest.raises(WeightsError, match='which gives OSTrack: relevance_stages 0 and the mem'):
        find_weights('rfgm_b256')


def test_user_folder_is_named_after_the_package() -> None:
    assert user_path('hit_tiny').parts[-3:] == ('hit_rfgm_ros', 'weights', 'hit_tiny.safetensors')


def test_manifest_names_the_shipped_files_and_no_others() -> None:
    entries = read_manifest()
    files = {path.name for path in shipped_folder().glob('*.safetensors')}
    assert {entry.file for entry in entries.values()} == files
    assert sum((shipped_folder() / name).stat().st_size for name in files) <= SHIPPED_LIMIT


def test_shipped_weights_are_what_the_manifest_says(repository: Path) -> None:
    for model, entry in read_manifest().items():
        found = verify(shipped_folder() / entry.file, model=model, sha256=entry.sha256)
        assert entry.file == f'{model}.safetensors'
        assert found.metadata['licence'] == entry.licence
        assert entry.data
        assert (repository / entry.card).is_file()


@pytest.mark.parametrize(
    'text', ['', '[]', '{}', '{"weights": {"hit_tiny": {"file": "a"}}}', '{"weights": [1]}']
)
def test_unusable_manifest_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / 'manifest.json').write_text(text, encoding='utf-8')
    with pytest.raises(WeightsError, match=r'manifest\.json is no usable manifest'):
        read_manifest(tmp_path)


def test_manifest_entries_are_read(tmp_path: Path) -> None:
    entry = {
        'file': 'hit_tiny.safetensors',
        'sha256': sha256(b'').hexdigest(),
        'licence': 'CC0',
        'data': 'scenes',
        'card': 'docs/weights.md',
    }
    content = json.dumps({'weights': {'hit_tiny': entry}})
    (tmp_path / 'manifest.json').write_text(content, encoding='utf-8')
    assert read_manifest(tmp_path)['hit_tiny'].licence == 'CC0'
