"""An image that no server can read is refused by every face before anything is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

from langchain_workersai import ChatWorkersAI
from llamaindex_workersai import WorkersAI
from workersai import ConfigurationError

MODEL = "@cf/google/gemma-4-26b-a4b-it"
URLS = [
    "data:image/png;utf8,<svg/>",
    "data:image/png;base64,###",
    "data:image/png;base64,AAAAA",
    "data:image/png;base64,",
    "data:image/png",
    "data:application/json;base64,AAAA",
]


async def langchain(way: str, url: str, settings: dict[str, Any]) -> Any:
    llm = ChatWorkersAI(MODEL, **settings)
    image = {"type": "image_url", "image_url": {"url": url}}
    asked = [HumanMessage([{"type": "text", "text": "What is it?"}, image])]
    if way == "invoke":
        return llm.invoke(asked)
    if way == "ainvoke":
        return await llm.ainvoke(asked)
    if way == "stream":
        return list(llm.stream(asked))
    return [chunk async for chunk in llm.astream(asked)]


async def llamaindex(way: str, url: str, settings: dict[str, Any]) -> Any:
    llm = WorkersAI(MODEL, **settings)
    image = ImageBlock.model_construct(block_type="image", url=url)
    asked = [ChatMessage(role="user", blocks=[TextBlock(text="What is it?")])]
    asked[0].blocks.append(image)
    if way == "invoke":
        return llm.chat(asked)
    if way == "ainvoke":
        return await llm.achat(asked)
    if way == "stream":
        return list(llm.stream_chat(asked))
    return [response async for response in await llm.astream_chat(asked)]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize("face", [langchain, llamaindex], ids=lambda face: face.__name__)
async def test_an_image_that_cannot_be_read_is_not_sent(
    face: Callable[[str, str, dict[str, Any]], Awaitable[Any]], way: str, url: str
) -> None:
    """The error names the message; the server sees no request."""
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)

    async def handler_async(request: httpx.Request) -> httpx.Response:
        return handler(request)

    settings = {
        "account_id": "0" * 32,
        "api_token": "test-token",
        "http_client": httpx.Client(transport=httpx.MockTransport(handler)),
        "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(handler_async)),
    }
    with pytest.raises(ConfigurationError, match="image") as caught:
        await face(way, url, settings)
    assert caught.value.parameter == "messages"
    assert requests == []
