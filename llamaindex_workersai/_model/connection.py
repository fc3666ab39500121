"""How the three classes reach Workers AI: their shared fields and the core's clients."""

from __future__ import annotations

from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import BaseComponent
from pydantic import Field, field_validator

from workersai import AsyncClient, Client
from workersai.integration import CONFIG, BodyFields, ConnectionFields


class Connection(ConnectionFields, BaseComponent):
    """The fields of every class, and the clients made of them."""

    model_config = CONFIG

    OTHERS_IN = "additional_kwargs"
    UNREAD = frozenset({"class_name"})

    additional_kwargs: BodyFields = Field(
        default_factory=dict,
        description="Any other key of the request's body; it is sent unchecked.",
    )

    @field_validator("callback_manager", mode="before", check_fields=False)
    @classmethod
    def _make_manager(cls, value: Any) -> Any:
        """Take `None`, which LlamaIndex's own code passes, for a manager without handlers."""
        return CallbackManager([]) if value is None else value

    def _client(self) -> Client:
        """Return the core's client, made on first use."""
        client: Client = self._clients.synchronous(
            lambda: Client(**self._client_settings(self.http_client))
        )
        return client

    def _async_client(self) -> AsyncClient:
        """Return the core's async client; it keeps event loops apart by itself."""
        client: AsyncClient = self._clients.asynchronous(
            lambda: AsyncClient(**self._client_settings(self.http_async_client))
        )
        return client
