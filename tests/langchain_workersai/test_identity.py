"""Copies, pickles, dumps and cache keys of an object."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumpd, load

import langchain_workersai as face
from langchain_workersai import (
    ChatWorkersAI,
    Timeout,
    WorkersAIEmbeddings,
    WorkersAILLM,
    WorkersAIRerank,
)
from tests.langchain_workersai.scripted import ACCOUNT, GLM, GRANITE

SECRET = "very-secret-token"
CLASSES = [ChatWorkersAI, WorkersAILLM, WorkersAIEmbeddings, WorkersAIRerank]

Make = Callable[..., Any]


def make(cls: Make, **settings: Any) -> Any:
    return cls(GRANITE, **{"account_id": ACCOUNT, "api_token": SECRET, **settings})


def test_a_copy_with_other_settings_uses_them(scripted: Any, wire: Any) -> None:
    """Settings changed in a copy, or assigned later, are used in the next request."""
    llm, server = scripted(wire.answer("a"))
    llm.invoke("hi")
    copied = llm.model_copy(update={"endpoint": "openai", "model": GLM})
    copied.invoke("hi")
    llm.session_affinity = "s2"
    llm.invoke("hi")
    first, second, third = server.requests
    assert GRANITE in first.url.path
    assert second.url.path.endswith("/ai/v1/chat/completions")
    assert third.headers["x-session-affinity"] == "s2"


def test_with_config_and_fallback_wrappers(scripted: Any, wire: Any) -> None:
    """Fields set at run time and fallbacks work with ChatWorkersAI."""
    from langchain_core.runnables import ConfigurableField

    llm, server = scripted(wire.answer("a"))
    field = ConfigurableField(id="t")
    llm.configurable_fields(temperature=field).with_config(configurable={"t": 0.25}).invoke("hi")
    assert server.body["temperature"] == 0.25
    failing, _ = scripted(wire.error(500, 3043), max_retries=0)
    assert failing.with_fallbacks([llm]).invoke("hi").content == "a"


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_serialisation_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    """`load` makes the object that `dumpd` wrote, with secrets from the environment."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", SECRET)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    for cls in (ChatWorkersAI, WorkersAILLM):
        settings: dict[str, Any] = {"timeout": Timeout(total=9, idle=3), "temperature": 0.5}
        model = make(cls, **settings, gateway={"id": "gw"}, model_kwargs={"x": 1})
        loaded = load(
            dumpd(model),
            allowed_objects=[cls],
            valid_namespaces=["langchain_workersai"],
            secrets_from_env=True,
        )
        assert type(loaded) is cls
        assert loaded.timeout == model.timeout
        assert loaded.model_dump() == model.model_dump()


DIFFERENCES: list[dict[str, Any]] = [
    {"model": GLM},
    {"temperature": 0.5},
    {"max_tokens": 9},
    {"stop": ["END"]},
    {"seed": 1},
    {"endpoint": "openai"},
    {"base_url": "https://proxy.example.test/v4"},
    {"gateway": "gw"},
    {"gateway": {"id": "gw", "skip_cache": True}},
    {"account_id": "f" * 32},
    {"model_kwargs": {"x": 1}},
    {"response_format": {"type": "json_object"}},
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids="-".join)
def test_cache_keys_distinguish_models(
    scripted: Any, wire: Any, difference: dict[str, Any]
) -> None:
    """Two models that could answer differently do not share a cached answer."""
    cache = InMemoryCache()
    first, _ = scripted(wire.answer("one"), cache=cache)
    same, server = scripted(wire.answer("same"), cache=cache)
    different, _ = scripted(wire.answer("other"), cache=cache, **difference)
    assert first.invoke("hi").content == "one"
    assert same.invoke("hi").content == "one"
    assert server.requests == []
    assert different.invoke("hi").content == "other"
    assert first._identifying_params != different._identifying_params


SAME: list[dict[str, Any]] = [
    {"timeout": 9},
    {"timeout": Timeout(total=9)},
    {"max_retries": 5},
    {"session_affinity": "s"},
    {"reject_if_busy": True},
    {"default_headers": {"x-team": "a"}},
    {"api_token": "another"},
    {"allow_insecure_http": True},
    {"name": "mine"},
]


@pytest.mark.parametrize("same", SAME, ids="-".join)
@pytest.mark.parametrize("cls", [ChatWorkersAI, WorkersAILLM])
async def test_transport_settings_do_not_change_the_cache_key(
    scripted: Any, wire: Any, cls: Any, same: dict[str, Any]
) -> None:
    """Objects that differ in timeout, retries or headers share cached answers."""
    cache = InMemoryCache()
    reply = wire.answer("one") if cls is ChatWorkersAI else {"response": "one"}
    first, _ = scripted(reply, cls=cls, cache=cache)
    other, server = scripted(reply, cls=cls, cache=cache, **same)
    answers = [first.invoke("hi"), other.invoke("hi"), await other.ainvoke("hi")]
    assert {getattr(answer, "content", answer) for answer in answers} == {"one"}
    assert server.requests == []
    assert first._identifying_params == other._identifying_params


