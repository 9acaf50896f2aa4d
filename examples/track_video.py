"""Track one target through a video and print its boxes.

python examples/track_video.py clip.mp4 120,80,64,48
"""

import argparse

import cv2
from hit_rfgm_ros import Box, create_tracker


def main() -> None:
    """Read frames with OpenCV, which gives BGR, and hand them to the tracker as they are."""
    parser = argparse.ArgumentParser(description='Track one target through a video.')
    parser.add_argument('video')
    parser.add_argument('box', help='x,y,w,h of the target in the first frame, pixels')
    parser.add_argument('--model', default='hit_tiny')
    parser.add_argument('--weights', help="a weights file, or 'random' to try without")
    parser.add_argument('--show', action='store_true', help='open a window (needs a full OpenCV)')
    arguments = parser.parse_args()

    capture = cv2.VideoCapture(arguments.video)
    fps = capture.get(cv2.CAP_PROP_FPS) or 30.0
    tracker = create_tracker(arguments.model, weights=arguments.weights, fps=fps, color='bgr')
    ok, frame = capture.read()
    if not ok:
        raise SystemExit(f'{arguments.video} cannot be read')
    tracker.init(frame, Box(*map(float, arguments.box.split(','))))
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        result = tracker.update(frame)
        x, y, width, height = (round(value) for value in result.box)
        print(f'{x} {y} {width} {height}  {result.confidence:.2f}  {result.state.value}')
        if arguments.show:
            cv2.rectangle(frame, (x, y), (x + width, y + height), (90, 220, 70), 2)
            cv2.imshow('hit_rfgm_ros', frame)
            if cv2.waitKey(1) == 27:  # Escape
                break
    capture.release()


if __name__ == '__main__':
    main()
