"""A tracker through the experiments of a VOT workspace, scored by the toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import re
import shutil
from typing import Any

from hit_rfgm_ros.errors import EvaluationError, VotToolkitError
from hit_rfgm_ros.evaluation.contender import ContenderSpec, open_contender
from hit_rfgm_ros.evaluation.identity import Workers, check_spec, keep_identity
from hit_rfgm_ros.evaluation.results import (
    DATASET_FILE,
    RUN_FILE,
    SUMMARY_FILE,
    Results,
    read_json,
    write_json,
)
from hit_rfgm_ros.evaluation.vot.registration import (
    REGISTRY_FILE,
    check_name,
    check_options,
    register,
)
from hit_rfgm_ros.evaluation.vot.scores import read_scores
from hit_rfgm_ros.evaluation.vot.toolkit import Toolkit, find_toolkit, run_command, tail
from hit_rfgm_ros.evaluation.vot.workspace import Workspace, open_workspace

_ANALYSIS = 'hit-rfgm'  # the analyses that we ask for are called so, with the tracker's name
_LOG_LINE = re.compile(r'Tracker output written to file: (.+)')


@dataclass(frozen=True)
class VotRun:
    """One call: trackers in one workspace.

    Attributes:
        dataset: vot, vot2021 or vot2022.
        workspace: opened.
        toolkit: found.
        out: folder of the evaluation.
    """

    dataset: str
    workspace: Workspace
    toolkit: Toolkit
    out: Path

    def folder(self, tracker: str) -> Path:
        """For the files that belong to the toolkit's runs of a tracker."""
        return self.out / tracker / 'vot'

    def results(self, tracker: str) -> Path:
        """Where the toolkit puts the results of a tracker."""
        return self.workspace.root / 'results' / tracker


def prepare(dataset: str, root: Path, out: Path, specs: Sequence[ContenderSpec]) -> VotRun:
    """Check all that can be checked before anything runs.

    Raises:
        ConfigError: for a name or options that the toolkit cannot take.
        DatasetError: if the workspace is not complete.
        EvaluationError: if other results lie in the way, or the toolkit is missing.
    """
    toolkit = find_toolkit()
    workspace = open_workspace(dataset, root, toolkit.stacks, toolkit.command)
    run = VotRun(dataset, workspace, toolkit, out.resolve())
    for spec in specs:
        check_name(spec.name, workspace)
        check_options(spec)
        folder = run.results(spec.name)
        if folder.exists() and not (folder / RUN_FILE).is_file():
            raise EvaluationError(
                f'{folder} holds results that hit-rfgm eval did not make; the toolkit would add '
                f'to them. Remove them, or give another name by --name'
            )
        check_spec(folder, spec)
    _record_dataset(run)
    return run


