"""The page of an evaluation: whole, safe, and with the numbers of summary.json."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
import json
from pathlib import Path
import re
import shutil
from types import ModuleType
from typing import Any

import cv2
from hit_rfgm_ros.errors import ConfigError, DatasetError, EvaluationError
from hit_rfgm_ros.evaluation.report import Report, write_report
from hit_rfgm_ros.metrics.scores import KEYS
import pytest

pytest.importorskip('matplotlib')

EVIL = '<img src=x onerror=alert(1)>'
EVIL_SEQUENCE = '<b>cat & "dog" $x_1$'
EVIL_TITLE = '</title><script>alert(2)</script>'
SILENT = {'confidence': False, 'states': False}
SEQUENCES = ('ant', 'bee', EVIL_SEQUENCE)
VOID = {'meta', 'img', 'br', 'link', 'input', 'hr'}
LATENCY = ('p50', 'p90', 'p95', 'max')  # too few frames for p99
Make = Callable[..., Path]


@dataclass
class Table:
    """Texts of the cells by row and column head, and the classes of cells and rows."""

    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    kinds: list[list[str]] = field(default_factory=list)
    row_kinds: list[str] = field(default_factory=list)

    def cell(self, row: str, column: str) -> str:
        return next(one for one in self.rows if one[0] == row)[self.heads.index(column)]

    def best(self, column: str) -> list[str]:
        place = self.heads.index(column)
        pairs = zip(self.rows, self.kinds)
        return [row[0] for row, kinds in pairs if 'best' in kinds[place].split()]


class Page(HTMLParser):
    """Parses a page and refuses what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: list[Table] = []
        self.sections: list[str] = []
        self.text = ''
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or '' for name, value in attrs}
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag not in VOID:
            self.open.append(tag)
        if tag == 'section':
            self.sections.append(given['id'])
        if tag == 'table':
            self.tables.append(Table())
        if tag == 'tr' and 'thead' not in self.open:
            self.tables[-1].rows.append([])
            self.tables[-1].kinds.append([])
            self.tables[-1].row_kinds.append(given.get('class', ''))
        if tag in ('td', 'th'):
            table = self.tables[-1]
            (table.heads if 'thead' in self.open else table.rows[-1]).append('')
            if 'thead' not in self.open:
                table.kinds[-1].append(given.get('class', ''))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or '') for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f'</{tag}> closes nothing'
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if 'style' in self.open or 'script' in self.open:
            return
        self.text += data
        if 'td' in self.open or 'th' in self.open:
            table = self.tables[-1]
            cells = table.heads if 'thead' in self.open else table.rows[-1]
            cells[-1] += data


def write_evaluation(
    folder: Path,
    miniatures: ModuleType,
    evaluations: ModuleType,
    trackers: dict[str, dict[str, Any]],
    *,
    absent: tuple[int, ...] = (8, 9, 10),
    names: tuple[str, ...] | None = ('ant', 'bee'),
    dataset: str = 'folder',
    **more: Any,
) -> Path:
    """Write sequences and the evaluation of trackers below a folder; gives that of the latter."""
    root, out = folder / 'pictures', folder / 'out'
    made = miniatures.make_dataset(
        dataset, root, sequences=names, frames=24, size=(96, 64), absent=absent
    )
    said = {name: evaluations.Said(**options) for name, options in trackers.items()}
    evaluations.make_evaluation(out, root, said, dataset=dataset, sequences=made, **more)
    return out


@pytest.fixture
def make(tmp_path: Path, miniatures: ModuleType, evaluations: ModuleType) -> Make:
    def write(trackers: dict[str, dict[str, Any]], **options: Any) -> Path:
        return write_evaluation(tmp_path, miniatures, evaluations, trackers, **options)

    return write


@pytest.fixture
def small(make: Make) -> Path:
    """Two trackers on two sequences, to be damaged."""
    return make({'near': SILENT, 'far': {**SILENT, 'drift': 1.5}})


@pytest.fixture(scope='module')
def several(
    tmp_path_factory: pytest.TempPathFactory, miniatures: ModuleType, evaluations: ModuleType
) -> Path:
    """Trackers of all sorts, not to be changed."""
    trackers = {
        'near': {'drift': 0.1},
        'near@strict-30': {'drift': 0.4},
        'far': {'drift': 1.5},
        EVIL: {**SILENT, 'drift': 3.0, 'latency': False},
    }
    folder = tmp_path_factory.mktemp('several')
    return write_evaluation(folder, miniatures, evaluations, trackers, names=SEQUENCES)


