"""Both faces read facts about a model from the account's live catalogue."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

import langchain_workersai
import llamaindex_workersai
from tests.workersai.talking import ACCOUNT, GRANITE, TOKEN
from workersai import ConfigurationError, PermissionDeniedError

NEW = "@cf/someone/new-model"
LISTED = {
    "name": NEW,
    "task": {"name": "Text Generation"},
    "properties": [
        {"property_id": "context_window", "value": "65536"},
        {"property_id": "function_calling", "value": "false"},
        {
            "property_id": "price",
            "value": [
                {"unit": "per M input tokens", "price": 1.0, "currency": "USD"},
                {"unit": "per M output tokens", "price": 2.0, "currency": "USD"},
            ],
        },
    ],
}


class Catalogue:
    """The catalogue's route in this process; it collects the requests."""

    def __init__(self, *, status: int = 200) -> None:
        self.status = status
        self.requests: list[httpx.Request] = []

    def settings(self) -> dict[str, Any]:
        async def answer(request: httpx.Request) -> httpx.Response:
            return self._answer(request)

        return {
            "account_id": ACCOUNT,
            "api_token": TOKEN,
            "max_retries": 0,
            "http_client": httpx.Client(transport=httpx.MockTransport(self._answer)),
            "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "POST":
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            return httpx.Response(200, json={"result": {"response": "Hi", "usage": usage}})
        other = {"name": f"{NEW}-2", "properties": [{"property_id": "vision", "value": "true"}]}
        known = {"name": GRANITE, "properties": []}
        body = {"result": [other, LISTED, known], "success": self.status == 200, "errors": []}
        return httpx.Response(self.status, json=body)


def window_and_tools(it: Any) -> tuple[Any, Any]:
    if isinstance(it, langchain_workersai.ChatWorkersAI):
        profile: Any = it.profile
        return profile["max_input_tokens"], profile.get("tool_calling")
    return it.metadata.context_window, it.metadata.is_function_calling_model


@pytest.fixture(params=["langchain", "llamaindex"])
def cls(request: pytest.FixtureRequest) -> Any:
    faces = {
        "langchain": langchain_workersai.ChatWorkersAI,
        "llamaindex": llamaindex_workersai.WorkersAI,
    }
    return faces[request.param]


@pytest.fixture(params=["from_catalogue", "afrom_catalogue"])
def make(request: pytest.FixtureRequest, cls: Any) -> Any:
    """Return a function that makes an object from a catalogue, sync or async."""

    async def from_catalogue(catalogue: Catalogue, model: str, **settings: Any) -> Any:
        found = getattr(cls, request.param)(model, **catalogue.settings(), **settings)
        return await found if isinstance(found, Awaitable) else found

    return from_catalogue


async def test_a_model_is_described_by_the_catalogue(cls: Any, make: Any) -> None:
    """Both faces describe a model that is not in our tables by its catalogue entry."""
    catalogue = Catalogue()
    it = await make(catalogue, NEW, temperature=0.5)
    assert window_and_tools(it) == (65536, False)
    assert (type(it), it.model, it.temperature) == (cls, NEW, 0.5)
    (request,) = catalogue.requests
    assert request.url.path.endswith("/ai/models/search")
    assert request.url.params["search"] == NEW


async def test_passed_facts_replace_the_catalogue(cls: Any, make: Any) -> None:
    """Both faces prefer the facts that the user passes to those of the catalogue."""
    if cls is langchain_workersai.ChatWorkersAI:
        it = await make(Catalogue(), NEW, profile={"max_input_tokens": 1000})
    else:
        it = await make(Catalogue(), NEW, context_window=1000)
    assert window_and_tools(it)[0] == 1000


async def test_the_tables_complete_the_catalogue(make: Any) -> None:
    """Both faces take from our tables the facts that a catalogue entry does not have."""
    assert window_and_tools(await make(Catalogue(), GRANITE)) == (131_000, True)


async def test_a_model_that_is_not_in_the_catalogue_is_refused(make: Any) -> None:
    """Both faces raise an error that names the model when the catalogue does not list it."""
    with pytest.raises(
        ConfigurationError, match="@cf/someone/else is not in the account"
    ) as caught:
        await make(Catalogue(), "@cf/someone/else")
    assert caught.value.parameter == "model"


async def test_a_refused_catalogue_request_raises_the_error_of_the_face(
    cls: Any, make: Any
) -> None:
    """Each face raises its own `PermissionDeniedError` when the catalogue answers 403."""
    with pytest.raises(PermissionDeniedError) as caught:
        await make(Catalogue(status=403), NEW)
    if cls is langchain_workersai.ChatWorkersAI:
        assert isinstance(caught.value, langchain_workersai.PermissionDeniedError)


@pytest.mark.parametrize("face", [langchain_workersai, llamaindex_workersai])
def test_both_faces_export_what_their_settings_need(face: Any) -> None:
    """Both faces export `Timeout`, the errors and their version."""
    names = {"Timeout", "__version__", "ConfigurationError", "WorkersAIError", "RateLimitError"}
    assert names <= set(face.__all__)
    assert face.Timeout(total=5).total == 5


CHATS = pytest.mark.parametrize(
    "cls", [langchain_workersai.ChatWorkersAI, llamaindex_workersai.WorkersAI]
)


def costs_of(it: Any, **options: Any) -> Any:
    """Return the cost in US dollars that an answer reports."""
    if isinstance(it, langchain_workersai.ChatWorkersAI):
        (cost,) = it.invoke("Hi", **options).response_metadata.get("cost_usd", [None])
        return cost
    return it.complete("Hi", **options).raw.get("cost_usd")


@CHATS
def test_an_answer_is_priced_by_the_catalogue(cls: Any) -> None:
    """Both faces price answers by the catalogue, in copies too, and other models by our tables."""
    llm = cls.from_catalogue(NEW, **Catalogue().settings())
    assert costs_of(llm) == pytest.approx(20e-6)
    assert costs_of(llm.model_copy(update={"temperature": 1})) == pytest.approx(20e-6)
    assert costs_of(llm, model=GRANITE) == pytest.approx((10 * 0.017 + 5 * 0.11) / 1e6)
    assert costs_of(llm, model=f"{NEW}-2") is None
    assert costs_of(cls(NEW, **Catalogue().settings())) is None
