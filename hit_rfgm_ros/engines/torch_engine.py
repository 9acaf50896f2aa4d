"""PyTorch (extra ``torch``): the plain network, on the CPU or a CUDA GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from hit_rfgm_ros.config.models import ModelConfig
from hit_rfgm_ros.engines.base import BaseEngine, PrecisionError
from hit_rfgm_ros.errors import EngineError
from hit_rfgm_ros.models.hit.fuse import fold_batch_norm
from hit_rfgm_ros.models.hit.network import HiT
from hit_rfgm_ros.models.registry import build_network, load_state
from hit_rfgm_ros.models.rfgm.network import RFGM
from hit_rfgm_ros.types import Array
import numpy as np
from numpy.typing import DTypeLike
import torch
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, RGB, for values in [0, 1]
DEVIATION = (0.229, 0.224, 0.225)
_DTYPES = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}


class DeviceTokens:
    """Template tokens that stay on the GPU between two graphs; ``np.asarray`` copies them."""

    dtype = np.dtype(np.float32)  # what `np.asarray` gives

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, tokens, channels)."""
        return tuple(self.tensor.shape)

    def __len__(self) -> int:
        return len(self.tensor)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self.tensor.float().cpu().numpy().astype(dtype or np.float32)


class TorchEngine(BaseEngine):
    """Runs the network's own modules, with batch normalisation folded.

    On a GPU the tokens of HiT's template stay there (`DeviceTokens`); RFGM's go through the
    memory, which lies beside the tracker.
    """

    backend = 'torch'

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Array],
        *,
        device: str = 'cpu',
        precision: str = 'fp32',
        max_batch: int = 8,
        threads: int = 0,
    ) -> None:
        """Build the network and load its weights.

        Args:
            config: the network.
            tensors: its state dict, official keys.
            device: ``cpu``, ``cuda`` or ``cuda:N``.
            precision: ``fp32``, ``bf16`` or ``fp16``; the last is slow on most CPUs.
            max_batch: largest batch that `run` takes.
            threads: threads of PyTorch **in this whole process**; 0 leaves them alone.

        Raises:
            EngineError: if the device is not there.
            PrecisionError: if torch cannot do the precision.
            WeightsError: if the tensors do not fit the network.
        """
        self._device = _torch_device(device)
        if precision not in _DTYPES:
            raise PrecisionError(
                f'torch on {device} cannot do {precision}; it can do {", ".join(_DTYPES)}'
            )
        super().__init__(
            config, device=str(self._device), precision=precision, max_batch=max_batch
        )
        if threads:
            torch.set_num_threads(threads)
        if self._device.type == 'cuda':
            # fp32 means fp32, in this whole process
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
        network = build_network(config)
        load_state(network, {key: array.astype(np.float32) for key, array in tensors.items()})
        self._dtype = _DTYPES[precision]
        self._network = fold_batch_norm(network).to(self._device)
        if isinstance(self._network, RFGM):
            _shorten(self._network.backbone, self._dtype)
            self._dtype = torch.float32  # of what goes in
        else:
            self._network.to(self._dtype)
        mean, deviation = 255 * np.array(MEAN), 255 * np.array(DEVIATION)
        self._scale = torch.tensor(1 / deviation, dtype=torch.float32, device=self._device)
        self._shift = torch.tensor(-mean / deviation, dtype=torch.float32, device=self._device)

    def _run(self, graph: str, inputs: Mapping[str, Array], batch: int) -> dict[str, Array]:
        try:
            with torch.inference_mode():
                given = {name: self._to_tensor(value) for name, value in inputs.items()}
                if isinstance(self._network, RFGM):
                    outputs = _rfgm(self._network, graph, given)
                else:
                    outputs = _hit(self._network, graph, given)
                    if graph == 'template' and self._device.type != 'cpu':
                        # An opaque handle that stands for the array.
                        tokens = DeviceTokens(outputs['template_tokens'])
                        return {'template_tokens': cast(Array, tokens)}
                return {name: _to_numpy(value) for name, value in outputs.items()}
        except RuntimeError as error:  # out of memory, lost device
            raise EngineError(
                f'torch failed on {self.device} in graph {graph!r} with a batch of {batch}: '
                f'{error}'
            ) from error

    def _to_tensor(self, value: Array) -> Tensor:
        """Pictures normalised, (B, 3, S, S); tokens in the network's type; counts as they are."""
        held: object = value
        if isinstance(held, DeviceTokens):
            return held.tensor.to(self._device, self._dtype)
        # PyTorch warns of arrays that are read-only.
        tensor = torch.from_numpy(np.require(value, requirements=['C', 'W'])).to(self._device)
        if tensor.dtype == torch.uint8:
            pixels = tensor.float() * self._scale + self._shift
            return pixels.permute(0, 3, 1, 2).to(self._dtype)
        return tensor.to(self._dtype) if tensor.is_floating_point() else tensor


def _shorten(backbone: nn.Module, dtype: torch.dtype) -> None:
    """Let the linear layers of RFGM's encoder, and the attention behind them, run in a short type.

    The sums of the residual branches, the normalisations, the rankers and the head stay in
    float32: the cell with the highest score decides about the box, and where another is nearly
    as high small errors move it by a cell.
    """
    if dtype == torch.float32:
        return
    for layer in backbone.modules():
        if isinstance(layer, nn.Linear):
            layer.to(dtype)
            layer.register_forward_pre_hook(_cast_input)


def _cast_input(layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    dtype = next(layer.parameters()).dtype
    return tuple(value.to(dtype) for value in given)


def _hit(network: HiT, graph: str, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if graph == 'template':
        return {'template_tokens': network.embed(given['template'])}
    output = network.track(network.embed(given['search']), given['template_tokens'])
    maps = {'score_tl': output.score_tl, 'score_br': output.score_br}
    return {
        'boxes': output.boxes,
        **{name: score.flatten(1).float().softmax(1) for name, score in maps.items()},
        'correlation': output.correlation,
    }


def _rfgm(network: RFGM, graph: str, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if graph == 'template':
        return {'template_tokens': network.embed_template(given['template'])}
    memory, search = given['memory'], network.embed_search(given['search'])
    if graph == 'filter':
        tokens = given['template_tokens']
        return {'relevance': network.filter_relevance(memory, tokens, search)}
    mask = None
    if graph == 'track_padded':
        places = torch.arange(memory.shape[1], device=memory.device)
        mask = places < given['memory_count'][:, None]
    output = network.track(search, memory, mask)
    return {
        'score': output.score_map.flatten(1),
        'size': output.size_map.flatten(2),
        'offset': output.offset_map.flatten(2),
        **{f'kept_{layer}': places for layer, places in output.kept.items()},
    }


def _to_numpy(tensor: Tensor) -> Array:
    if tensor.is_floating_point():
        tensor = tensor.float()
    return tensor.cpu().contiguous().numpy()


def _torch_device(device: str) -> torch.device:
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise EngineError(f'torch knows no device {device!r}: use cpu, cuda or cuda:N') from error
    if chosen.type == 'cuda':
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise EngineError(f'device {device} was asked for, but torch sees {count} CUDA GPUs')
        return torch.device('cuda', chosen.index or 0)
    if chosen.type != 'cpu':
        raise EngineError(f'torch runs here on cpu or cuda, not on {device!r}')
    return chosen
