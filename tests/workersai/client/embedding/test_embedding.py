"""Vectors by both clients: batch sizes, refused batches that are split, and failures."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

import httpx
import pytest

from tests.workersai.conftest import Mocked
from tests.workersai.talking import ACCOUNT, BGE, BGE_M3, TOKEN, UNKNOWN, Recorder, refusal
from workersai import (
    Client,
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    ServerError,
    Usage,
)

GEMMA = "@cf/google/embeddinggemma-300m"
TOO_LONG = "AiError: AiError: Sequence too long: {0} > 8192 (f6607210-0000-4000-8000-000000000000)"
TOO_MUCH = (
    "AiError: AiError: Max context reached {0} tokens but model supports only {1} "
    "(173b31cf-0000-4000-8000-000000000000)"
)

Answer = Callable[[httpx.Request], httpx.Response]


def words(number: int, text: str = "reed") -> str:
    """Return a text of that many tokens, for a server that counts words."""
    return " ".join([text] * number)


def vector(text: str) -> list[float]:
    return [float(len(text)), float(ord(text[0]))]


def error(message: str, code: int = 3030, status: int = 400) -> httpx.Response:
    errors = [{"message": message, "code": code}]
    body = {"errors": errors, "success": False, "result": {}, "messages": []}
    return httpx.Response(status, json=body)


def bge_m3(budget: int = 60_000, per_word: int = 1, code: int = 3030) -> Answer:
    """Refuse requests as bge-m3 does: texts x longest <= budget, and 8,192 tokens a text."""

    def answer(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["text"]
        longest = max(per_word * len(text.split()) for text in texts)
        if longest > 8192:
            return error(TOO_LONG.format(longest), code)
        if len(texts) * longest > budget:
            return error(TOO_MUCH.format(len(texts) * longest, budget), code)
        result = {"data": [vector(text) for text in texts], "usage": {"prompt_tokens": len(texts)}}
        return httpx.Response(200, json={"result": result, "success": True, "errors": []})

    return answer


def sizes(recorder: Recorder) -> list[int]:
    return [len(body["text"]) for body in recorder.bodies]


MIXES: dict[str, list[str]] = {
    "ordinary chunks": [words(900 + n) for n in range(130)],
    "one long text among short ones": [words(n + 1, "sedge") for n in range(60)]
    + [words(7000)]
    + ["short"] * 60,
    "no letters": ["1 2 3 4 5 " * n for n in range(1, 90)],
    "two scripts": [words(300 + n, "мост") for n in range(99)] + ["橋" * 300] * 30,
    "few short texts": ["a", "b c", "d"],
}


@pytest.mark.parametrize("mix", MIXES)
def test_requests_fit_the_model_and_vectors_their_texts(mocked: Mocked, mix: str) -> None:
    """Requests fit the budget, few are needed, and vectors are in the caller's order."""
    texts = MIXES[mix]
    client, recorder = mocked(bge_m3())
    found = client.call("embed", texts, model=BGE_M3)
    assert found.vectors == [vector(text) for text in texts]
    assert found.usage == Usage(len(texts), 0, len(texts))
    assert sum(sizes(recorder)) == len(texts)
    assert len(recorder.requests) <= 6


@pytest.mark.parametrize("code", [3030, 5006])
def test_a_refused_request_is_sent_in_parts(mocked: Mocked, code: int) -> None:
    """The client splits a refused request, and asks for no vector that it has already received."""
    texts = [words(500 + n % 7, "zxqjkv") + str(n) for n in range(100)]
    client, recorder = mocked(bge_m3(per_word=5, code=code))
    found = client.call("embed", texts, model=BGE_M3)
    assert found.vectors == [vector(text) for text in texts]
    came = [text for body in recorder.bodies for text in body["text"] if fits(body["text"], 5)]
    assert sorted(came) == sorted(texts)
    assert len(recorder.requests) > len([1 for body in recorder.bodies if fits(body["text"], 5)])


def fits(texts: list[str], per_word: int) -> bool:
    return len(texts) * max(per_word * len(text.split()) for text in texts) <= 60_000


