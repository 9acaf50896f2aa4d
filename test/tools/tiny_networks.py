"""Generated ONNX networks with the interfaces of known trackers; what they look for is light.

Each finds the brightest cell of the search picture. None has weights worth a name, so they are
written in milliseconds and run in less.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, UINT8 = TensorProto.FLOAT, TensorProto.UINT8
CELLS = 16


def write_fear(folder: Path) -> list[Path]:
    """FEAR's two networks; the box is a fifth of the search picture."""
    template = _model(
        [
            _pool('template', 'p', 16),
            helper.make_node('Tile', ['p', 'times'], ['t']),
            helper.make_node('Slice', ['t', 'zero', 'many', 'axis'], ['features']),
        ],
        [_value('template', [1, 3, 128, 128])],
        [_value('features', [1, 256, 8, 8])],
        {
            'times': np.array([1, 86, 1, 1]),
            'zero': np.array([0]),
            'many': np.array([256]),
            'axis': np.array([1]),
        },
    )
    track = _model(
        [
            *_light('search', 16),
            helper.make_node('ReduceMean', ['template_features'], ['m'], keepdims=0),
            helper.make_node('Mul', ['m', 'nothing'], ['n']),
            helper.make_node('Mul', ['light', 'steep'], ['l']),
            helper.make_node('Add', ['l', 'n'], ['cls']),
        ],
        [_value('search', [1, 3, 256, 256]), _value('template_features', [1, 256, 8, 8])],
        [_value('bbox', [1, 4, CELLS, CELLS]), _value('cls', [1, 1, CELLS, CELLS])],
        {
            'nothing': np.float32(0),
            'steep': np.float32(2),
            'bbox': _distances(CELLS, 256 / 10, middle=8),
        },
    )
    return [
        _save(template, folder / 'fear_xs_template.onnx'),
        _save(track, folder / 'fear_xs_track.onnx'),
    ]


def write_nanotrack(folder: Path, version: str = 'v2') -> list[Path]:
    """NanoTrack's backbone, which names a fixed side, and head."""
    channels, cells, middle = {'v2': (48, 16, 8.5), 'v3': (96, 15, -7.5)}[version]
    backbone = _model(
        [
            _pool('input', 'p', 16, auto_pad='SAME_UPPER'),
            helper.make_node('ReduceMean', ['p'], ['m'], axes=[1]),
            helper.make_node('Tile', ['m', 'times'], ['output']),
        ],
        [_value('input', [1, 3, 255, 255])],
        [_value('output', [1, channels, 16, 16])],
        {'times': np.array([1, channels, 1, 1])},
    )
    head = _model(
        [
            helper.make_node('ReduceMean', ['input1'], ['target'], keepdims=0),
            helper.make_node('ReduceMean', ['input2'], ['m'], axes=[1]),
            helper.make_node('Slice', ['m', 'zeros', 'cells', 'axes'], ['light']),
            helper.make_node('Sub', ['light', 'target'], ['d']),
            helper.make_node('Mul', ['d', 'slope'], ['on']),
            helper.make_node('Mul', ['on', 'minus'], ['off']),
            helper.make_node('Concat', ['off', 'on'], ['output1'], axis=1),
        ],
        [_value('input1', [1, channels, 8, 8]), _value('input2', [1, channels, 16, 16])],
        [_value('output1', [1, 2, cells, cells]), _value('output2', [1, 4, cells, cells])],
        {
            'zeros': np.array([0, 0]),
            'cells': np.array([cells, cells]),
            'axes': np.array([2, 3]),
            'slope': np.float32(0.02),
            'minus': np.float32(-1),
            'output2': _distances(cells, 255 / 8, middle),
        },
    )
    return [
        _save(backbone, folder / f'nanotrack_{version}_backbone.onnx'),
        _save(head, folder / f'nanotrack_{version}_head.onnx'),
    ]


