"""An adapter that is written as `workersai.integration` describes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import Field

from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN
from workersai import ChatResult, Client, ConfigurationError
from workersai.integration import (
    CONFIG,
    BodyFields,
    ConnectionFields,
    EmbeddingFields,
    GenerationFields,
    RerankFields,
)


class Adapter(ConnectionFields, GenerationFields):
    """A class for a user's own framework."""

    model_config = CONFIG
    OTHERS_IN = "body"

    body: BodyFields = Field(default_factory=dict)

    def _client(self) -> Client:
        client: Client = self._clients.synchronous(
            lambda: Client(**self._client_settings(self.http_client))
        )
        return client

    def ask(self, **options: Any) -> str:
        answer: ChatResult = self._client().chat(HELLO, **self._call_arguments(options))
        return answer.text


make: Any = Adapter  # to type checkers, pydantic's plugin hides the constructor


@pytest.fixture
def bodies() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def adapter(bodies: list[dict[str, Any]]) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"result": {"response": "Hi"}, "success": True})

    return make(
        UNKNOWN,
        account_id=ACCOUNT,
        api_key=TOKEN,
        temperature=0.5,
        body={"a": 1},
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
    )


def test_fields_and_options_reach_the_wire(adapter: Any, bodies: list[dict[str, Any]]) -> None:
    """The object's fields and a call's options are merged into one request."""
    assert adapter.ask() == "Hi"
    assert adapter.ask(temperature=1, extra={"b": 2}, stop_sequences=["END"]) == "Hi"
    expected = {"messages": [dict(message) for message in HELLO], "temperature": 0.5, "a": 1}
    assert bodies[0] == expected
    assert bodies[1] == {**expected, "temperature": 1, "b": 2, "stop": ["END"]}


def test_errors_name_the_adapter_and_its_argument(adapter: Any) -> None:
    """The message states the adapter's class and the argument to pass."""
    with pytest.raises(
        ConfigurationError, match=r"Adapter: .* other fields of the request in body"
    ):
        make(UNKNOWN, unheard_of=1)
    with pytest.raises(ConfigurationError, match="in body looks like a credential"):
        adapter.ask(body={"token": "x"})


@pytest.mark.parametrize(
    "mixin", [ConnectionFields, GenerationFields, EmbeddingFields, RerankFields]
)
def test_every_field_is_described(mixin: Any) -> None:
    """Each field has a description, for editors, schemas and reference pages."""
    assert mixin.__doc__
    for name, field in mixin.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
