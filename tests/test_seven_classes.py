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
def test_fields_are_the_same(name: str, mixin: Any) -> None:
    """Classes of a kind have them with the same type, default and description, hidden alike."""
    own = SEVEN[name].cls.model_fields
    for field, info in mixin.model_fields.items():
        assert facts(own[field]) == facts(info), field
        assert info.description


@ALL
def test_every_field_of_a_mixin_is_checked_here(name: str) -> None:
    """A class has no other mixin than those above."""
    mixins = {mixin for owner, mixin in MIXINS if owner == name}
    bases = {base for base in SEVEN[name].cls.__mro__ if base.__module__.startswith("workersai.")}
    assert {base for base in bases if getattr(base, "model_fields", None)} == mixins


@ALL
def test_the_constructor_is_typed_as_the_fields(name: str) -> None:
    """What editors and type checkers offer is what the class takes: fields and aliases."""
    one = SEVEN[name]
    offered = set(get_type_hints(one.settings))
    assert offered == ({*one.cls.model_fields, *one.cls.ALIASES} - {"model"})


def test_both_faces_have_the_same_aliases() -> None:
    """There is one list; only the classes of vectors may have names of their frameworks beside."""
    connection = {**ConnectionFields.ALIASES}
    for name, one in SEVEN.items():
        expected = {**connection, "extra": one.others_in}
        expected |= dict(GenerationFields.ALIASES) if name in TEXT else {}
        assert expected.items() <= dict(one.cls.ALIASES).items()
        if name in TEXT:
            assert dict(one.cls.ALIASES) == expected
        if name in OF_EMBEDDINGS:
            assert EmbeddingFields.ALIASES.items() <= dict(one.cls.ALIASES).items()


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
ALIASES = [(name, alias) for name, one in SEVEN.items() for alias in one.cls.ALIASES]


def plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize(("name", "alias"), ALIASES)
@pytest.mark.parametrize("how", ["made", "assigned", "copied"])
def test_an_alias_is_the_field(name: str, alias: str, how: str) -> None:
    """Whether it is passed, assigned or copied in, it sets the field, and reads as the field."""
    one, value = SEVEN[name], VALUES[alias]
    field = one.cls.ALIASES[alias]
    if how == "made":
        it = one.cls(**{"model": one.model, **CREDENTIALS} | {field: None}, **{alias: value})
    elif how == "assigned":
        it = one.make()
        setattr(it, alias, value)
    else:
        it = one.make().model_copy(update={alias: value})
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
    one = SEVEN[name]
    field = one.cls.ALIASES[alias]
    body = {"__annotations__": {alias: int}, alias: 1, "__module__": __name__}
    subclass: Any = type("Mine", (one.cls,), body)
    subclass = type("Yours", (subclass,), {"__module__": __name__})
    it = subclass(**{"model": one.model, **CREDENTIALS}, **{alias: 7})
    assert (getattr(it, alias), getattr(it, field)) == (7, getattr(one.make(), field))
    setattr(it, alias, 8)
    assert getattr(it.model_copy(update={}), alias) == 8
    assert alias in one.cls.ALIASES


@pytest.mark.parametrize(("name", "alias"), ALIASES)
def test_two_names_of_a_field(name: str, alias: str) -> None:
    """Two values for one field are refused, and the error names both; equal ones are one."""
    one = SEVEN[name]
    field, value = one.cls.ALIASES[alias], VALUES[alias]
    others = {
        "api_token": "yet-another-token",
        "max_tokens": 8,
        "timeout": 2,
        one.others_in: {},
        "batch_size": 3,
        "query_instruction": "Search: ",
    }
    settings = {**CREDENTIALS, "model": one.model}
    same = one.cls(**{**settings, field: value, alias: value})
    assert plain(getattr(same, field)) == value
    settings |= {field: others.get(field, "another")}
    for make in (one.cls, lambda **update: one.make().model_copy(update=update)):
        error = refused(make, **settings, **{alias: value})
        assert error.parameter == alias
        assert f"{field} and {alias} mean the same" in str(error)
        assert "token" not in str(error).replace("_token", "").replace("max_tokens", "")


@ALL
def test_a_token_and_its_alias_may_differ_in_type(name: str) -> None:
    """A text and a `SecretStr` of it are equal."""
    it = SEVEN[name].make(api_key=SecretStr(TOKEN))
    assert it.api_token.get_secret_value() == TOKEN


