"""The agent of examples/worker, on the double of the binding."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import httpx

from tests.binding.worker import env_ai
from tests.scenarios import TAIL, chunk, wire_call

SOURCE = Path(__file__).parent.parent.parent / "examples/worker/src/agent.py"


def agent() -> Any:
    spec = importlib.util.spec_from_file_location("agent", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_agent_calls_its_tool_and_streams_the_answer() -> None:
    """The first round calls the tool, the second has its result and answers in pieces."""
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        call = {"index": 0, **wire_call("call_1", "get_weather", '{"city": "Paris"}')}
        events = [
            [chunk({"tool_calls": [call]}), chunk({}, "tool_calls"), TAIL],
            [chunk({"content": "Sunny"}), chunk({"content": "."}), chunk({}, "stop"), TAIL],
        ][len(bodies) - 1]
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, text=text + "data: [DONE]\n\n")

    question = "How is the weather in Paris?"
    events = [event async for event in agent().answer(env_ai(answer), question)]

    result = "It is sunny in Paris, 21 degrees."
    assert events == [
        {"tool": "get_weather", "result": result},
        {"text": "Sunny"},
        {"text": "."},
    ]
    assert bodies[1]["messages"][-1]["content"] == result
