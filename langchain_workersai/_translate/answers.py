"""Convert the core's whole answers to LangChain messages."""

from __future__ import annotations

from typing import Any, Final

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_workersai._translate.metadata import (
    add_usage,
    additional_kwargs,
    function_call,
    response_metadata,
    spent,
    token_usage,
)
from workersai import ChatChoice
from workersai import ChatResult as WireResult
from workersai import ModelProfile as ModelFacts
from workersai.integration import Prototype, call_cost, fastest


def from_wire_chat_result(
    result: WireResult,
    *,
    model: str,
    has_functions: bool = False,
    facts: ModelFacts | None = None,
) -> ChatResult:
    """Convert a whole answer.

    Args:
        result: The core's result.
        model: The model that was asked, for answers without a model name.
        has_functions: Whether `functions` were sent; a call is then a `function_call` too.
        facts: What the account's catalogue says about the model, its prices among it.

    Returns:
        One generation for each choice. Only the first has the usage, which is the whole request's.
    """
    metadata = response_metadata(result, model=model)
    messages = [_message(c, metadata, has_functions=has_functions) for c in result.choices]
    shared = ("model_name", "model_provider", "system_fingerprint")
    output: dict[str, Any] = {key: metadata[key] for key in shared if key in metadata}
    cost = call_cost(result.usage, model, result.gateway, facts)
    add_usage(messages[0], result.usage, cost)
    # LangChain copies these into the message unless its own metadata has the same name.
    output |= {name: value for name, (value,) in spent(result.usage, cost).items()}
    if result.usage is not None and result.usage.total_tokens:
        output["token_usage"] = token_usage(result.usage)
    generations = [
        _generation(message, _generation_info(choice) or None)
        for message, choice in zip(messages, result.choices, strict=True)
    ]
    return _result(generations, output)


def _message(choice: ChatChoice, metadata: dict[str, Any], *, has_functions: bool) -> AIMessage:
    beside = additional_kwargs(choice.reasoning, choice.refusal)
    if has_functions:
        beside.update(function_call(choice))
    return _whole_message(
        {
            "content": choice.text,
            "additional_kwargs": beside,
            "tool_calls": _tool_calls(choice),
            "invalid_tool_calls": _invalid_tool_calls(choice),
            "response_metadata": {**metadata, **_generation_info(choice)},
        }
    )


def _generation_info(choice: ChatChoice) -> dict[str, Any]:
    info: dict[str, Any] = {}
    if choice.finish_reason is not None:
        info["finish_reason"] = choice.finish_reason
    if choice.logprobs is not None:
        info["logprobs"] = {"content": choice.logprobs}
    return info


def _tool_calls(answer: ChatChoice) -> list[ToolCall]:
    return [tool_call(name=c.name, args=c.arguments, id=c.id) for c in answer.tool_calls]


def _invalid_tool_calls(answer: ChatChoice) -> list[InvalidToolCall]:
    return [
        invalid_tool_call(name=c.name, args=c.arguments, id=c.id, error=c.error)
        for c in answer.invalid_tool_calls
    ]


# --------------------------------------------------------------------- answers from prototypes

_MESSAGE: Final = Prototype(AIMessage(content=""))
_GENERATION: Final = Prototype(ChatGeneration(message=AIMessage(content="")))
_RESULT: Final = Prototype(ChatResult(generations=[]))


def _built_message(fields: dict[str, Any]) -> AIMessage:
    return AIMessage(**fields)


_whole_message: Final = fastest(
    _MESSAGE.make,
    _built_message,
    {
        "content": "Hi",
        "additional_kwargs": {"refusal": "No."},
        "tool_calls": [tool_call(name="f", args={"a": 1}, id="1")],
        "invalid_tool_calls": [invalid_tool_call(name="g", args="{", id="2", error="cut")],
        "response_metadata": {"model_name": "m"},
    },
)


def _copied_generation(message: AIMessage, info: dict[str, Any] | None) -> ChatGeneration:
    values = {"message": message, "text": message.content, "generation_info": info}
    return _GENERATION.make(values)


def _built_generation(message: AIMessage, info: dict[str, Any] | None) -> ChatGeneration:
    return ChatGeneration(message=message, generation_info=info)


_generation: Final = fastest(
    _copied_generation, _built_generation, AIMessage(content="Hi"), {"finish_reason": "stop"}
)


def _copied_result(generations: list[ChatGeneration], output: dict[str, Any]) -> ChatResult:
    return _RESULT.make({"generations": generations, "llm_output": output})


def _built_result(generations: list[ChatGeneration], output: dict[str, Any]) -> ChatResult:
    return ChatResult(generations=generations, llm_output=output)


_result: Final = fastest(
    _copied_result, _built_result, [_generation(AIMessage(content="Hi"), None)], {"a": "b"}
)
