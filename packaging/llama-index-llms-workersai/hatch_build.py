"""Require the `workersai` that has this distribution's version, which is written there alone."""

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Fill in the dependencies; `extra` is the extra of `workersai` that brings the framework."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Require one version of `workersai`."""
        metadata["dependencies"] = [f"workersai[{self.config['extra']}]=={metadata['version']}"]
