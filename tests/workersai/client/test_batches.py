"""Batches: what the client submits, what it reads, and how long it waits for results."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Iterable
from typing import Any, cast

import httpx
import pytest
from hypothesis import given, settings

from tests.workersai.anything import ANYTHING
from tests.workersai.conftest import Mocked, Serve, Speaks
from tests.workersai.loopback import WAIT, Peer, Seen
from tests.workersai.talking import (
    BGE,
    BGE_M3,
    GLM,
    GRANITE,
    HELLO,
    LLAMA,
    QWEN_EMBEDDING,
    RERANKER,
    SEA_LION,
    SECRETS,
    TOKEN,
    UNKNOWN,
    WEATHER,
    call_options,
    json_answer,
    refusal,
)
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BatchJob,
    BatchRequest,
    BatchResult,
    BatchStatus,
    ConfigurationError,
    ContextWindowExceededError,
    EmbeddingResult,
    InvalidRequestError,
    NotFoundError,
    ResponseError,
    ServerError,
    Timeout,
    ToolCall,
    Usage,
    WorkersAIError,
)
from workersai._request.batch import poll_request, submit_request
from workersai._request.chat import ChatOptions, chat_request, completion_request
from workersai._request.embeddings import EmbeddingRequests
from workersai._response.batch import parse_polled, parse_submitted
from workersai._response.errors import error_from_body
from workersai._response.reply import Reply
from workersai._wire import Request
from workersai.client.batches import AsyncBatches, SyncBatches
from workersai.client.polling import Poll, waiting

ID = "768f15b7-4fd6-4498-906e-ad94ffc7f8d2"


def items(*requests: dict[str, Any]) -> list[BatchRequest]:
    """Draw requests as a caller would write them, including wrong ones."""
    return cast("list[BatchRequest]", list(requests))


def submitted(*requests: dict[str, Any], model: str = GRANITE) -> list[Any]:
    """Return the requests of a batch as the client sends them."""
    sent: list[Any] = json.loads(submit_request(items(*requests), model).content)["requests"]
    return sent


def body(request: Request) -> Any:
    return json.loads(request.content)


# ----------------------------------------------------------------------------- submitting


def test_a_submission_goes_to_the_queue_of_the_native_route() -> None:
    """The client posts the list of requests to `/run/{model}?queueRequest=true`."""
    request = submit_request(items({"prompt": "a"}, {"prompt": "b"}), GRANITE)

    assert (request.method, request.path) == ("POST", f"/run/{GRANITE}")
    assert request.params == {"queueRequest": "true"}
    assert list(body(request)) == ["requests"]
    assert request.count == 2


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, LLAMA, UNKNOWN])
def test_each_request_is_what_it_would_be_alone(model: str) -> None:
    """A batch builds messages, tools and prompts as `chat` and `complete` build them."""
    options: dict[str, Any] = {"temperature": 0.5, "max_tokens": 9, "extra": {"future": 1}}
    call = ChatOptions(model, call_options(options))

    chat, prompt = submitted(
        {"messages": HELLO, "tools": [WEATHER], "tool_choice": "any", **options},
        {"prompt": "Once", **options},
        model=model,
    )

    assert chat == body(chat_request(HELLO, call, tools=[WEATHER], tool_choice="any"))
    assert prompt == body(completion_request("Once", call))


@pytest.mark.parametrize("model", [BGE, BGE_M3])
def test_texts_are_what_they_would_be_alone(model: str) -> None:
    """A batch builds an embedding request as `embed` builds it."""
    (alone,) = EmbeddingRequests(["a", "b"], model, "run", {"truncate": True})

    assert submitted({"texts": ["a", "b"], "truncate": True}, model=model) == [body(alone.request)]


def test_the_cap_of_the_page_is_sent() -> None:
    """The client sends the page's token cap: without one, a batch stops at 256 tokens."""
    assert [sent["max_tokens"] for sent in submitted({"prompt": "a"}, {"messages": HELLO})] == [
        2000,
        2000,
    ]


