"""The networks are the official functions (numbers and tolerances: test/golden).

References are of a float64 run of the official code. Float32 cannot see some mistakes (the eps of
a LayerNorm), so each network runs in float64 as well.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

VARIANTS = ('hit_base', 'hit_small', 'hit_tiny', 'hit_pvt')
ABLATIONS = tuple(
    f'hit_tiny+{change}'
    for change in (
        'bridge=max',
        'bridge=mid',
        'bridge=min',
        'bridge=max,mid',
        'bridge=max,min',
        'bridge=mid,min',
        'position=horizontal',
        'position=vertical',
        'position=absolute',
    )
)
# Absolute for boxes; of |mean| + std of a tensor for its statistics and samples.
BOX_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
TENSOR_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
OTHER_CROP_TOLERANCE = 5e-3  # of boxes, where another OpenCV resized the crop differently


@pytest.fixture(
    scope='module',
    params=[(name, dtype) for name in VARIANTS + ABLATIONS for dtype in BOX_TOLERANCE],
    ids=lambda param: f'{param[0]}-{str(param[1])[6:]}',
)
def case(request: pytest.FixtureRequest, golden_runs: Callable[..., Any]) -> Any:
    """Runs of one network in one precision over all its inputs."""
    name, dtype = request.param
    return name, dtype, golden_runs(name, dtype)


def test_every_golden_entry_is_run(hit_dev: dict[str, Any]) -> None:
    assert set(hit_dev['variants']) == set(VARIANTS)
    assert set(hit_dev['ablations']) == set(ABLATIONS)


def test_boxes_are_the_official_ones(case: Any) -> None:
    _, dtype, runs = case
    for name, run in runs.items():
        tolerance = BOX_TOLERANCE[dtype] if run.exact else OTHER_CROP_TOLERANCE
        np.testing.assert_allclose(
            run.tensors['boxes'].numpy(),
            run.expected['boxes'],
            rtol=0,
            atol=tolerance,
            err_msg=name,
        )


def test_intermediate_results_are_the_official_ones(case: Any) -> None:
    _, dtype, runs = case
    for name, run in runs.items():
        if not run.exact:
            continue
        for tensor_name, expected in run.expected['tensors'].items():
            where = f'{tensor_name} of {name}'
            value = run.tensors[tensor_name].double().numpy()
            assert list(value.shape) == expected['shape'], where
            unit = expected['std'] + abs(expected['mean'])
            got = [value.mean(), value.std(), value.min(), value.max()]
            wanted = [expected[key] for key in ('mean', 'std', 'min', 'max')]
            got += list(value.ravel()[expected['samples']['index']])
            wanted += expected['samples']['value']
            np.testing.assert_allclose(
                got, wanted, rtol=0, atol=TENSOR_TOLERANCE[dtype] * unit, err_msg=where
            )


def test_no_block_differs(case: Any) -> None:
    name, dtype, runs = case
    run = runs['image1']
    for (block, mean, std), expected in zip(
        run.blocks, run.expected.get('blocks', []), strict='+' not in name
    ):
        unit = TENSOR_TOLERANCE[dtype] * (expected[2] + abs(expected[1]))
        assert block == expected[0]
        assert abs(mean - expected[1]) <= unit, block
        assert abs(std - expected[2]) <= unit, block


def test_a_batch_gives_what_its_inputs_give_alone(case: Any) -> None:
    _, dtype, runs = case
    batches = [run for run in runs.values() if 'batch' in run.expected]  # the variants have one
    for batch in batches:
        alone = torch.cat([runs[part].tensors['boxes'] for part in batch.expected['batch']])
        difference = (batch.tensors['boxes'] - alone).abs().max()
        assert difference <= (1e-5 if dtype == torch.float32 else 1e-12)
