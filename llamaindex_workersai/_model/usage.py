"""What embeddings and rankings cost -> an event of LlamaIndex's instrumentation."""

from __future__ import annotations

from typing import Any

from llama_index.core.instrumentation.events import BaseEvent
from llama_index_instrumentation import get_dispatcher

from workersai import EmbeddingResult, RerankResult
from workersai.integration import usage_facts

_dispatcher = get_dispatcher(__name__)


class WorkersAIUsageEvent(BaseEvent):
    """What a call for vectors or a ranking cost; LlamaIndex's own events have no place for it.

    Attributes:
        model: The model that was asked.
        usage: As in an OpenAI answer, with Cloudflare's `neurons`; `None` if the server reported
            nothing.
        request_ids: Cloudflare's id of each request.
    """

    model: str | None
    usage: dict[str, Any] | None
    request_ids: list[str]

    @classmethod
    def class_name(cls) -> str:
        """Name the class for handlers."""
        return "WorkersAIUsageEvent"


def report_usage(result: EmbeddingResult | RerankResult) -> None:
    """Tell the handlers what a call cost."""
    _dispatcher.event(WorkersAIUsageEvent(**usage_facts(result)))
