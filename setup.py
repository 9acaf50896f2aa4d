"""Puts the top-level folders that the package reads into the wheel; else see pyproject.toml."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# They lie at the top because ROS wants them there, and go to hit_rfgm_ros/share/<name>: as
# hit_rfgm_ros/msg they would hide the messages that ROS generates.
SHARED = ('config', 'msg', 'srv')


class BuildWithShare(build_py):
    """Copies the folders after the modules; an editable install reads them where they are."""

    def run(self):
        """Build, then copy."""
        super().run()
        for target, source in self._shared().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode=1):
        """Name the copies too."""
        return [*super().get_outputs(include_bytecode), *self._shared()]

    def _shared(self):
        """Copy -> original."""
        if getattr(self, 'editable_mode', False):
            return {}
        share = Path(self.build_lib, 'hit_rfgm_ros', 'share')
        return {
            str(share / path): str(path)
            for folder in SHARED
            for path in sorted(Path(folder).rglob('*'))
            if path.is_file()
        }


setup(cmdclass={'build_py': BuildWithShare})
