"""Both faces refuse an image that a server cannot read, before any request."""

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
    messages = [HumanMessage([{"type": "text", "text": "What is it?"}, image])]
    if way == "invoke":
        return llm.invoke(messages)
    if way == "ainvoke":
        return await llm.ainvoke(messages)
    if way == "stream":
        return list(llm.stream(messages))
    return [chunk async for chunk in llm.astream(messages)]


async def llamaindex(way: str, url: str, settings: dict[str, Any]) -> Any:
    llm = WorkersAI(MODEL, **settings)
    image = ImageBlock.model_construct(block_type="image", url=url)
    messages = [ChatMessage(role="user", blocks=[TextBlock(text="What is it?")])]
    messages[0].blocks.append(image)
    if way == "invoke":
        return llm.chat(messages)
    if way == "ainvoke":
        return await llm.achat(messages)
    if way == "stream":
        return list(llm.stream_chat(messages))
    return [response async for response in await llm.astream_chat(messages)]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize("face", [langchain, llamaindex], ids=lambda face: face.__name__)
async def test_an_image_that_a_server_cannot_read_is_refused(
    face: Callable[[str, str, dict[str, Any]], Awaitable[Any]], way: str, url: str
) -> None:
    """Both faces raise an error that names `messages`, and send no request."""
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
