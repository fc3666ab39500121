"""Read-only settings of both clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias
from urllib.parse import urlsplit

from workersai._arguments import unknown_argument
from workersai.client.setup import ConnectionOptions, Setup
from workersai.errors import ConfigurationError
from workersai.types import EndpointName, Timeout

__all__ = ["BaseClient", "Messages", "ToolChoice", "Tools"]

Messages: TypeAlias = Sequence[Mapping[str, Any]]
Tools: TypeAlias = Sequence[Mapping[str, Any]] | None
ToolChoice: TypeAlias = str | bool | Mapping[str, Any] | None

_SETTINGS = ("model", "http_client", *ConnectionOptions.__annotations__)


class BaseClient:
    """The settings of `Client` and `AsyncClient`, which can be read but not set.

    They are checked when a client is created, and calls in other threads or tasks use them. To
    change a setting, create another client.
    """

    _setup: Setup

    @property
    def model(self) -> str | None:
        """The model for calls without `model`."""
        return self._setup.model

    @property
    def endpoint(self) -> EndpointName:
        """The route: `run` or `openai`."""
        return self._setup.endpoint

    @property
    def timeout(self) -> Timeout:
        """The time limits of a call."""
        return self._setup.timeout

    @property
    def max_retries(self) -> int:
        """How often a failed call is retried."""
        return self._setup.max_retries

    def __repr__(self) -> str:
        """Show where the client sends requests, without secrets."""
        host = urlsplit(self._setup.root).netloc or "binding"
        return (
            f"{type(self).__name__}(model={self.model!r}, endpoint={self.endpoint!r}, "
            f"host={host!r}, timeout={self.timeout!r}, max_retries={self.max_retries})"
        )

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute that is not a setting, such as a mock of a method.

        Raises:
            ConfigurationError: For a setting, and for a name that a client does not have.
        """
        owner = type(self).__name__
        if name in _SETTINGS or isinstance(getattr(type(self), name, None), property):
            raise ConfigurationError(
                f"{name} of {owner} is read-only: create another client with "
                f"{owner}(..., {name}=...)",
                parameter=name,
            )
        if not name.startswith("_") and not hasattr(type(self), name):
            raise unknown_argument(name, _SETTINGS, of=owner)
        super().__setattr__(name, value)

    def __reduce__(self) -> NoReturn:
        """Reject copying and pickling.

        Raises:
            TypeError: Always.
        """
        raise TypeError(
            f"{type(self).__name__} has a token and connections and cannot be copied or pickled: "
            "create one where it is used"
        )
