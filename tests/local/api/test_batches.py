"""The local Workers AI's queue: asynchronous batches, submitted and asked for."""

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
    """POST to a model's queue."""

    def send(model: str, body: Any) -> httpx.Response:
        return client.post(f"/run/{model}?queueRequest=true", json=body)

    return send


@pytest.fixture
def submit(ask: Ask) -> Callable[..., str]:
    """Submit requests; the id."""

    def send(model: str, *requests: Any) -> str:
        told = ask(model, {"requests": list(requests)}).json()["result"]
        assert told == {"status": "queued", "request_id": told["request_id"], "model": model}
        return str(told["request_id"])

    return send


@pytest.fixture
def answered(submit: Callable[..., str], ask: Ask) -> Callable[..., dict[str, Any]]:
    """Submit requests and ask until they are answered; the result."""

    def send(model: str, *requests: Any) -> dict[str, Any]:
        request_id = submit(model, *requests)
        told = [ask(model, {"request_id": request_id}).json()["result"] for _ in range(3)]
        assert [result.get("status") for result in told] == ["queued", "running", None]
        result: dict[str, Any] = told[-1]
        return result

    return send


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, LLAMA])
def test_a_batch_is_queued_then_running_then_answered(
    answered: Callable[..., dict[str, Any]], post: Callable[..., httpx.Response], model: str
) -> None:
    """Each request gets what it would get alone, in its place and with its reference."""
    alone = post(model, user("Hello")).json()["result"]

    result = answered(model, user("Hello"), {"prompt": "Once", "external_reference": "mine"})

    first, second = result["responses"]
    assert (first["id"], first["success"], first["external_reference"]) == (0, True, None)
    assert first["result"].keys() == alone.keys()
    assert first["result"]["usage"] == alone["usage"]
    assert (second["id"], second["success"], second["external_reference"]) == (1, True, "mine")
    assert result["usage"] == {
        name: first["result"]["usage"][name] + second["result"]["usage"][name]
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    }


def test_a_question_needs_no_query(submit: Callable[..., str], client: httpx.Client) -> None:
    """`request_id` alone says what is asked for."""
    told = client.post(f"/run/{GRANITE}", json={"request_id": submit(GRANITE, user("Hello"))})

    assert told.json()["result"]["status"] == "queued"


def test_results_can_be_asked_for_again(submit: Callable[..., str], ask: Ask) -> None:
    """The same answers, to the byte."""
    question = {"request_id": submit(GRANITE, user("Hello"))}

    *_, one, other = [ask(GRANITE, question).content for _ in range(4)]

    assert one == other


def test_texts_become_vectors(answered: Callable[..., dict[str, Any]]) -> None:
    """The embedding models take batches too, each request with its own texts."""
    one, other = answered(BGE, {"text": ["a", "b"], "pooling": "cls"}, {"text": "c"})["responses"]
    assert (one["result"]["shape"], one["result"]["pooling"]) == ([2, 768], "cls")
    assert other["result"]["shape"] == [1, 768]

    (ranked,) = answered(BGE_M3, {"query": "a", "contexts": [{"text": "a"}, {"text": "b"}]})[
        "responses"
    ]
    assert {row["id"] for row in ranked["result"]["response"]} == {0, 1}


def test_a_request_without_a_cap_ends_at_256_tokens(
    answered: Callable[..., dict[str, Any]],
) -> None:
    """As the schema of a batch's requests says, and not at the 2000 of a single one."""
    long = " ".join(f"word{n}" for n in range(400))

    cut, whole = answered(GRANITE, user(long), {**user(long), "max_tokens": 2000})["responses"]

    assert cut["result"]["usage"]["completion_tokens"] == 256
    assert cut["result"]["choices"][0]["finish_reason"] == "length"
    assert whole["result"]["choices"][0]["finish_reason"] == "stop"


def test_a_request_that_fails_stays_in_its_place(
    answered: Callable[..., dict[str, Any]],
) -> None:
    """With the errors of the envelope that it would get alone."""
    first, failed, last = answered(
        GRANITE, user("a"), {**user("b"), "max_tokens": 1_000_000}, user("c")
    )["responses"]

    assert (first["success"], failed["success"], last["success"]) == (True, False, True)
    assert failed["result"] is None
    assert failed["errors"][0]["code"] == 5021


