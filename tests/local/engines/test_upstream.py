"""The upstream engine, with the `/ai/v1` of another local server as the upstream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local.talking import GLM, GRANITE, LLAMA, SEA_LION, client_of, function, user
from workersai.local import LocalServer
from workersai.local.engines.base import EngineUnavailable
from workersai.local.engines.upstream import UpstreamEngine

WEATHER = function("get_weather", "Get the current weather in a city.", city="string")


def engine_over(server: LocalServer, model: str) -> UpstreamEngine:
    headers = {"authorization": f"Bearer {server.api_token}"}
    client = httpx.Client(headers=headers, timeout=30, trust_env=False)
    return UpstreamEngine(server.openai_base_url, model, client)


@pytest.fixture
def front(server: LocalServer) -> Iterator[httpx.Client]:
    """A client of a server whose engine asks the other local server."""
    engine = engine_over(server, GLM)
    with LocalServer(engine=engine) as running, client_of(running) as client:
        yield client
    engine.close()


def test_text_and_reasoning_pass_through(front: httpx.Client) -> None:
    """The engine returns the upstream's text and reasoning in the shape of the requested model."""
    response = front.post(f"/run/{GLM}", json=user("Hi"))
    message = response.json()["result"]["choices"][0]["message"]
    assert message["content"] == "You said: Hi"
    assert message["reasoning"] == message["reasoning_content"] != ""
    assert response.headers["x-workersai-engine"] == "upstream"
    classic = front.post(f"/run/{LLAMA}", json=user("Hi")).json()["result"]
    assert classic["response"] == "You said: Hi"


def test_calls_pass_through(front: httpx.Client, server: LocalServer) -> None:
    """The engine returns complete calls of the upstream, forced ones included."""
    body = {**user("Weather in Oslo"), "tools": [WEATHER]}
    choice = front.post(f"/run/{GRANITE}", json=body).json()["result"]["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"city":"Oslo"}'
    named = {"type": "function", "function": {"name": "get_weather"}}
    forced = front.post(f"/run/{GLM}", json={**body, **user("Hi"), "tool_choice": named})
    assert forced.json()["result"]["choices"][0]["finish_reason"] == "tool_calls"
    single = {**body, "parallel_tool_calls": False}
    front.post(f"/run/{GLM}", json=single)
    assert server.requests[-1].json["parallel_tool_calls"] is False


def test_parameters_pass_through(front: httpx.Client, server: LocalServer) -> None:
    """The upstream gets the parameters that the request set, and no tools."""
    body = {**user("a b c"), "max_tokens": 30, "stop": " c", "seed": 7, "temperature": 0.5}
    front.post(f"/run/{GLM}", json=body)
    upstream_body = server.requests[-1].json
    assert upstream_body["messages"] == body["messages"]
    assert {key: upstream_body[key] for key in ("max_tokens", "seed", "temperature")} == {
        "max_tokens": 30,
        "seed": 7,
        "temperature": 0.5,
    }
    assert upstream_body["stop"] == [" c"]
    assert "tools" not in upstream_body


def test_json_schema_passes_through(front: httpx.Client) -> None:
    """A bare native schema reaches the upstream in OpenAI's envelope."""
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    response_format = {"type": "json_schema", "json_schema": schema}
    answer = front.post(
        f"/run/{SEA_LION}", json={**user("I am 40"), "response_format": response_format}
    )
    assert answer.json()["result"]["response"] == {"age": 40}


def test_embeddings_have_the_length_of_the_model(server: LocalServer) -> None:
    """The engine cuts or pads vectors to the model's length and keeps them unit vectors."""
    engine = engine_over(server, "@cf/baai/bge-base-en-v1.5")
    for dimensions in (384, 768, 1024):
        [embedding] = engine.embed(["one two three"], dimensions).vectors
        assert len(embedding) == dimensions
        assert sum(value * value for value in embedding) == pytest.approx(1.0, abs=1e-5)
    scores = engine.rerank("reset password", ["bananas", "reset a password"])
    assert scores[1] > scores[0]
    engine.close()


def scripted(answer: httpx.Response) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda request: answer))


def test_the_first_listed_model_is_used() -> None:
    """Without a model id, the engine uses the first model that the upstream lists."""
    client = scripted(httpx.Response(200, json={"data": [{"id": "m1"}, {"id": "m2"}]}))
    engine = UpstreamEngine("http://up/v1", client=client)
    assert engine._model == "m1"


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, json={"data": []})])
def test_an_upstream_without_models_is_refused(answer: httpx.Response) -> None:
    """If the upstream lists no model, the error asks for `--upstream-model`."""
    with pytest.raises(EngineUnavailable, match="--upstream-model"):
        UpstreamEngine("http://up/v1", client=scripted(answer))


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("path", [f"/run/{GRANITE}", "/run/@cf/baai/bge-m3"])
def test_an_upstream_failure_is_reported(path: str) -> None:
    """An upstream failure becomes a 500 that names the upstream's status and text."""
    engine = UpstreamEngine("http://up/v1", "m", scripted(httpx.Response(503, text="busy")))
    body: dict[str, Any] = user("Hi") if "granite" in path else {"text": "a"}
    with LocalServer(engine=engine) as running, client_of(running) as client:
        response = client.post(path, json=body)
    assert response.status_code == 500
    assert ": 503 busy" in response.json()["errors"][0]["message"]