def test_a_reference_is_sent_with_its_request() -> None:
    """`external_reference` is sent beside the request's own fields, if the caller set one."""
    one, other = submitted({"prompt": "a", "external_reference": "mine"}, {"prompt": "b"})

    assert one["external_reference"] == "mine"
    assert "external_reference" not in other


def test_what_the_caller_passed_stays_as_it_is() -> None:
    """The client changes neither the caller's list nor a request in it."""
    given_items = items({"messages": HELLO, "external_reference": "x", "max_tokens": None})
    before = json.dumps(given_items)

    submit_request(given_items, GRANITE)

    assert json.dumps(given_items) == before


@pytest.mark.parametrize(
    ("requests", "model", "parameter", "why"),
    [
        ([], GRANITE, "requests", "at least one"),
        ("text", GRANITE, "requests", "a list"),
        ({"prompt": "a"}, GRANITE, "requests", "a list"),
        (iter([{"prompt": "a"}]), GRANITE, "requests", "a list"),
        (["text"], GRANITE, "requests", r"requests\[0\] must be a dict"),
        ([{"prompt": "a", "messages": HELLO}], GRANITE, "requests", r"requests\[0\].*messages and"),
        ([{"max_tokens": 1}], GRANITE, "requests", r"requests\[0\].*not none"),
        ([{"prompt": "a"}, {"prompt": ""}], GRANITE, "prompt", r"requests\[1\]: prompt must"),
        ([{"prompt": "a", "temperature": 9}], GRANITE, "temperature", "between 0 and 5"),
        ([{"prompt": "a", "tools": [WEATHER]}], GRANITE, "tools", "not a parameter"),
        ([{"prompt": "a", "model": GLM}], GRANITE, "model", "for the whole batch"),
        ([{"prompt": "a", "extra": {"stream": True}}], GRANITE, "stream", "twice"),
        ([{"texts": []}], BGE, "texts", "not be empty"),
        ([{"texts": ["a", ""]}], BGE, "texts", r"texts\[1\].*blank"),
        ([{"texts": ["a"] * 101}], BGE, "texts", "allows 100"),
        ([{"texts": ["a"], "temperature": 1}], BGE, "temperature", "not a parameter of embed"),
        ([{"texts": ["a"], "pooling": "max"}], BGE, "pooling", "mean, cls"),
        ([{"prompt": "a", "external_reference": 7}], GRANITE, "external_reference", "a string"),
        (
            [{"prompt": "a", "external_reference": "x"}] * 2,
            GRANITE,
            "external_reference",
            r"requests\[1\].*unique in the batch",
        ),
        ([{"prompt": "a" * 10_000_000}], GRANITE, "requests", "below 10000000 bytes"),
        ([{"messages": HELLO}], GLM, "model", "takes no batches: its page lists prompt, messages"),
        ([{"texts": ["a"]}], QWEN_EMBEDDING, "model", "takes no batches"),
        ([{"prompt": "a"}], RERANKER, "model", "takes no batches"),
        ([{"prompt": "a"}], "no/../id", "model", "not a model id"),
    ],
)
def test_a_batch_that_cannot_work_is_refused_before_any_request(
    requests: Any, model: str, parameter: str, why: str
) -> None:
    """The error names the wrong parameter and the position of its request."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        submit_request(requests, model)

    assert caught.value.parameter == parameter


@pytest.mark.parametrize("model", [GRANITE, SEA_LION, LLAMA, BGE, BGE_M3, UNKNOWN])
def test_a_model_that_may_have_a_queue_is_asked(model: str) -> None:
    """The client submits if the page or the catalogue lists batches, or if it knows nothing."""
    request = {"texts": ["a"]} if model in (BGE, BGE_M3) else {"prompt": "a"}

    assert submitted(request, model=model)


@pytest.mark.parametrize("setting", [{"endpoint": "openai"}, {"reject_if_busy": True}])
def test_settings_that_exclude_batches_are_refused(mocked: Mocked, setting: dict[str, Any]) -> None:
    """The client refuses a batch on the OpenAI route, or together with `reject_if_busy`."""
    speaker, recorder = mocked(json_answer(b"{}"), model=GRANITE, **setting)

    with pytest.raises(ConfigurationError) as caught:
        speaker.call("batches.submit", items({"prompt": "a"}))

    assert caught.value.parameter == next(iter(setting))
    assert recorder.requests == []


# -------------------------------------------------------------------------------- reading

BATCH = BatchJob(ID, GRANITE)


def reply(result: Any, status: int = 200) -> Reply:
    document = {"result": result, "success": True, "errors": [], "messages": []}
    return Reply(status, {"cf-ray": "ray-1"}, json.dumps(document).encode(), SECRETS)


def polled(result: Any, batch: BatchJob = BATCH) -> BatchJob:
    return parse_polled(reply(result), poll_request(batch.request_id, batch.model), batch)


def done(*rows: Any, batch: BatchJob = BATCH, **more: Any) -> BatchJob:
    found = polled({"responses": list(rows), **more}, batch)
    assert found.status == "done"
    return found


def row(place: Any, result: Any = None, **more: Any) -> dict[str, Any]:
    result = {"response": f"text {place}"} if result is None else result
    return {"id": place, "result": result, "success": True, "external_reference": None, **more}


def texts(found: BatchJob) -> list[str]:
    return [result.chat.text for result in found.results if result.chat]


def error_of(found: BatchJob, place: int) -> WorkersAIError | None:
    """Return the error of one request, which then has no answer."""
    result = found.results[place]
    assert (result.chat, result.embedding) == (None, None)
    return result.error


def of(*references: str | None) -> BatchJob:
    return BatchJob(ID, GRANITE, references=references)


def test_a_place_in_the_queue() -> None:
    """The batch takes its id from the answer and its model from the request."""
    request = submit_request(items({"prompt": "a", "external_reference": "x"}), GRANITE)
    answer = reply({"status": "queued", "request_id": ID, "model": "@cf/an/alias"})

    assert parse_submitted(answer, request, ["x"]) == BatchJob(ID, GRANITE, "queued", ("x",))


@pytest.mark.parametrize("answer", [{"status": "queued"}, {"request_id": 7}, {"request_id": ""}])
def test_a_submission_without_an_id_raises(answer: dict[str, Any]) -> None:
    """An answer without an id raises, because the caller cannot know if it was queued."""
    request = submit_request(items({"prompt": "a"}), GRANITE)

    with pytest.raises(ResponseError, match="request_id"):
        parse_submitted(reply(answer), request, [None])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("queued", "queued"),
        ("pending", "queued"),
        ("running", "running"),
        ("processing", "running"),
        ("in_progress", "running"),
    ],
)
def test_a_batch_that_is_not_done(sent: str, status: BatchStatus) -> None:
    """A poll of a running batch returns its new status, one of two words, and its old details."""
    batch = of("a", None)

    found = polled({"status": sent}, batch)

    assert found == dataclasses.replace(batch, status=status)
    assert not found.has_ended


@pytest.mark.parametrize("answer", [{"status": "lost"}, {"status": 7}, {"responses": None}, "?"])
def test_an_unknown_status_raises(answer: Any) -> None:
    """An unknown status raises instead of being waited for; the error holds the id."""
    with pytest.raises(ResponseError, match=ID):
        polled(answer)


@pytest.mark.parametrize("status", ["error", "failed"])
def test_a_batch_that_failed_as_a_whole(status: str) -> None:
    """A failed batch is done and has an error in place of results, as public clients saw one."""
    found = polled({"status": status, "error": {"code": 3030, "message": "1 validation error"}})

    assert (found.status, found.results, found.has_ended) == ("failed", (), True)
    assert isinstance(found.error, InvalidRequestError)
    assert found.error.code == 3030


def test_responses_come_in_the_order_of_the_requests() -> None:
    """Results are sorted by the ids of the rows, whatever order the server sends."""
    found = done(row(2), row(0), row(1), usage={"prompt_tokens": 4, "completion_tokens": 2})

    assert texts(found) == ["text 0", "text 1", "text 2"]
    assert [result.index for result in found.results] == [0, 1, 2]
    assert found.usage == Usage(4, 2, 6)
    assert (found.request_id, found.model) == (ID, GRANITE)


def test_references_make_the_order_where_ids_do_not() -> None:
    """The caller's references sort the results if the ids are no indices."""
    rows = [row("x", {"response": name}, external_reference=name) for name in ("b", "a")]

    found = done(*rows, batch=of("a", "b"))

    assert texts(found) == ["a", "b"]


