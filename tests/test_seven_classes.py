"""One rule for all seven classes: fields, aliases, environment, refusals, assignments, display."""

from __future__ import annotations

import copy
import io
import json
import traceback
from typing import Any, get_type_hints

import httpx
import pytest
from pydantic import BaseModel, SecretStr, ValidationError, create_model

import langchain_workersai
from tests.seven import CREDENTIALS, SEVEN, TEXT, WAYS, Wire
from tests.workersai.talking import ACCOUNT, TOKEN
from workersai import ConfigurationError, Timeout
from workersai.integration import (
    ConnectionFields,
    EmbeddingFields,
    GenerationFields,
    RerankFields,
)

OTHER = "f" * 32
ALL = pytest.mark.parametrize("name", SEVEN)
OF_TEXT = pytest.mark.parametrize("name", TEXT)


def refused(make: Any, *arguments: Any, **keywords: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        make(*arguments, **keywords)
    return caught.value


# ------------------------------------------------------------------------------------ fields


def facts(field: Any) -> tuple[Any, ...]:
    return (field.annotation, field.default, field.description, field.exclude, field.repr)


OF_EMBEDDINGS = ("WorkersAIEmbeddings", "WorkersAIEmbedding")
OF_RERANKERS = ("langchain's WorkersAIRerank", "llamaindex's WorkersAIRerank")
MIXINS = [
    *((name, ConnectionFields) for name in SEVEN),
    *((name, GenerationFields) for name in TEXT),
    *((name, EmbeddingFields) for name in OF_EMBEDDINGS),
    *((name, RerankFields) for name in OF_RERANKERS),
]


@pytest.mark.parametrize(("name", "mixin"), MIXINS)
def test_classes_of_a_kind_share_their_fields(name: str, mixin: Any) -> None:
    """Classes of a kind have the shared fields with the same type, default and description."""
    own = SEVEN[name].cls.model_fields
    for field, info in mixin.model_fields.items():
        assert facts(own[field]) == facts(info), field
        assert info.description


@ALL
def test_this_file_checks_every_mixin(name: str) -> None:
    """`MIXINS` names every mixin of the core that each class has."""
    mixins = {mixin for owner, mixin in MIXINS if owner == name}
    bases = {base for base in SEVEN[name].cls.__mro__ if base.__module__.startswith("workersai.")}
    assert {base for base in bases if getattr(base, "model_fields", None)} == mixins


@ALL
def test_the_typed_arguments_of_a_constructor_are_its_fields_and_aliases(name: str) -> None:
    """Type checkers see the fields and aliases of a class as its constructor's arguments."""
    entry = SEVEN[name]
    offered = set(get_type_hints(entry.settings))
    assert offered == ({*entry.cls.model_fields, *entry.cls.ALIASES} - {"model"})


def test_both_faces_have_the_same_aliases() -> None:
    """All classes have the shared aliases; only embeddings have others, from their frameworks."""
    connection = {**ConnectionFields.ALIASES}
    for name, entry in SEVEN.items():
        expected = {**connection, "extra": entry.extra_name}
        expected |= dict(GenerationFields.ALIASES) if name in TEXT else {}
        assert expected.items() <= dict(entry.cls.ALIASES).items()
        if name in TEXT:
            assert dict(entry.cls.ALIASES) == expected
        if name in OF_EMBEDDINGS:
            assert EmbeddingFields.ALIASES.items() <= dict(entry.cls.ALIASES).items()


# ----------------------------------------------------------------------------------- aliases

VALUES: dict[str, Any] = {
    "model_name": "@cf/someone/other",
    "api_key": "another-token",
    "api_base": "https://proxy.example.com/client/v4",
    "request_timeout": 7.5,
    "async_http_client": "a client",
    "extra": {"a": 1},
    "max_completion_tokens": 9,
    "stop_sequences": ["END"],
    "chunk_size": 5,
    "instruction": "Find: ",
}
ALIASES = [(name, alias) for name, entry in SEVEN.items() for alias in entry.cls.ALIASES]


def plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize(("name", "alias"), ALIASES)
@pytest.mark.parametrize("how", ["made", "assigned", "copied"])
def test_an_alias_sets_its_field(name: str, alias: str, how: str) -> None:
    """Each class sets a field by its alias in the constructor, an assignment and a copy.

    The alias reads the value of the field.
    """
    entry, value = SEVEN[name], VALUES[alias]
    field = entry.cls.ALIASES[alias]
    if how == "made":
        it = entry.cls(**{"model": entry.model, **CREDENTIALS} | {field: None}, **{alias: value})
    elif how == "assigned":
        it = entry.make()
        setattr(it, alias, value)
    else:
        it = entry.make().model_copy(update={alias: value})
    assert plain(getattr(it, field)) == plain(getattr(it, alias)) == value
    assert field in it.model_fields_set


@pytest.mark.parametrize(
    ("name", "alias"),
    [(name, alias) for name, alias in ALIASES if alias not in SEVEN[name].cls.model_fields],
)
def test_a_field_of_a_subclass_is_no_alias(name: str, alias: str) -> None:
    """If a user's subclass has a field with an alias's name, the field has its own value.

    LlamaIndex's embeddings have a field `model_name` themselves, which is the model.
    """
    entry = SEVEN[name]
    field = entry.cls.ALIASES[alias]
    body = {"__annotations__": {alias: int}, alias: 1, "__module__": __name__}
    subclass: Any = type("Mine", (entry.cls,), body)
    subclass = type("Yours", (subclass,), {"__module__": __name__})
    it = subclass(**{"model": entry.model, **CREDENTIALS}, **{alias: 7})
    assert (getattr(it, alias), getattr(it, field)) == (7, getattr(entry.make(), field))
    setattr(it, alias, 8)
    assert getattr(it.model_copy(update={}), alias) == 8
    assert alias in entry.cls.ALIASES


@pytest.mark.parametrize(("name", "alias"), ALIASES)
def test_a_field_and_its_alias_must_have_equal_values(name: str, alias: str) -> None:
    """Each class refuses different values for a field and its alias, and accepts equal ones."""
    entry = SEVEN[name]
    field, value = entry.cls.ALIASES[alias], VALUES[alias]
    others = {
        "api_token": "yet-another-token",
        "max_tokens": 8,
        "timeout": 2,
        entry.extra_name: {},
        "batch_size": 3,
        "query_instruction": "Search: ",
    }
    settings = {**CREDENTIALS, "model": entry.model}
    same = entry.cls(**{**settings, field: value, alias: value})
    assert plain(getattr(same, field)) == value
    settings |= {field: others.get(field, "another")}
    for make in (entry.cls, lambda **update: entry.make().model_copy(update=update)):
        error = refused(make, **settings, **{alias: value})
        assert error.parameter == alias
        assert f"{field} and {alias} mean the same" in str(error)
        assert "token" not in str(error).replace("_token", "").replace("max_tokens", "")


@ALL
def test_a_token_may_be_text_under_one_name_and_secret_str_under_the_other(name: str) -> None:
    """Each class takes `api_token` as text together with an equal `SecretStr` as `api_key`."""
    it = SEVEN[name].make(api_key=SecretStr(TOKEN))
    assert it.api_token.get_secret_value() == TOKEN


@OF_TEXT
@pytest.mark.parametrize(
    ("alias", "field"), [("max_completion_tokens", "max_tokens"), ("stop_sequences", "stop")]
)
async def test_a_call_takes_the_aliases_of_the_constructor(
    name: str, alias: str, field: str
) -> None:
    """A call of a text class takes the aliases of the constructor, and refuses two values."""
    entry, wire = SEVEN[name], Wire()
    it, value = entry.make(**wire.settings()), VALUES[alias]
    ask: Any = it.invoke if name != "WorkersAI" else it.complete
    ask("Hello", **{alias: value})
    assert wire.body()[field] == value
    ask("Hello", model_name="@cf/someone/other")
    assert wire.requests[-1].url.path.endswith("/@cf/someone/other")
    error = refused(ask, "Hello", **{alias: value, field: VALUES.get(field, 8)})
    assert field in str(error)
    assert alias in str(error)
    assert len(wire.requests) == 2


# ------------------------------------------------------------------ environment and credentials

VARIABLES = [
    ("CLOUDFLARE_API_TOKEN", "api_token"),
    ("CLOUDFLARE_AUTH_TOKEN", "api_token"),
    ("CF_AI_API_TOKEN", "api_token"),
    ("CF_API_TOKEN", "api_token"),
    ("CLOUDFLARE_ACCOUNT_ID", "account_id"),
    ("CF_ACCOUNT_ID", "account_id"),
    ("WORKERSAI_BASE_URL", "base_url"),
]
FROM_ENVIRONMENT = {
    "api_token": "token-of-the-environment",
    "account_id": OTHER,
    "base_url": "https://a.example",
}


@ALL
@pytest.mark.parametrize("nothing", [{}, None, ""], ids=["left out", "None", "empty"])
@pytest.mark.parametrize(("variable", "field"), VARIABLES)
def test_the_environment_is_read_when_an_object_is_made(
    name: str, variable: str, field: str, nothing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each constructor reads a missing setting from the environment, and does not read it later."""
    monkeypatch.setenv(variable, FROM_ENVIRONMENT[field])
    settings = {} if nothing == {} else {field: nothing}
    it = SEVEN[name].cls(SEVEN[name].model, **settings)
    monkeypatch.setenv(variable, "something else")
    assert plain(getattr(it, field)) == FROM_ENVIRONMENT[field]
    assert it.model_fields_set & {field} == set(settings)


@ALL
def test_an_argument_has_priority_over_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class prefers an argument to the variable; assigning `None` reads the variable."""
    for variable, field in VARIABLES:
        monkeypatch.setenv(variable, FROM_ENVIRONMENT[field])
    it = SEVEN[name].make(base_url="https://b.example")
    assert (plain(it.api_token), it.account_id) == (TOKEN, ACCOUNT)
    assert it.base_url == "https://b.example"
    it.api_token = it.account_id = it.base_url = None
    assert {field: plain(getattr(it, field)) for field in FROM_ENVIRONMENT} == FROM_ENVIRONMENT


@ALL
@pytest.mark.parametrize(
    ("variable", "value", "parameter"),
    [
        ("CLOUDFLARE_ACCOUNT_ID", "no account", "account_id"),
        ("CLOUDFLARE_API_TOKEN", "Bearer something", "api_token"),
        ("WORKERSAI_BASE_URL", "http://named.example", "base_url"),
    ],
)
def test_a_malformed_variable_is_refused(
    name: str, variable: str, value: str, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each constructor raises for a malformed variable as for a malformed argument."""
    monkeypatch.setenv(variable, value)
    assert refused(SEVEN[name].cls, SEVEN[name].model).parameter == parameter


@pytest.mark.parametrize(("name", "way"), WAYS)
@pytest.mark.parametrize("missing", ["account_id", "api_token"])
async def test_missing_credentials_are_reported_at_the_first_call(
    name: str, way: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class can be constructed without credentials; a call then names the variable to set.

    The call succeeds when the environment has the credentials by then.
    """
    entry, wire = SEVEN[name], Wire()
    it = entry.cls(
        entry.model, **wire.settings(), **{k: v for k, v in CREDENTIALS.items() if k != missing}
    )
    with pytest.raises(ConfigurationError, match=f"CLOUDFLARE_{missing.upper()}") as caught:
        await entry.ask(it, way)
    assert caught.value.parameter == missing
    assert wire.requests == []
    monkeypatch.setenv(f"CLOUDFLARE_{missing.upper()}", CREDENTIALS[missing])
    await entry.ask(it, way)
    assert wire.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


# ---------------------------------------------------------------------------------- refusals

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "model is missing: pass a model's id"),
    ({"model": ""}, "model", "model must be a non-empty text"),
    ({"model": 5}, "model", "model must be text, not 5"),
    ({"account_id": "abc"}, "account_id", "32 hexadecimal characters"),
    ({"account_id": 5}, "account_id", "account_id must be text, not int"),
    ({"api_token": ["x"]}, "api_token", "api_token must be text, not list"),
    ({"api_token": "two words"}, "api_token", "pass the token alone"),
    ({"base_url": "ftp://a.example"}, "base_url", "must be an https URL"),
    ({"base_url": f"https://a.example/accounts/{ACCOUNT}/ai/v1"}, "base_url", "the API's root"),
    ({"endpoint": "both"}, "endpoint", "endpoint must be 'run' or 'openai'"),
    ({"timeout": 0}, "timeout", "timeout"),
    ({"timeout": "soon"}, "timeout", "timeout"),
    ({"timeout": True}, "timeout", "timeout"),
    ({"timeout": httpx.Timeout(5)}, "timeout", "timeout"),
    ({"timeout": {"conect": 1}}, "timeout", "timeout has no clock 'conect'"),
    ({"max_retries": -1}, "max_retries", "max_retries must be 0 or more, not -1"),
    ({"max_retries": "many"}, "max_retries", "max_retries must be a whole number, not str"),
    ({"max_retries": True}, "max_retries", "max_retries must be a whole number"),
    ({"gateway": {"skip": 1}}, "gateway", "gateway has no option 'skip'"),
    ({"gateway": 5}, "gateway", "gateway must be a mapping, not int"),
    ({"session_affinity": "a\n"}, "session_affinity", "printable ASCII"),
    ({"reject_if_busy": "yes"}, "reject_if_busy", "reject_if_busy must be True or False, not str"),
    ({"default_headers": {"host": "x"}}, "default_headers", "cannot set 'host'"),
    ({"default_headers": {"x-a": 5}}, "default_headers", "printable ASCII"),
]
WRONG_TEXT: list[tuple[dict[str, Any], str, str]] = [
    ({"temperature": "hot"}, "temperature", "temperature must be a number, not str"),
    ({"temperature": "0"}, "temperature", "temperature must be a number, not str"),
    ({"temperature": True}, "temperature", "temperature must be a number, not True"),
    ({"max_tokens": 1.5}, "max_tokens", "max_tokens must be a whole number, not 1.5"),
    ({"logprobs": 1}, "logprobs", "logprobs must be True or False, not 1"),
    ({"think_tags": "no"}, "think_tags", "think_tags must be True or False, not str"),
    ({"stop": 5}, "stop", "stop must be text or a list of texts, not int"),
    ({"stop": ["a", 5]}, "stop", "stop must be text or a list of texts, not list"),
    ({"logit_bias": {"5": "x"}}, "logit_bias", "logit_bias.5 must be a number, not str"),
    ({"response_format": "json"}, "response_format", "response_format must be a dict, not str"),
    ({"lora": 5}, "lora", "lora must be text, not 5"),
]
WRONG_EMBEDDING: list[tuple[dict[str, Any], str, str]] = [
    ({"pooling": "sum"}, "pooling", "pooling must be 'mean' or 'cls'"),
    ({"dimensions": 0}, "dimensions", "dimensions must be 1 or more, not 0"),
    ({"dimensions": "many"}, "dimensions", "dimensions must be a whole number, not str"),
    ({"truncate": "yes"}, "truncate", "truncate must be True or False, not str"),
    ({"max_concurrency": 0}, "max_concurrency", "max_concurrency must be 1 or more, not 0"),
]
WRONG_RERANK: list[tuple[dict[str, Any], str, str]] = [
    ({"top_n": 0}, "top_n", "top_n must be 1 or more, not 0"),
    ({"top_n": True}, "top_n", "top_n must be a whole number, not True"),
]
CASES = [
    *((name, *case) for name in SEVEN for case in WRONG),
    *((name, *case) for name in TEXT for case in WRONG_TEXT),
    *((name, *case) for name in OF_EMBEDDINGS for case in WRONG_EMBEDDING),
    *((name, *case) for name in OF_RERANKERS for case in WRONG_RERANK),
]


@pytest.mark.parametrize(("name", "wrong", "parameter", "text"), CASES)
def test_every_constructor_refuses_a_wrong_setting_in_the_same_words(
    name: str, wrong: dict[str, Any], parameter: str, text: str
) -> None:
    """Each constructor raises an error that names the class, the setting and what to pass."""
    error = refused(SEVEN[name].make, **wrong)
    assert error.parameter == parameter
    assert str(error).startswith(f"{SEVEN[name].cls.__name__}: ")
    assert text in str(error)


@pytest.mark.parametrize(
    ("name", "wrong", "parameter", "text"), [case for case in CASES if case[1] != {"model": None}]
)
def test_a_wrong_assignment_is_refused_as_in_the_constructor(
    name: str, wrong: dict[str, Any], parameter: str, text: str
) -> None:
    """Each class refuses a wrong assignment or copy, and leaves the object as it was."""
    entry = SEVEN[name]
    it = entry.make(max_retries=1)
    before, set_before, client = dict(vars(it)), set(it.model_fields_set), it._client()
    ((field, value),) = wrong.items()
    for change in (lambda: setattr(it, field, value), lambda: it.model_copy(update=wrong)):
        error = refused(change)
        assert error.parameter == parameter
        assert text in str(error)
    assert vars(it) == before
    assert it.model_fields_set == set_before
    assert it._client() is client


@ALL
def test_langchain_classes_raise_langchains_configuration_error(name: str) -> None:
    """LangChain's classes raise the error that derives from LangChain's own, for every refusal."""
    entry = SEVEN[name]
    if entry.extra_name == "additional_kwargs":
        return
    it = entry.make()
    for change in (
        lambda: entry.make(max_retries=-1),
        lambda: entry.make(api_key="x", base_url="y", api_base="z"),
        lambda: setattr(it, "max_retries", -1),
        lambda: setattr(it, "unheard_of", 1),
        lambda: it.model_copy(update={"api_key": "a", "api_token": "b"}),
        lambda: it.model_copy(update={"unheard_of": 1}),
    ):
        assert type(refused(change)) is langchain_workersai.ConfigurationError


UNKNOWN = [
    ("cloudflare_api_token", "pass the token as api_token"),
    ("auth_token", "pass the token as api_token"),
    ("api_secret", "pass the token as api_token"),
    ("token", "pass the token as api_token"),
    ("cf_api_key", "pass the token as api_token"),
    ("cloudflare_account_id", "pass account_id"),
    ("extra_headers", "pass default_headers"),
    ("sesion_affinity", "did you mean session_affinity?"),
]


@ALL
@pytest.mark.parametrize(("unknown", "answer"), UNKNOWN)
def test_an_unknown_setting_is_refused_with_the_name_to_use(
    name: str, unknown: str, answer: str
) -> None:
    """Each class refuses an unknown setting in the constructor, an assignment and a copy.

    The error says what to pass. For a token it never recommends the argument for other keys of
    the body, which would send the token there.
    """
    entry = SEVEN[name]
    it = entry.make()
    for change in (
        lambda: entry.make(**{unknown: "my-hidden-value"}),
        lambda: setattr(it, unknown, "my-hidden-value"),
        lambda: it.model_copy(update={unknown: "my-hidden-value"}),
    ):
        error = refused(change)
        assert error.parameter == unknown
        assert f"{entry.cls.__name__}: {unknown} is not a parameter" in str(error)
        assert answer in str(error)
        assert "hidden" not in str(error)
        assert "token" not in unknown or entry.extra_name not in str(error)


@ALL
def test_the_refusal_of_an_unknown_setting_names_the_argument_for_other_keys(name: str) -> None:
    """Each class names its argument for other keys where no setting has a similar name."""
    error = refused(SEVEN[name].make, repetition_window=5)
    assert f"Pass other fields of the request in {SEVEN[name].extra_name}" in str(error)


@ALL
@pytest.mark.parametrize("key", ["cf_api_token", "Authorization", "password"])
def test_a_credential_among_the_other_keys_of_an_object_is_refused(name: str, key: str) -> None:
    """Each class refuses a key that looks like a credential; the error has its name, no value."""
    entry = SEVEN[name]
    wrong = {entry.extra_name: {"fine": 1, key: "my-hidden-value"}}
    it = entry.make()
    for change in (
        lambda: entry.make(**wrong),
        lambda: setattr(it, entry.extra_name, wrong[entry.extra_name]),
    ):
        error = refused(change)
        assert error.parameter == key
        assert f"{key!r} in {entry.extra_name} looks like a credential" in str(error)
        assert "hidden" not in str(error)


@OF_TEXT
@pytest.mark.parametrize("argument", ["extra", "own"])
def test_a_credential_among_the_other_keys_of_a_call_is_refused(name: str, argument: str) -> None:
    """A call of a text class refuses a key that looks like a credential, before any request."""
    entry, wire = SEVEN[name], Wire()
    it = entry.make(**wire.settings())
    ask: Any = it.invoke if name != "WorkersAI" else it.complete
    argument = entry.extra_name if argument == "own" else argument
    error = refused(ask, "Hello", **{argument: {"api_token": "my-hidden-value"}})
    assert error.parameter == "api_token"
    assert f"in {entry.extra_name} looks like a credential" in str(error)
    assert wire.requests == []


@OF_TEXT
@pytest.mark.parametrize(
    ("option", "answer"),
    [
        ("api_key", "{cls}: {option} is a setting of the object, not of a single call"),
        ("account_id", "{cls}: {option} is a setting of the object, not of a single call"),
        ("http_client", "{cls}: {option} is a setting of the object, not of a single call"),
        ("auth_token", "pass the token as api_token"),
        ("temprature", "did you mean temperature?"),
        ("repetition_window", "Pass other fields of the request in {extra_name}"),
    ],
)
def test_a_call_refuses_unknown_options(name: str, option: str, answer: str) -> None:
    """A call of a text class refuses settings of the object, credentials and typos."""
    entry, wire = SEVEN[name], Wire()
    it = entry.make(**wire.settings())
    ask: Any = it.invoke if name != "WorkersAI" else it.complete
    error = refused(ask, "Hello", **{option: "my-hidden-value"})
    assert error.parameter == option
    assert answer.format(cls=entry.cls.__name__, option=option, extra_name=entry.extra_name) in str(
        error
    )
    assert "hidden" not in str(error)
    assert wire.requests == []


@OF_TEXT
async def test_the_argument_for_other_keys_sends_a_refused_value(name: str) -> None:
    """Each text class names its argument for other keys in a refusal, and sends those unchecked."""
    entry, wire = SEVEN[name], Wire()
    for way in entry.ways:
        it = entry.make(seed=0, **wire.settings())
        with pytest.raises(ConfigurationError) as caught:
            await entry.ask(it, way)
        text = f"seed must be between 1 and 9,999,999,999 for {entry.model} (model page), not 0"
        assert str(caught.value).startswith(text)
        assert str(caught.value).endswith(f"; pass it in {entry.extra_name} to send it anyway")
        assert wire.requests == []
        it = entry.make(**{entry.extra_name: {"seed": 0, "top_k": "many"}}, **wire.settings())
        await entry.ask(it, way)
        assert (wire.body()["seed"], wire.body()["top_k"]) == (0, "many")
        wire.requests.clear()


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_values_without_a_json_form_are_refused(name: str, way: str) -> None:
    """Each class refuses NaN, bytes and objects among the other keys, before any request."""
    entry, wire = SEVEN[name], Wire()
    for value in (float("nan"), b"x", object()):
        it = entry.make(**{entry.extra_name: {"odd": value}}, **wire.settings())
        with pytest.raises(ConfigurationError, match="odd") as caught:
            await entry.ask(it, way)
        assert caught.value.parameter == "odd"
    assert wire.requests == []


# ------------------------------------------------------------------------------- assignments


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_an_assignment_takes_effect_at_the_next_call(name: str, way: str) -> None:
    """Each class uses an assigned connection setting in its next call, by name or by alias."""
    entry, wire = SEVEN[name], Wire()
    it = entry.make(**wire.settings())
    await entry.ask(it, way)
    it.api_key, it.account_id = "another-token", OTHER
    it.api_base, it.session_affinity = "https://b.example/v4", "s2"
    it.default_headers, it.gateway = {"x-team": "two"}, "gate"
    it.model_name = "@cf/someone/other"
    await entry.ask(it, way)
    first, second = wire.requests
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert str(second.url).startswith(f"https://b.example/v4/accounts/{OTHER}/ai/")
    assert second.url.path.endswith("/@cf/someone/other")
    expected = {
        "authorization": "Bearer another-token",
        "x-session-affinity": "s2",
        "x-team": "two",
        "cf-aig-gateway-id": "gate",
    }
    assert {header: second.headers[header] for header in expected} == expected


@ALL
def test_a_copy_takes_settings_that_depend_on_each_other_in_any_order(name: str) -> None:
    """Each class takes `allow_insecure_http` and the URL that needs it in one copy."""
    update = {"base_url": "http://named.example", "allow_insecure_http": True}
    twin = SEVEN[name].make().model_copy(update=update)
    assert twin.base_url == "http://named.example"


@ALL
def test_an_assignment_converts_values_as_the_constructor_does(name: str) -> None:
    """Each class converts an assigned timeout, tuple or whole number as its constructor does."""
    entry = SEVEN[name]
    it = entry.make()
    it.timeout = {"connect": 1.0, "total": 2.0}
    assert it.timeout == entry.make(timeout=Timeout(connect=1, total=2)).timeout
    it.timeout = 5
    assert it.timeout == entry.make(timeout=5).timeout == 5.0
    if name in TEXT:
        it.stop, it.temperature, it.logit_bias = ("a", "b"), 1, {50256: -100}
        assert (it.stop, it.temperature, it.logit_bias) == (["a", "b"], 1.0, {"50256": -100.0})


@ALL
def test_reading_an_unknown_attribute_raises_attribute_error(name: str) -> None:
    """Each class raises `AttributeError` for an unknown attribute, so `hasattr` works."""
    it = SEVEN[name].make()
    with pytest.raises(AttributeError):
        _ = it.unheard_of
    assert not hasattr(it, "_unheard_of")


# ----------------------------------------------------------------------------------- display

SECRET = "not-a-real-token-1234"
HIDDEN: dict[str, Any] = {
    "account_id": OTHER,
    "api_token": SECRET,
    "gateway": {"id": "gate", "authorization": SECRET},
    "default_headers": {"x-key": SECRET},
}


def shown(it: Any) -> str:
    return f"{it!r} {it!s} {vars(it)!r} {it.model_dump()!r} {it.model_dump_json()}"


@ALL
@pytest.mark.parametrize("how", ["made", "assigned", "copied"])
def test_repr_and_dumps_show_no_secret(name: str, how: str) -> None:
    """Each class leaves token, account, headers and gateway token out of its repr and dumps."""
    entry = SEVEN[name]
    if how == "made":
        it = entry.make(**HIDDEN)
    elif how == "copied":
        it = entry.make().model_copy(update=HIDDEN)
    else:
        it = entry.make()
        for field, value in HIDDEN.items():
            setattr(it, field, value)
    assert SECRET not in shown(it)
    assert OTHER not in shown(it)
    assert it.model_dump()["gateway"] == {"id": "gate"}
    assert {"api_token", "account_id", "default_headers"}.isdisjoint(it.model_dump())


@ALL
def test_a_dump_restores_the_object_without_its_credentials(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class restores its settings from a dump, and reads credentials from the environment."""
    entry = SEVEN[name]
    it = entry.make(timeout=Timeout(total=9), max_retries=5, session_affinity="s")
    bare = entry.cls(**it.model_dump())
    assert bare.api_token is None
    assert bare.account_id is None
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    for twin in (
        entry.cls(**it.model_dump()),
        entry.cls.model_validate(it.model_dump()),
        entry.cls.model_validate_json(it.model_dump_json()),
    ):
        assert twin.model_dump() == it.model_dump()
        assert (twin.account_id, plain(twin.api_token)) == (ACCOUNT, TOKEN)


def holder(cls: type[Any]) -> type[BaseModel]:
    """Return a pydantic model with a field of this class, such as the state of a workflow."""
    return create_model("Holder", it=(cls, ...), runs=(int, 0))


@ALL
def test_an_object_in_a_pydantic_model_survives_json(name: str) -> None:
    """A pydantic model with an object of each class can be written as JSON and read again."""
    made = holder(SEVEN[name].cls)
    it: Any = SEVEN[name].make(max_retries=5)
    state = made(it=it, runs=3)
    for stored in (state.model_dump(), json.loads(state.model_dump_json())):
        again: Any = made.model_validate(stored)
        assert type(again.it) is SEVEN[name].cls
        assert (again.it.max_retries, again.it.model, again.runs) == (5, it.model, 3)


@ALL
@pytest.mark.parametrize(
    "wrong", [{"max_retries": -1}, {"api_tokn": SECRET}, {"api_key": SECRET, "api_token": "b"}]
)
def test_the_validation_error_of_a_pydantic_model_shows_no_value(
    name: str, wrong: dict[str, Any]
) -> None:
    """Pydantic's `ValidationError` has the message of each class's own error, and no values."""
    settings = {"model": SEVEN[name].model, "account_id": OTHER, "api_token": SECRET, **wrong}
    with pytest.raises(ValidationError) as caught:
        holder(SEVEN[name].cls)(it=settings)
    ((detail),) = caught.value.errors()
    assert detail["loc"] == ("it",)
    assert detail["msg"].startswith(SEVEN[name].cls.__name__)
    assert SECRET not in f"{caught.value} {caught.value.errors()}"
    assert OTHER not in f"{caught.value} {caught.value.errors()}"


def locals_of(error: BaseException) -> str:
    """Return what a traceback prints of the local variables in this package's frames."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in found.stack if "workersai/" in frame.filename]
    text = io.StringIO()
    print(*found.format_exception_only(), *(frame.locals for frame in ours), file=text)
    return text.getvalue()


@ALL
@pytest.mark.parametrize(
    "wrong",
    [{"api_token": f"{SECRET} and more"}, {"api_tokn": SECRET}, {"gateway": {"auth": SECRET}}],
)
def test_the_frames_of_a_refusal_hold_no_secret(name: str, wrong: dict[str, Any]) -> None:
    """Each class raises its errors from frames whose local variables hold no secret."""
    entry = SEVEN[name]
    it = entry.make()
    ((field, value),) = wrong.items()
    for change in (
        lambda: entry.make(**wrong),
        lambda: setattr(it, field, value),
        lambda: it.model_copy(update=wrong),
    ):
        error = refused(change)
        assert SECRET not in locals_of(error)
        assert error.__context__ is None
        assert error.__cause__ is None


@ALL
def test_copies_are_equal_and_independent(name: str) -> None:
    """Each class makes copies that keep the token, and that share a user's own HTTP client."""
    entry, wire = SEVEN[name], Wire()
    it = entry.make(**HIDDEN, **wire.settings())
    for twin in (copy.copy(it), copy.deepcopy(it), it.model_copy(), it.model_copy(deep=True)):
        assert twin == it
        assert plain(twin.api_token) == SECRET
        assert twin.http_client is it.http_client
        assert SECRET not in shown(twin)
        twin.max_retries = 7
        assert it.max_retries == 2
