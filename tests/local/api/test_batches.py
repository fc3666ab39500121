"""The queue of the local server: clients submit a batch, then poll for its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION, client_of, user
from workersai.local import LocalServer
from workersai.local.api.batches import BatchQueue
from workersai.local.api.errors import ApiFailure
from workersai.local.api.models import MODELS
from workersai.local.engines.echo import EchoEngine

BGE = "@cf/baai/bge-base-en-v1.5"
BGE_M3 = "@cf/baai/bge-m3"

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    """Return a function that posts a body to a model's queue."""

    def send(model: str, body: Any) -> httpx.Response:
        return client.post(f"/run/{model}?queueRequest=true", json=body)

    return send


@pytest.fixture
def submit(ask: Ask) -> Callable[..., str]:
    """Return a function that submits requests and returns the batch's id."""

    def send(model: str, *requests: Any) -> str:
        reply = ask(model, {"requests": list(requests)}).json()["result"]
        assert reply == {"status": "queued", "request_id": reply["request_id"], "model": model}
        return str(reply["request_id"])

    return send


@pytest.fixture
def batch_result(submit: Callable[..., str], ask: Ask) -> Callable[..., dict[str, Any]]:
    """Return a function that submits requests, polls for the answers and returns the result."""

    def send(model: str, *requests: Any) -> dict[str, Any]:
        request_id = submit(model, *requests)
        replies = [ask(model, {"request_id": request_id}).json()["result"] for _ in range(3)]
        assert [result.get("status") for result in replies] == ["queued", "running", None]
        result: dict[str, Any] = replies[-1]
        return result

    return send


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, LLAMA])
def test_a_batch_is_queued_then_running_then_answered(
    batch_result: Callable[..., dict[str, Any]], post: Callable[..., httpx.Response], model: str
) -> None:
    """A batch answers each request in order, as if sent alone, and repeats its reference."""
    alone = post(model, user("Hello")).json()["result"]

    result = batch_result(model, user("Hello"), {"prompt": "Once", "external_reference": "mine"})

    first, second = result["responses"]
    assert (first["id"], first["success"], first["external_reference"]) == (0, True, None)
    assert first["result"].keys() == alone.keys()
    assert first["result"]["usage"] == alone["usage"]
    assert (second["id"], second["success"], second["external_reference"]) == (1, True, "mine")
    assert result["usage"] == {
        name: first["result"]["usage"][name] + second["result"]["usage"][name]
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    }


def test_polling_needs_no_query(submit: Callable[..., str], client: httpx.Client) -> None:
    """A client polls with `request_id` in the body; it needs no `queueRequest` in the URL."""
    reply = client.post(f"/run/{GRANITE}", json={"request_id": submit(GRANITE, user("Hello"))})

    assert reply.json()["result"]["status"] == "queued"


def test_results_can_be_polled_again(submit: Callable[..., str], ask: Ask) -> None:
    """Polling a finished batch again returns the same bytes."""
    question = {"request_id": submit(GRANITE, user("Hello"))}

    *_, third, fourth = [ask(GRANITE, question).content for _ in range(4)]

    assert third == fourth


def test_texts_become_vectors(batch_result: Callable[..., dict[str, Any]]) -> None:
    """Embedding models accept batches, in which each request has its own texts."""
    first, second = batch_result(BGE, {"text": ["a", "b"], "pooling": "cls"}, {"text": "c"})[
        "responses"
    ]
    assert (first["result"]["shape"], first["result"]["pooling"]) == ([2, 768], "cls")
    assert second["result"]["shape"] == [1, 768]

    (ranked,) = batch_result(BGE_M3, {"query": "a", "contexts": [{"text": "a"}, {"text": "b"}]})[
        "responses"
    ]
    assert {row["id"] for row in ranked["result"]["response"]} == {0, 1}


def test_a_request_without_a_cap_ends_at_256_tokens(
    batch_result: Callable[..., dict[str, Any]],
) -> None:
    """Batched requests default to 256 tokens, as their schema says; single ones to 2000."""
    long = " ".join(f"word{n}" for n in range(400))

    cut, whole = batch_result(GRANITE, user(long), {**user(long), "max_tokens": 2000})["responses"]

    assert cut["result"]["usage"]["completion_tokens"] == 256
    assert cut["result"]["choices"][0]["finish_reason"] == "length"
    assert whole["result"]["choices"][0]["finish_reason"] == "stop"


def test_a_request_that_fails_stays_in_its_place(
    batch_result: Callable[..., dict[str, Any]],
) -> None:
    """A request that fails keeps its place and has the errors that it would get alone."""
    first, failed, last = batch_result(
        GRANITE, user("a"), {**user("b"), "max_tokens": 1_000_000}, user("c")
    )["responses"]

    assert (first["success"], failed["success"], last["success"]) == (True, False, True)
    assert failed["result"] is None
    assert failed["errors"][0]["code"] == 5021