def test_rows_without_keys_stand_in_order() -> None:
    """Rows without ids and references keep the order of the list, as in public clients."""
    completion = {"id": "chatcmpl-1", "choices": [{"message": {"content": "one"}}]}

    found = polled({"results": [completion, {"response": "two"}, "three"]}, of(None, None, None))

    assert texts(found) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("rows", "batch"),
    [
        ([row(0), row(0)], BATCH),
        ([row(0), row(None)], BATCH),
        ([row(5)], of(None, None)),
        ([row(-1)], BATCH),
        ([row(10**9)], BATCH),
        ([row(None)], of(None, None)),
        ([row(12345), row(12346)], BATCH),
        ([row(999_999)], BATCH),
    ],
)
def test_ids_that_make_no_order_raise(rows: list[Any], batch: BatchJob) -> None:
    """Ids that match no request raise, so that no answer is given to the wrong request."""
    with pytest.raises(ResponseError, match="are not an order"):
        done(*rows, batch=batch)


def test_a_missing_answer_is_an_error_in_its_place() -> None:
    """A missing answer becomes an error with the caller's reference; other answers stay."""
    found = done(row(2), row(0), batch=of("a", "b", "c"))

    first, missing, last = found.results
    assert isinstance(missing.error, ResponseError)
    assert missing.external_reference == "b"
    assert [first.index, missing.index, last.index] == [0, 1, 2]
    assert texts(found) == ["text 0", "text 2"]