def test_one_refusal_is_enough_for_all_batches(mocked: Mocked) -> None:
    """One refusal corrects the estimates for all batches that are still to be sent."""
    texts = [words(400, "zxqjkv")] * 600
    client, recorder = mocked(bge_m3(per_word=3))
    client.call("embed", texts, model=BGE_M3, max_concurrency=1)
    refused = [body for body in recorder.bodies if not fits(body["text"], 3)]
    assert len(refused) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda: error("maximum context length is 512 tokens", 8007), id="8007"),
        pytest.param(lambda: error("Request is too large", 3006, 413), id="413"),
        pytest.param(lambda: error("an unknown sentence", 3030), id="3030"),
    ],
)
def test_a_request_too_large_for_any_model_is_split(
    mocked: Mocked, reply: Callable[[], httpx.Response]
) -> None:
    """The client also splits for models whose budget is unknown, whatever the message says."""

    def answer(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["text"]
        return bge_m3()(request) if len(texts) <= 3 else reply()

    client, recorder = mocked(answer)
    texts = [f"text {n}" for n in range(20)]
    assert client.call("embed", texts, model=UNKNOWN).vectors == [vector(t) for t in texts]
    assert sizes(recorder)[0] == 20


@pytest.mark.parametrize("place", [0, 57, 119])
def test_a_text_that_is_too_long_is_named(mocked: Mocked, place: int) -> None:
    """The error states the index in the caller's list, before any request is paid for."""
    texts = [words(700)] * 120
    texts[place] = words(9003)
    client, recorder = mocked(bge_m3())
    with pytest.raises(ContextWindowExceededError) as caught:
        client.call("embed", texts, model=BGE_M3, max_concurrency=1)
    assert caught.value.position == place
    assert f"texts[{place}]: Sequence too long: 9003 > 8192" in str(caught.value)
    assert sizes(recorder) == [1]


def test_a_text_whose_length_was_underestimated_is_named(mocked: Mocked) -> None:
    """The client splits the batch to find the text, and states its index in the caller's list."""
    texts = [words(900), words(2000, "zxqjkv"), words(901)]
    client, recorder = mocked(bge_m3(per_word=5))
    with pytest.raises(ContextWindowExceededError) as caught:
        client.call("embed", texts, model=BGE_M3)
    assert caught.value.position == 1
    assert sizes(recorder)[0] == 3


def test_a_long_text_may_be_cut(mocked: Mocked) -> None:
    """With `truncate` the server cuts texts, and the client packs them by their cut length."""
    texts = [words(9000)] * 7
    client, recorder = mocked(lambda _: httpx.Response(200, json={"data": [[1.0]] * 7}))
    assert len(client.call("embed", texts, model=BGE_M3, truncate=True).vectors) == 7
    assert [body["truncate_inputs"] for body in recorder.bodies] == [True]


def test_a_refusal_for_another_reason_is_not_split(mocked: Mocked) -> None:
    """The client splits no request that is wrong for another reason than its size."""
    client, recorder = mocked(refusal(400, 5006, "text[3] must not be null"))
    with pytest.raises(InvalidRequestError):
        client.call("embed", ["a", "b", "c"], model=BGE_M3)
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("at_once", [1, 3])
def test_after_a_failure_no_request_is_sent(mocked: Mocked, at_once: int) -> None:
    """After a failure, running requests may end, but the client sends no other."""
    client, recorder = mocked(refusal(500, 3043), max_retries=0)
    with pytest.raises(ServerError):
        client.call("embed", ["a"] * 40, model=BGE, batch_size=1, max_concurrency=at_once)
    assert len(recorder.requests) <= at_once


def test_progress_that_fails_stops_the_call(mocked: Mocked) -> None:
    """An error in the caller's progress function reaches the caller."""

    def fail(_: int) -> None:
        raise KeyError("mine")

    client, recorder = mocked(bge_m3())
    with pytest.raises(KeyError, match="mine"):
        client.call(
            "embed", ["a"] * 9, model=BGE, batch_size=1, max_concurrency=2, on_progress=fail
        )
    assert len(recorder.requests) <= 2


def test_sync_requests_run_side_by_side() -> None:
    """In sync calls too, `max_concurrency` requests run at the same time."""
    together = threading.Barrier(3)

    def answer(request: httpx.Request) -> httpx.Response:
        together.wait(5)
        return bge_m3()(request)

    with httpx.Client(transport=httpx.MockTransport(answer)) as own:
        client = Client(BGE, account_id=ACCOUNT, api_token=TOKEN, http_client=own)
        texts = [f"{n}" for n in range(6)]
        found = client.embed(texts, batch_size=1, max_concurrency=3)
    assert found.vectors == [vector(text) for text in texts]


def test_request_ids_and_neurons_of_all_requests(mocked: Mocked) -> None:
    """Request ids are in the order of the texts; neurons, also from headers, are summed."""

    def answer(request: httpx.Request) -> httpx.Response:
        (text,) = json.loads(request.content)["text"]
        headers = {"cf-ray": f"ray-{text}", "cf-ai-neurons": "0.25"}
        return httpx.Response(200, json={"data": [[1.0]]}, headers=headers)

    client, _ = mocked(answer)
    found = client.call("embed", ["a", "b", "c"], model=BGE, batch_size=1)
    assert found.request_ids == ("ray-a", "ray-b", "ray-c")
    assert found.request_id == "ray-a"
    assert found.usage == Usage(neurons=0.75)


def test_blank_texts_raise_before_any_request(mocked: Mocked) -> None:
    """The error names all blank texts, also one in the last of several batches."""
    client, recorder = mocked(bge_m3())
    with pytest.raises(ConfigurationError, match=r"texts\[1\], texts\[150\]"):
        client.call("embed", ["a", "\n", *["b"] * 148, " "], model=BGE)
    assert recorder.requests == []


@pytest.mark.parametrize("count", [2000, 3000])
def test_a_model_that_truncates_without_notice(
    mocked: Mocked, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    """The client warns if the model truncates a text without notice; shorter texts log nothing."""
    client, _ = mocked(bge_m3())
    with caplog.at_level(logging.WARNING, "workersai"):
        client.call("embed", ["short", words(count)], model=GEMMA)
    found = [record.getMessage() for record in caplog.records]
    assert [("1 of 2 texts" in text, "2048 tokens" in text) for text in found] == (
        [(True, True)] if count > 2048 else []
    )
