"""The package's data folders are found in a checkout, a wheel and a ROS install."""

from pathlib import Path
import shutil
import subprocess
import sys
import tarfile
from zipfile import ZipFile

from hit_rfgm_ros.config.share import share_folder
from hit_rfgm_ros.errors import ConfigError
import pytest

CODE = (
    'import sys; sys.path.insert(0, sys.argv[1]);'
    'from hit_rfgm_ros.config.share import share_folder;'
    'print(share_folder(sys.argv[2]))'
)


def found_from(folder: Path, name: str) -> Path:
    """Where a fresh interpreter, with the package in ``folder``, finds a data folder."""
    command = [sys.executable, '-I', '-c', CODE, str(folder), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return Path(done.stdout.strip())


def copy_package(repository: Path, target: Path) -> None:
    """The package without the weights, which would make the tests slow."""
    source = repository / 'hit_rfgm_ros'
    leave = shutil.ignore_patterns('__pycache__', '*.safetensors', '*.pyc')
    shutil.copytree(source, target / 'hit_rfgm_ros', ignore=leave)


@pytest.mark.parametrize('name', ['config', 'msg', 'srv'])
def test_a_checkout_uses_its_top_level_folders(repository: Path, name: str) -> None:
    assert share_folder(name) == repository / name
    assert any(share_folder(name).iterdir())


def test_what_the_sources_hold_is_found_too(repository: Path) -> None:
    assert share_folder('interfaces') == repository / 'hit_rfgm_ros' / 'share' / 'interfaces'


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(ConfigError, match="'no_such_folder' of hit_rfgm_ros was not found"):
        share_folder('no_such_folder')


@pytest.mark.parametrize(
    'packages', ['lib/python3.12/site-packages', 'local/lib/python3.10/dist-packages']
)
def test_a_ros_install_has_them_under_its_prefix(
    repository: Path, tmp_path: Path, packages: str
) -> None:
    copy_package(repository, tmp_path / packages)
    shutil.copytree(repository / 'msg', tmp_path / 'share' / 'hit_rfgm_ros' / 'msg')
    found = found_from(tmp_path / packages, 'msg')
    assert found == tmp_path / 'share' / 'hit_rfgm_ros' / 'msg'


@pytest.fixture(scope='module')
def built(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, built from a copy without weights."""
    pytest.importorskip('setuptools')
    root = tmp_path_factory.mktemp('built')
    copy_package(repository, root)
    for name in ('config', 'msg', 'srv', 'scripts'):
        shutil.copytree(repository / name, root / name)
    for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'):
        shutil.copy(repository / name, root)
    shutil.copy(repository / 'package.xml', root)
    code = 'from setuptools import build_meta as b; b.build_wheel("dist"); b.build_sdist("dist")'
    subprocess.run(
        [sys.executable, '-c', code], cwd=root, check=True, capture_output=True, timeout=120
    )
    return root / 'dist'


def test_the_wheel_carries_them_under_share(repository: Path, built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob('*.whl')
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        recorded = next(name for name in archive.namelist() if name.endswith('RECORD'))
        record = archive.read(recorded).decode()
    for name in ('config', 'msg', 'srv'):
        found = found_from(tmp_path, name)
        assert found == tmp_path / 'hit_rfgm_ros' / 'share' / name
        kept = {path.relative_to(found) for path in found.rglob('*') if path.is_file()}
        assert kept == {
            path.relative_to(repository / name)
            for path in (repository / name).rglob('*')
            if path.is_file()
        }
        assert f'hit_rfgm_ros/share/{name}/' in record
    assert found_from(tmp_path, 'interfaces').is_dir()
    # Where ROS puts the generated messages there must be nothing of ours.
    assert not (tmp_path / 'hit_rfgm_ros' / 'msg').exists()
    assert not (tmp_path / 'hit_rfgm_ros' / 'srv').exists()


def test_the_source_archive_can_build_the_wheel_again(built: Path) -> None:
    (source,) = built.glob('*.tar.gz')
    with tarfile.open(source) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    assert {'msg/TrackedTarget.msg', 'srv/InitTarget.srv', 'setup.py', 'package.xml'} <= names
    assert 'hit_rfgm_ros/share/interfaces/vision_msgs/msg/Detection2D.msg' in names
    assert any(name.startswith('config/') for name in names)
