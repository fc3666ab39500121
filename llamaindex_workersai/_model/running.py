"""Run the tool calls of an answer: check them, and build LlamaIndex's response."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolOutput

from llamaindex_workersai._errors import ToolCallError

__all__ = ["check_known", "response_to_calls"]


def check_known(calls: Sequence[ToolSelection], tools: Sequence[BaseTool]) -> None:
    """Check that every call names an existing tool.

    Raises:
        ToolCallError: The model called another tool; no call was run.
    """
    names = [tool.metadata.get_name() for tool in tools]
    for call in calls:
        if call.tool_name not in names:
            raise ToolCallError(
                f"The model called {call.tool_name!r}, which is not a tool. The tools are: "
                f"{', '.join(names)}.",
                called=True,
            )


def response_to_calls(
    response: ChatResponse, outputs: Sequence[ToolOutput], *, raises: bool
) -> AgentChatResponse:
    """Return a response with the tools' results; without results, the model's text.

    Raises:
        ValueError: A tool failed, and *raises* is set; this is LlamaIndex's own rule.
    """
    text = "\n\n".join(output.content for output in outputs)
    if raises and any(output.is_error for output in outputs):
        raise ValueError(text)
    return AgentChatResponse(
        response=text if outputs else response.message.content or "", sources=list(outputs)
    )
