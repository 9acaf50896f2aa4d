"""Write composed scenes as a data set of folders, with their true boxes, to evaluate trackers on.

python examples/write_scenes.py scenes easy:1 crossing:2 varied:3 demo:0
"""

import argparse
from pathlib import Path

import cv2
from hit_rfgm_ros.data.scene_presets import compose_scene


def main() -> None:
    """One folder per scene: pictures, and a line per frame, NaN while the target is away."""
    parser = argparse.ArgumentParser(description='Write composed scenes as a data set of folders.')
    parser.add_argument('folder', type=Path)
    parser.add_argument('scenes', nargs='+', metavar='PRESET:SEED')
    parser.add_argument('--frames', type=int, help='of each scene; all, if not given')
    arguments = parser.parse_args()

    for name in arguments.scenes:
        preset, _, seed = name.partition(':')
        scene = compose_scene(preset, seed=int(seed or 0))
        folder = arguments.folder / f'{preset}_{seed or 0}'
        folder.mkdir(parents=True)
        length = min(arguments.frames or len(scene), len(scene))
        lines = []
        for index, (frame, box) in enumerate(zip(scene, scene.truth)):
            if index == length:
                break
            cv2.imwrite(str(folder / f'{index + 1:06d}.jpg'), frame[..., ::-1])
            lines.append(','.join(f'{value:.2f}' for value in box))
        (folder / 'groundtruth.txt').write_text('\n'.join(lines) + '\n')
        print(f'{folder}: {length} frames')


if __name__ == '__main__':
    main()
