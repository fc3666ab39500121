"""`WorkersAI`: its eight entry points, their requests and their answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ThinkingBlock
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.loading import load_llm
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate

import llamaindex_workersai
import workersai
from llamaindex_workersai import (
    AuthenticationError,
    ConfigurationError,
    StreamInterruptedError,
    WorkersAI,
)
from tests.llamaindex_workersai.scripted import (
    COMPLETIONS,
    ENTRIES,
    MODEL,
    REASONING_MODEL,
    TOKEN,
    USAGE,
    Reply,
    Scripted,
    event_stream,
    run,
)

HELLO = [ChatMessage(role="user", content="Hello?")]


def model(script: Scripted, name: str = MODEL, **settings: Any) -> WorkersAI:
    return WorkersAI(name, **{**script.connection, **settings})


def test_class_is_an_llm_of_llamaindex() -> None:
    """`WorkersAI` is a `FunctionCallingLLM`, has its own class name, and agents and indices accept
    it.
    """
    assert issubclass(WorkersAI, FunctionCallingLLM)
    assert BaseLLM in WorkersAI.__mro__
    assert WorkersAI.class_name() == "WorkersAI"


def test_errors_are_the_core_s_own() -> None:
    """The face exports the error classes of the core."""
    for name in workersai.__all__:
        if name.endswith("Error"):
            assert getattr(llamaindex_workersai, name) is getattr(workersai, name)


@pytest.mark.parametrize("entry", ENTRIES)
async def test_chat_answers(entry: str) -> None:
    """Every chat entry point sends the messages and ends with text, usage and finish reason."""
    script = Scripted(Reply("Hello there."))
    last = (await run(model(script), entry, HELLO))[-1]
    assert last.message.role == MessageRole.ASSISTANT
    assert last.message.content == "Hello there."
    assert last.raw["usage"] == USAGE
    assert last.additional_kwargs["finish_reason"] == "stop"
    assert len(script.requests) == 1
    assert script.requests[0]["messages"] == [{"role": "user", "content": "Hello?"}]


@pytest.mark.parametrize("entry", COMPLETIONS)
async def test_completion_answers(entry: str) -> None:
    """Every completion entry point sends the prompt and ends with text and usage."""
    script = Scripted(Reply("Hello there."))
    last = (await run(model(script), entry, "Hello?"))[-1]
    assert last.text == "Hello there."
    assert last.raw["usage"] == USAGE
    assert last.additional_kwargs["prompt_tokens"] == 11
    assert len(script.requests) == 1
    assert script.requests[0]["prompt"] == "Hello?"


@pytest.mark.parametrize("entry", ["stream_complete", "astream_complete"])
async def test_completion_deltas_join_to_the_text(entry: str) -> None:
    """Each completion response has the text so far and its new part."""
    responses = await run(model(Scripted(Reply("Hello there."))), entry, "Hello?")
    assert "".join(response.delta for response in responses) == responses[-1].text
    assert [r.text for r in responses[:2]] == ["Hell", "Hello th"]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_reasoning_is_no_text(entry: str) -> None:
    """Every entry point returns the reasoning as a block and not in the text."""
    script = Scripted(Reply("Yes.", reasoning="The user wants yes."))
    last = (await run(model(script, REASONING_MODEL), entry, HELLO))[-1]
    assert last.message.content == "Yes."
    thinking = [b.content for b in last.message.blocks if isinstance(b, ThinkingBlock)]
    assert thinking == ["The user wants yes."]


async def test_sync_and_async_streams_are_the_same() -> None:
    """Sync and async calls give the same responses, one by one."""
    reply = Reply("Yes.", reasoning="Hm.", calls=[("add", {"a": 1})])
    sync = await run(model(Scripted(reply), REASONING_MODEL), "stream_chat", HELLO)
    other = await run(model(Scripted(reply), REASONING_MODEL), "astream_chat", HELLO)
    assert sync == other
    assert len(sync) > 3


async def test_stream_ends_with_the_message_of_the_whole_answer() -> None:
    """The last response of a stream has the same message as the answer without streaming."""
    reply = Reply("Yes.", reasoning="Hm.", calls=[("add", {"a": 1})])
    whole = await run(model(Scripted(reply), REASONING_MODEL), "chat", HELLO)
    streamed = await run(model(Scripted(reply), REASONING_MODEL), "stream_chat", HELLO)
    assert whole[-1].message == streamed[-1].message


def test_parameters_reach_the_request() -> None:
    """The request has fields, arguments of the call and additional keys; arguments of the call take
    precedence.
    """
    script = Scripted(Reply("Hi"))
    llm = model(script, temperature=0.2, top_k=5, seed=7, additional_kwargs={"custom": 1})
    llm.chat(HELLO, temperature=0.9, top_k=None, additional_kwargs={"other": {"x": 2}})
    sent = script.requests[0]
    assert (sent["temperature"], sent["seed"], sent["custom"], sent["other"]) == (
        0.9,
        7,
        1,
        {"x": 2},
    )
    assert "top_k" not in sent
    assert "top_p" not in sent


def test_parameter_outside_its_range_is_refused_before_any_request() -> None:
    """A value outside the range of the model's page raises an error with the parameter's name
    before any request.
    """
    script = Scripted(Reply("Hi"))
    with pytest.raises(ConfigurationError, match="temperature"):
        model(script, temperature=9).chat(HELLO)
    assert script.requests == []


def test_unknown_setting_is_refused_without_its_value() -> None:
    """A misspelt setting raises an error that does not show its value, which may be a secret."""
    with pytest.raises(ValueError, match="api_tokn") as caught:
        WorkersAI(MODEL, api_tokn="hidden")  # type: ignore[call-arg]
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("stream_usage", [True, False])
def test_streams_ask_for_usage_by_default(stream_usage: bool) -> None:
    """Streams of the OpenAI-compatible route ask for usage, because the server reports it only
    then.
    """
    script = Scripted(
        httpx.Response(
            200,
            headers={"content-type": "text/event-stream"},
            content=event_stream(Reply("Hi").events(MODEL)),
        )
    )
    list(model(script, endpoint="openai", stream_usage=stream_usage).stream_chat(HELLO))
    options = script.requests[0].get("stream_options")
    assert options == ({"include_usage": True} if stream_usage else None)


def test_completion_to_prompt_is_applied_once() -> None:
    """`complete` applies `completion_to_prompt` once, and not to a prompt that is formatted
    already.
    """
    script = Scripted(Reply("Hi"))
    llm = model(script, completion_to_prompt=lambda prompt: f"<s>{prompt}</s>")
    llm.complete("a")
    llm.complete("b", formatted=True)
    assert [request["prompt"] for request in script.requests] == ["<s>a</s>", "b"]


async def test_system_prompt_is_for_predict_and_its_kin() -> None:
    """LlamaIndex puts `system_prompt` before prompts of `predict`; `chat` sends only its own
    messages.
    """
    script = Scripted(Reply("Hi"))
    llm = model(script, system_prompt="Be brief.")
    prompt = PromptTemplate("Say {what}.")
    assert llm.predict(prompt, what="hi") == await llm.apredict(prompt, what="hi") == "Hi"
    assert "".join(llm.stream(prompt, what="hi")) == "Hi"
    assert "".join([part async for part in await llm.astream(prompt, what="hi")]) == "Hi"
    llm.chat(HELLO)
    sent = [[m["content"] for m in request["messages"]] for request in script.requests]
    assert sent == [["Be brief.", "Say hi."]] * 4 + [["Hello?"]]


def test_history_is_repaired_in_the_request_alone() -> None:
    """Repair changes the request and not the user's messages; the option switches it off."""
    messages = [*HELLO, ChatMessage(role="system", content="Answer now.")]
    script = Scripted(Reply("Hi"))
    model(script).chat(messages)
    model(script, repair_history=False).chat(messages)
    assert [r["messages"][-1]["role"] for r in script.requests] == ["user", "system"]
    assert [message.role.value for message in messages] == ["user", "system"]


