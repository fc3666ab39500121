"""Cloudflare's Batch API through `WorkersAI`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock

from llamaindex_workersai import (
    APITimeoutError,
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    ResponseError,
    WorkersAI,
)
from tests.llamaindex_workersai.scripted import MODEL, REASONING_MODEL, Reply, Scripted
from workersai import BatchJob
from workersai.local import LocalServer

ID = "768f15b7-4fd6-4498-906e-ad94ffc7f8d2"
OTHER = "@cf/aisingapore/gemma-sea-lion-v4-27b-it"
QUEUED = {"status": "queued", "request_id": ID, "model": MODEL}
RUNNING = {"status": "running"}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather",
        "parameters": {"type": "object", "properties": {}},
    },
}


def row(place: int, **reply: Any) -> dict[str, Any]:
    answer = Reply(**({"text": f"text {place}"} | reply)).whole(MODEL)
    return {"id": place, "result": answer, "success": True, "external_reference": None}


def failed(place: int, code: int) -> dict[str, Any]:
    errors = [{"code": code, "message": "no"}]
    return {"id": place, "result": None, "success": False, "errors": errors}


DONE = {"responses": [row(1), row(0)]}


def asking(*texts: str) -> list[list[ChatMessage]]:
    return [[ChatMessage(role="user", content=text)] for text in texts]


def model(script: Scripted, name: str = MODEL, **settings: Any) -> WorkersAI:
    return WorkersAI(name, **{**script.connection, **settings})


def texts(responses: Any) -> list[str]:
    return [response.message.content for response in responses]


async def submit(llm: WorkersAI, call_style: str, *args: Any, **kwargs: Any) -> BatchJob:
    if call_style == "sync":
        return llm.submit_batch(*args, **kwargs)
    return await llm.asubmit_batch(*args, **kwargs)


async def results(llm: WorkersAI, call_style: str, *args: Any, **kwargs: Any) -> Any:
    if call_style == "sync":
        return llm.batch_results(*args, **kwargs)
    return await llm.abatch_results(*args, **kwargs)


async def poll(llm: WorkersAI, call_style: str, batch: Any) -> Any:
    return llm.poll_batch(batch) if call_style == "sync" else await llm.apoll_batch(batch)


@pytest.fixture(params=["sync", "async"])
def call_style(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


async def test_conversations_get_their_responses_in_order(call_style: str) -> None:
    """Each conversation is sent with the settings of the object and of the call, and responses keep
    the order.
    """
    script = Scripted(QUEUED, RUNNING, DONE)
    llm = model(script, seed=7)

    batch = await submit(llm, call_style, asking("One", "Two"), temperature=0.5)
    responses = await results(llm, call_style, batch, interval=1e-6)

    sent = script.requests[0]["requests"]
    assert [request["messages"][0]["content"] for request in sent] == ["One", "Two"]
    assert all((request["seed"], request["temperature"]) == (7, 0.5) for request in sent)
    assert all(isinstance(response, ChatResponse) for response in responses)
    assert texts(responses) == ["text 0", "text 1"]
    assert responses[0].raw["usage"]["total_tokens"] == 18


async def test_a_request_of_a_batch_is_what_chat_sends(call_style: str) -> None:
    """A batch's request equals that of `chat`, with tools, tool choice, format and other fields."""
    alone, script = Scripted(Reply("a")), Scripted(QUEUED)
    options = {"tools": [TOOL], "tool_choice": "required", "max_tokens": 9}
    options["additional_kwargs"] = {"future": 1}

    model(alone).chat(asking("Hi")[0], **options)
    await submit(model(script), call_style, asking("Hi"), **options)

    assert script.requests == [{"requests": alone.requests}]


async def test_tools_have_their_own_names_again(call_style: str) -> None:
    """Calls of a batch have the tools' own names; `allow_parallel_tool_calls` limits them."""
    queued = {"status": "queued", "request_id": "r", "model": MODEL}
    done = {"responses": [row(0, calls=[("a_b", {}), ("a_b", {})])]}
    llm = model(Scripted(queued, done))
    tool: Any = {**TOOL, "function": {"name": "a b", "parameters": {}}}

    batch = await submit(llm, call_style, asking("Hi"), tools=[tool])
    (response,) = await results(llm, call_style, batch, allow_parallel_tool_calls=False)

    calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    assert [call.tool_name for call in calls] == ["a b"]


