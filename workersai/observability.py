"""Costs in traces: an OpenTelemetry exporter that adds what calls of Workers AI cost.

Instrumentations such as OpenInference record the model and the tokens of a call, and no price.
Needs `opentelemetry-sdk`, which they bring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

try:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
except ImportError as error:
    raise ImportError(
        "workersai.observability needs opentelemetry-sdk: pip install opentelemetry-sdk"
    ) from error

from workersai import Usage, get_profile

__all__ = ["CostExporter"]

_MODEL = "llm.model_name"
_PROVIDER = "llm.provider"
_TOKENS = "llm.token_count."


class CostExporter(SpanExporter):
    """Hands spans on to another exporter, with `llm.cost.*` in USD and `llm.provider` added.

    The costs follow from the tokens of the span and the prices of the model's page; a span of a
    model whose prices are unknown gets none. The names are OpenInference's.

    Args:
        exporter: Where the spans go.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Add the costs and export."""
        return self._exporter.export([_with_costs(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)


def _with_costs(span: ReadableSpan) -> ReadableSpan:
    attributes = span.attributes or {}
    model = attributes.get(_MODEL)
    if not isinstance(model, str) or not model.startswith("@"):
        return span
    added = {_PROVIDER: "workersai", **_costs(model, attributes), **attributes}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=added,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _costs(model: str, attributes: Mapping[str, Any]) -> dict[str, float]:
    def tokens(name: str) -> int:
        found = attributes.get(_TOKENS + name)
        return found if isinstance(found, int) else 0

    cached = tokens("prompt_details.cache_read")
    profile = get_profile(model)
    prompt = profile.cost(Usage(tokens("prompt"), 0, cached_tokens=cached))
    completion = profile.cost(Usage(0, tokens("completion")))
    if prompt is None or completion is None:
        return {}
    return {
        "llm.cost.prompt": prompt,
        "llm.cost.completion": completion,
        "llm.cost.total": prompt + completion,
    }
