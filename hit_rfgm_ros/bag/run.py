"""Through a bag from its first message to its last: copy, track, write.

The same bag and the same boxes give the same new bag, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
import logging
from typing import Any

from hit_rfgm_ros.bag.job import (
    CAMERA_INFO,
    IMAGE,
    BagJob,
    BagOutcome,
    choose_images,
    find_topic,
    first_stamp,
)
from hit_rfgm_ros.bag.parts import Record
from hit_rfgm_ros.bag.reader import Bag
from hit_rfgm_ros.bag.results import Results, copied_topics
from hit_rfgm_ros.bag.tracking import BagTracker
from hit_rfgm_ros.bag.writer import BagWriter
from hit_rfgm_ros.errors import BagError
from hit_rfgm_ros.messages.definitions import MessageError, load_definitions
from hit_rfgm_ros.messages.requests import camera_info, incoming_compressed, incoming_image
from hit_rfgm_ros.runtime.outputs import Builder
from hit_rfgm_ros.runtime.reports import FrameReport, IncomingImage

_log = logging.getLogger(__name__)


class BagRun:
    """One run of the tracker through a bag."""

    def __init__(self, job: BagJob, bag: Bag, builder: Builder) -> None:
        """Look for the topics and the image to start on; nothing is written yet.

        Raises:
            BagError: naming what the bag has, if it lacks what is wanted.
        """
        self.outcome = BagOutcome()
        self._job = job
        self._bag = bag
        self._definitions = load_definitions()
        self.images = choose_images(bag, job.image_topic)
        self._infos = None
        if job.camera_info:
            there = [topic.name for topic in bag.topics if topic.type == CAMERA_INFO]
            self._infos = find_topic(
                bag,
                job.camera_info,
                (CAMERA_INFO,),
                f'calibrations: {", ".join(there) or "none"}',
            )
        self._copied = {topic.key: topic for topic in copied_topics(bag, job)}
        self._stamp = first_stamp(bag, self.images, self._definitions, job)
        self._tracker = BagTracker(job.params, builder, self.images.name)
        self._started = False

    def load(self) -> None:
        """Load the network.

        Raises:
            HitRfgmError: with what to do.
        """
        self._tracker.load()
        self.outcome.info = self._tracker.info

    def run(
        self, watch: Callable[[FrameReport | None], None], stop: Callable[[], bool]
    ) -> BagOutcome:
        """Track; the new bag is finished and readable, whatever ends it.

        Only if no target could be started there is no new bag.

        Args:
            watch: given the report of each image; None for one that could not be used.
            stop: asked after each image whether to end.

        Raises:
            HitRfgmError: of the bag, the boxes or the network.
        """
        storage = self._job.storage or self._bag.storage
        with closing(self._tracker):
            writer = BagWriter(self._job.out, storage, self._definitions)
            try:
                self._follow(writer, watch, stop)
            except BaseException:
                self._leave(writer)
                raise
            self._leave(writer)
        self.outcome.damage = self._bag.damage
        if not self._started and not self.outcome.interrupted:
            raise BagError(f'no image on {self.images.name} could be used to start on')
        return self.outcome

    def _leave(self, writer: BagWriter) -> None:
        if self._started:
            writer.finish()
        else:
            writer.discard()

    def _follow(
        self,
        writer: BagWriter,
        watch: Callable[[FrameReport | None], None],
        stop: Callable[[], bool],
    ) -> None:
        for topic in self._copied.values():
            writer.copy_topic(topic)
        info = self.outcome.info
        results = Results(writer, self._job, f'{info["model"]}  {info["backend"]}')
        needed = {self.images.key: self.images, **self._copied}
        if self._infos is not None:
            needed[self._infos.key] = self._infos
        for record in self._bag.records(needed.values()):
            self._tracker.step_time(record.stamp)
            if record.key in self._copied:
                writer.write(record.key, record.stamp, record.data)
                self.outcome.messages += 1
            if self._infos is not None and record.key == self._infos.key:
                self._calibrate(record)
            if record.key != self.images.key:
                continue
            watch(self._image(record, results))
            if stop():
                self.outcome.interrupted = True
                return

    def _calibrate(self, record: Record) -> None:
        try:
            self._tracker.take_camera_info(camera_info(self._read(record)))
        except MessageError as error:
            _log.warning('a calibration is left out: %s', error)

    def _image(self, record: Record, results: Results) -> FrameReport | None:
        self.outcome.images += 1
        try:
            message = self._read(record)
        except MessageError as error:
            _log.warning('an image is left out: %s', error)
            return None
        read = incoming_image if record.key[1] == IMAGE else incoming_compressed
        image = read(message, self._tracker.time)
        if self._is_first(image):
            found = self._tracker.start(image, self._job.boxes)
            self._started = True
        else:
            shown = self._tracker.show(image)
            if shown is None:
                return None
            found = shown
        report, picture = found
        results.write(record.stamp, report, picture)
        self.outcome.processed += 1
        for target in report.targets:
            name = target.state.name
            self.outcome.states[name] = self.outcome.states.get(name, 0) + 1
        return report

    def _is_first(self, image: IncomingImage) -> bool:
        if self._started:
            return False
        return self._stamp is None or image.header.stamp_ns == self._stamp

    def _read(self, record: Record) -> Any:
        return self._definitions.deserialize(record.key[1], record.data)
