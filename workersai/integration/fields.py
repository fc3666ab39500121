"""Pydantic fields for the connection and for text generation, shared by an adapter's classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
    Strict,
    StrictBool,
    ValidationInfo,
    field_serializer,
)
from typing_extensions import Self

from workersai._arguments import check_no_credentials
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
from workersai._models.profile import ModelProfile
from workersai._secrets import hidden_setting
from workersai.errors import ConfigurationError
from workersai.integration.calls import HEADERS, REQUEST_OPTIONS, CallFields
from workersai.integration.checked import CheckedFields
from workersai.integration.clients import Clients
from workersai.integration.pickles import (
    guard_workers,
    public_gateway,
    shared_resources,
    state_of,
    warn_of_left,
)
from workersai.types import ChatParameters, EndpointName, RateLimits, Timeout

__all__ = [
    "BodyFields",
    "ConnectionFields",
    "GenerationFields",
]


# ------------------------------------------------------------------------- checks of values


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
        check_base_url(base_url, allow_insecure_http=info.data.get("allow_insecure_http") is True)
    return base_url or None


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


def _stop(value: Any) -> str | list[str] | None:
    if value is None or isinstance(value, str):
        return value
    words = list(value) if isinstance(value, Iterable) else [value]
    if isinstance(value, (bytes, Mapping)) or not all(isinstance(word, str) for word in words):
        raise ConfigurationError(
            f"stop must be text or a list of texts, not {type(value).__name__}", parameter="stop"
        )
    return words


def _text_keys(value: Any) -> Any:
    """Convert token ids to strings, as JSON requires."""
    if not isinstance(value, Mapping):
        return value
    return {str(key) if type(key) is int else key: bias for key, bias in value.items()}


def _without_credentials(value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    check_no_credentials(info.field_name or "", value)
    return value


Number = Annotated[float, Strict()]
Count = Annotated[int, Strict()]
BodyFields = Annotated[dict[str, Any], AfterValidator(_without_credentials)]
"""The type of a field for further keys of a request's body; credentials are rejected."""


# --------------------------------------------------------------------------------- connection


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


# --------------------------------------------------------------------------------- generation


