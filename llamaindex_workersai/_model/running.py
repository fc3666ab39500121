"""Running the calls of an answer: which of them can be run, and what LlamaIndex makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolOutput

from llamaindex_workersai._errors import ToolCallError

__all__ = ["called", "check_known"]


def check_known(calls: Sequence[ToolSelection], tools: Sequence[BaseTool]) -> None:
    """Check that every call is one of a tool that there is.

    Raises:
        ToolCallError: The model called another one; nothing was run.
    """
    names = [tool.metadata.get_name() for tool in tools]
    for call in calls:
        if call.tool_name not in names:
            raise ToolCallError(
                f"The model called {call.tool_name!r}, which is no tool. The tools are: "
                f"{', '.join(names)}.",
                called=True,
            )


def called(
    response: ChatResponse, outputs: Sequence[ToolOutput], *, raises: bool
) -> AgentChatResponse:
    """Answer with what the tools returned; without any, with the model's text.

    Raises:
        ValueError: A tool failed, and *raises* is set; this is LlamaIndex's own rule.
    """
    text = "\n\n".join(output.content for output in outputs)
    if raises and any(output.is_error for output in outputs):
        raise ValueError(text)
    return AgentChatResponse(
        response=text if outputs else response.message.content or "", sources=list(outputs)
    )
