"""A small generated tree of photos in the layout that training reads."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

GROUND = 60  # grey level of every photo
COLORS = {'red': (230, 40, 40), 'green': (40, 210, 40), 'blue': (50, 70, 240)}  # RGB


def _draw(color: tuple[int, int, int], seed: int) -> tuple[np.ndarray, dict[str, object]]:
    """A flat photo with one tilted ellipse, and its label."""
    rng = np.random.default_rng(seed)
    image = np.full((180, 240, 3), GROUND, np.uint8)
    center = (int(rng.integers(90, 150)), int(rng.integers(70, 110)))
    axes = (int(rng.integers(22, 30)), int(rng.integers(12, 20)))
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.ellipse(mask, center, axes, float(rng.uniform(0, 180)), 0, 360, (255,), -1)
    image[mask > 0] = color
    outline = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
    x, y, width, height = cv2.boundingRect(mask)
    label = {'box': [x, y, width, height], 'polygons': [outline.ravel().tolist()]}
    return image, label


@pytest.fixture(scope='session')
def photo_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos with one red, green or blue ellipse (one red only) and eight plain ones."""
    root = tmp_path_factory.mktemp('photos')
    (root / 'photos').mkdir()
    labels: dict[str, list[dict[str, object]]] = {}
    for index in range(20):
        name = f'photos/{index:03d}.png'
        image = np.full((180, 240, 3), GROUND, np.uint8)
        labels[name] = []
        if index < 12:
            color = 'red' if index == 0 else ('green', 'blue')[index % 2]
            image, label = _draw(COLORS[color], index)
            labels[name].append({**label, 'class': color})
        cv2.imwrite(str(root / name), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    (root / 'annotations.json').write_text(json.dumps(labels), encoding='utf-8')
    return root
