"""Require the `workersai` of the same version; the version is written only in `workersai`."""

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Fills in the dependencies; `extra` is the extra of `workersai` with the framework."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Require exactly this version of `workersai`."""
        metadata["dependencies"] = [f"workersai[{self.config['extra']}]=={metadata['version']}"]
