"""Vectors of texts that come one by one, by both clients."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from tests.workersai.client.embedding.test_embedding import bge_m3, vector, words
from tests.workersai.conftest import Mocked
from tests.workersai.talking import (
    ACCOUNT,
    BGE,
    BGE_M3,
    TOKEN,
    Recorder,
    Reply,
    Speaker,
    json_answer,
    refusal,
)
from workersai import (
    AsyncClient,
    AuthenticationError,
    Client,
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    NotEmbedded,
    ServerError,
)


def echo(request: httpx.Request) -> httpx.Response:
    texts = json.loads(request.content)["text"]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    result = {"data": [vector(text) for text in texts], "usage": usage}
    return httpx.Response(200, json={"result": result, "success": True, "errors": []})


def unless(word: str, failing: Reply) -> Reply:
    """Answer with vectors, but for a request with a certain text."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_bad = word in json.loads(request.content)["text"]
        return failing(request) if is_bad else echo(request)

    return answer


def numbers(count: int) -> list[str]:
    return [f"text {number}" for number in range(count)]


def read(client: Speaker, texts: Any, most: int | None = None, **options: Any) -> list[Any]:
    """Read a run, or its first items and then close it."""
    made = client.client.embed_iter(texts, **{"model": BGE, "batch_size": 10, **options})

    async def items() -> list[Any]:
        found: list[Any] = []
        async with made:
            async for item in made:
                found.append(item)
                if len(found) == most:
                    break
        return found

    if client.call_style == "async":
        found: list[Any] = client.wait(items())
        return found
    with made:
        return [item for item, _ in zip(made, range(most or 10**6), strict=False)]


def test_vectors_come_in_the_order_of_the_texts(mocked: Mocked) -> None:
    """Any iterable is embedded in full requests, and each vector is its text's."""
    client, recorder = mocked(echo)
    texts = numbers(95)
    assert read(client, iter(texts)) == [vector(text) for text in texts]
    assert sorted(len(body["text"]) for body in recorder.bodies) == [5, *[10] * 9]


async def test_an_asynchronous_iterable_is_read_too() -> None:
    """The asynchronous client takes texts from an asynchronous generator."""

    async def texts() -> AsyncIterator[str]:
        for text in numbers(25):
            yield text

    http = Recorder(echo).http_client("async")
    async with AsyncClient(BGE, account_id=ACCOUNT, api_token=TOKEN, http_client=http) as client:
        found = [item async for item in client.embed_iter(texts(), batch_size=10)]
    assert found == [vector(text) for text in numbers(25)]


def test_no_more_is_read_than_the_window_holds(mocked: Mocked) -> None:
    """However slowly vectors are taken, texts beyond the window stay unread."""
    taken: list[int] = []

    def endless() -> Iterator[str]:
        number = 0
        while True:
            taken.append(number)
            yield f"text {number}"
            number += 1

    client, recorder = mocked(echo)
    found = read(client, endless(), 35, window=40)
    assert len(found) == 35
    assert len(taken) <= 30 + 40
    assert len(recorder.requests) <= 7


def test_closing_ends_the_run(mocked: Mocked) -> None:
    """After a run is closed its source is not read and nothing is sent."""
    client, recorder = mocked(echo)
    source = iter(numbers(1000))
    assert len(read(client, source, 1, window=20)) == 1
    sent = len(recorder.requests)
    assert len(list(source)) >= 980
    assert len(recorder.requests) == sent


def test_a_closed_run_retries_nothing() -> None:
    """A request that fails after its run was closed is not tried again."""
    is_asked, may_fail = threading.Event(), threading.Event()

    def fail_late(request: httpx.Request) -> httpx.Response:
        if "text 0" in json.loads(request.content)["text"]:
            is_asked.wait(5)
            return echo(request)
        is_asked.set()
        may_fail.wait(5)
        return refusal(500)(request)

    recorder = Recorder(fail_late)
    http = recorder.http_client("sync")
    with Client(BGE, account_id=ACCOUNT, api_token=TOKEN, http_client=http) as client:
        run = client.embed_iter(numbers(20), batch_size=10)
        next(run)
        is_asked.wait(5)
        closing = threading.Thread(target=run.close)
        closing.start()
        while not run._flow.state.is_closed:
            pass
        may_fail.set()
        closing.join(5)
    assert len(recorder.requests) == 2


