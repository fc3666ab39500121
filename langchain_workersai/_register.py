"""Add this package's classes as providers of `init_chat_model` and `init_embeddings`."""

from __future__ import annotations

from typing import Any

from langchain_workersai._errors import ConfigurationError
from langchain_workersai._provider import PROVIDER


def register() -> None:
    """Make `init_chat_model("workersai:@cf/...")` and `init_embeddings` know this package.

    After it, `model_provider="workersai"`, `configurable_fields`, and agents that take a model by
    name (`create_agent("workersai:@cf/...")`) work too.

    LangChain has no public way to add a provider, so this function writes into a private table,
    which a later version may rename. Therefore you have to call it; importing the package does
    not.

    Raises:
        ConfigurationError: If `langchain` is missing or stores its providers elsewhere.
    """
    try:
        from langchain.chat_models import base as chat_models  # noqa: PLC0415
        from langchain.embeddings import base as embeddings  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("register() needs langchain: pip install langchain") from None
    for module, name in ((chat_models, "ChatWorkersAI"), (embeddings, "WorkersAIEmbeddings")):
        providers = getattr(module, "_BUILTIN_PROVIDERS", None)
        if not isinstance(providers, dict):
            raise ConfigurationError(
                f"register(): this version of langchain stores the providers of "
                f"{module.__name__} elsewhere; create {name}(...) directly"
            )
        providers[PROVIDER] = ("langchain_workersai", name, _make)


def _make(cls: type[Any], **settings: Any) -> Any:
    return cls(**settings)