@pytest.mark.parametrize(
    ("failed", "error", "code"),
    [
        ({"errors": [{"code": 5021, "message": "long"}]}, ContextWindowExceededError, 5021),
        ({"error": {"code": 3030, "message": "no"}}, InvalidRequestError, 3030),
        ({"error": "it broke"}, ServerError, None),
        ({"message": "it broke"}, ServerError, None),
        ({"result": {"error": {"code": 5006, "message": "no"}}}, InvalidRequestError, 5006),
        ({"result": "it broke"}, ServerError, None),
        ({"result": None}, ServerError, None),
    ],
)
def test_a_request_that_failed_is_a_typed_error_in_its_place(
    failed: dict[str, Any], error: type[APIStatusError], code: int | None
) -> None:
    """A failed request becomes a typed error at its position, in every shape of failure."""
    found = done(row(0), {"id": 1, "success": False, **failed}, row(2))

    failure = error_of(found, 1)
    assert isinstance(failure, error)
    assert failure.code == code
    assert failure.model == GRANITE
    assert texts(found) == ["text 0", "text 2"]


@pytest.mark.parametrize("answer", [{}, {"what": 1}, {"choices": [1]}, {"data": [["x"]]}])
def test_an_answer_that_cannot_be_read_is_an_error_in_its_place(answer: Any) -> None:
    """An unreadable answer becomes an error at its position; the others are read."""
    found = done(row(0), row(1, answer))

    assert texts(found) == ["text 0"]
    assert isinstance(error_of(found, 1), ResponseError)


