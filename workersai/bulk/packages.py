"""The packages of the extra `bulk`, imported when a job begins."""

from __future__ import annotations

import importlib
from typing import Any

from workersai.errors import ConfigurationError

__all__ = ["package"]


def package(name: str) -> Any:
    """Import a package of the extra.

    Raises:
        ConfigurationError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"bulk jobs need the package {error.name}: pip install 'workersai[bulk]'"
        ) from None
