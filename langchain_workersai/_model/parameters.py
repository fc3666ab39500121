"""What a request for text may say: the fields of the chat model and of the completion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai.integration import GenerationFields

_OF_TOOLS = frozenset({"tools", "tool_choice"})


class GenerationParameters(GenerationFields):
    """The parameters of text generation; `None` is not sent."""

    def _arguments(self, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """Join the fields with what this call says instead.

        Args:
            stop: This call's stop words; `None` leaves the field's.
            options: This call's keyword arguments, bound ones included.

        Raises:
            ConfigurationError: An option is unknown, or a setting of the object alone.
        """
        options = options if stop is None else {**options, "stop": stop}
        return self._call_arguments(options, beside=_OF_TOOLS)