def test_refused_credentials_are_one_error() -> None:
    """A refusal of the token raises the core's AuthenticationError with Cloudflare's code."""
    errors = {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}
    llm = model(Scripted(httpx.Response(401, json={**errors, "result": None, "messages": []})))
    with pytest.raises(AuthenticationError) as caught:
        llm.chat(HELLO)
    assert caught.value.code == 10000
    assert TOKEN not in str(caught.value)


class Tracked(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body in pieces that records whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True

    def response(self) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self)


def pieces(text: str) -> list[bytes]:
    events = Reply(text, piece=1).events(MODEL)
    return [f"data: {json.dumps(event)}\n\n".encode() for event in events] + [b"data: [DONE]\n\n"]


def test_abandoned_stream_closes_its_connection() -> None:
    """A stream that is left early closes its response."""
    body = Tracked(*pieces("Hello there."))
    stream = model(Scripted(body.response())).stream_chat(HELLO)
    next(stream)
    assert not body.closed
    stream.close()
    assert body.closed


async def test_abandoned_async_stream_closes_its_connection() -> None:
    """An async stream that is left early closes its response in the loop's next turns."""
    body = Tracked(*pieces("Hello there."))
    stream = await model(Scripted(body.response())).astream_chat(HELLO)
    await anext(stream)
    await stream.aclose()
    for _ in range(20):
        await asyncio.sleep(0)
    assert body.closed


