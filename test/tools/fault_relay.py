"""A camera's bad day: passes images on and spoils them on the way.

    python test/tools/fault_relay.py --from /camera/image_raw --to /faulty/image_raw \
        [--type sensor_msgs/msg/Image] [--seed 1] [--every 10] [--faults drop,delay,...]

Every ``--every`` seconds one of the faults is drawn by chance (``none`` every other time, so that
recovery shows); ``--every 0`` waits to be told: a std_msgs/String on ``~/fault`` names a fault, as
``drop`` or ``drop 0.8`` with the share of images that are hit. Each change is printed as one line
of JSON. ``--from`` and ``--to`` may be on the domain of the environment only.
"""

from __future__ import annotations

import argparse
import heapq
from itertools import count
import json
import signal
import threading
import time
from typing import Any

from faults import FAULTS, Context, Fields
from hit_rfgm_ros.dds.host import DdsHost
from hit_rfgm_ros.nodes.host import Host, QoS


class FaultRelay:
    """Spoils what comes in on one topic and sends it on another.

    Attributes:
        fault: name of the present fault.
        received, sent: images so far.
    """

    def __init__(self, host: Host, source: str, target: str, type_name: str, seed: int) -> None:
        self.fault = 'none'
        self.received = 0
        self.sent = 0
        self._context = Context(seed)
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, int, Fields]] = []
        self._order = count()
        self._type = type_name
        self._output = host.publisher(target, type_name, QoS(depth=5, reliable=True))
        host.subscription(source, type_name, QoS(depth=5, reliable=True), self._on_image)
        host.subscription('~/fault', 'std_msgs/msg/String', QoS(), self._on_command)
        host.timer(0.01, self._flush)

    def set(self, fault: str, strength: float = 0.3) -> None:
        """Change the fault; an unknown name is refused."""
        if fault not in FAULTS:
            raise SystemExit(f'unknown fault {fault!r}; known: {", ".join(FAULTS)}')
        with self._lock:
            self.fault = fault
            self._context.strength = strength
            self._context.held.clear()
            self._context.last = None
        print(
            json.dumps(
                {
                    'time': round(time.time(), 3),
                    'fault': fault,
                    'received': self.received,
                    'sent': self.sent,
                }
            ),
            flush=True,
        )

    def _on_command(self, message: Any) -> None:
        words = message.data.split()
        if words and words[0] in FAULTS:
            self.set(words[0], float(words[1]) if len(words) > 1 else 0.3)

    def _on_image(self, message: Any) -> None:
        image = _fields(message, self._type)
        with self._lock:
            self.received += 1
            sent = FAULTS[self.fault](self._context, image)
            now = time.monotonic()
            for wait, fields in sent:
                if wait > 0:
                    heapq.heappush(self._waiting, (now + wait, next(self._order), fields))
            due = [fields for wait, fields in sent if wait <= 0]
        self._send(due)

    def _flush(self) -> None:
        now, due = time.monotonic(), []
        with self._lock:
            while self._waiting and self._waiting[0][0] <= now:
                due.append(heapq.heappop(self._waiting)[2])
        self._send(due)

    def _send(self, images: list[Fields]) -> None:
        for image in images:
            self._output.publish(image)
            self.sent += 1


def _fields(message: Any, type_name: str) -> Fields:
    header = message.header
    fields: Fields = {
        'header': {
            'stamp': {'sec': header.stamp.sec, 'nanosec': header.stamp.nanosec},
            'frame_id': header.frame_id,
        },
        'data': message.data,
    }
    if type_name.endswith('CompressedImage'):
        return {**fields, 'format': message.format}
    for name in ('height', 'width', 'encoding', 'is_bigendian', 'step'):
        fields[name] = getattr(message, name)
    return fields


def main() -> None:
    """Relay until told to stop."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--from', dest='source', default='image_raw')
    parser.add_argument('--to', dest='target', default='faulty/image_raw')
    parser.add_argument('--type', default='sensor_msgs/msg/Image')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--every', type=float, default=10.0)
    parser.add_argument('--faults', default=','.join(name for name in FAULTS if name != 'none'))
    options = parser.parse_args()
    names = options.faults.split(',')
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    host = DdsHost('fault_relay')
    relay = FaultRelay(host, options.source, options.target, options.type, options.seed)
    context = Context(options.seed)
    relay.set('none')
    while not stop.wait(options.every or 0.2):
        if options.every:
            fault = str(context.rng.choice(names)) if relay.fault == 'none' else 'none'
            relay.set(fault, float(context.rng.uniform(0.1, 0.9)))
    host.close()


if __name__ == '__main__':
    main()
