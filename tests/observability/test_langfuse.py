"""Langfuse's callback for LangChain, on an exporter in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.observability.conftest import (
    ACCOUNT,
    CALL,
    GLM,
    TOKEN,
    TOOLS,
    plain,
    refused,
    streamed,
)
from workersai import WorkersAIError

PREFIX = "langfuse.observation"


@pytest.fixture(scope="module")
def langfuse() -> Iterator[tuple[Langfuse, InMemorySpanExporter]]:
    """A Langfuse client that exports to memory."""
    memory = InMemorySpanExporter()
    client = Langfuse(
        public_key="a-public-key",
        secret_key="a-secret-key",
        base_url="http://127.0.0.1:9",
        span_exporter=memory,
        tracer_provider=TracerProvider(),
    )
    yield client, memory
    client.shutdown()


@pytest.fixture
def observed(langfuse: tuple[Langfuse, InMemorySpanExporter]) -> Any:
    """Run a call with Langfuse's callback and return the attributes of its observation."""
    client, memory = langfuse
    memory.clear()
    config: Any = {"callbacks": [CallbackHandler(public_key="a-public-key")]}

    def run(call: Any) -> dict[str, Any]:
        call(config)
        client.flush()
        (span,) = memory.get_finished_spans()
        assert TOKEN not in span.to_json()
        assert ACCOUNT not in span.to_json()
        return dict(span.attributes or {})

    return run


def test_a_stream_is_observed(observed: Any, chain: Any) -> None:
    """Langfuse records a stream's model, provider, messages, tokens and first-token time."""
    attributes = observed(lambda config: list(chain(streamed("a", "b")).stream("x", config)))
    assert attributes[f"{PREFIX}.model.name"] == GLM
    provider = attributes[f"{PREFIX}.metadata.ls_provider"]  # quoted by newer versions of Langfuse
    assert provider.strip('"') == "workersai"
    assert json.loads(attributes[f"{PREFIX}.input"])[0]["content"] == "x"
    assert json.loads(attributes[f"{PREFIX}.output"])["content"] == "ab"
    assert f"{PREFIX}.completion_start_time" in attributes
    usage = json.loads(attributes[f"{PREFIX}.usage_details"])
    assert usage["total"] == 1500
    assert usage["input_cache_read"] == 400
    assert usage["output_reasoning"] == 300


def test_a_tool_call_is_observed(observed: Any, chain: Any) -> None:
    """Langfuse records a tool call in the output."""
    message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    model = chain(plain(message)).bind_tools(TOOLS)
    attributes = observed(lambda config: model.invoke("look", config))
    assert '"look"' in attributes[f"{PREFIX}.output"]


def test_an_error_is_observed(observed: Any, chain: Any) -> None:
    """Langfuse records an error's message, with Cloudflare's code, as the status."""

    def fail(config: Any) -> None:
        with pytest.raises(WorkersAIError):
            chain(refused()).invoke("x", config)

    attributes = observed(fail)
    assert attributes[f"{PREFIX}.level"] == "ERROR"
    assert "5006" in attributes[f"{PREFIX}.status_message"]