def run_experiments(
    run: VotRun,
    spec: ContenderSpec,
    workers: Workers,
    *,
    on_percent: Callable[[str, int], None] = lambda experiment, percent: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Have the toolkit run a tracker; what it has results of is not run again.

    Args:
        run: from `prepare`.
        spec: of the tracker.
        workers: how it runs, for the record.
        on_percent: gets the progress of each experiment.
        stop: asked between experiments whether to leave the rest.

    Returns:
        Whether all experiments are done.

    Raises:
        VotToolkitError: if the tracker or the toolkit fails; the tracker's words are in it.
        HitRfgmError: if the tracker cannot be built.
    """
    contender = open_contender(spec)
    try:
        keep_identity(run.results(spec.name), contender, spec, None, workers)
    finally:
        contender.close()
    folder = run.folder(spec.name)
    register(folder, spec, run.toolkit.libraries)
    place = ['--workspace', str(run.workspace.root)]
    for experiment in run.workspace.experiments:

        def progress(percent: int, experiment: str = experiment) -> None:
            on_percent(experiment, percent)

        words = ['evaluate', *place, '--experiments', experiment, spec.name]
        log = folder / f'{experiment}.log'
        said = run_command(run.toolkit, words, log, folder, on_percent=progress)
        if stop():
            return False
        if 'Evaluation concluded' not in said:
            raise VotToolkitError(
                f'experiment {experiment} of {run.workspace.stack}: {_why(said)}; see {log}'
            )
    return True


def _why(said: str) -> str:
    """What the toolkit said, and what the tracker said before it ended."""
    lines = said.splitlines()
    logs = [found[1] for line in lines if (found := _LOG_LINE.fullmatch(line))]
    words = [line for line in lines if not _LOG_LINE.fullmatch(line)]
    reason = tail(words[:1] if logs else words)
    path = Path(logs[-1]) if logs else None
    if path is None or not path.is_file():
        return reason
    spoken = path.read_text(encoding='utf-8', errors='replace').splitlines()
    return f'{reason}; the last words of the tracker: {tail(spoken)}; all of them are in {path}'


def score(run: VotRun, tracker: str) -> dict[str, Any]:
    """Have the toolkit score a tracker.

    Returns:
        Its part of ``summary.json``.

    Raises:
        VotToolkitError: if results are missing, or it fails otherwise.
    """
    folder = run.folder(tracker)
    if not (folder / REGISTRY_FILE).is_file():
        raise VotToolkitError(f'{tracker} was not run with --out {run.out}, there is no {folder}')
    name = f'{_ANALYSIS}-{tracker}'
    made = run.workspace.root / 'analysis' / f'{name}.json'
    made.unlink(missing_ok=True)
    words = ['analysis', '--workspace', str(run.workspace.root), '--format', 'json']
    log = folder / 'analysis.log'
    said = run_command(run.toolkit, [*words, '--name', name, tracker], log, folder)
    if not made.is_file():
        raise VotToolkitError(
            f'{tracker} cannot be scored: {tail(said.splitlines())}; see {log}. Where results are '
            f'missing, the same command without --score-only goes on'
        )
    document = read_json(made)
    scores = read_scores(document)
    return {'vot': {**_about(run), **scores}, 'sequences': document.get('sequences', {})}


def pack(run: VotRun, tracker: str, archive: Path) -> None:
    """Have the toolkit pack the results of a tracker for a challenge.

    Raises:
        VotToolkitError: if they are not complete.
    """
    folder, root = run.folder(tracker), run.workspace.root
    before = set(root.glob(f'{tracker}_*.zip'))
    log = folder / 'pack.log'
    said = run_command(run.toolkit, ['pack', '--workspace', str(root), tracker], log, folder)
    made = set(root.glob(f'{tracker}_*.zip')) - before
    if 'packaging successful' not in said or len(made) != 1:
        for half in made:
            half.unlink()
        raise VotToolkitError(f'{tracker} cannot be packed: {tail(said.splitlines())}; see {log}')
    archive.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made.pop(), archive)


def write_summary(run: VotRun, entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Write ``summary.json``; trackers that were scored before stay in it.

    Args:
        run: from `prepare`.
        entries: of `score`, by tracker.

    Returns:
        What was written.
    """
    before: dict[str, Any] = {}
    if (run.out / SUMMARY_FILE).is_file():
        before = Results(run.out).summary().get('trackers', {})
    trackers = {**before, **{name: {'vot': entry['vot']} for name, entry in entries.items()}}
    lengths = [
        one['length']
        for entry in list(entries.values())[:1]
        for one in entry['sequences'].values()
    ]
    summary = {
        'dataset': run.dataset,
        'kind': 'vot',
        'profile': 'vot',
        'form': 'float',
        'sequences': len(run.workspace.sequences),
        'frames': sum(lengths),
        'longest': max(lengths, default=0),
        'skipped': [],
        **_about(run),
        'trackers': trackers,
        'profiles': {},
        'refused': {},
    }
    write_json(run.out / SUMMARY_FILE, summary)
    return summary


def _about(run: VotRun) -> dict[str, Any]:
    workspace = run.workspace
    return {'toolkit': run.toolkit.version, 'stack': workspace.stack, 'title': workspace.title}


def _record_dataset(run: VotRun) -> None:
    """Write ``dataset.json``.

    Raises:
        EvaluationError: if the results there are those of something else.
    """
    workspace, path = run.workspace, run.out / DATASET_FILE
    content = {
        'name': run.dataset,
        'kind': 'vot',
        'root': str(workspace.root),
        'stack': workspace.stack,
        'sequences': {name: {} for name in workspace.sequences},
        'skipped': [],
    }
    there = read_json(path) if path.is_file() else content
    changed = [
        key for key in ('name', 'root', 'stack', 'sequences') if there.get(key) != content[key]
    ]
    if changed:
        raise EvaluationError(
            f'{run.out} holds results of other data ({", ".join(changed)} differ); take another '
            f'--out'
        )
    write_json(path, content)