@OF_TEXT
@pytest.mark.parametrize(
    ("alias", "field"), [("max_completion_tokens", "max_tokens"), ("stop_sequences", "stop")]
)
async def test_an_alias_of_a_call(name: str, alias: str, field: str) -> None:
    """A single call takes the same names as the constructor, and refuses two values alike."""
    one, wire = SEVEN[name], Wire()
    it, value = one.make(**wire.settings()), VALUES[alias]
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
    """What is not passed is read then, and a later change of the environment changes nothing."""
    monkeypatch.setenv(variable, FROM_ENVIRONMENT[field])
    settings = {} if nothing == {} else {field: nothing}
    it = SEVEN[name].cls(SEVEN[name].model, **settings)
    monkeypatch.setenv(variable, "something else")
    assert plain(getattr(it, field)) == FROM_ENVIRONMENT[field]
    assert it.model_fields_set & {field} == set(settings)


@ALL
def test_an_argument_goes_before_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An argument replaces the variable; assigning `None` reads the variable again."""
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
def test_variables_are_checked(
    name: str, variable: str, value: str, parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A malformed variable raises when the object is made, as an argument does."""
    monkeypatch.setenv(variable, value)
    assert refused(SEVEN[name].cls, SEVEN[name].model).parameter == parameter


@pytest.mark.parametrize(("name", "way"), WAYS)
@pytest.mark.parametrize("missing", ["account_id", "api_token"])
async def test_missing_credentials_are_reported_at_the_first_call(
    name: str, way: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects can be made without them, from a dump say; a call says which variable to set.

    They may also come later: by an assignment, or by the environment.
    """
    one, wire = SEVEN[name], Wire()
    it = one.cls(
        one.model, **wire.settings(), **{k: v for k, v in CREDENTIALS.items() if k != missing}
    )
    with pytest.raises(ConfigurationError, match=f"CLOUDFLARE_{missing.upper()}") as caught:
        await one.ask(it, way)
    assert caught.value.parameter == missing
    assert wire.requests == []
    monkeypatch.setenv(f"CLOUDFLARE_{missing.upper()}", CREDENTIALS[missing])
    await one.ask(it, way)
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
def test_a_wrong_setting_is_refused_alike(
    name: str, wrong: dict[str, Any], parameter: str, text: str
) -> None:
    """The constructor names the class, the setting and what is wanted, in the same words."""
    error = refused(SEVEN[name].make, **wrong)
    assert error.parameter == parameter
    assert str(error).startswith(f"{SEVEN[name].cls.__name__}: ")
    assert text in str(error)


@pytest.mark.parametrize(
    ("name", "wrong", "parameter", "text"), [case for case in CASES if case[1] != {"model": None}]
)
def test_a_wrong_assignment_is_refused_as_the_constructor_does(
    name: str, wrong: dict[str, Any], parameter: str, text: str
) -> None:
    """Assignments and copies are checked in the same way, and leave the object as it was."""
    one = SEVEN[name]
    it = one.make(max_retries=1)
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
def test_errors_are_those_of_the_face(name: str) -> None:
    """LangChain's classes raise the error that LangChain knows, wherever a setting is refused."""
    one = SEVEN[name]
    if one.others_in == "additional_kwargs":
        return
    it = one.make()
    for change in (
        lambda: one.make(max_retries=-1),
        lambda: one.make(api_key="x", base_url="y", api_base="z"),
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
def test_an_unknown_name_is_answered_alike(name: str, unknown: str, answer: str) -> None:
    """Passed, assigned or copied in, it is answered with what to pass.

    The answer to a token is never the argument that would post it in the body.
    """
    one = SEVEN[name]
    it = one.make()
    for change in (
        lambda: one.make(**{unknown: "my-hidden-value"}),
        lambda: setattr(it, unknown, "my-hidden-value"),
        lambda: it.model_copy(update={unknown: "my-hidden-value"}),
    ):
        error = refused(change)
        assert error.parameter == unknown
        assert f"{one.cls.__name__}: {unknown} is not a parameter" in str(error)
        assert answer in str(error)
        assert "hidden" not in str(error)
        assert "token" not in unknown or one.others_in not in str(error)


@ALL
def test_a_key_of_the_body_is_shown_its_place(name: str) -> None:
    """A name that is close to none is answered with the argument for other keys."""
    error = refused(SEVEN[name].make, repetition_window=5)
    assert f"Pass other fields of the request in {SEVEN[name].others_in}" in str(error)


@ALL
@pytest.mark.parametrize("key", ["cf_api_token", "Authorization", "password"])
def test_other_keys_of_the_body_hold_no_credential(name: str, key: str) -> None:
    """Such a key is refused where it is passed or assigned, by its name and not its value."""
    one = SEVEN[name]
    wrong = {one.others_in: {"fine": 1, key: "my-hidden-value"}}
    it = one.make()
    for change in (
        lambda: one.make(**wrong),
        lambda: setattr(it, one.others_in, wrong[one.others_in]),
    ):
        error = refused(change)
        assert error.parameter == key
        assert f"{key!r} in {one.others_in} looks like a credential" in str(error)
        assert "hidden" not in str(error)


@OF_TEXT
@pytest.mark.parametrize("argument", ["extra", "own"])
def test_a_call_s_other_keys_hold_no_credential(name: str, argument: str) -> None:
    """What is passed to a single call is looked at as what the object has."""
    one, wire = SEVEN[name], Wire()
    it = one.make(**wire.settings())
    ask: Any = it.invoke if name != "WorkersAI" else it.complete
    argument = one.others_in if argument == "own" else argument
    error = refused(ask, "Hello", **{argument: {"api_token": "my-hidden-value"}})
    assert error.parameter == "api_token"
    assert f"in {one.others_in} looks like a credential" in str(error)
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
        ("repetition_window", "Pass other fields of the request in {others_in}"),
    ],
)
def test_a_call_refuses_unknown_options(name: str, option: str, answer: str) -> None:
    """A call refuses settings of the object, credentials and typos before any request."""
    one, wire = SEVEN[name], Wire()
    it = one.make(**wire.settings())
    ask: Any = it.invoke if name != "WorkersAI" else it.complete
    error = refused(ask, "Hello", **{option: "my-hidden-value"})
    assert error.parameter == option
    assert answer.format(cls=one.cls.__name__, option=option, others_in=one.others_in) in str(error)
    assert "hidden" not in str(error)
    assert wire.requests == []


