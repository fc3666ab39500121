"""The core's facts about a model -> LangChain's model profile."""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from workersai import ModelProfile as ModelFacts
from workersai import get_profile


def to_langchain_profile(model: str) -> ModelProfile | None:
    """Write what the tables know of a chat model; `None` for one that is not in them."""
    return from_core_profile(get_profile(model))


def from_core_profile(facts: ModelFacts) -> ModelProfile | None:
    """Write what is known of a chat model; `None` if it is none of the known ones.

    LangChain acts on a profile, so what is not known is absent rather than guessed. Its
    `structured_output` makes an agent send tools and a schema in one request; models of which it
    is not known that they then still call tools are asked for the schema as a tool.
    """
    if not facts.known:
        return None
    tools, effort = facts.function_calling, facts.parameters.get("reasoning_effort")
    known = {
        "status": "deprecated" if facts.deprecated else None,
        "max_input_tokens": facts.context_window,
        "image_inputs": facts.vision,
        "image_url_inputs": facts.vision and facts.image_urls is not False,
        "image_tool_message": facts.vision,  # in a user message that follows
        "audio_inputs": facts.audio,
        "tool_calling": tools,
        "tool_choice": tools,
        "tool_call_streaming": tools,
        "reasoning_output": facts.reasoning,
        "reasoning_effort_levels": list(effort.choices) if effort and effort.choices else None,
        "reasoning_effort_default": effort.default if effort else None,
        "structured_output": facts.schema_beside_tools,
        "temperature": "temperature" in facts.parameters,
    }
    profile = ModelProfile(name=facts.name, text_inputs=True, text_outputs=True)
    profile.update({key: value for key, value in known.items() if value is not None})  # type: ignore[typeddict-item]  # keys of ModelProfile
    return profile
