"""The parameters of the tracker node: the one table that all bindings, files and docs read."""

from __future__ import annotations

from dataclasses import dataclass
import re

from hit_rfgm_ros.config.models import MODELS
from hit_rfgm_ros.config.tracker import BACKENDS, DEVICES, MEMORY_KINDS, PRECISIONS, WINDOWINGS
from hit_rfgm_ros.errors import ConfigError
from hit_rfgm_ros.runtime.parameter import Parameter, Parameters, row, table_of


@dataclass(frozen=True)
class TrackerParams(Parameters):
    """Values of all parameters of the node `tracker`; the fields are the table.

    Durations are seconds, lengths pixels.
    """

    model: str = row('hit_tiny', 'Network.', choices=tuple(MODELS))
    weights: str = row('', 'Weights file; empty takes those of the user or of the package.')
    backend: str = row(
        'auto', 'What runs the network; auto takes the fastest that works here.', choices=BACKENDS
    )
    device: str = row('auto', 'auto, cpu, cuda or cuda:N.')
    precision: str = row(
        'auto', 'Arithmetic; auto is fp16 on GPUs with fast fp16, else fp32.', choices=PRECISIONS
    )
    engine_cache_dir: str = row('', "Folder of built engines; empty is the user's cache folder.")
    force_rebuild: bool = row(False, 'Ignore the cached engine once.')
    workspace_mb: int = row(1024, 'Memory limit of the engine builder in MiB.', low=64, high=16384)
    num_threads: int = row(
        0, 'Threads of a CPU back end; 0 leaves it to the library.', low=0, high=256
    )
    relevance_stages: int = row(
        -1,
        'Layers of RFGM that leave out memory tokens; -1 is all that the weights have.',
        low=0,
        high=3,
        also=-1,
    )
    windowing: str = row(
        'hann',
        'Weights on the score map of RFGM; hann prefers the middle of the search region.',
        choices=WINDOWINGS,
        live=True,
    )
    memory_kind: str = row(
        'auto',
        'What the memory keeps; auto is gr where the weights can, and none for HiT.',
        choices=MEMORY_KINDS,
    )
    memory_min_confidence: float = row(
        -1.0,
        "No memory update below this confidence; -1 is the weights' own, 0 is off.",
        low=0,
        high=1,
        also=-1,
        live=True,
    )
    memory_size: int = row(
        192,
        'Size of the memory in tokens, the 64 of the first template included.',
        low=64,
        high=1024,
        live=True,
    )
    memory_size_max: int = row(
        448, 'Largest memory that the engine is built for, in tokens.', low=64, high=1024
    )
    update_interval: int = row(
        0,
        "Processed images between two memory updates; 0 is the model's schedule.",
        low=0,
        high=10000,
        live=True,
    )
    max_targets: int = row(
        8, 'Most targets at the same time; for 1 an RFGM loads one graph less.', low=1, high=64
    )
    max_frame_age: float = row(
        0.0,
        'Images that waited longer than this since arrival are dropped; 0 is never [s].',
        low=0,
        high=60,
        live=True,
    )
    image_timeout: float = row(
        1.0,
        'Without an image for so long the camera counts as stopped; 0 is never [s].',
        low=0,
        high=60,
        live=True,
    )
    frame_history: float = row(
        2.0, 'How long images are kept for a start on a past one [s].', low=0, high=10
    )
    frame_history_mb: int = row(256, 'Most memory that they take in MiB.', low=0, high=4096)
    init_stamp_tolerance: float = row(
        0.02,
        'Largest distance of a requested stamp to that of an image [s].',
        low=0,
        high=1,
        live=True,
    )
    catch_up_budget: float = row(
        1.0,
        'Time to run through the images kept since the start before it jumps to the newest [s].',
        low=0,
        high=10,
        live=True,
    )
    min_box_size: float = row(
        4.0, 'Smallest side of a box in pixels.', low=1, high=1000, live=True
    )
    min_visible: float = row(
        0.25, 'Share of the first box that must lie inside the image.', low=0, high=1, live=True
    )
    init_from_detections: bool = row(
        False, 'Start targets from the topic init_detections too, while there are none.'
    )
    uncertain_below: float = row(
        -1.0,
        "Confidence below which a target is UNCERTAIN; -1 is the weights' own.",
        low=0,
        high=1,
        also=-1,
        live=True,
    )
    lost_below: float = row(
        -1.0,
        "Confidence below which a target counts as gone; -1 is the weights' own.",
        low=0,
        high=1,
        also=-1,
        live=True,
    )
    paper_mode: bool = row(False, 'The official algorithm and nothing else.')
    max_scale_change: float = row(
        1.3,
        'Bound on the change of each side of the box per image; 1.3 is 30 %.',
        low=1,
        high=4,
        live=True,
    )
    widen_search: bool = row(
        True, 'Let the search region grow while the target is uncertain.', live=True
    )
    freeze_when_lost: bool = row(True, 'Keep the last believed box while LOST.', live=True)
    lost_after: float = row(
        1.0, 'Time below lost_below before the state is LOST [s].', low=0, high=60, live=True
    )
    remove_lost_after: float = row(
        0.0,
        'Time in LOST before a target is forgotten; 0 is never [s].',
        low=0,
        high=3600,
        live=True,
    )
    image_transport: str = row(
        'raw',
        'raw subscribes to the image topic, compressed to its /compressed.',
        choices=('raw', 'compressed'),
    )
    image_reliability: str = row(
        'best_effort',
        'Of the image subscription; reliable receives nothing from a best-effort camera.',
        choices=('best_effort', 'reliable'),
    )
    image_queue: int = row(1, 'Depth of the image subscription.', low=1, high=10)
    publish_detections: bool = row(
        True, 'Publish ~/detections (vision_msgs/Detection2DArray).', live=True
    )
    publish_annotated: bool = row(
        True, 'Publish the annotated image while somebody listens.', live=True
    )
    annotated_rate: float = row(
        15.0,
        'Most annotated images per second; 0 is each processed one [Hz].',
        low=0,
        high=120,
        live=True,
    )
    annotated_max_side: int = row(
        1280, 'Longest side of the annotated image in pixels.', low=64, high=8192, live=True
    )
    jpeg_quality: int = row(
        80, 'Quality of the compressed annotated image.', low=1, high=100, live=True
    )
    publish_markers: bool = row(
        False, 'Publish ~/markers that lie on the live image in RViz (needs camera_info).'
    )
    marker_depth: float = row(
        1.0, 'Distance of the markers along the rays [m].', low=0.05, high=100, live=True
    )
    publish_bearing: bool = row(
        False, 'Give bearing and angular size of each target (needs camera_info).'
    )
    camera_info_topic: str = row('', "Topic of the calibration; empty is the image's sibling.")
    autostart: bool = row(True, 'Configure and activate without being told.')
    time_jump: str = row(
        'keep',
        'What becomes of the targets when stamps go back by more than 1 s.',
        choices=('keep', 'clear'),
        live=True,
    )
    diagnostics_period: float = row(
        1.0, 'Time between two messages on /diagnostics [s].', low=0.1, high=60, live=True
    )
    warm_up: int = row(3, 'Runs of the network before the node reports ready.', low=0, high=100)

    def check_together(self) -> None:
        """Refuse a device that cannot be one, and a memory larger than its bound."""
        if not re.fullmatch(DEVICES, self.device):
            raise ConfigError(f'device must be auto, cpu, cuda or cuda:N; got {self.device!r}')
        if self.memory_size > self.memory_size_max:
            raise ConfigError(
                f'memory_size ({self.memory_size}) must not exceed memory_size_max '
                f'({self.memory_size_max})'
            )


TRACKER_TABLE: dict[str, Parameter] = table_of(TrackerParams)
