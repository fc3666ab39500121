"""The core's facts about a model -> LangChain's model profile."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
    profile = ModelProfile(name=facts.name, text_inputs=True, text_outputs=True)
    known = {**_takes(facts), **_gives(facts), **_NEVER}
    # An older core warns of keys that a later one has.
    told = {k: v for k, v in known.items() if v is not None and k in ModelProfile.__annotations__}
    profile.update(told)  # type: ignore[typeddict-item]  # keys of ModelProfile
    return profile


_NEVER: Mapping[str, bool] = MappingProxyType(
    {
        # No page has a form for them, and answers are read as text and calls.
        "video_inputs": False,
        "image_outputs": False,
        "audio_outputs": False,
        "video_outputs": False,
        # A late system message is sent as a user's; tools are in the request alone.
        "mid_conversation_system_messages": False,
        "mid_conversation_tools": False,
    }
)


def _takes(facts: ModelFacts) -> dict[str, Any]:
    files = False if facts.text_only_content else facts.files
    return {
        "status": "deprecated" if facts.deprecated else None,
        "max_input_tokens": facts.context_window,
        "image_inputs": facts.vision,
        "image_url_inputs": facts.vision and facts.image_urls is not False,
        # A tool's images and files go into a user message that follows.
        "image_tool_message": facts.vision,
        "audio_inputs": facts.audio,
        "pdf_inputs": files,
        "pdf_tool_message": files,
        "attachment": _any(facts.vision, facts.audio, files),
        "temperature": "temperature" in facts.parameters if facts.parameters else None,
    }


def _gives(facts: ModelFacts) -> dict[str, Any]:
    tools, effort = facts.function_calling, facts.parameters.get("reasoning_effort")
    return {
        "tool_calling": tools,
        "tool_choice": tools,
        "tool_call_streaming": tools,
        "reasoning_output": facts.reasoning,
        "reasoning_effort_levels": list(effort.choices) if effort and effort.choices else None,
        "reasoning_effort_default": effort.default if effort else None,
        "structured_output": facts.schema_beside_tools,
    }


def _any(*facts: bool | None) -> bool | None:
    if any(facts):
        return True
    return None if None in facts else False
