"""A small public tracker as a teacher of features: the backbone of NanoTrack v3, through ONNX.

HiT's corner head takes cell i of its map at stride 16 for the place 16 i of the crop. NanoTrack's
cell i answers to what lies about 14 pixels further right and down, though its layers are padded
evenly: patches changed at 768 places of photos moved the centre of the features' change by
13.5 pixels less than themselves (12.8 to 14.3 by patch and crop size), so the crop is shown to the
teacher moved by that much.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from hit_rfgm_ros.errors import WeightsError
from hit_rfgm_ros.training.teacher_scale import MEAN, SHA256, SHIFT, STD
from hit_rfgm_ros.types import ImageU8
import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import numpy_helper
import onnxruntime as ort

Scale = tuple[NDArray[np.float32], NDArray[np.float32]]  # mean and deviation per channel
STRIDE = 16


class FeatureTeacher:
    """Features of NanoTrack v3's backbone, standardised per channel.

    Make it inside the process that uses it: ONNX Runtime does not survive a fork.
    """

    def __init__(
        self,
        path: Path | str,
        threads: int = 1,
        *,
        scale: Scale | None = None,
        shift: int = SHIFT,
    ) -> None:
        """Load the network.

        Args:
            path: `nanotrack_v3_backbone.onnx`.
            threads: of ONNX Runtime.
            scale: mean and deviation per channel as `measure_scale` returns them; needed for any
                other file than the known one.
            shift: pixels by which cell i sees right and down of 16 i, 0 to 16.

        Raises:
            WeightsError: if the file cannot be used, or its scale is not known.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise WeightsError(f'{path}: the teacher cannot be read ({error})') from error
        if scale is None:
            if hashlib.sha256(data).hexdigest() != SHA256:
                raise WeightsError(
                    f'{path} is not the known teacher: measure its channels with '
                    f'teacher.measure_scale and pass the result as scale'
                )
            scale = np.array(MEAN, np.float32), np.array(STD, np.float32)
        self._mean, self._std = (values.reshape(1, -1, 1, 1) for values in scale)
        self._shift = shift
        self._session = _make_session(path, data, threads)
        self._input = self._session.get_inputs()[0].name

    @property
    def channels(self) -> int:
        """Number of channels, 96 for NanoTrack v3."""
        return int(self._mean.shape[1])

    def features(self, images: ImageU8) -> NDArray[np.float32]:
        """Features of a batch of crops.

        Args:
            images: (B, S, S, 3) uint8 RGB, S a multiple of 16.

        Returns:
            float32 (B, channels, S/16, S/16), about zero mean and unit deviation per channel.
        """
        raw = self._run(images)
        raw -= self._mean
        raw /= self._std
        return raw

    def _run(self, images: ImageU8) -> NDArray[np.float32]:
        # The network was trained on BGR pixels in 0..255 without normalisation.
        pixels = images[..., ::-1].transpose(0, 3, 1, 2)
        if self._shift:
            before, after = self._shift, STRIDE - self._shift
            pixels = np.pad(pixels, ((0, 0), (0, 0), (before, after), (before, after)), 'edge')
        pixels = np.ascontiguousarray(pixels, np.float32)
        raw = self._session.run(None, {self._input: pixels})[0]
        side = images.shape[1] // STRIDE
        return np.array(raw[:, :, :side, :side], np.float32)


def measure_scale(path: Path | str, images: ImageU8, *, shift: int = SHIFT) -> Scale:
    """Mean and deviation of every channel over crops (B, S, S, 3), a few hundred at least."""
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    probe = FeatureTeacher(path, scale=(zero, one), shift=shift)
    raw = np.concatenate([probe.features(images[i : i + 16]) for i in range(0, len(images), 16)])
    return raw.mean(axis=(0, 2, 3)), np.maximum(raw.std(axis=(0, 2, 3)), 1e-3)


def _make_session(path: Path, data: bytes, threads: int) -> ort.InferenceSession:
    try:
        model = onnx.load_from_string(data)
        _free_batch(model)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=['CPUExecutionProvider']
        )
    except (DecodeError, ValueError, RuntimeError) as error:
        raise WeightsError(f'{path}: not a usable ONNX network ({error})') from error


def _free_batch(model: Any) -> None:
    """Make batch, height and width dynamic; the file has them fixed, in the gates' shapes too."""
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in ((0, 'batch'), (2, 'height'), (3, 'width')):
            dimension = value.type.tensor_type.shape.dim[axis]
            dimension.dim_param = f'{value.name}_{name}' if axis else name
    del model.graph.value_info[:]
    shapes = {node.input[1] for node in model.graph.node if node.op_type == 'Reshape'}
    for tensor in model.graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = 0  # copy the input's
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