class GenerationFields(CallFields):
    """The parameters of text generation, by the API's own names; `None` is not sent.

    Meanings and ranges are on each model's page in Cloudflare's catalogue. A value outside the
    page's range raises `ConfigurationError` at the call, before anything is sent. Every parameter
    can also be passed to a single call.
    """

    ALIASES: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"max_completion_tokens": "max_tokens", "stop_sequences": "stop"}
    )

    temperature: Number | None = Field(default=None, description="Randomness.")
    max_tokens: Count | None = Field(
        default=None, description="The greatest number of tokens to write, reasoning included."
    )
    top_p: Number | None = Field(default=None, description="Nucleus sampling.")
    top_k: Count | None = Field(default=None, description="Sample from this many tokens.")
    seed: Count | None = Field(default=None, description="A seed for repeatable answers.")
    repetition_penalty: Number | None = Field(
        default=None, description="Penalty for repeated tokens, as a factor."
    )
    frequency_penalty: Number | None = Field(
        default=None, description="Penalty for repeated tokens, by their count."
    )
    presence_penalty: Number | None = Field(
        default=None, description="Penalty for tokens that have occurred."
    )
    stop: Annotated[str | list[str] | None, PlainValidator(_stop)] = Field(
        default=None, description="Text that ends the answer."
    )
    n: Count | None = Field(default=None, description="How many answers.")
    logprobs: StrictBool | None = Field(
        default=None, description="Whether to report log probabilities."
    )
    top_logprobs: Count | None = Field(
        default=None, description="How many alternatives to report for each token."
    )
    logit_bias: Annotated[dict[str, Number] | None, BeforeValidator(_text_keys)] = Field(
        default=None, description="The id of a token and its bias."
    )
    reasoning_effort: str | None = Field(
        default=None, description="`low`, `medium`, `high`, or what the model's page lists."
    )
    chat_template_kwargs: dict[str, Any] | None = Field(
        default=None, description="Options of the model's chat template."
    )
    lora: str | None = Field(default=None, description="The name or id of a LoRA adapter.")
    raw: StrictBool | None = Field(
        default=None, description="Send the prompt without the model's chat template."
    )
    parallel_tool_calls: StrictBool | None = Field(
        default=None, description="Whether one answer may call several tools."
    )
    user: str | None = Field(default=None, description="An id of the end user.")
    functions: list[dict[str, Any]] | None = Field(
        default=None, description="What `tools` are called in an older form; sent as they are."
    )
    function_call: str | dict[str, Any] | None = Field(
        default=None, description="`none`, `auto` or `{'name': ...}`, beside `functions`."
    )
    modalities: list[str] | None = Field(
        default=None, description="The kinds of output; answers are read as text."
    )
    audio: dict[str, Any] | None = Field(default=None, description="The form of spoken output.")
    prediction: dict[str, Any] | None = Field(
        default=None, description="Text that much of the answer is expected to be."
    )
    service_tier: str | None = Field(default=None, description="How the request is processed.")
    store: StrictBool | None = Field(
        default=None, description="Whether the server shall keep the answer."
    )
    stream_options: dict[str, Any] | None = Field(
        default=None, description="Options of streams; sent with streams only."
    )
    web_search_options: dict[str, Any] | None = Field(
        default=None, description="Options of a search that the server makes."
    )
    request_metadata: dict[str, Any] | None = Field(
        default=None,
        description="The API's `metadata`, a name that frameworks have for something else.",
    )
    response_format: dict[str, Any] | None = Field(
        default=None,
        description="The form of the answer: `{'type': 'json_object'}` or a `json_schema` form.",
    )

    _facts: ModelProfile | None = PrivateAttr(default=None)
    """What the account's catalogue says about the model, if it was asked."""

    def _set_parameters(self) -> dict[str, Any]:
        """Return the parameters that are not `None`, by name."""
        fields = vars(self)
        values = {name: fields[field] for name, field in PARAMETERS.items()}
        values["stop"] = values["stop"] or None
        return {name: value for name, value in values.items() if value is not None}

    def _call_arguments(
        self, options: Mapping[str, Any], *, beside: Collection[str] = ()
    ) -> dict[str, Any]:
        """Join the fields with the options of one call, which win.

        Args:
            options: The call's options, by the names of fields or their aliases: parameters,
                `model`, further keys of the body, and the options about sending, which are those of
                `workersai.types.RequestOptions`.
            beside: Names of further options that the core accepts.

        Returns:
            Arguments for the core's calls.

        Raises:
            ConfigurationError: An option is unknown, can only be set on the object, or is a secret
                that traces of the call would show.
        """
        self._check_public(options)
        fields = vars(self)
        own = {name: fields[field] for name, field in PARAMETERS.items()}
        extra = self._extra()
        model = None
        for name, value in self._by_field(options).items():
            if name in _NAMES or name in beside or name in REQUEST_OPTIONS:
                own[_NAMES.get(name, name)] = value
            elif name in HEADERS:
                own["headers"] = value
            elif name == self.OTHERS_IN:
                extra.update(self._mapping(value))
            elif name == "model":
                model = value
            else:
                raise self._no_option(name, options)
        arguments = {name: value for name, value in own.items() if value is not None}
        if not arguments.get("stop", True):
            del arguments["stop"]
        arguments["model"] = getattr(self, "model", None) if model is None else model
        return {**arguments, "extra": extra}

    def _mapping(self, value: Any) -> Mapping[str, Any]:
        if value is None or isinstance(value, Mapping):
            return value or {}
        text = f"{self.OTHERS_IN} must be a dict, not {type(value).__name__}"
        raise self._named_error(ConfigurationError(text, parameter=self.OTHERS_IN))


PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        name: "request_metadata" if name == "metadata" else name
        for name in (*ChatParameters.__annotations__, "response_format")
    }
)
"""The core's arguments, in their order -> the fields of `GenerationFields`."""

_NAMES = MappingProxyType({field: name for name, field in PARAMETERS.items()})
