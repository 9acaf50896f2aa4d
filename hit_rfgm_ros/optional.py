"""The one gate to optional libraries."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from hit_rfgm_ros.errors import MissingDependencyError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import ``module`` or say how to install it.

    Args:
        module: dotted module name, ``torch`` for one.
        extra: the extra of this package that brings it.
        purpose: what it is needed for, completes "... is needed for".

    Raises:
        MissingDependencyError: if the module is not installed or fails to import.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f'{module} is needed for {purpose} and could not be imported ({error}); '
            f"install it with: pip install 'hit_rfgm_ros[{extra}]'"
        ) from error


def is_installed(module: str) -> bool:
    """Tell whether ``module`` can be found, without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