@pytest.fixture(scope='module')
def done(several: Path) -> Report:
    return report(several, title=EVIL_TITLE)


@pytest.fixture(scope='module')
def text(done: Report) -> str:
    return done.html.read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def page(text: str) -> Page:
    return Page(text)


def report(out: Path, **options: Any) -> Report:
    return write_report(out, out / 'report.html', out / 'report', **options)


def page_of(out: Path, **options: Any) -> Page:
    return Page(report(out, **options).html.read_text(encoding='utf-8'))


def summary_of(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / 'summary.json').read_text())
    return loaded


def table_with(page: Page, head: str) -> Table:
    return next(table for table in page.tables if head in table.heads)


def test_the_page_needs_no_other_file(text: str, page: Page) -> None:
    for tag, name, value in page.attributes:
        if name in ('src', 'href', 'xlink:href', 'srcset', 'data', 'action', 'poster'):
            assert value.startswith(('#', 'data:image/jpeg;base64,')), (tag, name, value)
    assert not re.search(r'https?:|@import|@font-face', text)
    assert set(re.findall(r'url\(.', text)) <= {'url(#'}
    assert page.tags['link'] == 0
    ids = Counter(value for _, name, value in page.attributes if name == 'id')
    assert max(ids.values()) == 1
    used = {v[1:] for _, name, v in page.attributes if name.endswith('href') and v[0] == '#'}
    used |= set(re.findall(r'url\(#([^)]+)\)', text))
    assert used <= set(ids)


def test_all_parts_are_there(page: Page) -> None:
    wanted = ['scores', 'plots', 'speed', 'sequences', 'failures', 'absence', 'confidence']
    assert page.sections == [*wanted, 'runs']
    for fact in ('pictures (folder)', 'profile visible', 'floats', 'A processor', '2026-01-02'):
        assert fact in page.text
    assert '3 trackers and 1 run in real time. near has the highest AUC' in page.text


def test_scores_are_those_of_the_summary(several: Path, page: Page) -> None:
    trackers = summary_of(several)['trackers']
    table = page.tables[0]
    labels = ('AUC', 'Precision', 'Norm. prec.', 'OP50', 'OP75', 'AO', 'SR50', 'SR75')
    for name, entry in trackers.items():
        for key, label in zip(KEYS, labels):
            assert table.cell(name, label) == f'{entry[key]:.2f}'
        for key in LATENCY:
            value = (entry['latency_ms'] or {}).get(key)
            assert table.cell(name, f'{key} ms') == ('-' if value is None else f'{value:.1f}')
        assert table.cell(name, 'fps') == ('-' if not entry['fps'] else f'{entry["fps"]:.1f}')
    assert 'p99 ms' not in table.heads
    heat = table_with(page, 'sequence')
    for name, entry in trackers.items():
        for sequence in SEQUENCES:
            assert heat.cell(sequence, name) == f'{entry["sequences"][sequence]["auc"]:.1f}'
        assert heat.cell('all', name) == f'{entry["auc"]:.1f}'
    assert [heat.cell(name, 'frames') for name in (*SEQUENCES, 'all')] == ['24', '24', '24', '72']


def test_robot_numbers_are_those_of_the_summary(several: Path, page: Page) -> None:
    trackers = summary_of(several)['trackers']
    absence = table_with(page, 'as TRACKING')
    confidence = table_with(page, 'Brier')
    long_term = table_with(page, 'F-score')
    for table in (absence, confidence, long_term):
        assert {row[0] for row in table.rows} == {'near', 'near@strict-30', 'far'}
    for name in ('near', 'far'):
        entry = trackers[name]
        share = entry['absence']['absent_as_tracking']
        assert absence.cell(name, 'as TRACKING') == f'{share:.1%}'
        assert absence.cell(name, 'absent') == '9'
        assert confidence.cell(name, 'ECE') == f'{entry["confidence"]["ece"]:.3f}'
        assert confidence.cell(name, 'AUROC') == f'{entry["confidence"]["auroc"]:.3f}'
        assert long_term.cell(name, 'F-score') == f'{entry["long_term"]["f_score"]:.2f}'
        assert f'ECE {entry["confidence"]["ece"]:.3f}' in page.text
    assert f'Without states: {EVIL}.' in page.text


def test_the_best_is_marked_and_runs_in_real_time_stand_by_their_tracker(page: Page) -> None:
    table = page.tables[0]
    assert [row[0] for row in table.rows] == ['near', 'near@strict-30', 'far', EVIL]
    assert table.row_kinds == ['', 'child', '', '']
    assert table.best('AUC') == ['near']
    assert table.best('p50 ms') == ['near']