def test_answers_are_read_in_every_shape() -> None:
    """A batch reads chat completions, parsed JSON, calls without ids, and vectors."""
    call = {"name": "f", "arguments": {"a": 1}}
    rows = [
        json.dumps(row(0, {"choices": [{"message": {"content": "a"}}], "usage": {}})),
        '{"id": 1, "result": {"response": {"n": 1.50}}, "success": true}',
        json.dumps(row(2, {"response": None, "tool_calls": [call]})),
        json.dumps(row(3, {"data": [[1, 2.5]], "shape": [1, 2], "pooling": "cls"})),
    ]
    document = '{"result": {"responses": [' + ",".join(rows) + "]}}"
    answer = Reply(200, {}, document.encode(), ())

    found = parse_polled(answer, poll_request(ID, GRANITE), BATCH)

    chat, value, calling, vectors = found.results
    assert chat.chat
    assert chat.chat.text == "a"
    assert value.chat
    assert value.chat.text == '{"n": 1.50}'
    assert calling.chat
    assert isinstance(calling.chat.tool_calls[0], ToolCall)
    made = EmbeddingResult([[1.0, 2.5]], None, GRANITE, "cls")
    assert vectors == BatchResult(3, embedding=made)


def test_made_ids_of_calls_differ_between_requests() -> None:
    """Calls without ids get ids that are unique in the whole batch."""
    answer = {"response": None, "tool_calls": [{"name": "f", "arguments": {}}]}
    found = done(row(0, answer), row(1, answer))

    made = [result.chat.tool_calls[0].id for result in found.results if result.chat]
    assert len(set(made)) == 2


def test_many_parsed_answers_are_read_in_one_go() -> None:
    """The client parses the document a second time once per batch, not once per answer."""
    rows = [row(place, {"response": {"n": [1.5] * 50}}) for place in range(2000)]

    assert len(texts(done(*rows))) == 2000


def test_no_secret_shows_in_an_error_of_a_request() -> None:
    """The client removes a token that the server echoes."""
    found = done({"id": 0, "success": False, "error": f"bad {TOKEN}"}, row(1, {TOKEN: 1}))

    assert TOKEN not in "".join(str(result) for result in found.results)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_any_answer_is_read_or_refused(anything: Any) -> None:
    """For any JSON in the list, the client returns results or raises its own errors."""
    for answer in (anything, {"responses": anything}, {"responses": [anything, row(0)]}):
        try:
            found = polled(answer)
        except WorkersAIError:
            continue
        assert isinstance(found, BatchJob)


def test_a_batch_can_be_stored() -> None:
    """A batch stored as JSON or as a pickle loads as an equal batch."""
    batch = of("a", None)

    assert BatchJob(**json.loads(json.dumps(dataclasses.asdict(batch)))) == batch
    assert pickle.loads(pickle.dumps(batch)) == batch


# -------------------------------------------------------------------------------- waiting

LIMITS = Timeout(total=600)


class Waiting:
    """A wait on a clock that advances by its delays; *outcomes* are the results of the polls."""

    def __init__(
        self, outcomes: Iterable[BatchJob | WorkersAIError], seconds: float = 0.0, **options: Any
    ) -> None:
        self.now = 1000.0
        self.polls: list[Poll] = []
        flow = waiting(BATCH, LIMITS, clock=lambda: self.now, **options)
        poll = next(flow)
        for outcome in outcomes:
            self.polls.append(poll)
            self.now += poll.delay + seconds
            poll = flow.throw(outcome) if isinstance(outcome, Exception) else flow.send(outcome)
        self.polls.append(poll)

    @property
    def delays(self) -> list[float]:
        return [poll.delay for poll in self.polls]


RUNNING = dataclasses.replace(BATCH, status="running")


