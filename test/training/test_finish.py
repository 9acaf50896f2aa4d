"""What turns a run into a weights file."""

from dataclasses import replace

from hit_rfgm_ros.config.models import get_model_config
from hit_rfgm_ros.geometry.boxes import iou
from hit_rfgm_ros.models.registry import create_model, load_state
from hit_rfgm_ros.training.finish import rescale_correlation, thresholds
from hit_rfgm_ros.training.observe import observe, read_centres, reader_of
from hit_rfgm_ros.training.pairs import Pair
from hit_rfgm_ros.types import Array, Box
import numpy as np
import pytest
import torch


def test_rescaled_weights_compute_the_same_and_fit_half_precision() -> None:
    torch.manual_seed(0)
    model = create_model('hit_tiny')
    with torch.no_grad():
        for name in ('proj1', 'proj2'):
            model.get_parameter(f'bottleneck.{name}.weight').mul_(30)
        for corner in ('tl', 'br'):
            layer = f'box_head.conv1_{corner}.1'
            model.get_buffer(f'{layer}.running_var').fill_(3e8)
            model.get_buffer(f'{layer}.running_mean').fill_(1e4)
    state = {k: v.numpy() for k, v in model.state_dict().items() if v.is_floating_point()}
    rescaled = rescale_correlation(state)
    assert all(np.isfinite(array.astype(np.float16)).all() for array in rescaled.values())
    same = create_model('hit_tiny')
    load_state(same, rescaled)
    search, template = torch.randn(2, 3, 256, 256), torch.randn(2, 3, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(
            same(search, template).boxes, model(search, template).boxes, atol=1e-5, rtol=1e-4
        )


class _FixedEngine:
    """Answers with one box whatever it sees."""

    backend, device, precision = 'test', 'cpu', 'fp32'

    def __init__(self, box: list[float]) -> None:
        self.box = box

    def run(self, graph: str, inputs: dict[str, Array]) -> dict[str, Array]:
        (count,) = {len(array) for array in inputs.values()}
        if graph == 'template':
            return {'template_tokens': np.zeros((count, 64, 8), np.float32)}
        flat = np.full((count, 256), 1 / 256, np.float32)
        return {
            'boxes': np.array([self.box] * count, np.float32),
            'score_tl': flat,
            'score_br': flat,
            'correlation': flat,
        }


def _pair(box: list[float], *, present: bool) -> Pair:
    search = np.zeros((256, 256, 3), np.uint8)
    return Pair(search, search[:128, :128], np.array(box, np.float32), present, 'photo')


def test_observed_overlap_is_that_of_the_boxes() -> None:
    engine = _FixedEngine([0.5, 0.5, 0.2, 0.2])  # x 0.4 to 0.6
    pairs = [_pair([0.4, 0.4, 0.6, 0.6], present=True)] * 5
    pairs += [_pair([0.5, 0.4, 0.7, 0.6], present=True)] * 5
    pairs += [_pair([0.4, 0.4, 0.6, 0.6], present=False)] * 2
    seen = observe(engine, pairs)
    shifted = iou(Box(0.4, 0.4, 0.2, 0.2), Box(0.5, 0.4, 0.2, 0.2))
    np.testing.assert_allclose(seen.overlap, [1] * 5 + [shifted] * 5 + [0] * 2, atol=1e-5)
    assert seen.present.tolist() == [1] * 10 + [0] * 2
    assert np.median(seen.size_ratio[:10]) == pytest.approx(1, abs=1e-5)
    assert np.isnan(seen.size_ratio[10:]).all()


class _CentreEngine:
    """Answers with one box whatever it sees; keeps how many memory tokens it was given."""

    backend, device, precision = 'test', 'cpu', 'fp32'

    def run(self, graph: str, inputs: dict[str, Array]) -> dict[str, Array]:
        (count,) = {len(array) for array in inputs.values()}
        if graph == 'template':
            return {'template_tokens': np.zeros((count, 64, 8), np.float32)}
        self.tokens = inputs['memory'].shape[1]
        score = np.full((count, 256), 0.01, np.float32)
        score[:, 8 * 16 + 8] = 0.9
        size = np.full((count, 2, 256), 0.2, np.float32)
        return {'score': score, 'size': size, 'offset': np.zeros((count, 2, 256), np.float32)}


def test_centre_head_is_read_at_its_peak_with_all_templates() -> None:
    read, names = reader_of(get_model_config('rfgm_t256'))
    engine = _CentreEngine()
    pair = _pair([0.4, 0.4, 0.6, 0.6], present=True)
    seen = observe(engine, [replace(pair, later=(pair.template, pair.template))] * 3, read)
    assert read is read_centres
    assert seen.values.shape == (3, len(names))
    np.testing.assert_allclose(seen.overlap, 1, atol=1e-5)
    assert engine.tokens == 3 * 64


def test_thresholds_rise_from_lost_to_found() -> None:
    rng = np.random.default_rng(0)
    good, absent = rng.beta(8, 2, 1000), rng.beta(2, 8, 1000)
    lost, uncertain, found = thresholds(good, absent)
    assert lost <= uncertain <= found
    assert (good < lost).mean() <= 0.05
    assert (absent > found).mean() <= 0.01


def test_hopeless_confidence_still_gives_usable_thresholds() -> None:
    lost, uncertain, found = thresholds(np.zeros(100), np.ones(100))
    assert (lost, uncertain, found) == (0.05, 0.05, 0.95)
