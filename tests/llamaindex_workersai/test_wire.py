"""Answers and failures of a server, as LlamaIndex's user sees them."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llamaindex_workersai import (
    AuthenticationError,
    ConfigurationError,
    OutOfCapacityError,
    QuotaExceededError,
    WorkersAI,
    WorkersAIEmbedding,
)
from tests.llamaindex_workersai.scripted import (
    ENTRIES,
    MODEL,
    REASONING_MODEL,
    TOKEN,
    Reply,
    Scripted,
    event_stream,
    run,
)

HELLO = [ChatMessage(role="user", content="Hello?")]
VISION = "@cf/meta/llama-4-scout-17b-16e-instruct"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def model(script: Scripted, name: str = MODEL, **settings: Any) -> WorkersAI:
    return WorkersAI(name, **{**script.connection, **settings})


def failure(status: int, code: int, **headers: str) -> httpx.Response:
    body = {"success": False, "result": None, "errors": [{"code": code, "message": "no"}]}
    return httpx.Response(status, json=body, headers=headers)


def events(*chunks: dict[str, Any]) -> httpx.Response:
    return httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=event_stream(chunks)
    )


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "a", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def call(
    index: int | None, name: str, arguments: str, call_id: str | None = "same"
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    delta = {"index": index, "id": call_id, "type": "function", "function": function}
    return {key: value for key, value in delta.items() if value is not None}


@pytest.mark.parametrize("entry", ENTRIES)
async def test_cached_and_reasoning_tokens_are_kept(entry: str) -> None:
    """`raw["usage"]` has cached and reasoning tokens where OpenAI's usage has them."""
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    reply = Reply("Yes.", reasoning="Hm.", usage=usage)
    last = (await run(model(Scripted(reply), REASONING_MODEL), entry, HELLO))[-1]
    assert last.raw["usage"] == usage
    thinking = [block for block in last.message.blocks if isinstance(block, ThinkingBlock)]
    assert thinking[0].num_tokens == 3


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_reasoning_has_two_names(entry: str, field: str) -> None:
    """The stream reads reasoning from either field, from the first event on."""
    thought = ["Let me", " think."]
    if entry in ("chat", "achat"):
        message = {"role": "assistant", "content": "42.", field: "".join(thought)}
        script = Scripted({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    else:
        pieces = [chunk({"content": None, field: part}) for part in thought]
        script = Scripted(events(*pieces, chunk({"content": "42."}), chunk({}, "stop")))
    responses = await run(model(script, REASONING_MODEL), entry, HELLO)
    last = responses[-1].message
    assert [type(block) for block in last.blocks] == [ThinkingBlock, TextBlock]
    assert (last.blocks[0].content, last.content) == ("Let me think.", "42.")
    if entry not in ("chat", "achat"):
        deltas = [response.additional_kwargs.get("thinking_delta") for response in responses]
        assert [delta for delta in deltas if delta is not None] == thought
        assert deltas[0] == "Let me"


@pytest.mark.parametrize("entry", ["stream_chat", "astream_chat"])
async def test_answer_is_the_same_wherever_its_bytes_are_cut(entry: str) -> None:
    """Every response is the same for a body in one piece, in two, and byte by byte."""
    reply = Reply("Größe: 3 €", reasoning="Hm.", calls=[("f", {"a": "ü"}), ("g", {})], piece=3)
    body = event_stream(reply.events(REASONING_MODEL))

    async def responses(*places: int) -> list[Any]:
        cuts = zip((0, *places), (*places, len(body)), strict=True)
        script = Scripted(in_pieces([body[start:end] for start, end in cuts]))
        return await run(model(script, REASONING_MODEL), entry, HELLO)

    whole = await responses()
    assert whole[-1].message.content == "Größe: 3 €"
    assert await responses(*range(1, len(body))) == whole
    for place in range(1, len(body), 7):
        assert await responses(place) == whole


def in_pieces(pieces: list[bytes]) -> httpx.Response:
    stream = Pieces(pieces)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


@pytest.mark.parametrize("entry", ENTRIES)
async def test_responses_can_be_stored(entry: str) -> None:
    """Every response, with its message and `raw`, survives a round trip through JSON."""
    reply = Reply("Adding.", reasoning="Hm.", calls=[("add", {"a": 1, "b": "ü"})])
    for response in await run(model(Scripted(reply), REASONING_MODEL), entry, HELLO):
        message = ChatMessage.model_validate_json(response.message.model_dump_json())
        assert message == response.message
        assert json.loads(json.dumps(response.raw)) == response.raw
        assert pickle.loads(pickle.dumps(response)) == response


@pytest.mark.parametrize("entry", ["stream_chat", "astream_chat"])
@pytest.mark.parametrize(
    ("indices", "ids"),
    [
        ((0, 1), ("same", "same")),
        ((0, 1), (None, None)),
        ((0, 1), ("", "")),
        ((0, 0), ("x", "y")),
        ((0, 0), ("same", "same")),
        ((0, 0), (None, None)),
        ((None, None), ("x", "y")),
        ((None, None), (None, None)),
    ],
)
async def test_two_calls_in_one_event(entry: str, indices: Any, ids: Any) -> None:
    """Several calls in one event become several calls, also with missing or repeated indices and
    ids.
    """
    both = {
        "tool_calls": [
            call(indices[0], "f", '{"a": 1}', ids[0]),
            call(indices[1], "g", '{"b": 2}', ids[1]),
        ]
    }
    script = Scripted(events(chunk(both), chunk({}, "tool_calls")))
    last = (await run(model(script), entry, HELLO))[-1]
    calls = [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
    assert [(c.tool_name, c.tool_kwargs) for c in calls] == [("f", {"a": 1}), ("g", {"b": 2})]
    assert len({c.tool_call_id for c in calls}) == 2
    assert all(c.tool_call_id for c in calls)


@pytest.mark.parametrize("entry", ["stream_chat", "astream_chat"])
async def test_interleaved_calls(entry: str) -> None:
    """Alternating pieces of two calls become two calls."""
    script = Scripted(
        events(
            chunk({"tool_calls": [call(0, "f", "", "x")]}),
            chunk({"tool_calls": [call(1, "g", "", "y")]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
            chunk({"tool_calls": [{"index": 1, "function": {"arguments": '{"b": 2}'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
            chunk({}, "tool_calls"),
        )
    )
    llm = model(script)
    last = (await run(llm, entry, HELLO))[-1]
    found = llm.get_tool_calls_from_response(last)
    assert [(c.tool_id, c.tool_name, c.tool_kwargs) for c in found] == [
        ("x", "f", {"a": 1}),
        ("y", "g", {"b": 2}),
    ]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_log_probabilities(entry: str) -> None:
    """Responses have the log probabilities, with and without streaming."""
    tokens = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]
    if entry in ("chat", "achat"):
        script = Scripted(Reply("Hi", logprobs=tokens))
    else:
        event = chunk({"content": "Hi"})
        event["choices"][0]["logprobs"] = {"content": tokens}
        script = Scripted(events(event, chunk({}, "stop")))
    llm = model(script, REASONING_MODEL, logprobs=True)
    last = (await run(llm, entry, HELLO))[-1]
    assert [[option.token for option in token] for token in last.logprobs] == [["Hi"]]
    assert script.requests[0]["logprobs"] is True


@pytest.mark.parametrize(("name", "sent"), [(REASONING_MODEL, "Hm."), (MODEL, None)])
def test_reasoning_goes_back_to_models_that_reason(name: str, sent: str | None) -> None:
    """The request of a reasoning model has its earlier reasoning beside the content; other models
    get none.
    """
    blocks = [ThinkingBlock(content="Hm."), TextBlock(text="Yes.")]
    script = Scripted(Reply("Hi"))
    model(script, name).chat([*HELLO, ChatMessage(role="assistant", blocks=blocks), *HELLO])
    answer = script.requests[0]["messages"][1]
    assert answer.get("reasoning") == sent
    assert answer["content"] == "Yes."


def test_image_for_a_model_that_sees() -> None:
    """A vision model gets an image, also one of a tool's result."""
    script = Scripted(Reply("A dot."))
    call_block = ToolCallBlock(tool_call_id="c1", tool_name="photo", tool_kwargs={})
    messages = [
        ChatMessage(role="user", blocks=[TextBlock(text="What?"), ImageBlock(image=PNG)]),
        ChatMessage(role="assistant", blocks=[call_block]),
        ChatMessage(
            role="tool", blocks=[ImageBlock(image=PNG)], additional_kwargs={"tool_call_id": "c1"}
        ),
    ]
    model(script, VISION).chat(messages)
    sent = script.requests[0]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user"]
    images = [part for m in (sent[0], sent[3]) for part in m["content"] if "image_url" in part]
    assert len(images) == 2


def test_image_for_a_model_that_does_not_see() -> None:
    """A user's image for a text model raises an error before any request."""
    script = Scripted(Reply("?"))
    with pytest.raises(ConfigurationError, match="image"):
        model(script).chat([ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])])
    assert script.requests == []


@pytest.mark.parametrize("entry", ENTRIES)
async def test_one_layer_retries(entry: str) -> None:
    """The client alone retries a busy server, `max_retries` times, streams included."""
    script = Scripted(failure(429, 3040, **{"retry-after": "0"}))
    with pytest.raises(OutOfCapacityError):
        await run(model(script, max_retries=2), entry, HELLO)
    assert len(script.requests) == 3


@pytest.mark.parametrize("entry", ENTRIES)
async def test_success_after_a_retry(entry: str) -> None:
    """A call returns the answer of a later attempt."""
    script = Scripted(failure(503, 0, **{"retry-after": "0"}), Reply("Hi"))
    last = (await run(model(script, max_retries=1), entry, HELLO))[-1]
    assert last.message.content == "Hi"


async def test_quota_is_not_retried() -> None:
    """A spent daily allocation is not retried."""
    script = Scripted(failure(429, 3036))
    with pytest.raises(QuotaExceededError):
        model(script, max_retries=2).chat(HELLO)
    assert len(script.requests) == 1


def test_connection_settings_reach_the_request() -> None:
    """The request has base URL, gateway, session affinity and headers as they are set."""
    script = Scripted(Reply("Hi"))
    llm = model(
        script,
        base_url="https://example.com/v4",
        gateway={"id": "gw", "skip_cache": True},
        session_affinity="s1",
        default_headers={"x-team": "rivers"},
    )
    llm.chat(HELLO)
    sent = script.sent[0]
    assert str(sent.url).startswith("https://example.com/v4/accounts/" + "0" * 32)
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["cf-aig-gateway-id"] == "gw"
    assert sent.headers["x-session-affinity"] == "s1"
    assert sent.headers["x-team"] == "rivers"


def test_environment_is_read_at_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of the environment are read at the request, under each of their names."""
    script = Scripted(Reply("Hi"))
    llm = WorkersAI(MODEL, http_client=script.connection["http_client"])
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "1" * 32)
    monkeypatch.setenv("CLOUDFLARE_AUTH_TOKEN", "from-the-environment")
    llm.chat(HELLO)
    assert "/accounts/" + "1" * 32 in str(script.sent[0].url)
    assert script.sent[0].headers["authorization"] == "Bearer from-the-environment"


@pytest.mark.parametrize("secret", ["cf-secret-token", "0" * 32])
def test_errors_hold_no_secret(secret: str) -> None:
    """An error does not show the token, even if the server repeats it."""
    body = {"success": False, "errors": [{"code": 10000, "message": f"bad {secret}"}]}
    script = Scripted(httpx.Response(401, json=body))
    embedding = WorkersAIEmbedding("@cf/baai/bge-m3", **script.connection)
    for ask in (lambda: model(script).chat(HELLO), lambda: embedding.get_text_embedding("a")):
        with pytest.raises(AuthenticationError) as caught:
            ask()
        assert secret not in f"{caught.value!s}{caught.value!r}"
