"""An agent with one tool, on LangChain's core alone.

`langchain.agents.create_agent` does the same with more to set; it stands on LangGraph, whose
`ormsgpack` had no wheel for Pyodide in November 2026.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool

from langchain_workersai import ChatWorkersAI

MODEL = "@cf/zai-org/glm-4.7-flash"
ROUNDS = 5


@tool
def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"It is sunny in {city}, 21 degrees."


TOOLS = {get_weather.name: get_weather}


async def answer(binding: Any, question: str) -> AsyncIterator[dict[str, str]]:
    """Answer a question, and say what happens meanwhile.

    Args:
        binding: `env.AI`.
        question: What the user asks.

    Yields:
        `{"text": ...}` for each piece of the answer, `{"tool": ..., "result": ...}` for each call.
    """
    model = ChatWorkersAI(MODEL, binding=binding).bind_tools(list(TOOLS.values()))
    messages: list[AnyMessage] = [
        SystemMessage("Answer briefly. Use your tools for facts."),
        HumanMessage(question),
    ]
    for _ in range(ROUNDS):
        whole: Any = None
        async for chunk in model.astream(messages):
            whole = chunk if whole is None else whole + chunk
            if chunk.text:
                yield {"text": chunk.text}
        if not whole.tool_calls:
            return
        messages.append(AIMessage(whole.content, tool_calls=whole.tool_calls))
        for call in whole.tool_calls:
            result = await TOOLS[call["name"]].ainvoke(call)
            messages.append(result)
            yield {"tool": call["name"], "result": result.text}
    yield {"text": "I could not finish this."}
