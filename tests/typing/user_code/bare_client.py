"""Typical code of a user of the bare client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx
import httpx2
from typing_extensions import assert_type

from workersai import (
    AsyncChatStream,
    AsyncClient,
    BatchJob,
    BatchRequest,
    BatchResult,
    ChatFinish,
    ChatResult,
    ChatStream,
    Client,
    ConfigurationError,
    EmbeddingResult,
    InvalidToolCall,
    ModelInfo,
    ModelParameter,
    ModelProfile,
    RankedDocument,
    RateLimitError,
    ReasoningDelta,
    RerankResult,
    RetryNotice,
    TextDelta,
    Timeout,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageUpdate,
    WorkersAIError,
    collect,
    get_profile,
    without_think_tags,
)

MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


def get_weather(call: ToolCall) -> str:
    assert_type(call.arguments, dict[str, Any])
    return f"Sunny in {call.arguments['city']}"


def talk(client: Client) -> str:
    """Keep a conversation with a tool in a list."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Weather in Bern?"}]
    result = client.chat(messages, tools=[WEATHER], tool_choice="auto", temperature=0.2)
    assert_type(result, ChatResult)
    assert_type(result.usage, Usage | None)
    assert_type(result.invalid_tool_calls, tuple[InvalidToolCall, ...])
    for call in result.tool_calls:
        function = {"name": call.name, "arguments": "{}"}
        messages.append(
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": call.id, "type": "function", "function": function}],
            }
        )
        messages.append({"role": "tool", "tool_call_id": call.id, "content": get_weather(call)})
    return without_think_tags(client.chat(messages, timeout=5, max_retries=0)).text


def talk_in_one_line(client: Client) -> str:
    """Pass a list of dicts without an annotation."""
    history = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    return client.chat(history).text


def stream(client: Client) -> ChatResult:
    with client.stream_chat([{"role": "user", "content": "Hi"}], session_affinity="me") as events:
        assert_type(events, ChatStream)
        for event in events:
            if isinstance(event, (TextDelta, ReasoningDelta)):
                assert_type(event.text, str)
            elif isinstance(event, ToolCallDelta):
                assert_type(event.name, str | None)
            elif isinstance(event, UsageUpdate):
                assert_type(event.usage, Usage)
            else:
                assert_type(event, ChatFinish)
        assert_type(events.text, str)
        return events.result()


def what_stream_returns(client: Client) -> None:
    """Use plain answers by default, and events with `stream=True`."""
    messages = [{"role": "user", "content": "Hi"}]
    assert_type(client.chat(messages), ChatResult)
    assert_type(client.chat(messages, stream=False), ChatResult)
    assert_type(client.chat(messages, stream=True), ChatStream)
    assert_type(client.complete("Once", stream=True), ChatStream)
    assert_type(client.complete("Once"), ChatResult)
    assert_type(collect(client.stream_complete("Once")), ChatResult)
    assert_type(client.run(MODEL, {"prompt": "a fox"}, stream=True), Generator[Any, None, None])
    picture: bytes = client.run("@cf/black-forest-labs/flux-1-schnell", {"prompt": "a fox"})
    assert picture


async def what_stream_returns_async(client: AsyncClient) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert_type(await client.chat(messages), ChatResult)
    assert_type(await client.chat(messages, stream=True), AsyncChatStream)
    assert_type(client.stream_chat(messages), AsyncChatStream)
    assert_type(await client.complete("Once", stream=True), AsyncChatStream)
    assert_type(await client.run(MODEL, {"prompt": "a"}, stream=True), AsyncGenerator[Any, None])
    async with client.stream_chat(messages) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                assert_type(event.text, str)
        assert_type(await events.result(), ChatResult)


def retrieve(client: Client) -> list[float]:
    vectors = client.embed(["a", "b"], model="@cf/baai/bge-m3", input_type="query")
    assert_type(vectors, EmbeddingResult)
    ranked = client.rerank("q", ["a", "b"], model="@cf/baai/bge-reranker-base", top_k=1)
    assert_type(ranked, RerankResult)
    assert_type(ranked.documents, tuple[RankedDocument, ...])
    assert_type(client.list_models(task="Text Generation"), list[ModelInfo])
    return vectors.vectors[0]


def batch(client: Client) -> list[str]:
    requests: list[BatchRequest] = [
        {"prompt": "One", "max_tokens": 5},
        {"messages": [{"role": "user", "content": "Two"}], "external_reference": "two"},
    ]
    job = client.batches.submit(requests, model=MODEL)
    assert_type(job, BatchJob)
    assert_type(client.batches.get(job.request_id, model=MODEL), BatchJob)
    job = client.batches.wait(job, timeout=3600, session_affinity="me")
    assert_type(job.results, tuple[BatchResult, ...])
    texts: list[str] = []
    for result in job.results:
        if result.chat is not None:
            texts.append(result.chat.text)
        else:
            assert_type(result.error, WorkersAIError | None)
    return texts


def clients_of_ones_own() -> None:
    """Pass clients of httpx and httpx2; the checker refuses one of the wrong kind."""
    Client(http_client=httpx.Client(timeout=5))
    Client(http_client=httpx2.Client(timeout=5))
    AsyncClient(http_client=httpx.AsyncClient())
    AsyncClient(http_client=httpx2.AsyncClient())
    Client(http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    AsyncClient(http_client=httpx2.Client())  # type: ignore[arg-type]
    Client(http_client="httpx")  # type: ignore[arg-type]


def settings() -> None:
    def note(retry: RetryNotice) -> None:
        assert_type(retry.error, WorkersAIError)

    client = Client(
        MODEL,
        account_id="0" * 32,
        api_token="a-token",
        timeout=Timeout(total=30),
        gateway={"id": "mine", "cache_ttl": 60},
        on_retry=note,
    )
    patient = client.with_options(timeout=None, max_retries=5, headers={"x-mine": "1"})
    assert_type(patient, Client)
    assert_type(client.timeout, Timeout)
    client.max_retries = 3  # type: ignore[misc]
    client.chat([], temprature=1)  # type: ignore[call-overload]
    client.chat([], temperature="hot")  # type: ignore[call-overload]
    client.with_options(timeout="5")  # type: ignore[arg-type]


def facts() -> None:
    profile = get_profile(MODEL)
    assert_type(profile, ModelProfile)
    assert_type(profile.parameters["temperature"], ModelParameter)
    assert_type(profile.cost(Usage(1, 1, 2)), float | None)


def errors(client: Client) -> str:
    try:
        return client.chat([{"role": "user", "content": "Hi"}]).text
    except RateLimitError as error:
        assert_type(error.status_code, int)
        assert_type(error.retry_after, float | None)
        return str(error.request_id)
    except ConfigurationError as error:
        assert_type(error.parameter, str | None)
        return str(error)


async def many(client: AsyncClient) -> list[str]:
    questions = [client.chat([{"role": "user", "content": str(n)}]) for n in range(3)]
    return [answer.text for answer in await asyncio.gather(*questions)]
