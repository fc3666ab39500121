"""Convert the core's answers and stream events to LangChain generations of plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from typing_extensions import assert_never

from langchain_workersai._provider import PROVIDER
from langchain_workersai._translate.metadata import spent, token_usage
from workersai import (
    ChatChoice,
    ChatEvent,
    ChatFinish,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageUpdate,
)
from workersai import ChatResult as WireResult
from workersai.integration import ThinkingEvents, call_cost


def from_wire_completions(results: Sequence[WireResult], *, model: str) -> LLMResult:
    """Convert the answers to several prompts.

    Args:
        results: One for each prompt, in order.
        model: The model that was asked, for answers without a model name.
    """
    generations = [
        [_generation(choice, r, model, has_usage=i == 0) for i, choice in enumerate(r.choices)]
        for r in results
    ]
    usages = [r.usage for r in results if r.usage is not None and r.usage.total_tokens]
    names = [r.model for r in results if r.model]
    output: dict[str, Any] = {"model_name": names[-1] if names else model}
    if usages:
        output["token_usage"] = {
            "prompt_tokens": sum(u.prompt_tokens for u in usages),
            "completion_tokens": sum(u.completion_tokens for u in usages),
            "total_tokens": sum(u.total_tokens for u in usages),
        }
    return LLMResult(generations=generations, llm_output=output)


def _generation(
    choice: ChatChoice, result: WireResult, model: str, *, has_usage: bool
) -> Generation:
    known = {
        "finish_reason": choice.finish_reason,
        "logprobs": choice.logprobs,
        "reasoning": choice.reasoning or None,
        **_call(result, model),
        **(_spent(result.usage, model, result.gateway) if has_usage else {}),
    }
    info = {key: value for key, value in known.items() if value is not None}
    return Generation(text=choice.text, generation_info=info)


def _call(answer: WireResult | ChatFinish, model: str) -> dict[str, Any]:
    return {
        "model_name": answer.model or model,
        "model_provider": PROVIDER,
        "request_id": answer.request_id,
    }


def _spent(usage: Usage | None, model: str, gateway: Mapping[str, str]) -> dict[str, Any]:
    counted = {} if usage is None or not usage.total_tokens else {"usage": token_usage(usage)}
    return {**counted, **spent(usage, call_cost(usage, model, gateway))}


class CompletionStream:
    """Converts one stream; call `feed` with the core's events in order."""

    def __init__(self, *, model: str, think_tags: bool) -> None:
        """Prepare for a stream.

        Args:
            model: The model that is asked, for streams without a model name.
            think_tags: Whether text between think tags is reasoning.
        """
        self._model = model
        self._usage: Usage | None = None
        self._thinking = ThinkingEvents() if think_tags else None

    def feed(self, event: ChatEvent) -> Iterator[GenerationChunk]:
        """Convert one event."""
        for read in (event,) if self._thinking is None else self._thinking.feed(event):
            if isinstance(read, UsageUpdate):
                self._usage = read.usage
            else:
                yield self._chunk(read)

    def _chunk(
        self, event: TextDelta | ReasoningDelta | ToolCallDelta | ChatFinish
    ) -> GenerationChunk:
        """Convert one event; what is not text goes into `generation_info`."""
        if isinstance(event, TextDelta):
            info = None if event.logprobs is None else {"logprobs": event.logprobs}
            return GenerationChunk(text=event.text, generation_info=info)
        return GenerationChunk(text="", generation_info=self._info(event))

    def _info(self, event: ReasoningDelta | ToolCallDelta | ChatFinish) -> dict[str, Any] | None:
        if isinstance(event, ReasoningDelta):
            return {"reasoning": event.text}
        if isinstance(event, ToolCallDelta):
            # Ignore tool calls: a prompt offers no tools.
            return None
        if isinstance(event, ChatFinish):
            known = {
                "finish_reason": event.finish_reason,
                **_call(event, self._model),
                **_spent(self._usage, self._model, event.gateway),
            }
            return {key: value for key, value in known.items() if value is not None}
        assert_never(event)
