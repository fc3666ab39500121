"""A Worker: `POST /` with `{"question": ...}`, and the answer comes as server-sent events."""

from __future__ import annotations

import json
from asyncio import create_task
from typing import Any

from agent import answer
from js import TextEncoder, TransformStream
from workers import Response, WorkerEntrypoint

from workersai import WorkersAIError

HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}


class Default(WorkerEntrypoint):
    """The Worker's entrypoint."""

    async def fetch(self, request: Any) -> Response:
        """Answer at once with a stream; the agent writes into it."""
        if request.method != "POST":
            return Response('POST {"question": "How is the weather in Paris?"}', status=405)
        question = str((await request.json())["question"])
        pipe = TransformStream.new()
        self.ctx.waitUntil(create_task(self._write(pipe.writable.getWriter(), question)))
        return Response(pipe.readable, headers=HEADERS)

    async def _write(self, writer: Any, question: str) -> None:
        encoder = TextEncoder.new()

        async def send(event: dict[str, str]) -> None:
            await writer.write(encoder.encode(f"data: {json.dumps(event)}\n\n"))

        try:
            async for event in answer(self.env.AI, question):
                await send(event)
        except WorkersAIError as error:
            await send({"error": str(error)})
        finally:
            await writer.close()