def watch(begun: list[float], interval: float) -> None:
    """Wait for a minute without success; *begun* collects the start time of each poll."""
    now = 0.0
    flow = waiting(BATCH, LIMITS, clock=lambda: now, timeout=60, interval=interval)
    poll = next(flow)
    while True:
        now += poll.delay
        begun.append(now)
        poll = flow.send(RUNNING)


UNSEEN = error_from_body({"errors": [{"code": 5504, "message": "Request not found in queue"}]})
BUSY = error_from_body({"errors": [{"code": 3040, "message": "busy"}]})


def test_delays_double_up_to_half_a_minute() -> None:
    """The first poll is sent at once; each later delay doubles, up to 30 seconds."""
    wait = Waiting([BATCH, *[RUNNING] * 7], timeout=3600)

    assert wait.delays == [0, 1, 2, 4, 8, 16, 30, 30, 30]
    assert wait.polls[-1].batch == RUNNING


def test_the_interval_is_the_first_delay() -> None:
    """The interval is the first and shortest delay, also if it is above 30 seconds."""
    assert Waiting([BATCH] * 3, timeout=3600, interval=45).delays == [0, 45, 45, 45]


def test_the_wait_ends_in_time_with_the_batch() -> None:
    """The last delays get shorter so that the wait ends in time; the error holds the batch."""
    with pytest.raises(APITimeoutError, match=f"{ID}.*'running'.*stays in the queue") as caught:
        Waiting([RUNNING] * 100, timeout=60)

    assert caught.value.phase == "total"
    assert caught.value.batch == RUNNING
    assert pickle.loads(pickle.dumps(caught.value)).batch == RUNNING


def test_no_poll_begins_after_the_end_and_none_is_given_more_than_is_left() -> None:
    """Each poll starts before the wait ends and may take no longer than the rest of it."""
    wait = Waiting([RUNNING] * 6, timeout=60)

    begun = 0.0
    for poll in wait.polls:
        begun += poll.delay
        assert begun < 60
        assert poll.timeout.total <= max(60 - begun, 1)
        assert poll.timeout.first_byte == LIMITS.first_byte


@pytest.mark.parametrize("interval", [10, 60, 600])
def test_a_long_interval_leaves_no_part_of_the_wait_unused(interval: float) -> None:
    """The last poll starts just before the end, and takes no longer than the wait."""
    assert Waiting([], timeout=60, interval=interval).polls[0].timeout.total == 60
    begun: list[float] = []
    with pytest.raises(APITimeoutError):
        watch(begun, interval)
    assert 48 <= begun[-1] < 60


def test_without_a_timeout_the_total_of_the_client_counts() -> None:
    """Without a timeout the wait lasts as long as the client's total, ten minutes by default."""
    with pytest.raises(APITimeoutError, match="600 s"):
        Waiting([RUNNING] * 100)


def test_errors_that_may_pass_are_waited_out() -> None:
    """The wait polls again after a temporary error; at its end it raises the last error."""
    assert Waiting([BUSY, APIConnectionError("gone"), RUNNING]).delays == [0, 1, 2, 4]
    with pytest.raises(APITimeoutError, match=r"the last poll failed: .*3040"):
        Waiting([BUSY] * 100, timeout=10)


def test_errors_that_stay_end_the_wait() -> None:
    """A permanent error ends the wait and is raised unchanged."""
    denied = error_from_body({"errors": [{"code": 10000, "message": "no"}]})
    with pytest.raises(AuthenticationError):
        Waiting([RUNNING, denied])


def test_a_new_batch_may_be_unknown_for_a_minute() -> None:
    """Error 5504 is retried in the first minute, as clients saw it; later it is final."""
    assert len(Waiting([UNSEEN, UNSEEN, RUNNING]).polls) == 4
    with pytest.raises(NotFoundError):
        Waiting([RUNNING, UNSEEN])
    with pytest.raises(NotFoundError):
        Waiting([UNSEEN] * 100, timeout=3600)


