"""ONNX networks of a rival: loaded, wired together and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import hashlib
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from hit_rfgm_ros.engines.onnx_engine import FAILURES
from hit_rfgm_ros.errors import RivalError
from hit_rfgm_ros.types import Array
import onnx
import onnxruntime


class Network:
    """One ONNX file on the CPU.

    Attributes:
        inputs, outputs: names.
        dtypes: of the inputs by name, as ONNX Runtime writes them: ``tensor(float)``.
        sha256: of the file.
    """

    def __init__(self, path: Path, *, threads: int = 0, free_axes: Sequence[int] = ()) -> None:
        """Load it.

        Args:
            path: of the file.
            threads: per run; 0 leaves it to ONNX Runtime.
            free_axes: of the inputs, whose lengths may differ from what the file says.

        Raises:
            RivalError: if it cannot be loaded.
        """
        self._path = path
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        # Spinning workers steal the cores of everything else on a busy machine.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        try:
            data = path.read_bytes()
            self.sha256 = hashlib.sha256(data).hexdigest()
            graph = _with_free_axes(data, free_axes) if free_axes else data
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=['CPUExecutionProvider']
            )
        except OSError as error:
            raise RivalError(f'{path} cannot be read: {error.strerror}') from error
        except (DecodeError, ValueError, *FAILURES) as error:
            raise RivalError(f'{path} is no network that can be run: {error}') from error
        self.inputs = tuple(each.name for each in self._session.get_inputs())
        self.outputs = tuple(each.name for each in self._session.get_outputs())
        self.dtypes = {each.name: str(each.type) for each in self._session.get_inputs()}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run it once.

        Raises:
            RivalError: if the inputs do not fit.
        """
        try:
            values = self._session.run(None, dict(inputs))
        except FAILURES as error:
            given = ', '.join(f'{name} {value.shape}' for name, value in inputs.items())
            raise RivalError(f'{self._path} cannot be run with {given}: {error}') from error
        return dict(zip(self.outputs, values))

    def shape(self, name: str) -> list[Any]:
        """Shape of an input as the file says; texts or None where it is free."""
        return next(list(each.shape) for each in self._session.get_inputs() if each.name == name)


def _with_free_axes(data: bytes, axes: Sequence[int]) -> bytes:
    """The network with these axes of its inputs, and all of its outputs, left open."""
    model = onnx.load_from_string(data)
    for value in model.graph.input:
        _free(value, axes)
    for value in model.graph.output:
        _free(value, range(len(value.type.tensor_type.shape.dim)))
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def _free(value: Any, axes: Sequence[int]) -> None:
    for axis in axes:
        value.type.tensor_type.shape.dim[axis].dim_param = f'{value.name}_{axis}'
