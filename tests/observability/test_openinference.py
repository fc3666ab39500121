"""OpenInference's spans of both frameworks, and the costs that `CostExporter` adds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
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
from workersai import WorkersAIError, get_profile
from workersai.observability import CostExporter

PROFILE = get_profile(GLM)

# OpenInference calls a deprecated method of pydantic.
pytestmark = pytest.mark.filterwarnings("ignore:The `json` method is deprecated")


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """Instrument both frameworks for the tests of this module."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(CostExporter(memory)))
    instrumentors: list[Any] = [LangChainInstrumentor(), LlamaIndexInstrumentor()]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)
    yield memory
    for instrumentor in instrumentors:
        instrumentor.uninstrument()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Any:
    """Return a function that returns the spans of this test."""
    exporter.clear()
    return exporter.get_finished_spans


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def check_tokens_and_costs(span_attributes: dict[str, Any]) -> None:
    assert span_attributes["llm.model_name"] == GLM
    assert span_attributes["llm.provider"] == "workersai"
    assert span_attributes["llm.token_count.prompt"] == 1000
    assert span_attributes["llm.token_count.completion"] == 500
    assert span_attributes["llm.token_count.prompt_details.cache_read"] == 400
    assert span_attributes["llm.token_count.completion_details.reasoning"] == 300
    assert span_attributes["llm.cost.completion"] == pytest.approx(
        500 * (PROFILE.output_price or 0) / 1e6
    )
    assert span_attributes["llm.cost.total"] == pytest.approx(
        span_attributes["llm.cost.prompt"] + span_attributes["llm.cost.completion"]
    )


def check_no_secret(spans: Any) -> None:
    for span in spans:
        assert TOKEN not in span.to_json()
        assert ACCOUNT not in span.to_json()


def test_a_call_of_langchain(spans: Any, chain: Any) -> None:
    """The span of a LangChain call has model, provider, messages, tokens and cost."""
    chain(plain({"role": "assistant", "content": "4"})).invoke("2+2?")
    (span,) = spans()
    span_attributes = attributes(span)
    check_tokens_and_costs(span_attributes)
    assert span_attributes["llm.input_messages.0.message.content"] == "2+2?"
    assert span_attributes["llm.output_messages.0.message.content"] == "4"
    check_no_secret(spans())


def test_a_tool_call_of_langchain(spans: Any, chain: Any) -> None:
    """The span of a LangChain tool call has the call, its arguments and the offered tools."""
    message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    chain(plain(message)).bind_tools(TOOLS).invoke("look")
    span_attributes = attributes(spans()[0])
    prefix = "llm.output_messages.0.message.tool_calls.0.tool_call"
    assert span_attributes[f"{prefix}.function.name"] == "look"
    assert span_attributes[f"{prefix}.function.arguments"] == '{"at": 1}'
    assert "look" in span_attributes["llm.tools.0.tool.json_schema"]


def test_a_stream_of_langchain(spans: Any, chain: Any) -> None:
    """The span of a LangChain stream has its whole text, its tokens and its cost."""
    list(chain(streamed("a", "b")).stream("x"))
    span_attributes = attributes(spans()[0])
    check_tokens_and_costs(span_attributes)
    assert span_attributes["llm.output_messages.0.message.content"] == "ab"


def test_an_error_of_langchain(spans: Any, chain: Any) -> None:
    """The span of a failed LangChain call has the error's class and code, and no secret."""
    with pytest.raises(WorkersAIError):
        chain(refused()).invoke("x")
    (span,) = spans()
    assert span.status.status_code.name == "ERROR"
    (event,) = span.events
    assert event.attributes["exception.type"].endswith("InvalidRequestError")
    assert "5006" in event.attributes["exception.message"]
    check_no_secret(spans())


def test_a_call_of_llamaindex(spans: Any, index: Any) -> None:
    """The span of a LlamaIndex call has model, provider, messages, tokens and cost."""
    index(plain({"role": "assistant", "content": "4"})).chat([ChatMessage("2+2?")])
    (span,) = spans()
    span_attributes = attributes(span)
    check_tokens_and_costs(span_attributes)
    assert span_attributes["llm.input_messages.0.message.content"] == "2+2?"
    assert "4" in span_attributes["output.value"]
    check_no_secret(spans())


def test_a_stream_of_llamaindex(spans: Any, index: Any) -> None:
    """The span of a LlamaIndex stream has the first token as an event."""
    list(index(streamed("a", "b")).stream_chat([ChatMessage("x")]))
    (span,) = spans()
    check_tokens_and_costs(attributes(span))
    assert [event.name for event in span.events] == ["First Token Stream Event"]


def test_an_error_of_llamaindex(spans: Any, index: Any) -> None:
    """The span of a failed LlamaIndex call has the error's code and no secret."""
    with pytest.raises(WorkersAIError):
        index(refused()).chat([ChatMessage("x")])
    (span,) = spans()
    assert span.status.status_code.name == "ERROR"
    assert "5006" in span.events[0].attributes["exception.message"]
    check_no_secret(spans())


def test_spans_without_a_known_price_get_no_cost() -> None:
    """CostExporter adds no cost to spans of other models and of models without a known price."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(CostExporter(memory)))
    tracer = provider.get_tracer("test")
    for model in ("gpt-5", "@cf/nobody/knows"):
        with tracer.start_as_current_span("call") as span:
            span.set_attribute("llm.model_name", model)
            span.set_attribute("llm.token_count.prompt", 5)
    other, unknown = (attributes(span) for span in memory.get_finished_spans())
    assert "llm.provider" not in other
    assert unknown["llm.provider"] == "workersai"
    assert not any(name.startswith("llm.cost") for name in (*other, *unknown))
