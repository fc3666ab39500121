"""The generation fields of the chat model and of the completion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai.integration import GenerationFields

_OF_TOOLS = frozenset({"tools", "tool_choice"})


class GenerationParameters(GenerationFields):
    """The parameters of text generation; `None` is not sent."""

    def _arguments(self, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
        """Join the fields with the options of this call, which win.

        Args:
            stop: This call's stop words; `None` uses the field.
            options: This call's keyword arguments, with bound ones.

        Raises:
            ConfigurationError: An option is unknown, or can only be set on the object.
        """
        options = options if stop is None else {**options, "stop": stop}
        return self._call_arguments(options, beside=_OF_TOOLS)
