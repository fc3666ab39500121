"""What had come when a stream broke, in each framework's own form."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import Generation
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ThinkingBlock,
)

from langchain_workersai import ChatWorkersAI, WorkersAILLM
from llamaindex_workersai import WorkersAI
from tests.scenarios import FLAT_ERROR, chunk, wire_call
from workersai import (
    AsyncClient,
    ChatResult,
    Client,
    ResponseError,
    ServerError,
    StreamInterruptedError,
    WorkersAIError,
)

GLM = "@cf/zai-org/glm-4.7-flash"
ASKED = [ChatMessage(role="user", content="Hi")]

BEGUN = [
    chunk({"reasoning": "Hm."}),
    chunk({"content": "<think>So.</think>Take 5"}),
    chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "add", '{"a": 1}')}]}),
]
ENDINGS: dict[str, tuple[bytes, type[WorkersAIError]]] = {
    "it just stops": (b"", StreamInterruptedError),
    "an error event": (b"data: %b\n\n" % json.dumps(FLAT_ERROR).encode(), ServerError),
    "no JSON": (b"data: {oh\n\n", ResponseError),
}


def settings(ending: bytes, begun: list[Any]) -> dict[str, Any]:
    """The connection of an object that gets a stream that breaks."""
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in begun) + ending
    headers = {"content-type": "text/event-stream", "cf-ray": "ray-1"}

    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, content=body)

    async def handler_async(request: httpx.Request) -> httpx.Response:
        return handler(request)

    return {
        "account_id": "0" * 32,
        "api_token": "test-token",
        "max_retries": 0,
        "http_client": httpx.Client(transport=httpx.MockTransport(handler)),
        "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(handler_async)),
    }


async def broken(stream: Any, error: type[WorkersAIError]) -> WorkersAIError:
    """Read a stream to its failure, which must also travel between processes."""
    with pytest.raises(error) as caught:
        _ = [e async for e in stream] if hasattr(stream, "__aiter__") else list(stream)
    for arrived in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
        assert arrived.partial == caught.value.partial
    return caught.value


pytestmark = pytest.mark.parametrize("case", ENDINGS)


@pytest.mark.parametrize("way", ["stream", "astream", "invoke", "ainvoke"])
async def test_a_chat_model_s_partial_is_a_message(case: str, way: str) -> None:
    """LangChain: text, reasoning, request id, and calls that are not to run."""
    ending, error = ENDINGS[case]
    streaming = way in ("invoke", "ainvoke")
    llm = ChatWorkersAI(GLM, streaming=streaming or None, **settings(ending, BEGUN))
    if streaming:
        with pytest.raises(error) as caught:
            _ = llm.invoke("Hi") if way == "invoke" else await llm.ainvoke("Hi")
        partial = caught.value.partial
    else:
        partial = (await broken(getattr(llm, way)("Hi"), error)).partial
    assert type(partial) is AIMessage
    assert partial.text == "<think>So.</think>Take 5"
    assert partial.additional_kwargs["reasoning_content"] == "Hm."
    assert partial.response_metadata["request_id"] == "ray-1"
    assert partial.response_metadata["model_name"] == GLM
    assert partial.tool_calls == []
    assert [call["name"] for call in partial.invalid_tool_calls] == ["add"]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_think_tags_of_a_partial_are_taken_out(case: str, way: str) -> None:
    """As of a whole answer, in both faces."""
    ending, error = ENDINGS[case]
    options = {"think_tags": True, **settings(ending, BEGUN[1:])}
    partial = (await broken(getattr(ChatWorkersAI(GLM, **options), way)("Hi"), error)).partial
    assert partial.text == "Take 5"
    assert partial.additional_kwargs["reasoning_content"] == "So."
    llm = WorkersAI(GLM, **options)
    stream = llm.stream_chat(ASKED) if way == "stream" else await llm.astream_chat(ASKED)
    partial = (await broken(stream, error)).partial
    assert partial.message.content == partial.text == "Take 5"
    assert [b.content for b in partial.message.blocks if isinstance(b, ThinkingBlock)] == ["So."]


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
async def test_an_llm_s_partial_is_a_response(case: str, way: str) -> None:
    """LlamaIndex: the message, the request id, and calls that are not to run."""
    ending, error = ENDINGS[case]
    stream = getattr(WorkersAI(GLM, **settings(ending, BEGUN)), way)(ASKED)
    partial = (await broken(stream if way == "stream_chat" else await stream, error)).partial
    assert isinstance(partial, ChatResponse)
    assert partial.message.content == partial.text == "<think>So.</think>Take 5"  # type: ignore[attr-defined]  # ours has it
    assert partial.additional_kwargs["request_id"] == "ray-1"
    invalid = partial.message.additional_kwargs["invalid_tool_calls"]
    assert [call["name"] for call in invalid] == ["add"]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_completion_s_partial_is_one(case: str, way: str) -> None:
    """LangChain's generation, LlamaIndex's completion."""
    ending, error = ENDINGS[case]
    options = settings(ending, [{"response": "Take 5"}])
    partial = (await broken(getattr(WorkersAILLM(GLM, **options), way)("Hi"), error)).partial
    assert type(partial) is Generation
    assert partial.text == "Take 5"
    assert (partial.generation_info or {})["request_id"] == "ray-1"
    llm = WorkersAI(GLM, **options)
    stream = llm.stream_complete("Hi") if way == "stream" else await llm.astream_complete("Hi")
    partial = (await broken(stream, error)).partial
    assert type(partial) is CompletionResponse
    assert partial.text == "Take 5"
    assert partial.additional_kwargs["request_id"] == "ray-1"


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_the_core_s_partial_is_a_result(case: str, way: str) -> None:
    """The client's errors have a `ChatResult` as `partial`."""
    ending, error = ENDINGS[case]
    options = settings(ending, BEGUN)
    http_client, http_async_client = options.pop("http_client"), options.pop("http_async_client")
    client: Any
    if way == "sync":
        client = Client(GLM, http_client=http_client, **options)
    else:
        client = AsyncClient(GLM, http_client=http_async_client, **options)
    partial = (await broken(client.stream_chat([{"role": "user", "content": "Hi"}]), error)).partial
    assert type(partial) is ChatResult
    assert (partial.text, partial.reasoning) == ("<think>So.</think>Take 5", "Hm.")
    assert partial.request_id == "ray-1"


async def test_an_empty_stream_has_no_partial(case: str) -> None:
    """The error of a stream that broke before its first content has no partial."""
    ending, error = ENDINGS[case]
    options = settings(ending, [])
    assert (await broken(ChatWorkersAI(GLM, **options).stream("Hi"), error)).partial is None
    assert (await broken(WorkersAI(GLM, **options).stream_chat(ASKED), error)).partial is None
