"""What a tracker node decides: images and requests in, reports out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging

from hit_rfgm_ros.runtime.outputs import Builder, Clock, Outputs
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import (
    CameraInfo,
    Endpoint,
    IncomingImage,
    InitAnswer,
    InitRequest,
    NodeState,
    RemoveAnswer,
    Status,
)


class TrackerLogic:
    """A tracker node without its middleware; every method may be called from any thread.

    Attributes:
        publishers: tells which publishers the network shows on the image topic; settable.
    """

    def __init__(
        self,
        params: TrackerParams,
        outputs: Outputs,
        builder: Builder,
        *,
        clock: Clock,
        log: logging.Logger,
        topic: str = 'image_raw',
    ) -> None:
        self.publishers: Callable[[], Sequence[Endpoint]] = tuple
        raise NotImplementedError

    @property
    def state(self) -> NodeState:
        """Where the node is in its life."""
        raise NotImplementedError

    @property
    def params(self) -> TrackerParams:
        """The parameters in force."""
        raise NotImplementedError

    @property
    def targets(self) -> tuple[int, ...]:
        """Ids of the targets, sorted."""
        raise NotImplementedError

    def configure(self) -> None:
        """Check, and begin to load."""
        raise NotImplementedError

    def activate(self) -> None:
        """Take images from now on."""
        raise NotImplementedError

    def deactivate(self) -> None:
        """Take no more images; targets are kept."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """Forget the network and the targets."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """End for good."""
        raise NotImplementedError

    def refused(self, reason: str) -> None:
        """Keep in the diagnostics why the node could not be configured."""
        raise NotImplementedError

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the network is loaded; False if it is not by then, or has failed."""
        raise NotImplementedError

    def set_params(self, params: TrackerParams) -> None:
        """Take over parameters; live ones act on the next frame."""
        raise NotImplementedError

    def on_image(self, image: IncomingImage) -> None:
        """Take an image."""
        raise NotImplementedError

    def on_camera_info(self, info: CameraInfo) -> None:
        """Take a calibration."""
        raise NotImplementedError

    def init_targets(self, request: InitRequest) -> InitAnswer:
        """Answer at once; the network follows in the worker."""
        raise NotImplementedError

    def remove_targets(self, ids: Sequence[int]) -> RemoveAnswer:
        """Forget targets; no ids stands for all."""
        raise NotImplementedError

    def pause(self, paused: bool) -> tuple[bool, str]:
        """Ignore images, or go on."""
        raise NotImplementedError

    def reset_memory(self) -> tuple[bool, str]:
        """Bring every target back to its first template."""
        raise NotImplementedError

    def step(self) -> bool:
        """Do one piece of work in the calling thread; False if there was nothing to do."""
        raise NotImplementedError

    def wait(self, timeout: float) -> bool:
        """Wait until there may be work; False if there is none after ``timeout`` seconds."""
        raise NotImplementedError

    def watch(self) -> bool:
        """Look after the camera and lost targets, some ten times a second.

        Returns:
            Whether the diagnostics should go out at once.
        """
        raise NotImplementedError

    def diagnostics(self) -> list[Status]:
        """The parts `input`, `tracker` and `backend`."""
        raise NotImplementedError
