"""Training pictures in miniature."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='session')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty photos of one bright ellipse on noise, in the layout that training reads."""
    root = tmp_path_factory.mktemp('photos')
    (root / 'photos').mkdir()
    labels = {}
    rng = np.random.default_rng(0)
    for index in range(20):
        image = rng.integers(40, 90, (150, 200, 3), dtype=np.uint8)
        mask = np.zeros(image.shape[:2], np.uint8)
        centre = (int(rng.integers(60, 140)), int(rng.integers(50, 100)))
        cv2.ellipse(mask, centre, (26, 17), float(rng.uniform(0, 180)), 0, 360, (255,), -1)
        image[mask > 0] = rng.integers(100, 255, 3)
        outline = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
        name = f'photos/{index:03d}.png'
        cv2.imwrite(str(root / name), image)
        box = list(cv2.boundingRect(mask))
        labels[name] = [{'box': box, 'polygons': [outline.ravel().tolist()], 'class': 'thing'}]
    (root / 'annotations.json').write_text(json.dumps(labels), encoding='utf-8')
    return root