def test_broken_stream_raises_with_the_received_part() -> None:
    """A stream that ends too soon raises an error with the received part."""
    body = Tracked(*pieces("Hello there.")[:5])
    with pytest.raises(StreamInterruptedError) as caught:
        list(model(Scripted(body.response())).stream_chat(HELLO))
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("Hel")


# --------------------------------------------------------------------------------- metadata


def test_metadata_comes_from_the_model_s_page() -> None:
    """`metadata` has window, output size and tool calling without a request."""
    metadata = WorkersAI(MODEL).metadata
    assert metadata.context_window == 131_000
    assert metadata.num_output == 2000
    assert metadata.is_function_calling_model
    assert metadata.is_chat_model
    assert metadata.model_name == MODEL


def test_metadata_can_be_overridden() -> None:
    """Settings of the user replace the facts of the model's page in `metadata`."""
    llm = WorkersAI(
        MODEL,
        context_window=8000,
        num_output=100,
        is_function_calling_model=False,
        is_chat_model=False,
    )
    assert llm.metadata.context_window == 8000
    assert llm.metadata.num_output == 100
    assert not llm.metadata.is_function_calling_model
    assert not llm.metadata.is_chat_model


def test_prompts_keep_max_tokens_free() -> None:
    """LlamaIndex's prompt helpers reserve `max_tokens` for the output."""
    assert WorkersAI(MODEL, max_tokens=77).metadata.num_output == 77


def test_assumed_window_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The assumed window of an unknown model is logged once."""
    llm = WorkersAI("@cf/someone/new-model-for-this-test")
    with caplog.at_level(logging.WARNING):
        windows = {llm.metadata.context_window for _ in range(3)}
    assert windows == {3900}
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", [MODEL, REASONING_MODEL, "@cf/someone/new-model"])
def test_prompt_helper_accepts_the_metadata(name: str) -> None:
    """The reserve for the answer leaves room for a prompt for every model."""
    helper = PromptHelper.from_llm_metadata(WorkersAI(name).metadata)
    assert helper.num_output < helper.context_window


def test_memory_uses_the_window() -> None:
    """The agents' default memory keeps three quarters of the model's window."""
    memory = ChatMemoryBuffer.from_defaults(llm=WorkersAI(MODEL))
    assert memory.token_limit == int(131_000 * 0.75)


def test_llm_is_found_by_name() -> None:
    """Components that hold an LLM load it from its dict by the class name."""
    loaded = load_llm(WorkersAI(MODEL, temperature=0.3).to_dict())
    assert isinstance(loaded, WorkersAI)
    assert loaded.temperature == 0.3
