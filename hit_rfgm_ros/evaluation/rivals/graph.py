"""The networks of a rival, wired together: pictures in, the outputs of `track` out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.names import unknown_name
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.evaluation.rivals.adapter_settings import NETWORKS, AdapterSettings, Pictures
from hit_rfgm_ros.evaluation.rivals.networks import Network
from hit_rfgm_ros.types import Array, ImageU8
import numpy as np
from numpy.typing import NDArray

_DTYPES = {'tensor(float)': np.float32, 'tensor(float16)': np.float16, 'tensor(uint8)': np.uint8}


class Graph:
    """Up to three networks: of the target's features, of the search picture's, and `track`.

    Attributes:
        sha256: of the files, by file name.
    """

    def __init__(
        self, settings: AdapterSettings, files: Mapping[str, Path], *, threads: int = 0
    ) -> None:
        """Load the networks and look whether the settings name what they have.

        Raises:
            ConfigError: if the settings name an input or output that a network lacks.
            RivalError: if a file cannot be loaded.
        """
        self._settings = settings
        self._threads = threads
        crops = settings.crops
        self._sizes = {'template': crops.template_size, 'search': crops.search_size}
        self._networks = {name: self._load(name, path) for name, path in files.items()}
        self._check_wiring()
        self.sha256 = {files[name].name: net.sha256 for name, net in self._networks.items()}
        self._known: dict[str, Array] = {}  # what the target gives, by source

    def set_template(self, picture: ImageU8) -> None:
        """Take over a new target, (S, S, 3) uint8 RGB."""
        self._known = self._features('template', picture)

    def run(self, picture: ImageU8) -> dict[str, Array]:
        """Outputs of `track` for a search picture, (S, S, 3) uint8 RGB."""
        values = {**self._known, **self._features('search', picture)}
        inputs = self._settings.inputs
        return self._networks['track'].run(
            {name: self._feed(values[source], name) for name, source in inputs.items()}
        )

    def _features(self, role: str, picture: ImageU8) -> dict[str, Array]:
        """What inputs of `track` may ask for: the picture, and all outputs of its network."""
        values: dict[str, Array] = {f'{role}_picture': picture}
        if role in self._networks:
            network = self._networks[role]
            (name,) = network.inputs
            outputs = network.run({name: self._prepare(picture, network.dtypes[name])})
            values[role] = outputs[network.outputs[0]]
            values.update({f'{role}.{output}': value for output, value in outputs.items()})
        return values

    def _feed(self, value: Array, name: str) -> Array:
        if self._settings.inputs[name].endswith('_picture'):
            return self._prepare(value, self._networks['track'].dtypes[name])
        return value

    def _prepare(self, picture: ImageU8, dtype: str) -> Array:
        return prepare(picture, self._settings.pictures, _DTYPES[dtype])

    def _load(self, role: str, path: Path) -> Network:
        network = Network(path, threads=self._threads)
        pictures = self._picture_inputs(role, network)
        axes = (2, 3) if self._settings.pictures.layout == 'nchw' else (1, 2)
        for name, size in pictures.items():
            shape = network.shape(name)
            if len(shape) != 4 or network.dtypes[name] not in _DTYPES:
                raise ConfigError(
                    f'{path}: the input {name!r} takes no picture: shape {shape}, '
                    f'{network.dtypes[name]}'
                )
            if any(isinstance(shape[axis], int) and shape[axis] != size for axis in axes):
                network = Network(path, threads=self._threads, free_axes=axes)
        return network

    def _picture_inputs(self, role: str, network: Network) -> dict[str, int]:
        """Inputs of a network that pictures go into, with the side of those."""
        if role == 'track':
            sources = self._settings.inputs
            for name in sources:
                if name not in network.inputs:
                    raise ConfigError(f'inputs: {unknown_name("input", name, network.inputs)}')
            return {
                name: self._sizes[source.partition('_')[0]]
                for name, source in sources.items()
                if source.endswith('_picture')
            }
        if len(network.inputs) != 1:
            raise ConfigError(
                f'networks: {role} must have one input, the picture; it has '
                f'{", ".join(network.inputs)}'
            )
        return {network.inputs[0]: self._sizes[role]}

    def _check_wiring(self) -> None:
        track, outputs = self._networks['track'], self._settings.outputs
        missing = [name for name in track.inputs if name not in self._settings.inputs]
        if missing:
            raise ConfigError(f'inputs: nothing is said about {", ".join(missing)} of track')
        for source in self._settings.inputs.values():
            role, _, name = source.partition('.')
            if name and role in NETWORKS and name not in self._networks[role].outputs:
                known = self._networks[role].outputs
                raise ConfigError(f'inputs: {unknown_name(f"output of {role}", name, known)}')
        for name in (outputs.box, outputs.score, outputs.size, outputs.offset):
            if name and name not in track.outputs:
                raise ConfigError(f'outputs: {unknown_name("output", name, track.outputs)}')


def prepare(picture: ImageU8, pictures: Pictures, dtype: Any) -> Array:
    """A picture as a network takes it, with a batch of one.

    Args:
        picture: (S, S, 3) uint8 RGB.
        pictures: order of colours and axes, and normalisation.
        dtype: of the input; with uint8 nothing is normalised.
    """
    if pictures.color == 'bgr':
        picture = picture[..., ::-1]
    values: NDArray[Any] = picture
    if dtype != np.uint8:
        mean, std = np.array(pictures.mean), np.array(pictures.std)
        factor, shift = pictures.scale / std, mean / std
        values = picture.astype(np.float32) * factor.astype(np.float32) - shift.astype(np.float32)
    if pictures.layout == 'nchw':
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None], dtype)