def test_a_failed_request_is_tried_again_alone(
    mocked: Mocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failure costs one request more, and no other text is sent twice."""
    monkeypatch.setattr("workersai.client.retries._FIRST_DELAY", 0.0)
    client, recorder = mocked(refusal(500), echo)
    texts = numbers(50)
    assert read(client, texts) == [vector(text) for text in texts]
    assert len(recorder.requests) == 6


@pytest.mark.parametrize(("status", "code"), [(413, None), (413, 3006), (400, 3030)])
def test_a_request_that_is_too_large_is_halved(mocked: Mocked, status: int, code: int) -> None:
    """Each way to say "too much" leads to smaller requests, and to every vector."""
    no = refusal(status, code, "Request is too large")

    def answer(request: httpx.Request) -> httpx.Response:
        return no(request) if len(json.loads(request.content)["text"]) > 5 else echo(request)

    client, recorder = mocked(answer)
    texts = numbers(40)
    assert read(client, texts, max_concurrency=1) == [vector(text) for text in texts]
    refused = [body for body in recorder.bodies if len(body["text"]) > 5]
    assert len(refused) < 8


def test_requests_keep_to_the_models_token_budget(mocked: Mocked) -> None:
    """bge-m3's limit on texts times longest holds for neighbours, and no request is refused."""
    texts = [words(900 + n) for n in range(100)] + [words(7000)] + ["short"] * 60
    client, recorder = mocked(bge_m3())
    found = read(client, texts, model=BGE_M3, batch_size=100)
    assert found == [vector(text) for text in texts]
    assert sum(len(body["text"]) for body in recorder.bodies) == len(texts)
    assert len(recorder.requests) <= 8


BAD: dict[str, tuple[Any, type[Exception]]] = {
    "blank": (" ", ConfigurationError),
    "no text": (None, ConfigurationError),
    "half of an emoji": ("\ud83d", ConfigurationError),
    "refused": ("poison", InvalidRequestError),
    "too long": (words(9000), ContextWindowExceededError),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_embedded_is_named_and_skipped(mocked: Mocked, kind: str) -> None:
    """With `skip`, `embed_iter` yields a `NotEmbedded` with position and error for a bad text."""
    bad, expected = BAD[kind]
    texts: list[Any] = numbers(30)
    texts[17] = bad
    long = bge_m3()
    answer = long if kind == "too long" else unless("poison", refusal(400, 5006, "no"))
    client, _ = mocked(answer)
    found = read(client, texts, model=BGE_M3, batch_size=10, on_error="skip")
    missing = found.pop(17)
    assert isinstance(missing, NotEmbedded)
    assert missing.position == 17
    assert isinstance(missing.error, expected)
    assert found == [vector(text) for text in texts[:17] + texts[18:]]


@pytest.mark.parametrize("kind", BAD)
def test_the_first_bad_text_ends_a_run_that_raises(mocked: Mocked, kind: str) -> None:
    """With `raise`, `embed_iter` yields the vectors before the failed request, then raises."""
    bad, expected = BAD[kind]
    texts: list[Any] = [*numbers(10), bad, *numbers(500)]
    answer = bge_m3() if kind == "too long" else unless("poison", refusal(400, 5006, "no"))
    client, recorder = mocked(answer)
    made: list[Any] = []
    with pytest.raises(expected) as caught:
        made += read(client, texts, model=BGE_M3, batch_size=10, window=20)
    if kind in ("blank", "no text", "half of an emoji"):
        assert "texts[10]" in str(caught.value)
    if isinstance(caught.value, ContextWindowExceededError):
        assert caught.value.position == 10
    assert len(recorder.requests) <= 8


def test_a_failure_that_may_pass_is_reported_for_its_texts(mocked: Mocked) -> None:
    """With `skip`, `embed_iter` yields a `NotEmbedded` for each text of a failed request only."""
    client, _ = mocked(unless("text 12", refusal(500)), max_retries=0)
    found = read(client, numbers(30), on_error="skip")
    missing = [item for item in found if isinstance(item, NotEmbedded)]
    assert [item.position for item in missing] == list(range(10, 20))
    assert all(isinstance(item.error, ServerError) for item in missing)


def test_what_no_text_escapes_is_raised_although_failures_are_skipped(mocked: Mocked) -> None:
    """A refused token is not a fault of texts."""
    client, recorder = mocked(refusal(401, 10000))
    with pytest.raises(AuthenticationError):
        read(client, numbers(500), on_error="skip", window=40)
    assert len(recorder.requests) <= 4


def test_vectors_of_other_lengths_are_refused(mocked: Mocked) -> None:
    """A later request whose vectors have another length raises instead of mixing them."""
    odd = json.dumps({"result": {"data": [[1.0]] * 10}, "success": True}).encode()
    client, _ = mocked(echo, json_answer(odd))
    with pytest.raises(Exception, match="different lengths"):
        read(client, numbers(20), max_concurrency=1)


def test_progress_counts_texts(mocked: Mocked, capsys: pytest.CaptureFixture[str]) -> None:
    """`on_progress` and the bar count the texts of each answer."""
    client, _ = mocked(echo)
    counts: list[int] = []
    read(client, numbers(25), on_progress=counts.append, show_progress=True)
    assert sorted(counts) == [5, 10, 10]
    assert "25/25" in capsys.readouterr().err


def test_usage_adds_up(mocked: Mocked) -> None:
    """The run says what its answers cost."""
    client, _ = mocked(echo)
    run = client.client.embed_iter(numbers(25), model=BGE, batch_size=10)
    if client.call_style == "sync":
        list(run)
    else:
        client.wait(_drain(run))
    assert run.usage.prompt_tokens == 25
    assert run.requests == 3


async def _drain(run: Any) -> None:
    async for _ in run:
        pass


WRONG: list[dict[str, Any]] = [
    {"texts": "one text"},
    {"texts": 3},
    {"on_error": "ignore"},
    {"window": 0},
    {"max_concurrency": 0},
    {"batch_size": 10_000},
    {"temperature": 1},
    {"model": "@cf/ibm-granite/granite-4.0-h-micro"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
def test_wrong_arguments_are_found_at_once(mocked: Mocked, wrong: dict[str, Any]) -> None:
    """A wrong argument raises at the call, before a text is read."""
    client, recorder = mocked(echo)
    with pytest.raises(ConfigurationError):
        client.client.embed_iter(**{"texts": numbers(3), "model": BGE, **wrong})
    assert recorder.requests == []
