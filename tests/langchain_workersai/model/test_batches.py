"""Cloudflare's Batch API through `ChatWorkersAI`."""

from __future__ import annotations

import pickle
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBinding
from pydantic import BaseModel

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import GLM, GRANITE, SEA_LION, Scripted, Wire
from workersai import BatchJob

ID = "768f15b7-4fd6-4498-906e-ad94ffc7f8d2"
QUEUED = {"status": "queued", "request_id": ID, "model": GRANITE}
RUNNING = {"status": "running"}


class Person(BaseModel):
    """A person."""

    name: str


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return city


def row(place: int, **more: Any) -> dict[str, Any]:
    return {"id": place, "result": Wire.answer(f"text {place}"), "success": True, **more}


def failed(place: int, code: int) -> dict[str, Any]:
    errors = [{"code": code, "message": "no"}]
    return {"id": place, "result": None, "success": False, "errors": errors}


DONE = {"responses": [row(1), row(0)]}


async def submit(llm: Any, call_style: str, *args: Any, **kwargs: Any) -> BatchJob:
    job = llm.submit_batch(*args, **kwargs) if call_style == "sync" else None
    batch: BatchJob = job or await llm.asubmit_batch(*args, **kwargs)
    return batch


async def results(llm: Any, call_style: str, *args: Any, **kwargs: Any) -> Any:
    if call_style == "sync":
        return llm.batch_results(*args, **kwargs)
    return await llm.abatch_results(*args, **kwargs)


async def poll(llm: Any, call_style: str, batch: Any) -> Any:
    return llm.poll_batch(batch) if call_style == "sync" else await llm.apoll_batch(batch)


