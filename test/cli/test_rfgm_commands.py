"""``hit-rfgm track`` with an RFGM of random weights: memory, pictures, options."""

from pathlib import Path
import re

from click.testing import CliRunner, Result
import cv2
from hit_rfgm_ros.cli.main import group
from hit_rfgm_ros.data.golden import golden_frame
import numpy as np
import pytest

FAST = ['--weights', 'random', '--backend', 'onnxruntime', '--threads', '1']
# Random weights are never sure of anything.
BOLD = ['--uncertain-below', '0', '--lost-below', '0', '--memory-min-confidence', '0']
MEMORY = ['--memory-size', '128', '--update-interval', '3', *BOLD]


def track(*arguments: object, model: str = 'rfgm_t256') -> Result:
    words = ['track', *map(str, arguments), '--model', model, *FAST]
    return CliRunner().invoke(group, words)


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('clip')
    for index in range(14):
        picture = golden_frame(index).image[..., ::-1]
        cv2.imwrite(str(folder / f'{index + 1:06d}.png'), picture)
    return folder


BOX = ('--init', ','.join(f'{value:g}' for value in golden_frame(2).box), '--start', 2)


def test_a_track_with_a_memory_and_its_pictures(clip: Path, tmp_path: Path) -> None:
    result = track(
        *(clip, *BOX, *MEMORY, '--csv', tmp_path / 't.csv'),
        *('--show-tokens', tmp_path / 'new' / 'tokens', '--show-tokens-every', 4),
    )
    assert result.exit_code == 0, result.output
    lines = (tmp_path / 't.csv').read_text().splitlines()
    assert lines[0] == 'frame,x,y,w,h,confidence,state,latency_ms'
    assert len(lines) == 13
    times = r'\(median \d+\.\d ms, 95 % below \d+\.\d ms\)'
    assert re.search(rf'memory +128 tokens; 3 updates after frames {times}', result.output)
    assert f'wrote {tmp_path / "new" / "tokens"}' in result.output
    # Frames 3, 6, 9 since the start are taken in, 4 and 8 asked for; names count in the source.
    pictures = sorted(path.name for path in (tmp_path / 'new' / 'tokens').iterdir())
    assert pictures == [f'tokens_{number + 2:06d}.png' for number in (3, 4, 6, 8, 9)]
    shapes = {
        name: cv2.imread(str(tmp_path / 'new' / 'tokens' / name)).shape[:2] for name in pictures
    }
    widths = [shape[1] for shape in shapes.values()]
    # One template and one that comes in; two; two and one; then with what is left of three.
    assert widths[0] == widths[1] < widths[2]
    assert len({shape[0] for shape in shapes.values()}) == 1


def test_boxes_are_the_same_with_and_without_pictures(clip: Path, tmp_path: Path) -> None:
    plain, shown = tmp_path / 'plain.csv', tmp_path / 'shown.csv'
    assert track(clip, *BOX, *MEMORY, '--csv', plain).exit_code == 0
    pictures = ('--show-tokens', tmp_path, '--show-tokens-every', 0)
    assert track(clip, *BOX, *MEMORY, '--csv', shown, *pictures).exit_code == 0
    boxes = [
        [line.rsplit(',', 1)[0] for line in path.read_text().splitlines()]
        for path in (plain, shown)
    ]
    assert boxes[0] == boxes[1]
    assert len(list(tmp_path.glob('tokens_*.png'))) == 3


def test_the_first_template_stands_in_the_pictures(clip: Path, tmp_path: Path) -> None:
    options = ('--max-frames', 2, '--show-tokens', tmp_path, '--show-tokens-every', 1)
    assert track(clip, *BOX, *MEMORY, *options).exit_code == 0
    picture = cv2.imread(str(tmp_path / 'tokens_000003.png'))
    tile = picture[66 + 22 :][:96, 2 * 28 + 512 + 108 :][:, :96]
    plain = golden_frame(2)
    x, y = (round(value) for value in plain.box.center)
    half = round(plain.box.area**0.5)
    template = cv2.resize(plain.image[y - half : y + half, x - half : x + half], (96, 96))
    assert np.abs(tile.astype(int) - template[..., ::-1]).mean() < 12


def test_a_hit_has_no_memory_to_show(clip: Path, tmp_path: Path) -> None:
    result = track(clip, *BOX, '--show-tokens', tmp_path / 'no', model='hit_tiny')
    assert result.exit_code == 2
    assert '--show-tokens shows the memory of an RFGM, and hit_tiny keeps none' in result.output
    assert not (tmp_path / 'no').exists()


@pytest.mark.parametrize(
    'option',
    [('--memory-size', '128'), ('--windowing', 'none'), ('--memory-kind', 'fifo')],
)
def test_options_of_an_rfgm_are_refused_for_a_hit(clip: Path, option: tuple[str, str]) -> None:
    result = track(clip, *BOX, *option, model='hit_tiny')
    assert result.exit_code == 2
    assert f'has no {option[0][2:].replace("-", "_")}' in result.output


@pytest.mark.parametrize(
    ('option', 'text'),
    [
        (('--memory-kind', 'big'), "'big' is not one of 'auto', 'none', 'fifo', 'score', 'gr'"),
        (('--memory-size', '63'), 'memory_size must be in [64'),
        (('--relevance-stages', '4'), 'relevance_stages must be 0 to 3'),
    ],
)
def test_bad_values_are_refused(clip: Path, option: tuple[str, str], text: str) -> None:
    result = track(clip, *BOX, *option)
    assert result.exit_code == 2
    assert text in result.output


def test_the_options_are_explained_in_the_words_of_the_node_s_table() -> None:
    for command in ('track', 'bag', 'node'):
        shown = ' '.join(CliRunner().invoke(group, [command, '--help']).output.split())
        for words in (
            'Size of the memory in tokens, the 64 of the first template included. [default: 192]',
            "Processed images between two memory updates; 0 is the model's schedule.",
            'Layers of RFGM that leave out memory tokens; -1 is all that the weights have.',
        ):
            assert words in shown, command