@pytest.mark.parametrize("name", ["timeout", "interval"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e12, "1"])
def test_a_wait_takes_seconds(name: str, value: Any) -> None:
    """The client refuses a timeout or interval that is no number of seconds."""
    with pytest.raises(ConfigurationError, match=name):
        Waiting([], **{name: value})


# -------------------------------------------------------------------------------- clients


def envelope(result: Any) -> Any:
    return json_answer(json.dumps({"result": result, "success": True}).encode())


QUEUED = envelope({"status": "queued", "request_id": ID, "model": GRANITE})
STILL = envelope({"status": "running"})
DONE = envelope({"responses": [row(1), row(0)]})


def test_submit_and_wait(mocked: Mocked) -> None:
    """The client submits a batch and polls until the results are there, sync and async."""
    speaker, recorder = mocked(QUEUED, QUEUED, STILL, DONE, model=GRANITE)

    batch = speaker.call("batches.submit", items({"prompt": "a"}, {"prompt": "b"}))
    found = speaker.call("batches.wait", batch, interval=1e-6)

    assert batch == BatchJob(ID, GRANITE, references=(None, None))
    assert texts(found) == ["text 0", "text 1"]
    assert recorder.bodies[1:] == [{"request_id": ID}] * 3
    assert {request.url.query for request in recorder.requests} == {b"queueRequest=true"}
    assert {request.method for request in recorder.requests} == {"POST"}


def test_results_from_the_id_alone(mocked: Mocked) -> None:
    """The id and the model are enough to get the results in another process."""
    speaker, recorder = mocked(DONE, model=GRANITE)

    assert texts(speaker.call("batches.wait", ID)) == ["text 0", "text 1"]
    assert texts(speaker.call("batches.get", ID, model=SEA_LION)) == ["text 0", "text 1"]
    assert [str(r.url.path).partition("/run/")[2] for r in recorder.requests] == [GRANITE, SEA_LION]


FAILED = envelope({"status": "failed", "error": {"code": 3030, "message": "no"}})


def test_a_batch_that_has_ended_is_not_asked_for_again(mocked: Mocked) -> None:
    """A finished batch holds its results, and a poll returns it without a request."""
    speaker, recorder = mocked(DONE, model=GRANITE)
    found = speaker.call("batches.get", ID)

    assert speaker.call("batches.get", found) is found
    assert speaker.call("batches.wait", found) is found
    assert len(recorder.requests) == 1


def test_a_wait_for_a_batch_that_failed_raises(mocked: Mocked) -> None:
    """A single poll returns the failed status; a wait raises the reason."""
    speaker, _ = mocked(FAILED, model=GRANITE)
    found = speaker.call("batches.get", ID)

    assert found.status == "failed"
    for batch in (ID, found):
        with pytest.raises(InvalidRequestError, match="3030"):
            speaker.call("batches.wait", batch)


def test_options_of_one_call(mocked: Mocked) -> None:
    """The client sends a call's headers and options with a submission and with each poll."""
    speaker, recorder = mocked(QUEUED, STILL, DONE, model=GRANITE)

    speaker.call("batches.submit", items({"prompt": "a"}), session_affinity="s", timeout=9)
    speaker.call("batches.get", ID, headers={"x-mine": "1"}, timeout=None)
    speaker.call("batches.wait", ID, headers={"x-mine": "1"}, timeout=60, max_retries=0)

    assert recorder.requests[0].headers["x-session-affinity"] == "s"
    assert [request.headers.get("x-mine") for request in recorder.requests] == [None, "1", "1"]


def test_one_poll_asks_once(mocked: Mocked) -> None:
    """`batches.get` sends one request and does not wait."""
    speaker, recorder = mocked(STILL, model=GRANITE)

    assert speaker.call("batches.get", BatchJob(ID, SEA_LION)) == BatchJob(ID, SEA_LION, "running")
    assert len(recorder.requests) == 1