@OF_TEXT
async def test_a_refused_value_can_be_sent_anyway(name: str) -> None:
    """The refusal names the face's own argument for it, and what is in there goes out unchecked."""
    one, wire = SEVEN[name], Wire()
    for way in one.ways:
        it = one.make(seed=0, **wire.settings())
        with pytest.raises(ConfigurationError) as caught:
            await one.ask(it, way)
        text = f"seed must be between 1 and 9,999,999,999 for {one.model} (model page), not 0"
        assert str(caught.value).startswith(text)
        assert str(caught.value).endswith(f"; pass it in {one.others_in} to send it anyway")
        assert wire.requests == []
        it = one.make(**{one.others_in: {"seed": 0, "top_k": "many"}}, **wire.settings())
        await one.ask(it, way)
        assert (wire.body()["seed"], wire.body()["top_k"]) == (0, "many")
        wire.requests.clear()


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_values_without_a_json_form_are_refused(name: str, way: str) -> None:
    """NaN, bytes and objects among the other keys raise an error before any request."""
    one, wire = SEVEN[name], Wire()
    for value in (float("nan"), b"x", object()):
        it = one.make(**{one.others_in: {"odd": value}}, **wire.settings())
        with pytest.raises(ConfigurationError, match="odd") as caught:
            await one.ask(it, way)
        assert caught.value.parameter == "odd"
    assert wire.requests == []


# ------------------------------------------------------------------------------- assignments


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_an_assignment_takes_effect_at_the_next_call(name: str, way: str) -> None:
    """Every connection setting that is assigned, by its name or an alias, is the one used next."""
    one, wire = SEVEN[name], Wire()
    it = one.make(**wire.settings())
    await one.ask(it, way)
    it.api_key, it.account_id = "another-token", OTHER
    it.api_base, it.session_affinity = "https://b.example/v4", "s2"
    it.default_headers, it.gateway = {"x-team": "two"}, "gate"
    it.model_name = "@cf/someone/other"
    await one.ask(it, way)
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
def test_related_settings_are_assigned_together(name: str) -> None:
    """A copy sets what allows a value before the value, in whatever order they are named."""
    update = {"base_url": "http://named.example", "allow_insecure_http": True}
    twin = SEVEN[name].make().model_copy(update=update)
    assert twin.base_url == "http://named.example"


