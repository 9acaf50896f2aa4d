"""Makes docs/results.md: our models and all rivals on one folder of sequences, in one run.

    python benchmarks/results_page.py --root DIR --peers DIR [--work FOLDER] [--fps 30]

Calls ``hit-rfgm eval`` (one process, so that times mean something), in real time as well, and
writes the page and ``benchmarks/results/<cpu>/results.json``. Goes on where it was stopped, in
WORK. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from cpu_forward import RESULTS, cpu_slug, processor
from hit_rfgm_ros.cli.table import number

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = ('hit_tiny', 'rfgm_t256')
RIVALS = ('csrt', 'kcf', 'mil', 'nano', 'fear_xs', 'nanotrack_v2', 'nanotrack_v3')
NAMES = {
    'csrt': "OpenCV's CSRT",
    'kcf': "OpenCV's KCF",
    'mil': "OpenCV's MIL",
    'nano': "OpenCV's TrackerNano (NanoTrack v2)",
    'fear_xs': 'FEAR-XS',
    'nanotrack_v2': 'NanoTrack v2',
    'nanotrack_v3': 'NanoTrack v3',
}
PERCENTS = {
    'auc': 'AUC',
    'precision': 'precision',
    'normalized_precision': 'norm. precision',
    'op50': 'OP50',
    'op75': 'OP75',
}
Scores = Mapping[str, Any]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Track and score; the summary."""
    _call('eval', '--install', 'opencv-contrib')
    words = ['--dataset', 'folder', '--root', str(options.root), '--peers', str(options.peers)]
    words += ['--real-time', 'strict', '--fps', str(options.fps), '--out', str(options.work)]
    for model in MODELS:
        words += ['--model', model]
    for rival in RIVALS:
        words += ['--rival', rival]
    _call('eval', *words)
    summary: dict[str, Any] = json.loads((options.work / 'summary.json').read_text())
    return summary


def _call(*words: str) -> None:
    command = [sys.executable, '-m', 'hit_rfgm_ros.cli.main', *words]
    if status := subprocess.run(command, check=False).returncode:
        raise SystemExit(status)


def page(summary: Mapping[str, Any], about: Mapping[str, Any], fps: int) -> str:
    """The page as Markdown."""
    trackers: Mapping[str, Scores] = summary['trackers']
    offline = sorted(
        (name for name in trackers if '@' not in name), key=lambda n: -trackers[n]['auc']
    )
    parts = [
        '# Results',
        '',
        (
            f'Made by `{about["command"]}` on {about["date"]}; {about["cpu"]["name"]} '
            f'({about["cpu"]["flags"]}), {about["cores"]} virtual cores, nothing else running. '
            'Our models with the weights that are shipped, in fp32, with all that trackers do '
            'outside paper mode. Rivals: [how they run](rivals.md); numbers: '
            '[what is computed](evaluation.md), kept in '
            f'`benchmarks/results/{cpu_slug(about["cpu"])}/results.json`.'
        ),
        '',
        '## One-pass evaluation',
        '',
        (
            f'{summary["sequences"]} sequences, {summary["frames"]} frames; profile '
            f'`{summary["profile"]}`, boxes as floats, percent. A perfect tracker has an AUC of '
            '95.2.'
        ),
        '',
        *_accuracy(offline, trackers, f'strict-{fps}'),
        '',
        (
            f'*Live* is the AUC of a second run at {fps} pictures per second, in which the newest '
            'picture wins and a box counts from when it is ready (rule `strict`), so that any '
            'tracker is a picture late.'
        ),
        '',
        '## When the target is gone',
        '',
        *_absence(offline, trackers),
        '',
        '## Confidence',
        '',
        'Against an overlap above one half; frames without the target count as wrong.',
        '',
        *_confidence(offline, trackers),
        '',
        '## AUC per sequence',
        '',
        *_per_sequence(offline, trackers),
        '',
        *_sources(about['sources']),
    ]
    return '\n'.join(parts) + '\n'


def _accuracy(names: list[str], trackers: Mapping[str, Scores], live: str) -> list[str]:
    rows = []
    for name in names:
        scores = trackers[name]
        percents = [scores[key] for key in PERCENTS]
        times = [scores['fps'], scores['latency_ms']['p99']]
        rows.append(
            [
                _title(name),
                *(number(percent, '.1f') for percent in percents),
                *(number(time, '.0f') for time in times),
                number(trackers[f'{name}@{live}']['auc'], '.1f'),
            ]
        )
    return _markdown(['tracker', *PERCENTS.values(), 'fps', 'p99 ms', 'live'], rows)


def _title(name: str) -> str:
    return NAMES.get(name, f'**{name}**')


def _markdown(heads: list[str], rows: list[list[str]]) -> list[str]:
    lines = ['| ' + ' | '.join(heads) + ' |', '|' + '---|' * len(heads)]
    return lines + ['| ' + ' | '.join(row) + ' |' for row in rows]


