"""The error classes that only the LlamaIndex package needs."""

from __future__ import annotations

from workersai import ResponseError

__all__ = ["StructuredOutputError", "ToolCallError"]


class ToolCallError(ResponseError, ValueError):
    """The answer has no tool call that can be run, although one was required or begun.

    It is also a `ValueError`, which LlamaIndex's own code catches.

    Attributes:
        text: The model's answer, as text.
        is_final: Whether asking again would not help: the answer was cut at the token limit, or
            was a refusal.
        called: Whether the model made a call that cannot be run.
    """

    action = "ask again, describe the tools more plainly, or use another model"

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

    action = "ask again, describe the fields of the class, or use another model"

    def __init__(self, message: str, *, text: str = "") -> None:
        super().__init__(message)
        self.text = text