@pytest.fixture(params=["sync", "async"])
def call_style(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


async def test_inputs_become_messages_in_their_order(scripted: Scripted, call_style: str) -> None:
    """A batch takes strings, messages and prompts as `invoke` does; results keep their order."""
    llm, server = scripted(QUEUED, RUNNING, {"responses": [row(2), row(0), row(1)]}, seed=7)
    prompt = ChatPromptTemplate.from_messages([("user", "Hi {name}")]).invoke({"name": "Ada"})

    batch = await submit(llm, call_style, ["One", [HumanMessage("Two")], prompt], stop=["."])
    messages = await results(llm, call_style, batch, interval=1e-6)

    assert [request["messages"][0]["content"] for request in server.bodies[0]["requests"]] == [
        "One",
        "Two",
        "Hi Ada",
    ]
    assert all((r["seed"], r["stop"]) == (7, ["."]) for r in server.bodies[0]["requests"])
    assert [message.text for message in messages] == ["text 0", "text 1", "text 2"]
    assert all(isinstance(message, AIMessage) for message in messages)
    assert messages[0].usage_metadata["total_tokens"] == 12
    assert messages[0].response_metadata["model_name"] == GRANITE


async def test_a_request_of_a_batch_is_what_invoke_sends(
    scripted: Scripted, call_style: str
) -> None:
    """A batch sends each request as `invoke` does, and adds the token cap of the model's page."""
    single, single_server = scripted(Wire.answer("a"), model_kwargs={"future": 1})
    llm, server = scripted(QUEUED, model_kwargs={"future": 1})
    options: dict[str, Any] = {"tool_choice": "any", "temperature": 0.5}

    single.bind_tools([get_weather], **options).invoke("Hi")
    await submit(llm.bind_tools([get_weather], **options), call_style, ["Hi"])

    assert server.body == {"requests": [{**single_server.body, "max_tokens": 2000}]}


async def test_a_batch_sends_bound_options(scripted: Scripted, call_style: str) -> None:
    """A batch sends all bound options; an option of the call replaces a bound one."""
    llm, server = scripted(QUEUED)
    bound = llm.bind(seed=1, top_k=3).bind(seed=2).with_config(tags=["x"])

    await submit(bound, call_style, ["Hi"], top_k=4)

    (request,) = server.body["requests"]
    assert (request["seed"], request["top_k"]) == (2, 4)


def test_a_bound_model_is_a_runnable_binding(scripted: Scripted) -> None:
    """`bind` returns a `RunnableBinding`, which is dumped as one and can be pickled."""
    llm, _ = scripted(QUEUED)
    bound: Any = llm.bind(seed=1)

    assert isinstance(bound, RunnableBinding)
    assert dumpd(bound)["id"] == dumpd(RunnableBinding(bound=llm, kwargs={"seed": 1}))["id"]
    plain: Any = ChatWorkersAI(GRANITE, account_id="0" * 32, api_token="a-token")
    assert pickle.loads(pickle.dumps(plain.bind(seed=1))).kwargs == {"seed": 1}


async def test_a_batch_takes_a_schema_as_response_format(
    scripted: Scripted, call_style: str
) -> None:
    """`submit_batch` sends a class passed as `response_format` as a JSON schema."""
    llm, server = scripted(QUEUED)

    await submit(llm, call_style, ["Ada"], response_format=Person)

    (request,) = server.body["requests"]
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"]["title"] == "Person"


async def test_a_failed_request_is_an_error_in_its_place(
    scripted: Scripted, call_style: str
) -> None:
    """The results have LangChain's error where a request failed, and messages elsewhere."""
    llm, _ = scripted({"responses": [row(0), failed(1, 5021), row(2)]})

    first, error, last = await results(llm, call_style, ID)

    assert isinstance(error, face.ContextWindowExceededError)
    assert error.code == 5021
    assert (first.text, last.text) == ("text 0", "text 2")


async def test_an_answer_that_is_not_a_chat_answer(scripted: Scripted, call_style: str) -> None:
    """A chat batch returns a ResponseError in the place of an answer that holds vectors."""
    llm, _ = scripted({"responses": [row(0, result={"data": [[1.0]], "shape": [1, 1]})]})

    (error,) = await results(llm, call_style, ID)

    assert isinstance(error, face.ResponseError)


async def test_polling_once(scripted: Scripted, call_style: str) -> None:
    """`poll_batch` returns the batch with its status; finished results need no more requests."""
    llm, server = scripted(RUNNING, DONE, model=SEA_LION)

    assert await poll(llm, call_style, ID) == BatchJob(ID, SEA_LION, "running")
    job = await poll(llm, call_style, ID)
    assert (job.status, [result.chat.text for result in job.results]) == (
        "done",
        ["text 0", "text 1"],
    )
    answers = await results(llm, call_style, job)
    assert [message.text for message in answers] == ["text 0", "text 1"]
    assert server.bodies == [{"request_id": ID}] * 2
    assert {str(request.url).partition("/run/")[2] for request in server.requests} == {
        f"{SEA_LION}?queueRequest=true"
    }


async def test_a_batch_remembers_its_model(scripted: Scripted, call_style: str) -> None:
    """`batch_results` asks for the model that the batch was submitted to, not the object's own."""
    llm, server = scripted({**QUEUED, "model": SEA_LION}, DONE)

    batch = await submit(llm, call_style, ["a", "b"], model=SEA_LION)
    await results(llm, call_style, batch)

    assert all(SEA_LION in str(request.url) for request in server.requests)


async def test_a_wait_that_is_too_long(scripted: Scripted, call_style: str) -> None:
    """`batch_results` raises LangChain's timeout error, which has the batch to wait for again."""
    llm, _ = scripted(RUNNING)

    with pytest.raises(face.APITimeoutError) as caught:
        await results(llm, call_style, ID, timeout=0.5, interval=1)

    assert caught.value.batch == BatchJob(ID, GRANITE, "running")


@pytest.mark.parametrize(
    ("settings", "inputs", "parameter"),
    [
        ({}, [], "requests"),
        ({}, "Name a prime.", "inputs"),
        ({}, None, "inputs"),
        ({"model": GLM}, ["a"], "model"),
        ({"endpoint": "openai"}, ["a"], "endpoint"),
        ({"temperature": 9.0}, ["a"], "temperature"),
    ],
)
async def test_wrong_arguments_are_refused_before_any_request(
    scripted: Scripted, call_style: str, settings: dict[str, Any], inputs: Any, parameter: str
) -> None:
    """`submit_batch` raises ConfigurationError for wrong arguments before it sends a request."""
    llm, server = scripted(QUEUED, **settings)

    with pytest.raises(face.ConfigurationError) as caught:
        await submit(llm, call_style, inputs)

    assert caught.value.parameter == parameter
    assert server.requests == []


async def test_a_model_without_a_queue(scripted: Scripted, call_style: str) -> None:
    """`submit_batch` raises Cloudflare's refusal as LangChain's error with Cloudflare's message."""
    refused: httpx.Response = Wire.error(400, 8007, "This model does not support request queuing")
    llm, _ = scripted(refused)

    with pytest.raises(face.InvalidRequestError, match="request queuing"):
        await submit(llm, call_style, ["a"])


async def test_think_tags_become_reasoning(scripted: Scripted, call_style: str) -> None:
    """Batch results have the text between think tags as reasoning, not in their text."""
    answer = {"response": "<think>Hm.</think>Yes."}
    llm, _ = scripted({"responses": [row(0, result=answer)]}, think_tags=True)

    (message,) = await results(llm, call_style, ID)

    assert message.text == "Yes."
    assert message.additional_kwargs["reasoning_content"] == "Hm."


def test_langchain_s_own_batch_is_unchanged(scripted: Scripted) -> None:
    """LangChain's `batch` sends one request for each input and reports each to the callbacks."""
    starts: list[Any] = []

    class Listener(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            starts.append(args)

    llm, server = scripted(Wire.answer("a"))

    answers = llm.batch(["1", "2"], config={"callbacks": [Listener()]})

    assert [message.text for message in answers] == ["a", "a"]
    assert sorted(body["messages"][0]["content"] for body in server.bodies) == ["1", "2"]
    assert len(starts) == 2


async def test_on_the_local_server(local: dict[str, Any], call_style: str) -> None:
    """A batch is submitted to the local server over HTTP and its results are fetched by its id."""
    llm = ChatWorkersAI(GRANITE, max_tokens=40, **local)

    batch = await submit(llm, call_style, ["Say one.", "Say two."])
    messages = await results(llm, call_style, batch.request_id, interval=0.001)

    assert len(messages) == 2
    assert all(message.usage_metadata["output_tokens"] for message in messages)