def test_names_cannot_become_markup(page: Page) -> None:
    assert page.tags['script'] == 1
    assert page.tags['b'] == page.tags['figcaption']
    sources = [value for tag, name, value in page.attributes if (tag, name) == ('img', 'src')]
    assert sources
    assert all(value.startswith('data:') for value in sources)
    assert not [name for _, name, _ in page.attributes if name.startswith('on')]
    for name in (EVIL, EVIL_SEQUENCE, EVIL_TITLE):
        assert name in page.text


def test_pictures_are_written_beside_it(done: Report) -> None:
    names = {path.name for path in done.pictures}
    assert len(names) == len(done.pictures)
    assert {'success.png', 'precision.png', 'normalized_precision.png', 'speed.png'} <= names
    assert sum(name.startswith('reliability_') for name in names) == 3
    assert {'strip_far_ant.png', 'strip_far__b_cat_dog_x_1.png', 'course_near_bee.png'} <= names
    for path in done.pictures:
        assert re.fullmatch(r'[\w.@+-]+', path.name)
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.std() > 1


def test_the_tracker_that_is_asked_for_is_looked_at(page: Page, small: Path) -> None:
    assert 'lowest AUC of near, far,' in page.text
    assert 'lowest AUC of far,' in page_of(small, trackers=['far', 'far']).text
    with pytest.raises(ConfigError, match=r"no scored tracker 'farr'; there are near, far"):
        report(small, trackers=['farr'])


def test_failures_are_shown_with_truth_and_reason(small: Path) -> None:
    page = page_of(small, trackers=['far'])
    assert page.tags['img'] == 2 * 6
    assert page.text.count('failure begins') == 2
    assert 'target not visible' in page.text  # of the plots, or of a frame


def test_without_pictures_the_page_says_so(small: Path, tmp_path: Path) -> None:
    (tmp_path / 'pictures').rename(tmp_path / 'moved')
    done = report(small)
    page = Page(done.html.read_text(encoding='utf-8'))
    assert page.tags['img'] == 0
    assert 'failures' not in page.sections
    assert 'since the data set is not at hand' in page.text
    assert 'give --root' in page.text
    assert any('without film strips' in remark for remark in done.remarks)
    assert page_of(small, root=tmp_path / 'moved').tags['img'] > 0


def test_a_root_that_is_another_data_set_is_refused(
    small: Path, tmp_path: Path, miniatures: ModuleType
) -> None:
    miniatures.make_dataset('folder', tmp_path / 'other', sequences=('ant', 'bee'), frames=5)
    with pytest.raises(DatasetError, match=r'had 24 frames when it was run and has 5 now'):
        report(small, root=tmp_path / 'other')


def test_a_root_without_the_sequences_is_refused(
    small: Path, tmp_path: Path, miniatures: ModuleType
) -> None:
    miniatures.make_dataset('folder', tmp_path / 'other', sequences=['fox'], frames=5)
    with pytest.raises(DatasetError, match=r"unknown sequence 'ant'; known are fox"):
        report(small, root=tmp_path / 'other')


def test_a_damaged_picture_costs_its_strip_alone(small: Path, tmp_path: Path) -> None:
    (tmp_path / 'pictures' / 'ant' / '000001.jpg').write_bytes(b'no picture')
    done = report(small, trackers=['far'])
    page = Page(done.html.read_text(encoding='utf-8'))
    assert page.tags['img'] == 6
    assert 'no film strip of ant' in page.text
    assert '000001.jpg' in ''.join(done.remarks)


def test_results_that_do_not_fit_are_named(small: Path) -> None:
    path = small / 'far' / 'ant.txt'
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:5]))
    (small / 'far' / 'frames' / 'ant.csv').unlink()
    (small / 'far' / 'bee.txt').unlink()
    page = page_of(small, trackers=['far'])
    assert 'bee: far has no boxes; how it went is not shown' in page.text
    assert 'ant: far has 5 rows of results for 24 frames' in page.text


def test_one_tracker_alone(make: Make) -> None:
    page = page_of(make({'only': {'drift': 0.5}}))
    assert '1 tracker.' in page.text
    assert not any('best' in kind for table in page.tables for row in table.kinds for kind in row)
    assert 'confidence' in page.sections


