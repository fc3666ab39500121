"""An object's copies, pickles, dumps and place in caches."""

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
    """Settings changed in a copy, or set later, are the ones that requests use."""
    llm, server = scripted(wire.answer("a"))
    llm.invoke("hi")
    other = llm.model_copy(update={"endpoint": "openai", "model": GLM})
    other.invoke("hi")
    llm.session_affinity = "s2"
    llm.invoke("hi")
    first, second, third = server.requests
    assert GRANITE in first.url.path
    assert second.url.path.endswith("/ai/v1/chat/completions")
    assert third.headers["x-session-affinity"] == "s2"


def test_with_config_and_fallback_wrappers(scripted: Any, wire: Any) -> None:
    """LangChain's own wrappers - fields set at run time, fallbacks - work."""
    from langchain_core.runnables import ConfigurableField

    llm, server = scripted(wire.answer("a"))
    field = ConfigurableField(id="t")
    llm.configurable_fields(temperature=field).with_config(configurable={"t": 0.25}).invoke("hi")
    assert server.body["temperature"] == 0.25
    failing, _ = scripted(wire.error(500, 3043), max_retries=0)
    assert failing.with_fallbacks([llm]).invoke("hi").content == "a"


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_serialisation_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `dumpd` writes, `load` with the class named reads: secrets from the environment."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", SECRET)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    for cls in (ChatWorkersAI, WorkersAILLM):
        settings: dict[str, Any] = {"timeout": Timeout(total=9, idle=3), "temperature": 0.5}
        model = make(cls, **settings, gateway={"id": "gw"}, model_kwargs={"x": 1})
        twin = load(
            dumpd(model),
            allowed_objects=[cls],
            valid_namespaces=["langchain_workersai"],
            secrets_from_env=True,
        )
        assert type(twin) is cls
        assert twin.timeout == model.timeout
        assert twin.model_dump() == model.model_dump()


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
def test_caches_tell_models_apart(scripted: Any, wire: Any, difference: dict[str, Any]) -> None:
    """Two models that could answer differently never share a cached answer."""
    cache = InMemoryCache()
    one, _ = scripted(wire.answer("one"), cache=cache)
    same, server = scripted(wire.answer("same"), cache=cache)
    other, _ = scripted(wire.answer("other"), cache=cache, **difference)
    assert one.invoke("hi").content == "one"
    assert same.invoke("hi").content == "one"
    assert server.requests == []
    assert other.invoke("hi").content == "other"
    assert one._identifying_params != other._identifying_params


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
async def test_how_a_request_is_sent_changes_no_key(
    scripted: Any, wire: Any, cls: Any, same: dict[str, Any]
) -> None:
    """A new timeout, retry or header answers from the cache: nothing is paid for again."""
    cache = InMemoryCache()
    reply = wire.answer("one") if cls is ChatWorkersAI else {"response": "one"}
    one, _ = scripted(reply, cls=cls, cache=cache)
    other, server = scripted(reply, cls=cls, cache=cache, **same)
    answers = [one.invoke("hi"), other.invoke("hi"), await other.ainvoke("hi")]
    assert {getattr(answer, "content", answer) for answer in answers} == {"one"}
    assert server.requests == []
    assert one._identifying_params == other._identifying_params


def test_how_an_answer_is_read_is_part_of_the_key(scripted: Any, wire: Any) -> None:
    """With think tags kept in the text, the same reply is another answer."""
    cache = InMemoryCache()
    reply = wire.answer("<think>hm</think>yes")
    one, _ = scripted(reply, cache=cache)
    other, _ = scripted(reply, cache=cache, think_tags=not one.think_tags)
    assert one.invoke("hi").content != other.invoke("hi").content


def test_options_of_a_gateway_change_no_key(scripted: Any, wire: Any) -> None:
    """Its id does; how long it keeps answers, how often it tries and what it logs does not."""
    cache = InMemoryCache()
    one, _ = scripted(wire.answer("one"), cache=cache, gateway="gw")
    for options in ({"cache_ttl": 60}, {"metadata": {"team": "a"}}, {"authorization": "secret"}):
        other, server = scripted(wire.answer("b"), cache=cache, gateway={"id": "gw", **options})
        assert one.invoke("hi").content == other.invoke("hi").content
        assert server.requests == []
    other, server = scripted(wire.answer("b"), cache=cache, gateway={"id": "another"})
    assert other.invoke("hi").content == "b"


def test_a_changed_model_does_not_answer_from_the_old_cache(scripted: Any, wire: Any) -> None:
    """A field set after a cached call is part of the next call's identity."""
    llm, server = scripted(wire.answer("a"), cache=InMemoryCache())
    llm.invoke("hi")
    llm.temperature = 0.5
    llm.invoke("hi")
    llm.model_copy(update={"temperature": 0.75}).invoke("hi")
    assert len(server.requests) == 3


def test_bound_options_are_part_of_the_cache_key(scripted: Any, wire: Any) -> None:
    """Tools and per-call options separate cached answers too."""
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
    said = {name for name, field in cls.model_fields.items() if field.description}
    assert [name for name in own - said if f"{name}:" not in documented] == []


def _ours(cls: type[Any]) -> list[type[Any]]:
    return [base for base in cls.__mro__ if base.__module__.startswith(face.__name__)]


@pytest.mark.parametrize("difference", [{"model": GLM}, {"lora": "mine"}, {"raw": True}], ids=str)
def test_caches_tell_completion_models_apart(scripted: Any, difference: dict[str, Any]) -> None:
    """What holds for chat holds for completion."""
    cache = InMemoryCache()
    one, _ = scripted({"response": "one"}, cls=WorkersAILLM, cache=cache)
    same, server = scripted({"response": "same"}, cls=WorkersAILLM, cache=cache)
    other, _ = scripted({"response": "other"}, cls=WorkersAILLM, cache=cache, **difference)
    assert [one.invoke("hi"), same.invoke("hi"), other.invoke("hi")] == ["one", "one", "other"]
    assert server.requests == []


@pytest.mark.parametrize("account", [{}, {"account_id": None}, {"account_id": ""}], ids=str)
def test_the_environment_s_account_is_part_of_the_identity(
    monkeypatch: pytest.MonkeyPatch, account: dict[str, Any]
) -> None:
    """However the account is left to the environment, two of them never share an answer."""
    digests = set()
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "")
    for number in "ab":
        monkeypatch.setenv("CF_ACCOUNT_ID", number * 32)
        model = ChatWorkersAI(GRANITE, api_token=SECRET, **account)
        digests.add(model._identifying_params["account"])
    assert len(digests) == 2


def test_fields_of_a_run_leave_streams_alone(scripted: Any, wire: Any) -> None:
    """A model that LangChain makes again from its fields still streams, for that account."""
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
    """`streaming=False` survives `load` and a pickle."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", SECRET)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    given = {} if streaming is None else {"streaming": streaming}
    model = ChatWorkersAI(GRANITE, **given)  # type: ignore[arg-type]  # mypy joins the two dicts
    loaded = load(
        dumpd(model),
        allowed_objects=[ChatWorkersAI],
        valid_namespaces=["langchain_workersai"],
        secrets_from_env=True,
    )
    for twin in (loaded, pickle.loads(pickle.dumps(model))):
        assert twin.streaming is streaming
        assert twin._streaming_disabled() is (streaming is False)
