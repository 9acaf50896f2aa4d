"""Where weights come from: a given file, the user's folder, or what the package ships."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path

from hit_rfgm_ros.config.models import get_model_config, list_models
from hit_rfgm_ros.errors import WeightsError
import platformdirs

HIT_REPOSITORY = 'https://github.com/kangben258/HiT'
HIT_LICENCE = 'MIT (the repository)'  # nothing is stated for the checkpoints alone
OSTRACK_REPOSITORY = 'https://github.com/botaoye/OSTrack'
OSTRACK_LICENCE = HIT_LICENCE


@dataclass(frozen=True)
class WeightCard:
    """Where the authors of a model publish its weights, and how they come in here.

    Attributes:
        model: name as in `list_models`.
        authors_name: what the authors call the model; empty if nobody publishes weights.
        file: name of the checkpoint that they publish.
        source: the public page that links to their checkpoints.
        licence: as far as that page states it.
        gives: what the checkpoint serves, if that is not all of the model.
    """

    model: str
    authors_name: str = ''
    file: str = ''
    source: str = ''
    licence: str = ''
    gives: str = ''

    @property
    def import_command(self) -> str:
        """The one command that makes a downloaded checkpoint usable here."""
        return f'hit-rfgm weights import {self.file} --model {self.model}'

    @property
    def advice(self) -> str:
        """How to get weights, in a sentence."""
        if not self.source:
            return f'Nobody publishes any for {self.model}: train them with: hit-rfgm train.'
        gives = f', which gives {self.gives}' if self.gives else ''
        return (
            f"Import the authors' checkpoint (download {self.authors_name} from {self.source}, "
            f'then run: {self.import_command}){gives}, or train one with: hit-rfgm train.'
        )


@dataclass(frozen=True)
class ShippedFile:
    """One entry of the manifest of the weights that come with the package.

    Attributes:
        file: name beside the manifest.
        sha256: of the file.
        licence: of the weights.
        data: what they were trained on.
        card: page that describes them, relative to the repository.
    """

    file: str
    sha256: str
    licence: str
    data: str
    card: str


def user_path(model: str) -> Path:
    """Place of a model's weights in the user's data folder."""
    return Path(platformdirs.user_data_path('hit_rfgm_ros')) / 'weights' / f'{model}.safetensors'


def shipped_folder() -> Path:
    """The folder of the weights that come with the package."""
    return Path(__file__).resolve().parent.parent / 'share' / 'weights'


def find_weights(model: str, path: str | Path | None = None) -> Path:
    """Find the weights file of a model.

    Args:
        model: name as in `list_models`.
        path: a file to use; None looks in the user's data folder, then in the package.

    Raises:
        ConfigError: if the model is unknown.
        WeightsError: if there are none; the message says how to get them.
    """
    get_model_config(model)
    if path is not None:
        path = Path(path)
        if path.is_dir():
            raise WeightsError(f'{path} is a folder, expected a weights file (.safetensors)')
        if not path.is_file():
            raise WeightsError(f'{path} does not exist; expected the weights file of {model}')
        return path
    found = _own_weights(model)
    if found is None:
        raise WeightsError(
            f'there are no weights for {model}. {WEIGHT_CARDS[model].advice} '
            "Random weights, for benchmarks only, are had with weights='random'."
        )
    return found


def models_with_weights() -> list[str]:
    """Names of the models that have weights here, the user's or the package's."""
    return [model for model in list_models() if _own_weights(model)]


def read_manifest(folder: Path | None = None) -> dict[str, ShippedFile]:
    """What the package says about the weights that it ships, by model.

    Args:
        folder: where ``manifest.json`` lies; None is the package's own.

    Raises:
        WeightsError: if the manifest is missing or malformed.
    """
    path = (folder or shipped_folder()) / 'manifest.json'
    try:
        entries = json.loads(path.read_text(encoding='utf-8'))['weights']
        return {model: ShippedFile(**entry) for model, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f'{path} is no usable manifest: {error}') from error


def _own_weights(model: str) -> Path | None:
    """The user's file, else the package's, else None."""
    for candidate in (user_path(model), shipped_folder() / f'{model}.safetensors'):
        if candidate.is_file():
            return candidate
    return None


def _hit_card(model: str, authors_name: str) -> WeightCard:
    file = f'{authors_name}.pth.tar'
    return WeightCard(model, authors_name, file, HIT_REPOSITORY, HIT_LICENCE)


WEIGHT_CARDS: dict[str, WeightCard] = {
    card.model: card
    for card in (
        _hit_card('hit_base', 'HiT_Base'),
        _hit_card('hit_small', 'HiT_Small'),
        _hit_card('hit_tiny', 'HiT_Tiny'),
        _hit_card('hit_pvt', 'HiT_PVT'),
        WeightCard(
            'rfgm_b256',
            'vitb_256_mae_32x4_ep300',
            'OSTrack_ep0300.pth.tar',
            OSTRACK_REPOSITORY,
            OSTRACK_LICENCE,
            'OSTrack: relevance_stages 0 and the memory kinds none, fifo and score',
        ),
        WeightCard('rfgm_s256'),
        WeightCard('rfgm_t256'),
    )
}