def write_two_pictures(path: Path) -> Path:
    """One network with two pictures of bytes, NHWC, and the maps of a centre head."""
    model = _model(
        [
            helper.make_node('Cast', ['z'], ['zf'], to=FLOAT),
            helper.make_node('ReduceMean', ['zf'], ['target'], keepdims=0),
            helper.make_node('Mul', ['target', 'nothing'], ['n']),
            helper.make_node('Cast', ['x'], ['xf'], to=FLOAT),
            helper.make_node('Transpose', ['xf'], ['xt'], perm=[0, 3, 1, 2]),
            *_light('xt', 16),
            helper.make_node('Div', ['light', 'white'], ['l']),
            helper.make_node('Add', ['l', 'n'], ['score']),
        ],
        [_value('z', [1, 128, 128, 3], UINT8), _value('x', [1, 256, 256, 3], UINT8)],
        [
            _value('score', [1, 1, CELLS, CELLS]),
            _value('size', [1, 2, CELLS, CELLS]),
            _value('offset', [1, 2, CELLS, CELLS]),
        ],
        {
            'nothing': np.float32(0),
            'white': np.float32(255),
            'size': np.full((1, 2, CELLS, CELLS), 0.25, np.float32),
            'offset': np.full((1, 2, CELLS, CELLS), 0.5, np.float32),
        },
    )
    return _save(model, path)


def write_vit(path: Path) -> Path:
    """The network of OpenCV's TrackerVit."""
    model = _model(
        [
            helper.make_node('ReduceMean', ['template'], ['target'], keepdims=0),
            helper.make_node('Mul', ['target', 'nothing'], ['n']),
            *_light('search', 16),
            helper.make_node('Add', ['light', 'n'], ['l']),
            helper.make_node('Sigmoid', ['l'], ['output1']),
            helper.make_node('Mul', ['output1', 'nothing'], ['none']),
            helper.make_node('Add', ['none', 'sizes'], ['output2']),
            helper.make_node('Add', ['none', 'offsets'], ['output3']),
        ],
        [_value('template', [1, 3, 128, 128]), _value('search', [1, 3, 256, 256])],
        [
            _value('output1', [1, 1, CELLS, CELLS]),
            _value('output2', [1, 2, CELLS, CELLS]),
            _value('output3', [1, 2, CELLS, CELLS]),
        ],
        {
            'nothing': np.float32(0),
            'sizes': np.full((1, 2, CELLS, CELLS), 0.25, np.float32),
            'offsets': np.full((1, 2, CELLS, CELLS), 0.5, np.float32),
        },
    )
    return _save(model, path)


def _light(picture: str, stride: int) -> list[onnx.NodeProto]:
    """`light`: mean over the channels and over the pixels of each cell."""
    return [
        helper.make_node('ReduceMean', [picture], ['grey'], axes=[1]),
        _pool('grey', 'light', stride),
    ]


def _pool(source: str, result: str, side: int, **options: str) -> onnx.NodeProto:
    return helper.make_node(
        'AveragePool', [source], [result], kernel_shape=[side] * 2, strides=[side] * 2, **options
    )


def _distances(cells: int, half: float, middle: float) -> np.ndarray:
    """A box of one size around each cell's middle, though it is told from its corner."""
    ltrb = np.array([half - middle, half - middle, half + middle, half + middle], np.float32)
    return np.broadcast_to(ltrb[None, :, None, None], (1, 4, cells, cells)).copy()


def _value(name: str, shape: list[int], kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _model(nodes, inputs, outputs, constants) -> onnx.ModelProto:
    tensors = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()
    ]
    # An output that is a constant must come from a node.
    made = {output.name for output in outputs} & set(constants)
    for tensor in tensors:
        if tensor.name in made:
            nodes = [*nodes, helper.make_node('Identity', [f'{tensor.name}_'], [tensor.name])]
            tensor.name += '_'
    graph = helper.make_graph(nodes, 'tiny', inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _save(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, str(path))
    return path
