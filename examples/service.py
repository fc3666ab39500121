"""A web service that streams an agent: its tokens, its tool calls, what it cost, how it ended.

python examples/service.py     # Python 3.11 or newer; then open http://127.0.0.1:8000
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI
from fastapi.responses import FileResponse, StreamingResponse
from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from where import workers_ai

from langchain_workersai import ChatWorkersAI, WorkersAICostCallbackHandler, WorkersAIError

Events = asyncio.Queue[tuple[str, Any]]
app = FastAPI()


@tool
def machine_price(machine: str, hours: float) -> str:
    """Get the price of using a machine of the workshop, such as kiln, for some hours."""
    return f"{(9.5 if machine.lower() == 'kiln' else 12) * hours:.2f} euros"


@app.get("/")
def page() -> FileResponse:
    return FileResponse(__file__.removesuffix("py") + "html")


@app.post("/ask")
async def ask(question: Annotated[str, Body(embed=True)]) -> StreamingResponse:
    """Answer with server-sent events; when the caller goes away, the model is stopped as well."""
    return StreamingResponse(written(question), media_type="text/event-stream")


async def written(question: str) -> AsyncIterator[str]:
    """Cancel the agent once: Starlette cancels this generator again and again in its cleanup."""
    events: Events = asyncio.Queue()
    agent = asyncio.create_task(answer(question, events))
    try:
        kind = ""
        while kind != "cost":
            kind, data = await events.get()
            yield f"event: {kind}\ndata: {json.dumps(data)}\n\n"
    finally:
        agent.cancel()


async def answer(question: str, events: Events) -> None:
    costs = WorkersAICostCallbackHandler()
    agent = create_agent(ChatWorkersAI("@cf/zai-org/glm-4.7-flash"), [machine_price])
    begun = {"messages": [HumanMessage(question)]}
    try:
        async for piece, _ in agent.astream(begun, {"callbacks": [costs]}, stream_mode="messages"):
            if isinstance(piece, ToolMessage):
                await events.put(("result", piece.text))
            elif isinstance(piece, AIMessageChunk):
                for call in piece.tool_call_chunks:
                    await events.put(("call", {**call, "id": f"{piece.id}/{call['index']}"}))
                await events.put(("token", piece.text))
        await events.put(("done", ""))
    except WorkersAIError as error:
        await events.put(("broken", f"{type(error).__name__}: {error}"))
    finally:
        events.put_nowait(("cost", asdict(costs.total)))


if __name__ == "__main__":
    with workers_ai():
        uvicorn.run(app, port=8000)
