"""One colour per state, for frames, plots and markers alike."""

from hit_rfgm_ros.types import TrackState

RGB = tuple[int, int, int]

STATE_COLORS: dict[TrackState, RGB] = {
    TrackState.TRACKING: (72, 214, 150),
    TrackState.UNCERTAIN: (255, 190, 70),
    TrackState.LOST: (255, 92, 92),
}
INITIALIZED_COLOR: RGB = (86, 180, 255)
CATCHING_UP_COLOR: RGB = (190, 150, 255)
TRUTH_COLOR: RGB = (245, 245, 245)
PANEL_COLOR: RGB = (18, 22, 28)
# For trackers in plots: nearly everybody tells them apart (after Okabe and Ito).
SERIES_COLORS: tuple[RGB, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 146, 107),
    (181, 83, 156),
    (190, 135, 0),
    (62, 158, 214),
    (92, 100, 112),
)


def as_hex(color: RGB) -> str:
    """A colour as matplotlib takes it."""
    return '#{:02x}{:02x}{:02x}'.format(*color)
