"""What the tracker node publishes; implements `runtime.Outputs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import time

from hit_rfgm_ros.errors import HitRfgmError
from hit_rfgm_ros.messages.reports import detection_array, marker_array, model_info, target_array
from hit_rfgm_ros.nodes.annotator import Annotator
from hit_rfgm_ros.nodes.camera_view import CameraView
from hit_rfgm_ros.nodes.free_memory import release_free_memory
from hit_rfgm_ros.nodes.host import Closable, Fields, Host, Publisher, QoS
from hit_rfgm_ros.runtime.markers import markers
from hit_rfgm_ros.runtime.notes import Notes
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import FrameReport, Marker, Picture

TARGETS = QoS(depth=10)
MARKERS = QoS(depth=1)
MODEL_INFO = QoS(depth=1, transient_local=True)


class TrackerOutputs:
    """Topics of one node, open from configure to cleanup.

    Attributes:
        annotator: draws the annotated image.
        camera: calibration of the input image, as far as it is known.
        failure: why the network is gone; empty while all is well.
        known: ids of the targets there are; settable. A report may hold only some of them.
    """

    def __init__(self, host: Host, params: Callable[[], TrackerParams]) -> None:
        self.camera = CameraView(host.log)
        self.annotator = Annotator(host, params, self.camera)
        self.failure = ''
        self.known: Callable[[], Sequence[int]] = tuple
        self._notes = Notes(host.log)
        self._host = host
        self._params = params
        self._marked: set[tuple[str, int]] = set()
        self._targets: Publisher | None = None
        self._detections: Publisher | None = None
        self._markers: Publisher | None = None
        self._model_info: Publisher | None = None

    def open(self) -> None:
        """Make the topics; does nothing where they are there."""
        if self._targets is not None:
            return
        host = self._host
        self._model_info = host.publisher('~/model_info', 'std_msgs/msg/String', MODEL_INFO)
        self._detections = host.publisher(
            '~/detections', 'vision_msgs/msg/Detection2DArray', TARGETS
        )
        if self._params().publish_markers:
            self._markers = host.publisher(
                '~/markers', 'visualization_msgs/msg/MarkerArray', MARKERS
            )
        self.annotator.open()
        self._targets = host.publisher('~/targets', 'hit_rfgm_ros/msg/TrackedTargetArray', TARGETS)

    def close(self) -> None:
        """Give the topics back; nothing must be reported meanwhile."""
        self.annotator.close()
        topics: list[Closable | None] = [
            self._targets, self._detections, self._markers, self._model_info,
        ]  # fmt: skip
        self._targets = self._detections = self._markers = self._model_info = None
        for topic in topics:
            if topic is not None:
                topic.close()
        self.camera.forget()
        self._marked.clear()

    def report(self, report: FrameReport, picture: Picture) -> None:
        """Publish one processed image; drawing is left to the annotator."""
        self._send(self._targets, target_array(report))
        if self._params().publish_detections:
            self._send(self._detections, detection_array(report))
        if self._markers is not None:
            self._publish_markers(self._markers, report)
        self.annotator.offer(report, picture)

    def ready(self, info: Mapping[str, object]) -> None:
        """Tell what was loaded."""
        self.annotator.caption = f'{info.get("model", "")}  {info.get("backend", "")}'.strip()
        self._send(self._model_info, model_info(info))
        release_free_memory()  # the weights were read here, and are in the engine now

    def failed(self, reason: str) -> None:
        """Remember it: the node goes back in the thread of its transitions."""
        self.failure = reason

    def _send(self, publisher: Publisher | None, fields: Fields) -> None:
        """Send to an open topic; what goes wrong there must not end the tracking."""
        if publisher is None:
            return
        try:
            publisher.publish(fields)
        except HitRfgmError as error:
            self._notes.seldom(
                publisher.topic,
                time.monotonic(),
                f'nothing goes out on {publisher.topic}: {error}',
            )

    def _publish_markers(self, publisher: Publisher, report: FrameReport) -> None:
        """Markers of the targets, and the end of those that are no more."""
        camera = self.camera.model(report.image_width, report.image_height)
        if camera is None:
            return
        made = markers(report, camera, self._host.name, self._params().marker_depth)
        known = self.known()
        gone = sorted(mark for mark in self._marked if mark[1] not in known)
        self._marked = self._marked.difference(gone) | {(mark.ns, mark.id) for mark in made}
        ended = [Marker(report.header, ns, own, 'DELETE') for ns, own in gone]
        self._send(publisher, marker_array([*made, *ended]))