def test_stream_has_no_effect_in_a_batch(answered: Callable[..., dict[str, Any]]) -> None:
    """The schema lists it; the answer is a whole one."""
    (row,) = answered(GRANITE, {**user("Hello"), "stream": True})["responses"]

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
def test_refusals(ask: Ask, model: str, body: Any, status: int, code: int) -> None:
    """In Cloudflare's envelope; 8007 and 5504 are the codes that clients report."""
    told = ask(model, body)

    assert told.status_code == status
    assert told.json()["success"] is False
    assert told.json()["errors"][0]["code"] == code


def test_a_batch_belongs_to_its_model(submit: Callable[..., str], ask: Ask) -> None:
    """Asked of another one it is not there."""
    told = ask(SEA_LION, {"request_id": submit(GRANITE, user("a"))})

    assert told.json()["errors"][0]["code"] == 5504


def test_requests_without_the_query_are_refused(client: httpx.Client) -> None:
    """A batch is only queued when asked for."""
    told = client.post(f"/run/{GRANITE}", json={"requests": [user("a")]})

    assert told.json()["errors"][0]["code"] == 8001


def test_the_catalogue_lists_queues_as_cloudflare_s_does(client: httpx.Client) -> None:
    """`async_queue` for llama-3.3 and bge, not for granite, whose page alone describes batches."""

    def properties(name: str) -> set[str]:
        (found,) = client.get("/models/search", params={"search": name}).json()["result"]
        return {item["property_id"] for item in found["properties"]}

    assert "async_queue" in properties(LLAMA)
    assert "async_queue" in properties(BGE)
    assert "async_queue" not in properties(GRANITE)


# --------------------------------------------------------------------------------- memory


def run(body: Any) -> dict[str, Any]:
    return {"result": {"response": body["prompt"]}}


def one(queue: BatchQueue, *prompts: str) -> str:
    body = {"requests": [{"prompt": prompt} for prompt in prompts]}
    return str(queue.submit(MODELS[GRANITE], body)["result"]["request_id"])


def ask_for(queue: BatchQueue, request_id: str) -> dict[str, Any]:
    result: dict[str, Any] = queue.poll(MODELS[GRANITE], request_id, run)["result"]
    return result


def test_the_queue_is_bounded() -> None:
    """The oldest batch leaves, and is then one that is not there."""
    queue = BatchQueue()
    oldest, *_, latest = [one(queue, "a") for _ in range(33)]

    assert ask_for(queue, latest)["status"] == "queued"
    with pytest.raises(ApiFailure, match="5504"):
        ask_for(queue, oldest)


def test_one_question_works_no_longer_than_it_may() -> None:
    """Where answers take time, a batch goes on with each question, and none is answered twice."""
    queue, said = BatchQueue(seconds=0.0), []

    def slow(body: Any) -> dict[str, Any]:
        said.append(body["prompt"])
        return run(body)

    request_id = one(queue, "a", "b", "c")
    told = [queue.poll(MODELS[GRANITE], request_id, slow)["result"] for _ in range(6)]

    assert [result.get("status") for result in told[:4]] == ["queued", *["running"] * 3]
    assert [row["result"]["response"] for row in told[4]["responses"]] == ["a", "b", "c"]
    assert told[5] == told[4]
    assert said == ["a", "b", "c"]


class SlowEcho(EchoEngine):
    """The rule-based engine, served like one that takes time: on threads."""

    blocking = True


@pytest.fixture
def slow(loopback: None) -> Iterator[httpx.Client]:
    with LocalServer(engine=SlowEcho()) as server, client_of(server) as client:
        yield client


def test_an_engine_on_threads_answers_batches_too(slow: httpx.Client) -> None:
    """As one on the event loop does."""
    url = f"/run/{GRANITE}?queueRequest=true"
    told = slow.post(url, json={"requests": [user("a"), user("b")]}).json()["result"]
    question = {"request_id": told["request_id"]}

    *_, last = [slow.post(url, json=question).json()["result"] for _ in range(3)]

    assert [row["id"] for row in last["responses"]] == [0, 1]


def test_a_repeatable_server_gives_the_same_batch_the_same_id(loopback: None) -> None:
    """And the same answers; another batch has another id."""

    def told(*bodies: Any) -> list[bytes]:
        found = []
        with LocalServer(repeatable=True) as server, client_of(server) as client:
            for body in bodies:
                url = f"/run/{GRANITE}?queueRequest=true"
                found.append(client.post(url, json={"requests": [body]}).content)
                request_id = httpx.Response(200, content=found[-1]).json()["result"]["request_id"]
                question = {"request_id": request_id}
                found += [client.post(url, json=question).content for _ in range(3)]
        return found

    one, other = told(user("a"), user("b")), told(user("a"), user("b"))

    assert one == other
    assert one[0] != one[4]
