"""Facts about models: look a model up by its id.

Each fact names its source. `page`: Cloudflare's documentation. `catalogue`: the live model
catalogue. `observed`: seen by public clients on the wire; no document promises it. A fact without
a source is `None`, and a model that is not listed gets a profile that forbids nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from workersai._models.chat import CHAT_MODELS
from workersai._models.embeddings import EMBEDDING_MODELS
from workersai._models.facts import recorded_facts, with_facts
from workersai._models.openai_schema import OPENAI_MODELS
from workersai._models.profile import ModelProfile
from workersai._models.retired import RETIRED_MODELS

__all__ = ["get_profile", "known_profiles", "table_profiles"]


def table_profiles() -> tuple[ModelProfile, ...]:
    """Return the profiles of the tables alone, without the facts that commands recorded."""
    return (*CHAT_MODELS, *OPENAI_MODELS, *RETIRED_MODELS, *EMBEDDING_MODELS)


@cache
def _profiles() -> Mapping[str, ModelProfile]:
    return with_facts(table_profiles(), recorded_facts())


def get_profile(model: str) -> ModelProfile:
    """Return what is known about *model*.

    Args:
        model: The model id, such as `@cf/zai-org/glm-4.7-flash`.

    Returns:
        Its profile; for an unknown model a permissive one with `known=False`.

    Raises:
        ConfigurationError: If the file that `WORKERSAI_FACTS` names is not a file of facts.
    """
    return _profiles().get(model) or ModelProfile(model, known=False)


def known_profiles() -> tuple[ModelProfile, ...]:
    """Return the profiles of all models in the tables, in their order."""
    return tuple(_profiles().values())
