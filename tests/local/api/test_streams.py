"""The events that each endpoint and model streams."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import httpx
import pytest

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION, Events, client_of, user
from workersai.local import LocalServer
from workersai.local.engines.base import ChatJob, EngineFailed, TextPiece
from workersai.local.engines.echo import EchoEngine

V1 = "/v1/chat/completions"


def text_of(events: list[Any]) -> str:
    """Return the text of a stream's chunks."""
    deltas = (event["choices"][0]["delta"] for event in events if event.get("choices"))
    return "".join(delta.get("content") or "" for delta in deltas)


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, GLM])
def test_current_models_stream_chunks_and_a_native_tail(events: Events, model: str) -> None:
    """Current models stream OpenAI chunks, a usage chunk, the native tail, then `[DONE]`."""
    *chunks, usage, tail, end_marker = events(model, user("Grüße, 世界"))
    assert text_of(chunks) == "You said: Grüße, 世界"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert (set(tail), tail["response"]) == ({"response", "usage"}, "")
    assert end_marker == "[DONE]"


@pytest.mark.parametrize("model", [GRANITE, GLM])
def test_chunk_usage_adds_up_to_the_tail(events: Events, model: str) -> None:
    """The usage of all chunks adds up to the tail's; the first chunk counts the input."""
    *chunks, tail, _ = events(model, user("Hi there"))
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert sum(chunk["usage"][key] for chunk in chunks) == tail["usage"][key]
    assert chunks[0]["usage"]["prompt_tokens"] == tail["usage"]["prompt_tokens"] > 0
    assert sum(c["usage"]["neurons"] for c in chunks) == pytest.approx(
        tail["usage"]["neurons"], rel=1e-4
    )


