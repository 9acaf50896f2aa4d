"""Thresholds of the curves, to the last bit of each tool.

A step of 0.05 added up is one unit in the last place above k/20 for some k, and which k depends
on the library; an overlap that equals a threshold on paper then lies on one side or the other.
"""

from __future__ import annotations

import numpy as np

Thresholds = tuple[float, ...]

# 0, 0.05, ... 1 as k * 0.05: numpy's linspace and arange, and Octave's 0:0.05:1.
TWENTIETHS: Thresholds = tuple(np.linspace(0, 1, 21).tolist())
# as k / 20: the double next to each.
TWENTIETHS_DIVIDED: Thresholds = tuple(k / 20 for k in range(21))
# torch.arange on the CPU: four numbers at a time, each from the first of the four.
TWENTIETHS_TORCH: Thresholds = tuple(k // 4 * 4 * 0.05 + k % 4 * 0.05 for k in range(21))
HUNDRED_STEPS: Thresholds = tuple(np.linspace(0, 1, 101).tolist())  # GOT-10k's curve
PIXELS: Thresholds = tuple(float(k) for k in range(51))
PIXELS_TRACKINGNET: Thresholds = tuple(np.linspace(0, 50, 21).tolist())
HUNDREDTHS: Thresholds = tuple(k / 100 for k in range(51))  # of the sides of the true box
HUNDREDTHS_LINSPACE: Thresholds = tuple(np.linspace(0, 0.5, 51).tolist())
FORTIETHS: Thresholds = tuple(np.linspace(0, 0.5, 21).tolist())  # TrackingNet's
