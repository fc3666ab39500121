"""Errors: the core's own tree, and the two that only LlamaIndex needs."""

from __future__ import annotations

from workersai import ResponseError

__all__ = ["StructuredOutputError", "ToolCallError"]


class ToolCallError(ResponseError, ValueError):
    """The answer has no tool call that can be run, although one was expected or begun.

    It is also a `ValueError`, which is what LlamaIndex's own code catches.

    Attributes:
        text: The model's answer, as text.
        is_final: Whether asking again would not help: the answer was cut at the token limit, or
            refused.
        called: Whether the model called something that cannot be run.
    """

    def __init__(
        self, message: str, *, text: str = "", is_final: bool = False, called: bool = False
    ) -> None:
        super().__init__(message)
        self.text = text
        self.is_final = is_final
        self.called = called


class StructuredOutputError(ResponseError, ValueError):
    """The model's answer does not fit the output class, and asking again did not help.

    Attributes:
        text: The model's last answer, as text.
    """

    def __init__(self, message: str, *, text: str = "") -> None:
        super().__init__(message)
        self.text = text
