"""What holds for the package as a whole: light import, public names, one version, file sizes."""

import ast
from collections.abc import Iterator
import os
from pathlib import Path
import re
from statistics import median
import subprocess
import sys
from xml.etree import ElementTree

import hit_rfgm_ros
from hit_rfgm_ros import errors
from hit_rfgm_ros.optional import is_installed, require
import pytest
import yaml

HEAVY = ('torch', 'cv2', 'rclpy', 'onnxruntime', 'openvino', 'numpy')
# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r'(?<![\w.~}/-])/(?:home|root|work|Users|mnt)/[\w.-]+')
INDEX_HOST = re.compile(r'pypi\.(?:org|io)|pythonhosted\.|download\.pytorch\.')
LONGEST_FILE = 500  # lines
MEDIAN_FILE = 200


def run_python(code: str, *options: str) -> str:
    """Standard output of a fresh interpreter that finds this checkout first."""
    root = Path(hit_rfgm_ros.__file__).parent.parent
    result = subprocess.run(
        [sys.executable, *options, '-c', code],
        env={**os.environ, 'PYTHONPATH': str(root)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not result.stderr
    return result.stdout.strip()


@pytest.fixture(scope='module')
def tracked(repository: Path) -> list[Path]:
    """Every file that git keeps, or would keep after the next add."""
    command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    files = [repository / name for name in result.stdout.split('\0') if name]
    return [path for path in files if path.is_file()]


def test_importing_loads_nothing_heavy() -> None:
    code = f'import sys, hit_rfgm_ros; print([m for m in {HEAVY} if m in sys.modules])'
    assert run_python(code) == '[]'


def test_listing_models_and_reading_errors_needs_nothing_heavy() -> None:
    heavy = tuple(name for name in HEAVY if name != 'numpy')
    code = (
        'import sys, hit_rfgm_ros as h; h.list_models(); h.HitRfgmError; h.Box(1, 2, 3, 4);'
        f'print([m for m in {heavy} if m in sys.modules])'
    )
    assert run_python(code) == '[]'


def test_the_public_names_load_without_torch_or_ros() -> None:
    code = (
        'import sys, hit_rfgm_ros as h\n'
        'for name in h.__all__: getattr(h, name)\n'
        "print([m for m in ('torch', 'rclpy') if m in sys.modules])"
    )
    assert run_python(code) == '[]'


def test_importing_emits_no_warning() -> None:
    code = 'import hit_rfgm_ros as h; [getattr(h, name) for name in h.__all__]; print("quiet")'
    assert run_python(code, '-W', 'error') == 'quiet'


def test_public_names_exist() -> None:
    names = {
        'Box',
        'HitRfgmError',
        'MultiTargetTracker',
        'TrackResult',
        'TrackState',
        '__version__',
        'create_tracker',
        'list_models',
    }
    assert names <= set(hit_rfgm_ros.__all__)
    assert set(dir(hit_rfgm_ros)) >= names
    for name in hit_rfgm_ros.__all__:
        assert getattr(hit_rfgm_ros, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'create_traker'"):
        _ = hit_rfgm_ros.create_traker


def test_every_error_can_be_caught_as_one() -> None:
    names = [name for name in vars(errors) if name.endswith('Error')]
    assert len(names) >= 10
    for name in names:
        assert issubclass(getattr(errors, name), errors.HitRfgmError)


def test_a_missing_extra_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(errors.MissingDependencyError) as info:
        require('no_such_library.part', extra='torch', purpose='training')
    message = str(info.value)
    assert 'needed for training' in message
    assert "pip install 'hit_rfgm_ros[torch]'" in message
    assert not is_installed('no_such_library.part')
    assert is_installed('numpy')


def test_the_version_is_the_same_everywhere(repository: Path) -> None:
    version = hit_rfgm_ros.__version__
    assert re.fullmatch(r'\d+\.\d+\.\d+', version)
    assert ElementTree.parse(repository / 'package.xml').findtext('version') == version
    citation = yaml.safe_load((repository / 'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['version'] == version
    assert version in (repository / 'CHANGELOG.rst').read_text(encoding='utf-8')
    # pyproject.toml reads the version from the package.
    project = (repository / 'pyproject.toml').read_text(encoding='utf-8')
    assert 'version = { attr = "hit_rfgm_ros.__version__" }' in project


def test_the_licence_is_the_same_everywhere(repository: Path) -> None:
    assert ElementTree.parse(repository / 'package.xml').findtext('license') == 'Apache-2.0'
    citation = yaml.safe_load((repository / 'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['license'] == 'Apache-2.0'
    assert 'Apache License' in (repository / 'LICENSE').read_text(encoding='utf-8')


def test_package_and_manifest_name_each_other(repository: Path) -> None:
    root = ElementTree.parse(repository / 'package.xml').getroot()
    assert root.get('format') == '3'
    assert root.findtext('name') == 'hit_rfgm_ros'


def test_the_ros_manifest_lists_what_pip_installs(repository: Path) -> None:
    project = (repository / 'pyproject.toml').read_text(encoding='utf-8')
    block = re.search(r'^dependencies = \[(.*?)^\]', project, re.DOTALL | re.MULTILINE)
    assert block is not None
    names = re.findall(r'"([A-Za-z]+)', block.group(1))
    assert len(names) >= 5
    manifest = (repository / 'package.xml').read_text(encoding='utf-8').lower()
    other_names = {'pyyaml': 'python3-yaml', 'opencv': 'python3-opencv'}
    for name in names:
        assert other_names.get(name.lower(), name.lower()) in manifest


def test_scripts_can_be_run(repository: Path) -> None:
    scripts = [path for path in (repository / 'scripts').iterdir() if path.is_file()]
    assert scripts
    for script in scripts:
        assert os.access(script, os.X_OK), f'{script.name} is not executable'
        assert script.read_text(encoding='utf-8').startswith('#!/usr/bin/env python3\n')


def modules(repository: Path) -> Iterator[Path]:
    yield from sorted((repository / 'hit_rfgm_ros').rglob('*.py'))


def test_files_stay_short(repository: Path, tracked: list[Path]) -> None:
    lines = {
        path: len(path.read_text(encoding='utf-8').splitlines())
        for path in tracked
        if path.suffix == '.py'
    }
    too_long = [path.name for path, count in lines.items() if count > LONGEST_FILE]
    assert not too_long
    package = repository / 'hit_rfgm_ros'
    assert median(n for path, n in lines.items() if package in path.parents and n) < MEDIAN_FILE


def test_every_module_says_what_it_is_for(repository: Path) -> None:
    silent = [
        str(path.relative_to(repository))
        for path in modules(repository)
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text('utf-8')))
    ]
    assert not silent


def text_of(path: Path) -> str:
    """Text of a file, empty for pictures and other binaries."""
    data = path.read_bytes()
    return '' if b'\0' in data[:8000] else data.decode('utf-8', errors='replace')


def test_no_file_names_a_place_of_one_machine(repository: Path, tracked: list[Path]) -> None:
    found = [
        f'{path.relative_to(repository)}: {match.group()}'
        for path in tracked
        for match in MACHINE_PATH.finditer(text_of(path))
    ]
    assert not found


def test_no_file_names_a_package_index(repository: Path, tracked: list[Path]) -> None:
    found = [
        f'{path.relative_to(repository)}: {match.group()}'
        for path in tracked
        for match in INDEX_HOST.finditer(text_of(path))
    ]
    assert not found


def test_every_link_between_pages_leads_somewhere(repository: Path, tracked: list[Path]) -> None:
    broken = [
        f'{page.relative_to(repository)}: {target}'
        for page in tracked
        if page.suffix == '.md'
        for target in re.findall(r'\]\(([^)#\s]+)', text_of(page))
        if '://' not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_the_whole_checkout_is_light(tracked: list[Path]) -> None:
    weights = [path.stat().st_size for path in tracked if path.suffix == '.safetensors']
    assert sum(weights) <= 60e6  # all shipped weights together
    assert sum(path.stat().st_size for path in tracked) <= 100e6
