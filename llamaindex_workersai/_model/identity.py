"""What of an embedding's settings can change a vector: the key of LlamaIndex's cache."""

from __future__ import annotations

from typing import Any

from workersai.integration import OPERATIONAL


class Described(dict[str, Any]):
    """An embedding's settings, all of them; as text, only what can change the vector of a text.

    `IngestionPipeline` keys its cache on the text of a component's dict. A vector depends neither
    on how its request is sent nor, as nodes are embedded as documents, on how queries are.
    """

    _HIDDEN = OPERATIONAL | {"query_instruction"}

    def __repr__(self) -> str:
        return repr({name: value for name, value in self.items() if name not in self._HIDDEN})
