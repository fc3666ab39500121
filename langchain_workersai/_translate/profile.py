"""Convert the core's facts about a model to LangChain's model profile."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from langchain_core.language_models import ModelProfile

from workersai import ModelProfile as ModelFacts
from workersai import get_profile


def to_langchain_profile(model: str) -> ModelProfile | None:
    """Return the profile of a chat model by the tables; `None` if they do not list it."""
    found: Any = _profile(model)
    if found is None:
        return None
    own = {k: list(v) if isinstance(v, list) else v for k, v in found.items()}
    return cast("ModelProfile", own)


@functools.lru_cache(maxsize=256)
def _profile(model: str) -> ModelProfile | None:
    return from_core_profile(get_profile(model))


def from_core_profile(facts: ModelFacts) -> ModelProfile | None:
    """Convert facts about a chat model; return `None` for an unknown model.

    LangChain acts on a profile, so unknown facts are absent rather than guessed. With its
    `structured_output`, an agent sends tools and a schema in one request. It is set only for models
    that are known to call tools then; other models get the schema as a tool.
    """
    if not facts.known:
        return None
    profile = ModelProfile(name=facts.name, text_inputs=True, text_outputs=True)
    known = {**_takes(facts), **_gives(facts), **_NEVER}
    # An older LangChain warns about keys that a later one has.
    known = {k: v for k, v in known.items() if v is not None and k in ModelProfile.__annotations__}
    profile.update(known)  # type: ignore[typeddict-item]  # keys of ModelProfile
    return profile


_NEVER: Mapping[str, bool] = MappingProxyType(
    {
        # No page has fields for these, and answers are read as text and calls only.
        "video_inputs": False,
        "image_outputs": False,
        "audio_outputs": False,
        "video_outputs": False,
        # A late system message is sent as a user's; tools are part of the request, not of messages.
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
        # A tool's images and files are sent in a user's message after it.
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
