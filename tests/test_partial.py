"""The error of a broken stream has the content up to the break as `partial`."""

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
MESSAGES = [ChatMessage(role="user", content="Hi")]

CONTENT = [
    chunk({"reasoning": "Hm."}),
    chunk({"content": "<think>So.</think>Take 5"}),
    chunk({"tool_calls": [{"index": 0, **wire_call("call_1", "add", '{"a": 1}')}]}),
]
ENDINGS: dict[str, tuple[bytes, type[WorkersAIError]]] = {
    "it just stops": (b"", StreamInterruptedError),
    "an error event": (b"data: %b\n\n" % json.dumps(FLAT_ERROR).encode(), ServerError),
    "no JSON": (b"data: {oh\n\n", ResponseError),
}


def settings(ending: bytes, content: list[Any]) -> dict[str, Any]:
    """Return the constructor's arguments for an object whose streams break after `content`."""
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in content) + ending
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
    """Read a stream up to its error, and assert that copies of the error have its `partial`."""
    with pytest.raises(error) as caught:
        _ = [e async for e in stream] if hasattr(stream, "__aiter__") else list(stream)
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
        assert twin.partial == caught.value.partial
    return caught.value


pytestmark = pytest.mark.parametrize("case", ENDINGS)


@pytest.mark.parametrize("way", ["stream", "astream", "invoke", "ainvoke"])
async def test_the_partial_of_chat_workers_ai_is_a_message(case: str, way: str) -> None:
    """`ChatWorkersAI` puts text, reasoning, request id and calls into an `AIMessage`.

    The calls are invalid, so that LangChain does not run them.
    """
    ending, error = ENDINGS[case]
    streaming = way in ("invoke", "ainvoke")
    llm = ChatWorkersAI(GLM, streaming=streaming or None, **settings(ending, CONTENT))
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
    """Both chat classes move think tags of a partial answer into its reasoning."""
    ending, error = ENDINGS[case]
    options = {"think_tags": True, **settings(ending, CONTENT[1:])}
    partial = (await broken(getattr(ChatWorkersAI(GLM, **options), way)("Hi"), error)).partial
    assert partial.text == "Take 5"
    assert partial.additional_kwargs["reasoning_content"] == "So."
    llm = WorkersAI(GLM, **options)
    stream = llm.stream_chat(MESSAGES) if way == "stream" else await llm.astream_chat(MESSAGES)
    partial = (await broken(stream, error)).partial
    assert partial.message.content == partial.text == "Take 5"
    assert [b.content for b in partial.message.blocks if isinstance(b, ThinkingBlock)] == ["So."]


@pytest.mark.parametrize("way", ["stream_chat", "astream_chat"])
async def test_the_partial_of_workers_ai_is_a_chat_response(case: str, way: str) -> None:
    """`WorkersAI` puts message, request id and invalid calls into a `ChatResponse`."""
    ending, error = ENDINGS[case]
    stream = getattr(WorkersAI(GLM, **settings(ending, CONTENT)), way)(MESSAGES)
    partial = (await broken(stream if way == "stream_chat" else await stream, error)).partial
    assert isinstance(partial, ChatResponse)
    assert partial.message.content == partial.text == "<think>So.</think>Take 5"  # type: ignore[attr-defined]  # ours has it
    assert partial.additional_kwargs["request_id"] == "ray-1"
    invalid = partial.message.additional_kwargs["invalid_tool_calls"]
    assert [call["name"] for call in invalid] == ["add"]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_the_partial_of_a_completion_is_a_completion(case: str, way: str) -> None:
    """`WorkersAILLM` has a `Generation` as partial, and `WorkersAI` a `CompletionResponse`."""
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
async def test_the_partial_of_a_client_is_a_chat_result(case: str, way: str) -> None:
    """The client's errors have a `ChatResult` as `partial`."""
    ending, error = ENDINGS[case]
    options = settings(ending, CONTENT)
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
    """Both chat classes raise an error without `partial` when a stream breaks before content."""
    ending, error = ENDINGS[case]
    options = settings(ending, [])
    assert (await broken(ChatWorkersAI(GLM, **options).stream("Hi"), error)).partial is None
    assert (await broken(WorkersAI(GLM, **options).stream_chat(MESSAGES), error)).partial is None