@ALL
def test_assignments_read_values_as_the_constructor(name: str) -> None:
    """An assignment reads values as the constructor does: seconds, clocks, tuples of words."""
    one = SEVEN[name]
    it = one.make()
    it.timeout = {"connect": 1.0, "total": 2.0}
    assert it.timeout == one.make(timeout=Timeout(connect=1, total=2)).timeout
    it.timeout = 5
    assert it.timeout == one.make(timeout=5).timeout == 5.0
    if name in TEXT:
        it.stop, it.temperature, it.logit_bias = ("a", "b"), 1, {50256: -100}
        assert (it.stop, it.temperature, it.logit_bias) == (["a", "b"], 1.0, {"50256": -100.0})


@ALL
def test_a_private_name_is_no_setting(name: str) -> None:
    """Python's own attributes are set as on any object."""
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
def test_no_secret_is_shown(name: str, how: str) -> None:
    """Token, account, headers and the gateway's token are in no repr and no dump."""
    one = SEVEN[name]
    if how == "made":
        it = one.make(**HIDDEN)
    elif how == "copied":
        it = one.make().model_copy(update=HIDDEN)
    else:
        it = one.make()
        for field, value in HIDDEN.items():
            setattr(it, field, value)
    assert SECRET not in shown(it)
    assert OTHER not in shown(it)
    assert it.model_dump()["gateway"] == {"id": "gate"}
    assert {"api_token", "account_id", "default_headers"}.isdisjoint(it.model_dump())


@ALL
def test_a_dump_makes_the_object_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds no credentials: they come from the environment, or later."""
    one = SEVEN[name]
    it = one.make(timeout=Timeout(total=9), max_retries=5, session_affinity="s")
    bare = one.cls(**it.model_dump())
    assert bare.api_token is None
    assert bare.account_id is None
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    for twin in (
        one.cls(**it.model_dump()),
        one.cls.model_validate(it.model_dump()),
        one.cls.model_validate_json(it.model_dump_json()),
    ):
        assert twin.model_dump() == it.model_dump()
        assert (twin.account_id, plain(twin.api_token)) == (ACCOUNT, TOKEN)


def holder(cls: type[Any]) -> type[BaseModel]:
    """A model of a user's own, such as the typed state of a workflow, that holds an object."""
    return create_model("Holder", it=(cls, ...), runs=(int, 0))


@ALL
def test_an_object_inside_a_model_comes_back(name: str) -> None:
    """A typed state that holds one is written as JSON and read again."""
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
def test_a_refusal_inside_a_model_shows_no_value(name: str, wrong: dict[str, Any]) -> None:
    """Where pydantic makes the object, its own error says what ours says, without the values."""
    settings = {"model": SEVEN[name].model, "account_id": OTHER, "api_token": SECRET, **wrong}
    with pytest.raises(ValidationError) as caught:
        holder(SEVEN[name].cls)(it=settings)
    ((detail),) = caught.value.errors()
    assert detail["loc"] == ("it",)
    assert detail["msg"].startswith(SEVEN[name].cls.__name__)
    assert SECRET not in f"{caught.value} {caught.value.errors()}"
    assert OTHER not in f"{caught.value} {caught.value.errors()}"


def locals_of(error: BaseException) -> str:
    """What a traceback with local variables prints of this package's frames."""
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
def test_a_refusal_shows_no_value_in_its_frames(name: str, wrong: dict[str, Any]) -> None:
    """An error tracker that collects local variables finds no secret in those of this package."""
    one = SEVEN[name]
    it = one.make()
    ((field, value),) = wrong.items()
    for change in (
        lambda: one.make(**wrong),
        lambda: setattr(it, field, value),
        lambda: it.model_copy(update=wrong),
    ):
        error = refused(change)
        assert SECRET not in locals_of(error)
        assert error.__context__ is None
        assert error.__cause__ is None


@ALL
def test_copies_are_equal_and_independent(name: str) -> None:
    """Every copy within the process keeps the token, and shares a user's own HTTP client."""
    one, wire = SEVEN[name], Wire()
    it = one.make(**HIDDEN, **wire.settings())
    for twin in (copy.copy(it), copy.deepcopy(it), it.model_copy(), it.model_copy(deep=True)):
        assert twin == it
        assert plain(twin.api_token) == SECRET
        assert twin.http_client is it.http_client
        assert SECRET not in shown(twin)
        twin.max_retries = 7
        assert it.max_retries == 2