def test_stream_has_no_effect_in_a_batch(batch_result: Callable[..., dict[str, Any]]) -> None:
    """A batch ignores `stream`, which its schema lists, and returns whole answers."""
    (row,) = batch_result(GRANITE, {**user("Hello"), "stream": True})["responses"]

    assert row["result"]["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("model", "body", "status", "code"),
    [
        (GRANITE, {"request_id": "b5f0a8d2-0000-4000-8000-000000000000"}, 404, 5504),
        (GRANITE, {"request_id": 7}, 404, 5504),
        (GLM, {"requests": [user("a")]}, 400, 8007),
        (GRANITE, user("a"), 400, 5006),
        (GRANITE, {"requests": []}, 400, 5006),
        (GRANITE, {"requests": "a"}, 400, 5006),
        (GRANITE, {"requests": [{"max_tokens": 1}]}, 400, 5006),
        (GRANITE, {"requests": [{**user("a"), "temperature": 9}]}, 400, 5006),
        (GRANITE, {"requests": [{"prompt": "a", "external_reference": 7}]}, 400, 5006),
        (LLAMA, {"requests": [user("a"), {"prompt": ""}]}, 400, 5006),
        (BGE, {"requests": [{"text": ["a"] * 101}]}, 400, 5006),
        (GRANITE, {"requests": [{"prompt": "a" * 10_000_000}]}, 413, 3006),
        ("@cf/acme/none", {"requests": [user("a")]}, 400, 7000),
        ("@cf/meta/llama-3-8b-instruct", {"requests": [user("a")]}, 410, 5028),
    ],
)
def test_wrong_batches_are_refused(ask: Ask, model: str, body: Any, status: int, code: int) -> None:
    """The queue refuses wrong requests in Cloudflare's envelope.

    Clients have reported the codes 8007 and 5504.
    """
    reply = ask(model, body)

    assert reply.status_code == status
    assert reply.json()["success"] is False
    assert reply.json()["errors"][0]["code"] == code


def test_a_batch_belongs_to_its_model(submit: Callable[..., str], ask: Ask) -> None:
    """Polling another model for a batch is refused with 5504."""
    reply = ask(SEA_LION, {"request_id": submit(GRANITE, user("a"))})

    assert reply.json()["errors"][0]["code"] == 5504


def test_requests_without_the_query_are_refused(client: httpx.Client) -> None:
    """The server queues a batch only if the URL has `queueRequest=true`."""
    reply = client.post(f"/run/{GRANITE}", json={"requests": [user("a")]})

    assert reply.json()["errors"][0]["code"] == 8001


def test_the_catalogue_lists_queues_as_cloudflare_s_does(client: httpx.Client) -> None:
    """The catalogue lists `async_queue` for llama-3.3 and bge, but not for granite.

    Only granite's page describes its batches.
    """

    def properties(name: str) -> set[str]:
        (model,) = client.get("/models/search", params={"search": name}).json()["result"]
        return {item["property_id"] for item in model["properties"]}

    assert "async_queue" in properties(LLAMA)
    assert "async_queue" in properties(BGE)
    assert "async_queue" not in properties(GRANITE)


# --------------------------------------------------------------------------------- memory


def run(body: Any) -> dict[str, Any]:
    """Answer a request with its own prompt."""
    return {"result": {"response": body["prompt"]}}


def submit_prompts(queue: BatchQueue, *prompts: str) -> str:
    body = {"requests": [{"prompt": prompt} for prompt in prompts]}
    return str(queue.submit(MODELS[GRANITE], body)["result"]["request_id"])


def poll(queue: BatchQueue, request_id: str) -> dict[str, Any]:
    result: dict[str, Any] = queue.poll(MODELS[GRANITE], request_id, run)["result"]
    return result


def test_the_queue_is_bounded() -> None:
    """The queue drops its oldest batch when it is full; polling for that batch is refused."""
    queue = BatchQueue()
    oldest, *_, latest = [submit_prompts(queue, "a") for _ in range(33)]

    assert poll(queue, latest)["status"] == "queued"
    with pytest.raises(ApiFailure, match="5504"):
        poll(queue, oldest)


def test_a_poll_works_for_a_limited_time() -> None:
    """A poll works for a limited time; the next poll goes on and repeats no request."""
    queue, prompts = BatchQueue(seconds=0.0), []

    def slow(body: Any) -> dict[str, Any]:
        prompts.append(body["prompt"])
        return run(body)

    request_id = submit_prompts(queue, "a", "b", "c")
    replies = [queue.poll(MODELS[GRANITE], request_id, slow)["result"] for _ in range(6)]

    assert [result.get("status") for result in replies[:4]] == ["queued", *["running"] * 3]
    assert [row["result"]["response"] for row in replies[4]["responses"]] == ["a", "b", "c"]
    assert replies[5] == replies[4]
    assert prompts == ["a", "b", "c"]


class SlowEcho(EchoEngine):
    """The rule-based engine, run on threads as slow engines are."""

    blocking = True


@pytest.fixture
def slow(loopback: None) -> Iterator[httpx.Client]:
    with LocalServer(engine=SlowEcho()) as server, client_of(server) as client:
        yield client


def test_an_engine_on_threads_answers_batches_too(slow: httpx.Client) -> None:
    """An engine that runs on threads answers batches too."""
    url = f"/run/{GRANITE}?queueRequest=true"
    reply = slow.post(url, json={"requests": [user("a"), user("b")]}).json()["result"]
    question = {"request_id": reply["request_id"]}

    *_, last = [slow.post(url, json=question).json()["result"] for _ in range(3)]

    assert [row["id"] for row in last["responses"]] == [0, 1]


def test_a_repeatable_server_gives_the_same_batch_the_same_id(loopback: None) -> None:
    """A repeatable server answers the same batch with the same id and the same bytes."""

    def answers(*bodies: Any) -> list[bytes]:
        contents = []
        with LocalServer(repeatable=True) as server, client_of(server) as client:
            for body in bodies:
                url = f"/run/{GRANITE}?queueRequest=true"
                contents.append(client.post(url, json={"requests": [body]}).content)
                request_id = httpx.Response(200, content=contents[-1]).json()["result"][
                    "request_id"
                ]
                question = {"request_id": request_id}
                contents += [client.post(url, json=question).content for _ in range(3)]
        return contents

    first, second = answers(user("a"), user("b")), answers(user("a"), user("b"))

    assert first == second
    assert first[0] != first[4]
