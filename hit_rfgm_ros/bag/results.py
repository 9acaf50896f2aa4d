"""What is added to a bag for each image: targets, detections, the annotated image."""

from __future__ import annotations

from dataclasses import replace
import math

import cv2
from hit_rfgm_ros.bag.job import COMPRESSED, IMAGE, BagJob
from hit_rfgm_ros.bag.parts import Topic
from hit_rfgm_ros.bag.reader import Bag
from hit_rfgm_ros.bag.writer import BagWriter
from hit_rfgm_ros.errors import BagError
from hit_rfgm_ros.messages.reports import (
    compressed_message,
    detection_array,
    image_message,
    target_array,
)
from hit_rfgm_ros.runtime.annotate import annotate
from hit_rfgm_ros.runtime.params import TrackerParams
from hit_rfgm_ros.runtime.reports import FrameReport, Picture
import numpy as np

TARGETS = 'hit_rfgm_ros/msg/TrackedTargetArray'
DETECTIONS = 'vision_msgs/msg/Detection2DArray'


class Results:
    """Writes what was found in an image under the time of the image."""

    def __init__(self, writer: BagWriter, job: BagJob, caption: str) -> None:
        """Announce the topics.

        Args:
            writer: of the new bag.
            job: says which ones.
            caption: small text in the annotated images.
        """
        self._writer = writer
        self._caption = caption
        self._params: TrackerParams = job.params
        self._targets, self._detections, *annotated = (
            writer.add_topic(*topic) for topic in result_topics(job)
        )
        self._annotated = annotated[0] if annotated else None

    def write(self, stamp: int, report: FrameReport, picture: Picture) -> None:
        """Write the results of one image.

        Args:
            stamp: time of recording of the image, nanoseconds.
            report: what was found.
            picture: the image.
        """
        self._writer.write_fields(self._targets, stamp, target_array(report))
        self._writer.write_fields(self._detections, stamp, detection_array(report))
        if self._annotated is None:
            return
        drawn = annotate(
            picture,
            replace(report, age=math.nan),  # of no meaning here: not to be shown
            max_side=self._params.annotated_max_side,
            caption=self._caption,
        )
        bgr = np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), np.uint8)
        if self._annotated[1] == IMAGE:
            fields = image_message(report.header, bgr, 'bgr8')
        else:
            quality = [cv2.IMWRITE_JPEG_QUALITY, self._params.jpeg_quality]
            _, data = cv2.imencode('.jpg', bgr, quality)
            fields = compressed_message(report.header, np.asarray(data).reshape(-1), 'jpeg')
        self._writer.write_fields(self._annotated, stamp, fields)


def result_topics(job: BagJob) -> list[tuple[str, str]]:
    """Name and type of each topic that is added; the targets and the detections come first."""
    base = '/' + job.name.strip('/')
    topics = [(f'{base}/targets', TARGETS), (f'{base}/detections', DETECTIONS)]
    if job.annotated == 'raw':
        topics.append((f'{base}/image_annotated', IMAGE))
    elif job.annotated == 'compressed':
        topics.append((f'{base}/image_annotated/compressed', COMPRESSED))
    return topics


def copied_topics(bag: Bag, job: BagJob) -> list[Topic]:
    """What of the old bag goes into the new one.

    Raises:
        BagError: if it holds a topic of a name that results take.
    """
    if job.only_results:
        return []
    taken = {name for name, _ in result_topics(job)}
    double = [topic.name for topic in bag.topics if topic.name in taken]
    if double:
        raise BagError(
            f'{bag.path} holds {", ".join(double)} already; give the results another name with '
            f'--name, or leave out the old messages with --only-results'
        )
    return bag.topics