def test_think_tags_are_part_of_the_cache_key(scripted: Any, wire: Any) -> None:
    """Objects that read think tags differently do not share a cached answer."""
    cache = InMemoryCache()
    reply = wire.answer("<think>hm</think>yes")
    first, _ = scripted(reply, cache=cache)
    other, _ = scripted(reply, cache=cache, think_tags=not first.think_tags)
    assert first.invoke("hi").content != other.invoke("hi").content


def test_gateway_options_do_not_change_the_cache_key(scripted: Any, wire: Any) -> None:
    """The gateway's id changes the cache key; its cache, metadata and token options do not."""
    cache = InMemoryCache()
    first, _ = scripted(wire.answer("one"), cache=cache, gateway="gw")
    for options in ({"cache_ttl": 60}, {"metadata": {"team": "a"}}, {"authorization": "secret"}):
        other, server = scripted(wire.answer("b"), cache=cache, gateway={"id": "gw", **options})
        assert first.invoke("hi").content == other.invoke("hi").content
        assert server.requests == []
    other, server = scripted(wire.answer("b"), cache=cache, gateway={"id": "another"})
    assert other.invoke("hi").content == "b"


def test_an_assigned_field_changes_the_cache_key(scripted: Any, wire: Any) -> None:
    """A field assigned after a cached call changes the cache key of the next call."""
    llm, server = scripted(wire.answer("a"), cache=InMemoryCache())
    llm.invoke("hi")
    llm.temperature = 0.5
    llm.invoke("hi")
    llm.model_copy(update={"temperature": 0.75}).invoke("hi")
    assert len(server.requests) == 3


def test_bound_options_are_part_of_the_cache_key(scripted: Any, wire: Any) -> None:
    """Options of a call are part of the cache key."""
    llm, server = scripted(wire.answer("a"), cache=InMemoryCache())
    llm.invoke("hi")
    llm.invoke("hi", temperature=0.5)
    llm.invoke("hi", stop=["X"])
    llm.invoke("hi")
    assert len(server.requests) == 3


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_is_documented(cls: Any) -> None:
    """Each field has a description, or is documented in its class or a base class."""
    documented = "".join(base.__doc__ or "" for base in cls.__mro__)
    own = {n for n in cls.model_fields if any(n in b.__annotations__ for b in _ours(cls))}
    described = {name for name, field in cls.model_fields.items() if field.description}
    assert [name for name in own - described if f"{name}:" not in documented] == []


def _ours(cls: type[Any]) -> list[type[Any]]:
    return [base for base in cls.__mro__ if base.__module__.startswith(face.__name__)]


@pytest.mark.parametrize("difference", [{"model": GLM}, {"lora": "mine"}, {"raw": True}], ids=str)
def test_cache_keys_distinguish_completion_models(
    scripted: Any, difference: dict[str, Any]
) -> None:
    """Two completion models that could answer differently do not share a cached answer."""
    cache = InMemoryCache()
    first, _ = scripted({"response": "one"}, cls=WorkersAILLM, cache=cache)
    same, server = scripted({"response": "same"}, cls=WorkersAILLM, cache=cache)
    different, _ = scripted({"response": "other"}, cls=WorkersAILLM, cache=cache, **difference)
    assert [first.invoke("hi"), same.invoke("hi"), different.invoke("hi")] == [
        "one",
        "one",
        "other",
    ]
    assert server.requests == []


@pytest.mark.parametrize("account", [{}, {"account_id": None}, {"account_id": ""}], ids=str)
def test_the_environment_s_account_is_part_of_the_identity(
    monkeypatch: pytest.MonkeyPatch, account: dict[str, Any]
) -> None:
    """Two accounts from the environment never share an answer, however the setting is left out."""
    digests = set()
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "")
    for number in "ab":
        monkeypatch.setenv("CF_ACCOUNT_ID", number * 32)
        model = ChatWorkersAI(GRANITE, api_token=SECRET, **account)
        digests.add(model._identifying_params["account"])
    assert len(digests) == 2


def test_a_configured_model_still_streams(scripted: Any, wire: Any) -> None:
    """A model that LangChain makes again from its fields still streams, for the new account."""
    from langchain_core.runnables import ConfigurableField

    llm, server = scripted(wire.stream("a", "b"))
    fields = {name: ConfigurableField(id=name) for name in ("account_id", "temperature")}
    chosen = {"account_id": "f" * 32, "temperature": 0.5}
    chunks = list(llm.configurable_fields(**fields).with_config(configurable=chosen).stream("hi"))
    assert [chunk.content for chunk in chunks if chunk.content] == ["a", "b"]
    assert server.body["stream"] is True
    assert f"/accounts/{'f' * 32}/" in str(server.requests[0].url)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("streaming", [None, True, False])
def test_switches_survive_a_dump(monkeypatch: pytest.MonkeyPatch, streaming: bool | None) -> None:
    """`streaming` has its value after `load` and after unpickling."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", SECRET)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    switches = {} if streaming is None else {"streaming": streaming}
    model = ChatWorkersAI(GRANITE, **switches)  # type: ignore[arg-type]  # mypy joins the two dicts
    loaded = load(
        dumpd(model),
        allowed_objects=[ChatWorkersAI],
        valid_namespaces=["langchain_workersai"],
        secrets_from_env=True,
    )
    for twin in (loaded, pickle.loads(pickle.dumps(model))):
        assert twin.streaming is streaming
        assert twin._streaming_disabled() is (streaming is False)