def _absence(names: list[str], trackers: Mapping[str, Scores]) -> list[str]:
    judged = {name: trackers[name]['absence'] for name in names if trackers[name]['absence']}
    if not judged:
        return ['No tracker reports states.']
    some = next(iter(judged.values()))
    heads = ['tracker', 'reported as TRACKING', 'absences never noticed', 'seconds to LOST']
    heads += ['seconds to recover', 'never recovered', 'LOST while visible']
    rows = [
        [
            _title(name),
            f'{100 * found["absent_as_tracking"]:.0f} %',
            f'{found["never_noticed"]} of {found["spells"]}',
            number(found['seconds_to_lost_median'], '.2f'),
            number(found['seconds_to_recover_median'], '.2f'),
            f'{found["never_recovered"]} of {found["returns"]}',
            f'{100 * found["visible_as_lost"]:.1f} %',
        ]
        for name, found in judged.items()
    ]
    return [
        (
            f'{some["absent_frames"]} frames without the target, in {some["spells"]} absences '
            f'of a second and more and {some["brief_spells"]} shorter ones; the frames are '
            'taken as 1/30 s apart. LOST is said after a second of doubt (`lost_after`). Rivals '
            'that report no state are not in the table: they go on as if nothing had happened.'
        ),
        '',
        *_markdown(heads, rows),
    ]


def _confidence(names: list[str], trackers: Mapping[str, Scores]) -> list[str]:
    rows = []
    for name in names:
        scores = trackers[name]
        if scores['confidence']:
            found, long = scores['confidence'], scores['long_term']
            f_score = number(long and long['f_score'], '.1f')
            rows.append([_title(name), f'{found["auroc"]:.3f}', f'{found["ece"]:.3f}', f_score])
    heads = ['tracker', 'AUROC', 'expected calibration error', "VOT's long-term F"]
    return _markdown(heads, rows)


def _per_sequence(names: list[str], trackers: Mapping[str, Scores]) -> list[str]:
    sequences = sorted(trackers[names[0]]['sequences'])
    rows = [
        [sequence, *(f'{trackers[n]["sequences"][sequence]["auc"]:.1f}' for n in names)]
        for sequence in sequences
    ]
    return _markdown(['sequence', *(name.replace('_', ' ') for name in names)], rows)


def _sources(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Where the pictures come from: they may not be published with the package."""
    if not sources:
        return []
    rows = [
        [name, str(about.get('source_repository', '-')), _origin(about)]
        for name, about in sorted(sources.items())
    ]
    return [
        '## The sequences',
        '',
        (
            'Excerpts of public videos, re-encoded; their licences are mixed, so they are no '
            'part of this package. The same command runs on any folder of sequences, and '
            '`hit-rfgm eval` on GOT-10k.'
        ),
        '',
        *_markdown(['sequence', 'copy in the repository', 'original'], rows),
    ]


def _origin(about: Mapping[str, Any]) -> str:
    dataset = str(about.get('original_dataset', '-')).split(' (')[0]
    frames = str(about.get('original_frames', '-')).split(' (')[0]
    return f'{dataset}: {about.get("original_sequence", "-")}, frames {frames}'


def read_sources(root: Path) -> dict[str, Any]:
    """What ``meta.json`` of each sequence says, where there is one."""
    return {
        path.parent.name: json.loads(path.read_text(encoding='utf-8'))
        for path in sorted(root.glob('*/meta.json'))
    }


def main() -> None:
    """Run, write the results and the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--root', type=Path, required=True, help='folder of sequences')
    parser.add_argument('--peers', type=Path, required=True, help="rivals' ONNX files")
    parser.add_argument('--work', type=Path, default=Path('results_work'), help='boxes go here')
    parser.add_argument('--fps', type=int, default=30, help='of the run in real time')
    options = parser.parse_args()
    summary = run(options)
    cpu = processor()
    about = {
        'command': 'python benchmarks/results_page.py --root DIR --peers DIR'
        + (f' --fps {options.fps}' if options.fps != parser.get_default('fps') else ''),
        'date': date.today().isoformat(),
        'cpu': cpu,
        'cores': len(os.sched_getaffinity(0)),
        'sources': read_sources(options.root),
    }
    slim = {
        name: {key: value for key, value in scores.items() if key not in ('curves', 'printed')}
        for name, scores in summary['trackers'].items()
    }
    for scores in slim.values():
        scores['sequences'] = {
            name: {'auc': found['auc'], 'precision': found['precision']}
            for name, found in scores['sequences'].items()
        }
    path = RESULTS / cpu_slug(cpu) / 'results.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {**about, **summary, 'trackers': slim, 'profiles': None}
    path.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    text = page(summary, about, options.fps)
    (REPOSITORY / 'docs' / 'results.md').write_text(text, encoding='utf-8')
    print(text)


if __name__ == '__main__':
    main()
