"""The tracker's side of the TraX protocol; the VOT toolkit starts it, see `registration`.

``python -m hit_rfgm_ros.evaluation.vot.client contender.json FOLDER_OF_THE_TRAX_LIBRARY``

The tracker is built and warm before the toolkit is greeted, for from then on it counts time: an
answer may take so long and no longer, and in real time a slow start costs frames.
"""

from __future__ import annotations

from importlib import import_module
import math
import os
from pathlib import Path
import signal
import sys
import traceback
from typing import Any

from hit_rfgm_ros.data.sequences import read_picture
from hit_rfgm_ros.errors import EvaluationError, HitRfgmError
from hit_rfgm_ros.evaluation.contender import Answer, Contender, ContenderSpec, open_contender
from hit_rfgm_ros.evaluation.vot.registration import read_spec
from hit_rfgm_ros.geometry.boxes import format_box
from hit_rfgm_ros.types import Box
import numpy as np

_WARM_UPDATES = 3
_PICTURE = (240, 320, 3)


def warm_up(contender: Contender, spec: ContenderSpec) -> None:
    """Let a network of ours do what only its first frames take time for."""
    if spec.kind != 'model':
        return
    picture = np.random.default_rng(0).integers(0, 255, _PICTURE, np.uint8)
    contender.start(picture, Box(130, 90, 60, 60))
    for _ in range(_WARM_UPDATES):
        contender.update(picture)
        contender.after()


def answer(contender: Contender, request: Any) -> Answer:
    """Start on the region of a request, or find the target in its frame.

    Raises:
        HitRfgmError: of the tracker, or where it gives no finite box.
    """
    frame = read_picture(Path(request.image['color'].path()))
    if request.objects:
        region, _ = request.objects[0]
        box = Box(*map(float, region.bounds()))
        contender.start(frame, box)
        return Answer(box)
    said = contender.update(frame)
    if not all(map(math.isfinite, said.box)):
        raise EvaluationError(f'{contender.name} gave {format_box(said.box)}, no finite box')
    return said


def serve(contender: Contender, trax: Any) -> None:
    """Answer the toolkit's requests until it says goodbye."""
    server = trax.server.Server(
        [trax.Region.RECTANGLE], [trax.Image.PATH], tracker_name=contender.name
    )
    while True:
        request = server.wait()
        if request.type not in (trax.TraxStatus.INITIALIZE, trax.TraxStatus.FRAME):
            server.quit()
            return
        said = answer(contender, request)
        notes = {} if said.confidence is None else {'confidence': said.confidence}
        server.status([(trax.Rectangle.create(*said.box), notes)])
        contender.after()


def main(spec_file: str, libraries: str) -> int:
    """Build the tracker, then answer; what goes wrong is printed, which the toolkit keeps."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the business of the toolkit
    try:
        spec, folder = read_spec(Path(spec_file))
        os.chdir(folder)
        contender = open_contender(spec)
        warm_up(contender, spec)
        # Last, so that nothing of ours is taken from there: it has an OpenCV of its own.
        sys.path.append(libraries)
        import_module('trax.server')
        serve(contender, import_module('trax'))
        contender.close()
    except HitRfgmError as error:
        sys.stderr.write(f'{type(error).__name__}: {error}\n')
        return 1
    except Exception:  # noqa: BLE001  # whatever it is, the toolkit's log must have it
        traceback.print_exc()
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
