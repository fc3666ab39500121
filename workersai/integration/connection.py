"""Pydantic fields for the connection, shared by an adapter's classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
    SecretStr,
    StrictBool,
    ValidationInfo,
    field_serializer,
)
from typing_extensions import Self

from workersai._connection import (
    ACCOUNT_VARIABLES,
    BASE_URL_VARIABLE,
    TOKEN_VARIABLES,
    check_account_id,
    check_api_token,
    check_base_url,
    check_beside_binding,
    check_gateway,
    check_header_value,
    check_headers,
    first_variable,
    text_or_variable,
)
from workersai._secrets import hidden_setting
from workersai.errors import ConfigurationError
from workersai.integration.calls import CallFields
from workersai.integration.checked import CheckedFields, Count
from workersai.integration.clients import Clients
from workersai.integration.pickles import (
    guard_workers,
    public_gateway,
    shared_resources,
    state_of,
    warn_of_left,
)
from workersai.types import EndpointName, RateLimits, Timeout

__all__ = ["CONNECTION", "ConnectionFields"]


def _is_left_out(value: Any, info: ValidationInfo) -> bool:
    """Return whether there is a binding, so that the environment is not read.

    Raises:
        ConfigurationError: If the setting was passed beside the binding.
    """
    if info.data.get("binding") is None:
        return False
    check_beside_binding(**{info.field_name or "": value})
    return True


def _account_id(value: Any, info: ValidationInfo) -> Any:
    if _is_left_out(value, info):
        return None
    account = text_or_variable("account_id", value, ACCOUNT_VARIABLES)
    return hidden_setting("account_id", check_account_id(account)) if account else None


def _api_token(value: Any, info: ValidationInfo) -> SecretStr | None:
    if _is_left_out(value, info):
        return None
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not (text := text or first_variable(TOKEN_VARIABLES)):
        return None
    token = check_api_token(text)
    return value if token is text and isinstance(value, SecretStr) else SecretStr(token)


def _base_url(value: Any, info: ValidationInfo) -> str | None:
    if _is_left_out(value, info):
        return None
    base_url = text_or_variable("base_url", value, (BASE_URL_VARIABLE,))
    if base_url:
        base_url = base_url.strip()
        check_base_url(base_url, allow_insecure_http=info.data.get("allow_insecure_http") is True)
    return base_url.strip() if base_url else None


def _endpoint(value: EndpointName, info: ValidationInfo) -> EndpointName:
    _is_left_out(value, info)
    return value


def _timeout(value: Any) -> float | Timeout | None:
    if isinstance(value, Mapping):  # the form in a dump
        clocks = {clock.name for clock in fields(Timeout)}
        if unknown := [name for name in value if name not in clocks]:
            raise ConfigurationError(
                f"timeout has no clock {unknown[0]!r}: a Timeout has {', '.join(sorted(clocks))}",
                parameter="timeout",
            )
        value = Timeout(**value)
    Timeout.of(value)  # raises if it is wrong
    return value if value is None or isinstance(value, Timeout) else float(value)


def _gateway(value: Any) -> Any:
    check_gateway(value)
    return hidden_setting("gateway", dict(value) if isinstance(value, Mapping) else value)


def _default_headers(value: Any) -> Any:
    check_headers(value)
    return None if value is None else hidden_setting("default_headers", dict(value))


def _session_affinity(value: Any) -> str | None:
    return None if value is None else check_header_value("session_affinity", value)


class ConnectionFields(CallFields):
    """How to reach Workers AI: the settings of `workersai.Client`, and the clients made from them.

    The constructor checks its arguments. It reads an omitted account, token or base URL from the
    environment. If the environment does not have them, the first call raises the error, because
    they may still be assigned later. The constructor does not use the network.

    Subclasses add `_client` and `_async_client`, which create clients through `_clients`.
    """

    ALIASES: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "model_name": "model",
            "api_key": "api_token",
            "api_base": "base_url",
            "request_timeout": "timeout",
            "async_http_client": "http_async_client",
        }
    )

    model: str = Field(min_length=1, description="The model's id, `@cf/author/name`.")
    binding: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description=(
            "Inside a Python Worker, its AI binding (`env.AI`), through which requests go instead "
            "of HTTP: no account and no token are needed or looked for."
        ),
    )
    account_id: Annotated[str | None, PlainValidator(_account_id)] = Field(
        default=None,
        validate_default=True,
        exclude=True,
        repr=False,
        description=(
            "The Cloudflare account; from `CLOUDFLARE_ACCOUNT_ID` or `CF_ACCOUNT_ID`. Reprs, dumps "
            "and traces do not contain it; pickles do."
        ),
    )
    api_token: Annotated[SecretStr | None, PlainValidator(_api_token)] = Field(
        default=None,
        validate_default=True,
        exclude=True,
        repr=False,
        description=(
            "An API token with the permission Workers AI; from `CLOUDFLARE_API_TOKEN`, "
            "`CLOUDFLARE_AUTH_TOKEN`, `CF_AI_API_TOKEN` or `CF_API_TOKEN`. Reprs, dumps and "
            "pickles do not contain it: an unpickled object reads the environment."
        ),
    )
    allow_insecure_http: StrictBool = Field(
        default=False,
        description=(
            "Allow a plain-http `base_url` for a host other than this machine, such as a second "
            "container on it. The token, the prompts and the answers then travel unencrypted: "
            "anyone on the network in between can read and use them."
        ),
    )
    base_url: Annotated[str | None, PlainValidator(_base_url)] = Field(
        default=None,
        validate_default=True,
        description="The API's root; from `WORKERSAI_BASE_URL`, else Cloudflare's.",
    )
    endpoint: Annotated[EndpointName, AfterValidator(_endpoint)] = Field(
        default="run",
        description="`run` for the native route, `openai` for the OpenAI-compatible ones.",
    )
    timeout: Annotated[float | Timeout | None, BeforeValidator(_timeout)] = Field(
        default=None,
        description=(
            "Seconds for a whole call, or a `Timeout` with a limit for each phase; `None` for the "
            "defaults of `Timeout`."
        ),
    )
    max_retries: Count = Field(
        default=2,
        ge=0,
        description=(
            "How often a failed request is retried; not at all if it is not set and the gateway "
            "has `max_attempts`, since the two multiply."
        ),
    )
    gateway: Annotated[str | dict[str, Any] | None, PlainValidator(_gateway)] = Field(
        default=None, repr=False, description="The id or the options of an AI Gateway."
    )
    session_affinity: Annotated[str | None, PlainValidator(_session_affinity)] = Field(
        default=None,
        description="A key that sends related requests to one place, for the prefix cache.",
    )
    reject_if_busy: StrictBool = Field(
        default=False, description="Fail at once when the model has no capacity."
    )
    limits: Annotated[RateLimits | None, BeforeValidator(RateLimits.of)] = Field(
        default=None,
        description=(
            "The account's requests and tokens a minute, and this process's share of them, as a "
            "`RateLimits`: requests are spaced to stay below (extra `limits`)."
        ),
    )
    default_headers: Annotated[dict[str, str] | None, PlainValidator(_default_headers)] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Further headers; they cannot replace authentication or host.",
    )
    http_client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="An `httpx.Client` of your own for sync calls; it is never closed here.",
    )
    http_async_client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="An `httpx.AsyncClient` of your own for async calls; it is never closed here.",
    )

    _clients: Clients[Any, Any] = PrivateAttr(default_factory=Clients)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Reject sending an object to a worker process that would not have its secrets."""
        super().__pydantic_init_subclass__(**kwargs)
        guard_workers(cls)

    @field_serializer("gateway")
    def _show_gateway(self, gateway: Any) -> Any:
        return public_gateway(gateway)

    def _client_settings(self, http_client: Any) -> dict[str, Any]:
        """Return the arguments of `Client` or `AsyncClient`, without settings that are not set."""
        values = {name: getattr(self, name) for name in CONNECTION}
        if "max_retries" not in self.model_fields_set:
            del values["max_retries"]  # the client decides: none beside a gateway that retries
        settings = {name: value for name, value in values.items() if value is not None}
        if self.binding is not None:  # what it was copied from may have read the environment
            for name in _READ_FROM_ENVIRONMENT - self.model_fields_set:
                settings.pop(name, None)
        return {**settings, "http_client": http_client}

    def close(self) -> None:
        """Close the connections of sync calls; the next call opens new ones."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close this event loop's connections of async calls; the next call opens new ones."""
        await self._clients.aclose()

    def _forget(self, field: str) -> None:
        super()._forget(field)
        if field in _OF_CLIENTS and self.__pydantic_private__:
            self._clients = Clients()

    def __copy__(self) -> Self:
        """Copy the settings, not the clients created from them."""
        twin = super().__copy__()
        setattr(twin, "_clients", Clients())  # noqa: B010 - a private attribute of the same class
        return twin

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the settings; HTTP clients of the user, caches and limiters are shared."""
        return super().__deepcopy__(shared_resources(self, memo))

    def __getstate__(self) -> dict[Any, Any]:
        """Return the state without secrets."""
        return state_of(self)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Restore the object; account, token and base URL come from this process's environment."""
        CheckedFields.__init__(self, **state["fields"])
        for name, value in state["environment"].items():
            if getattr(self, name) is None:
                self.__dict__[name] = value
        warn_of_left(type(self).__name__, state["left"])


CONNECTION = tuple(
    name
    for name in ConnectionFields.model_fields
    if name not in {"http_client", "http_async_client"}
)
"""The fields that the core's clients accept under the same names."""

_READ_FROM_ENVIRONMENT = frozenset({"account_id", "api_token", "base_url"})
_OF_CLIENTS = frozenset(ConnectionFields.model_fields)
