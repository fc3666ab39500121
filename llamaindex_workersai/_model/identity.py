"""The embedding settings that can change a vector, as the key of LlamaIndex's cache."""

from __future__ import annotations

from typing import Any

from workersai.integration import OPERATIONAL


class Described(dict[str, Any]):
    """All settings of an embedding as a dict, whose text shows only those that change a vector.

    `IngestionPipeline` uses the text of a component's dict as the key of its cache. A vector does
    not depend on how its request is sent, nor on the options for queries, because nodes are
    embedded as documents.
    """

    _HIDDEN = OPERATIONAL | {"query_instruction"}

    def __repr__(self) -> str:
        return repr({name: value for name, value in self.items() if name not in self._HIDDEN})