def test_openai_stream_has_no_native_parts(events: Events) -> None:
    """`/ai/v1` sends chunks that strict parsers read: usage once, without choices, at the end."""
    *chunks, last, end_marker = events(V1, {"model": GRANITE, **user("Hi")})
    assert end_marker == "[DONE]"
    assert all(event["choices"] and "usage" not in event for event in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert all("p" not in event for event in chunks)


def test_reasoning_comes_first_and_twice(events: Events) -> None:
    """Glm streams its reasoning under both names, before any content."""
    deltas = [e["choices"][0]["delta"] for e in events(GLM, user("Hi"))[:-2] if e["choices"]]
    thinking = [delta for delta in deltas if delta.get("reasoning")]
    assert thinking
    assert all(d["reasoning"] == d["reasoning_content"] and d["content"] is None for d in thinking)
    kinds = [
        "reasoning" in delta for delta in deltas if delta.get("content") or "reasoning" in delta
    ]
    assert [kind for kind, _ in itertools.groupby(kinds)] == [True, False]


@pytest.mark.parametrize("where", [GLM, V1])
def test_tool_calls_are_streamed_in_fragments(
    events: Events, where: str, weather: dict[str, Any]
) -> None:
    """A streamed call starts with id and name; its fragments repeat neither and join to JSON."""
    body = {"model": GLM, **user("Weather in Ciudad de México"), "tools": [weather]}
    chunks = [event for event in events(where, body)[:-1] if event.get("choices")]
    calls = [
        call for event in chunks for call in event["choices"][0]["delta"].get("tool_calls", ())
    ]
    opening, *fragments = calls
    assert opening["id"]
    assert opening["function"] == {"name": "get_weather", "arguments": ""}
    assert len(fragments) > 1
    assert {(call["id"], call["function"]["name"]) for call in fragments} == {(None, None)}
    joined = "".join(call["function"]["arguments"] for call in fragments)
    assert joined == '{"city":"Ciudad"}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_classic_models_stream_response(events: Events) -> None:
    """Llama models stream `response` with padding, then the tail with usage."""
    *chunks, empty, tail, end_marker = events(LLAMA, user("Hi"))
    assert "".join(event["response"] for event in chunks) == "You said: Hi"
    assert all(event["p"] for event in chunks)
    assert empty["tool_calls"] == []
    assert tail["usage"]["completion_tokens"] == len(chunks)
    assert end_marker == "[DONE]"


def test_classic_tool_call_is_whole(events: Events, weather: dict[str, Any]) -> None:
    """A classic stream has a call in one event, with its arguments as an object."""
    received = events(LLAMA, {**user("Weather in Oslo"), "tools": [weather]})
    assert received[0]["tool_calls"] == [{"name": "get_weather", "arguments": {"city": "Oslo"}}]


def test_openai_chunks_of_llama_have_response(events: Events) -> None:
    """On `/ai/v1` llama-3.3 repeats each chunk's text as `response`, as the live service does."""
    chunks = events(V1, {"model": LLAMA, **user("Hi")})[:-1]
    texts = [
        (e["choices"][0]["delta"]["content"], e["response"]) for e in chunks if "response" in e
    ]
    assert texts
    assert all(content == response for content, response in texts)


def test_a_prompt_streams_text_completions(events: Events) -> None:
    """A prompt to granite streams `text_completion` chunks."""
    received = events(GRANITE, {"prompt": "Once upon"})
    chunks = [event for event in received[:-2] if event["choices"]]
    assert {event["object"] for event in chunks} == {"text_completion"}
    assert "".join(event["choices"][0]["text"] for event in chunks) == "You said: Once upon"


def test_choices_are_streamed_by_index(events: Events) -> None:
    """With `n` each choice streams its role, text and finish under its own index."""
    received = events(GLM, {**user("Hi"), "n": 2})
    chunks = [event["choices"][0] for event in received[:-2] if event["choices"]]
    for index in (0, 1):
        own_chunks = [choice for choice in chunks if choice["index"] == index]
        assert own_chunks[0]["delta"].get("role") == "assistant"
        assert own_chunks[-1]["finish_reason"] == "stop"
        text = "".join(choice["delta"].get("content") or "" for choice in own_chunks)
        assert text == "You said: Hi"


def test_a_stream_has_the_text_of_the_plain_answer(events: Events, client: httpx.Client) -> None:
    """A stream and a plain answer have the same text and usage."""
    plain = client.post(f"/run/{GRANITE}", json=user("Same, please")).json()["result"]
    received = events(GRANITE, user("Same, please"))
    assert text_of(received[:-2]) == plain["choices"][0]["message"]["content"]
    assert received[-2]["usage"] == plain["usage"]


class _FailingEngine(EchoEngine):
    """An engine that fails after its first piece."""

    def chat(self, job: ChatJob) -> Any:
        yield TextPiece("One")
        raise EngineFailed("out of memory")


@pytest.mark.usefixtures("loopback")
def test_a_failing_engine_ends_the_stream_with_an_error() -> None:
    """A stream whose engine fails ends with an error and no `[DONE]`; a plain answer is a 500."""
    with LocalServer(engine=_FailingEngine()) as server, client_of(server) as client:
        streamed = client.post(f"/run/{GRANITE}", json={**user("Hi"), "stream": True})
        plain = client.post(f"/run/{GRANITE}", json=user("Hi"))
    assert streamed.status_code == 200
    assert "[DONE]" not in streamed.text
    assert '"error":{"code":8005' in streamed.text
    assert (plain.status_code, plain.json()["errors"][0]["code"]) == (500, 8005)


class _Endless(EchoEngine):
    """An engine that never finishes by itself and records when it is stopped."""

    blocking = True

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def chat(self, job: ChatJob) -> Any:
        try:
            while True:
                yield TextPiece("more ")
        finally:
            self.stopped.set()


@pytest.mark.usefixtures("loopback")
def test_a_client_that_disconnects_stops_the_engine() -> None:
    """When the client disconnects in the middle of a stream, the server stops the engine."""
    engine = _Endless()
    with LocalServer(engine=engine) as server, client_of(server) as client:
        body = {**user("Hi"), "stream": True}
        with client.stream("POST", f"/run/{GRANITE}", json=body) as response:
            assert next(response.iter_lines()).startswith("data: ")
        assert engine.stopped.wait(20)