def test_a_tracker_that_says_nothing_but_boxes(make: Make) -> None:
    page = page_of(make({'silent': {**SILENT, 'latency': False}}, absent=()))
    assert page.sections == ['scores', 'plots', 'sequences', 'failures', 'runs']
    assert 'fps' not in page.tables[0].heads


def test_no_absent_frames(make: Make) -> None:
    page = page_of(make({'near': {}, 'far': {'drift': 2.0}}, absent=(), names=('ant',)))
    assert 'target not visible' not in page.text
    assert table_with(page, 'spells').cell('near', 'spells') == '0'


def test_a_perfect_tracker_and_a_single_sequence(make: Make) -> None:
    page = page_of(make({'perfect': {}}, names=('ant',)))
    assert 'lowest overlap' in page.text
    assert 'failure begins' not in page.text


def test_a_profile_without_auc(make: Make) -> None:
    out = make(
        {'near': {}, 'far': {'drift': 1.0}}, dataset='got10k_val', names=None, profiles=['got10k']
    )
    page = page_of(out)
    assert 'near has the highest AO' in page.text
    assert {'AO', 'SR50', 'SR75'} <= set(page.tables[0].heads)
    assert not {'AUC', 'Precision'} & set(page.tables[0].heads)
    printed = summary_of(out)['trackers']['near']['printed']
    assert table_with(page, 'ao').cell('near', 'ao') == printed['ao']


def test_sets_whose_truth_a_server_keeps(make: Make) -> None:
    page = page_of(make({'near': {}}, dataset='got10k_test', names=None, profiles=['got10k']))
    assert page.sections == ['scores', 'runs']
    assert 'fps' in page.tables[0].heads


def test_further_profiles_have_tables_of_their_own(make: Make) -> None:
    out = make({'near': {}, 'far': {'drift': 1.0}}, absent=(), profiles=['visible', 'pysot'])
    page = page_of(out)
    value = summary_of(out)['profiles']['pysot']['far']['auc']
    assert [table.cell('far', 'AUC') for table in page.tables if 'AUC' in table.heads][1] == (
        f'{value:.2f}'
    )


def test_what_was_not_scored_is_said(small: Path) -> None:
    summary = summary_of(small)
    summary['skipped'] = ['fox']
    summary['refused'] = {'bad': 'its results are <damaged>'}
    summary['trackers']['far']['notes'] = ['scored although 2 frames are missing']
    del summary['trackers']['far']['sequences']['ant']
    (small / 'summary.json').write_text(json.dumps(summary))
    text = page_of(small).text
    assert 'Sequence fox: ' in text
    assert 'Tracker bad: its results are <damaged>' in text
    assert 'far has no results of ant' in text
    assert 'far: scored although 2 frames are missing' in text


def test_without_a_summary_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r'summary.json does not exist; run hit-rfgm eval'):
        report(tmp_path / 'nothing')
    assert not (tmp_path / 'nothing').exists()


@pytest.mark.parametrize(
    ('file', 'text', 'message'),
    [
        ('summary.json', '{', r'summary.json cannot be read'),
        ('summary.json', '[]', r'summary.json holds no JSON object'),
        ('summary.json', '{"trackers": {}}', r'lacks dataset, profile, form'),
        ('dataset.json', '{"name": "folder", "sequences": []}', r'dataset.json is not what'),
        ('dataset.json', '{"name": "lasot"}', r'is on folder, .* on lasot; run hit-rfgm eval'),
        ('far/run.json', 'x', r'far/run.json cannot be read'),
        ('far/ant.txt', '1,2,3\n', r'far/ant.txt, line 1: expected four numbers'),
        ('far/frames/ant.csv', 'frame\n1\n', r'far/frames/ant.csv, line 2'),
    ],
)
def test_damaged_files_are_named(small: Path, file: str, text: str, message: str) -> None:
    (small / file).write_text(text)
    with pytest.raises(EvaluationError, match=message):
        report(small, trackers=['far'] if file.startswith('far') else ())


def test_no_scored_tracker_is_an_error_with_the_reasons(small: Path) -> None:
    summary = summary_of(small)
    summary['trackers'], summary['refused'] = {}, {'bad': 'two sequences are missing'}
    (small / 'summary.json').write_text(json.dumps(summary))
    with pytest.raises(EvaluationError, match=r'no scored tracker \(bad: two sequences are'):
        report(small)


def test_the_same_results_give_the_same_page(make: Make) -> None:
    out = make({'only': SILENT}, names=('ant',))
    first = report(out).html.read_bytes()
    shutil.rmtree(out / 'report')
    assert report(out).html.read_bytes() == first
