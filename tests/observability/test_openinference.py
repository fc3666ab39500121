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
    """Instrument both frameworks, as their users do, and undo it afterwards."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(CostExporter(memory)))
    instrumentors: list[Any] = [LangChainInstrumentor(), LlamaIndexInstrumentor()]
    for one in instrumentors:
        one.instrument(tracer_provider=provider)
    yield memory
    for one in instrumentors:
        one.uninstrument()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Any:
    exporter.clear()
    return exporter.get_finished_spans


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def check_tokens_and_costs(found: dict[str, Any]) -> None:
    assert found["llm.model_name"] == GLM
    assert found["llm.provider"] == "workersai"
    assert found["llm.token_count.prompt"] == 1000
    assert found["llm.token_count.completion"] == 500
    assert found["llm.token_count.prompt_details.cache_read"] == 400
    assert found["llm.token_count.completion_details.reasoning"] == 300
    assert found["llm.cost.completion"] == pytest.approx(500 * (PROFILE.output_price or 0) / 1e6)
    assert found["llm.cost.total"] == pytest.approx(
        found["llm.cost.prompt"] + found["llm.cost.completion"]
    )


def check_no_secret(found: Any) -> None:
    for span in found:
        assert TOKEN not in span.to_json()
        assert ACCOUNT not in span.to_json()


def test_a_call_of_langchain(spans: Any, chain: Any) -> None:
    """Model, provider, messages, tokens and cost are on the span."""
    chain(plain({"role": "assistant", "content": "4"})).invoke("2+2?")
    (span,) = spans()
    found = attributes(span)
    check_tokens_and_costs(found)
    assert found["llm.input_messages.0.message.content"] == "2+2?"
    assert found["llm.output_messages.0.message.content"] == "4"
    check_no_secret(spans())


def test_a_tool_call_of_langchain(spans: Any, chain: Any) -> None:
    """The tool and its arguments are on the span, and the tools that were offered."""
    message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    chain(plain(message)).bind_tools(TOOLS).invoke("look")
    found = attributes(spans()[0])
    prefix = "llm.output_messages.0.message.tool_calls.0.tool_call"
    assert found[f"{prefix}.function.name"] == "look"
    assert found[f"{prefix}.function.arguments"] == '{"at": 1}'
    assert "look" in found["llm.tools.0.tool.json_schema"]


def test_a_stream_of_langchain(spans: Any, chain: Any) -> None:
    """A stream's span has its whole text, its tokens and its cost."""
    list(chain(streamed("a", "b")).stream("x"))
    found = attributes(spans()[0])
    check_tokens_and_costs(found)
    assert found["llm.output_messages.0.message.content"] == "ab"


def test_an_error_of_langchain(spans: Any, chain: Any) -> None:
    """The span has the error, its class and its code; no secret."""
    with pytest.raises(WorkersAIError):
        chain(refused()).invoke("x")
    (span,) = spans()
    assert span.status.status_code.name == "ERROR"
    (event,) = span.events
    assert event.attributes["exception.type"].endswith("InvalidRequestError")
    assert "5006" in event.attributes["exception.message"]
    check_no_secret(spans())


def test_a_call_of_llamaindex(spans: Any, index: Any) -> None:
    """Model, provider, messages, tokens and cost are on the span."""
    index(plain({"role": "assistant", "content": "4"})).chat([ChatMessage("2+2?")])
    (span,) = spans()
    found = attributes(span)
    check_tokens_and_costs(found)
    assert found["llm.input_messages.0.message.content"] == "2+2?"
    assert "4" in found["output.value"]
    check_no_secret(spans())


def test_a_stream_of_llamaindex(spans: Any, index: Any) -> None:
    """The first token is an event of the span."""
    list(index(streamed("a", "b")).stream_chat([ChatMessage("x")]))
    (span,) = spans()
    check_tokens_and_costs(attributes(span))
    assert [event.name for event in span.events] == ["First Token Stream Event"]


def test_an_error_of_llamaindex(spans: Any, index: Any) -> None:
    """The span has the error, its class and its code; no secret."""
    with pytest.raises(WorkersAIError):
        index(refused()).chat([ChatMessage("x")])
    (span,) = spans()
    assert span.status.status_code.name == "ERROR"
    assert "5006" in span.events[0].attributes["exception.message"]
    check_no_secret(spans())


def test_a_model_without_prices_costs_nothing_known() -> None:
    """Spans of other models, and of models whose prices are unknown, get no cost."""
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
