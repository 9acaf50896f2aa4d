"""The parameters of the node `video_player`."""

from __future__ import annotations

from dataclasses import dataclass

from hit_rfgm_ros.runtime.parameter import Parameter, Parameters, row, table_of


@dataclass(frozen=True)
class PlayerParams(Parameters):
    """Values of all parameters of `video_player`; the fields are the table."""

    source: str = row(
        '',
        'Video file, folder of pictures, number or path of a camera, or scene:NAME[:SEED] for a '
        'composed scene, scene:demo for one.',
    )
    rate: float = row(
        0.0, "Images per second; 0 is the file's own, 30 for pictures [Hz].", low=0, high=1000
    )
    loop: bool = row(False, 'Begin again at the end.', live=True)
    start: int = row(0, 'Number of the first image.', low=0, high=2**31 - 1)
    frame_id: str = row('camera_optical_frame', 'Of the headers.')
    encoding: str = row('bgr8', 'Of image_raw.', choices=('bgr8', 'rgb8', 'mono8'))
    stamp: str = row(
        'now',
        'now stamps with the time of sending; file with the time in the source after the whole '
        'second at which it began.',
        choices=('now', 'file'),
    )
    publish_compressed: bool = row(False, 'Publish image_raw/compressed too.')
    jpeg_quality: int = row(90, 'Of image_raw/compressed.', low=1, high=100, live=True)
    wait_for_subscriber: bool = row(True, 'Do not begin before somebody listens.')
    camera_info_url: str = row(
        '', "Calibration file as camera_calibration writes it (YAML); empty takes fov's pinhole."
    )
    fov: float = row(
        60.0,
        'Horizontal field of view of the pinhole camera without a calibration file [degrees].',
        low=1,
        high=170,
    )


PLAYER_TABLE: dict[str, Parameter] = table_of(PlayerParams)