async def test_a_failed_conversation_is_an_error_in_its_place(call_style: str) -> None:
    """A failed conversation has its error in its place, and the others have responses."""
    script = Scripted({"responses": [row(0), failed(1, 5021), row(2)]})

    first, error, last = await results(model(script), call_style, ID)

    assert isinstance(error, ContextWindowExceededError)
    assert texts([first, last]) == ["text 0", "text 2"]


async def test_an_answer_that_is_no_conversation_s(call_style: str) -> None:
    """Vectors in the results of a chat's batch become an error in their place."""
    vectors = {"data": [[1.0]], "shape": [1, 1]}
    script = Scripted({"responses": [{"id": 0, "result": vectors, "success": True}]})

    (error,) = await results(model(script), call_style, ID)

    assert isinstance(error, ResponseError)


async def test_one_poll(call_style: str) -> None:
    """A poll returns the batch's status by its id and the object's model."""
    script = Scripted(RUNNING, DONE)
    llm = model(script, OTHER)

    assert await poll(llm, call_style, ID) == BatchJob(ID, OTHER, "running")
    found = await poll(llm, call_style, ID)
    assert (found.status, [result.chat.text for result in found.results]) == (
        "done",
        ["text 0", "text 1"],
    )
    answers = await results(llm, call_style, found)
    assert texts(answers) == ["text 0", "text 1"]
    assert script.requests == [{"request_id": ID}] * 2
    assert all(f"{OTHER}?queueRequest=true" in str(request.url) for request in script.sent)


async def test_another_model_for_one_batch(call_style: str) -> None:
    """A batch of another model is polled with that model."""
    script = Scripted(QUEUED, DONE)
    llm = model(script)

    batch = await submit(llm, call_style, asking("a", "b"), model=OTHER)
    await results(llm, call_style, batch)

    assert batch.model == OTHER
    assert all(OTHER in str(request.url) for request in script.sent)


async def test_a_wait_that_is_too_long(call_style: str) -> None:
    """The timeout error has the batch, to wait for it again."""
    with pytest.raises(APITimeoutError) as caught:
        await results(model(Scripted(RUNNING)), call_style, ID, timeout=0.5, interval=1)

    assert caught.value.batch == BatchJob(ID, MODEL, "running")


@pytest.mark.parametrize(
    ("name", "settings", "conversations", "parameter"),
    [
        (MODEL, {}, [], "requests"),
        (MODEL, {}, "Name a prime.", "conversations"),
        (MODEL, {}, None, "conversations"),
        (REASONING_MODEL, {}, asking("a"), "model"),
        (MODEL, {"endpoint": "openai"}, asking("a"), "endpoint"),
        (MODEL, {"temperature": 9.0}, asking("a"), "temperature"),
    ],
)
async def test_what_cannot_work_is_refused_before_any_request(
    call_style: str, name: str, settings: dict[str, Any], conversations: Any, parameter: str
) -> None:
    """Wrong arguments raise an error with the parameter's name before any request."""
    script = Scripted(QUEUED)

    with pytest.raises(ConfigurationError) as caught:
        await submit(model(script, name, **settings), call_style, conversations)

    assert caught.value.parameter == parameter
    assert script.requests == []


async def test_a_model_without_a_queue(call_style: str) -> None:
    """The refusal of a model without a queue raises its typed error."""
    errors = [{"code": 8007, "message": "This model does not support request queuing"}]
    refused = httpx.Response(400, json={"success": False, "result": None, "errors": errors})

    with pytest.raises(InvalidRequestError, match="request queuing"):
        await submit(model(Scripted(refused)), call_style, asking("a"))


@pytest.fixture(scope="module")
def server(loopback: None) -> Iterator[LocalServer]:
    with LocalServer(strict=True) as running:
        yield running


async def test_on_the_local_server(server: LocalServer, call_style: str) -> None:
    """A batch on a local server is submitted, and its responses are fetched by the id alone."""
    llm = WorkersAI(
        MODEL,
        account_id=server.account_id,
        api_token=server.api_token,
        base_url=server.base_url,
        max_tokens=40,
    )

    batch = await submit(llm, call_style, asking("Say one.", "Say two."))
    responses = await results(llm, call_style, batch.request_id, interval=0.001)

    assert len(texts(responses)) == 2
    assert all(texts(responses))
    await llm.aclose()
    llm.close()