def test_a_poll_that_times_out_states_the_rest_of_the_wait(speaks: Speaks, serve: Serve) -> None:
    """The timeout error of a poll states the rest of the wait, not the client's total."""

    def hang(peer: Peer, seen: Seen) -> None:
        peer.server.release.wait(WAIT)

    server = serve(hang)
    client = speaks(model=GRANITE, base_url=server.base_url, max_retries=0)

    with pytest.raises(APITimeoutError, match=r"its total of 0\.1 s"):
        client.call("batches.wait", ID, timeout=0.1, interval=1)


def test_a_wait_survives_temporary_errors(mocked: Mocked) -> None:
    """A batch that is not known yet and a failing server do not end the wait."""
    unseen, broken = refusal(404, 5504, "Request not found in queue"), refusal(503)
    speaker, _ = mocked(unseen, broken, DONE, model=GRANITE, max_retries=0)

    assert texts(speaker.call("batches.wait", ID, interval=1e-6)) == ["text 0", "text 1"]


def test_a_wait_that_is_too_long_can_be_taken_up_again(mocked: Mocked) -> None:
    """The timeout error holds the batch, and a second wait can continue with it."""
    is_done = False

    def now(request: httpx.Request) -> httpx.Response:
        found: httpx.Response = (DONE if is_done else STILL)(request)
        return found

    speaker, _ = mocked(now, model=GRANITE)

    with pytest.raises(APITimeoutError) as caught:
        speaker.call("batches.wait", ID, timeout=0.1, interval=1)
    is_done = True
    assert caught.value.batch is not None
    assert len(speaker.call("batches.wait", caught.value.batch).results) == 2


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, 8007, InvalidRequestError), (401, 10000, AuthenticationError)],
)
def test_a_refused_submission_is_a_typed_error(
    mocked: Mocked, status: int, code: int, error: type[APIStatusError]
) -> None:
    """A submission to a model without a queue raises a typed error (8007, as clients saw it)."""
    speaker, _ = mocked(refusal(status, code, "does not support request queuing"), model=GRANITE)

    with pytest.raises(error, match="request queuing"):
        speaker.call("batches.submit", items({"prompt": "a"}))


def test_a_submission_is_tried_again_like_any_call(mocked: Mocked) -> None:
    """The client retries a submission after an answer that shows it was not accepted."""
    busy = refusal(429, 3040, retry_after="0.001")
    speaker, recorder = mocked(busy, QUEUED, model=GRANITE)

    assert speaker.call("batches.submit", items({"prompt": "a"})).request_id == ID
    assert len(recorder.requests) == 2


@pytest.mark.parametrize("batch", ["", 7, None])
def test_an_id_is_a_string(mocked: Mocked, batch: Any) -> None:
    """The client refuses any other type before it sends a request."""
    speaker, recorder = mocked(DONE, model=GRANITE)

    with pytest.raises(ConfigurationError, match="id"):
        speaker.call("batches.get", batch)
    assert recorder.requests == []


def test_results_may_be_larger_than_a_single_answer(mocked: Mocked) -> None:
    """The results of a batch may be larger than 16 MiB, the limit of a single answer."""
    large = envelope({"responses": [row(0, {"response": "x" * (17 << 20)})]})
    speaker, _ = mocked(large, model=GRANITE)

    (found,) = speaker.call("batches.get", ID).results
    assert len(found.chat.text) == 17 << 20


@pytest.mark.parametrize("name", ["submit", "get", "wait"])
def test_both_clients_take_the_same_arguments(name: str) -> None:
    """The methods of `AsyncClient.batches` have the signatures of `Client.batches`."""
    sync: Any = getattr(SyncBatches, name)
    other: Any = getattr(AsyncBatches, name)

    assert sync.__annotations__ == other.__annotations__
    assert sync.__kwdefaults__ == other.__kwdefaults__
