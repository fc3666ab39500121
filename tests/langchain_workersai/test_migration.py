"""Code written for `langchain-cloudflare` keeps its meaning where the migration page says so."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import langchain_cloudflare as old
import pytest

import langchain_workersai as new
from tests.langchain_workersai.scripted import ACCOUNT, GRANITE

PAGE = Path(__file__).parents[2] / "docs" / "migrating-from-langchain-cloudflare.md"

CLASSES = {
    "ChatCloudflareWorkersAI": "ChatWorkersAI",
    "CloudflareWorkersAIEmbeddings": "WorkersAIEmbeddings",
    "CloudflareWorkersAIReranker": "WorkersAIRerank",
}


@pytest.mark.parametrize(("before", "after"), CLASSES.items())
def test_each_class_has_a_successor(before: str, after: str) -> None:
    """Each class name on the migration page exists in its package."""
    assert hasattr(old, before)
    assert hasattr(new, after)
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{before}`" in text
    assert f"`{after}`" in text


def test_every_parameter_of_the_old_chat_model_is_on_the_page() -> None:
    """The migration page names every parameter of the old chat model."""
    text = PAGE.read_text(encoding="utf-8")
    base = {n for c in old.ChatCloudflareWorkersAI.__mro__[1:] for n in _fields(c)}
    own = set(_fields(old.ChatCloudflareWorkersAI)) - base
    assert own
    assert [name for name in sorted(own) if f"`{name}" not in text] == []


def _fields(cls: type[Any]) -> dict[str, Any]:
    return getattr(cls, "model_fields", {})


def test_the_old_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """ChatWorkersAI reads the environment variables of the old package."""
    monkeypatch.setenv("CF_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("CF_AI_API_TOKEN", "token")
    llm = new.ChatWorkersAI(model=GRANITE)
    assert llm.account_id == ACCOUNT
    assert llm.api_token is not None


def test_the_old_spelling_works() -> None:
    """Parameters of the old package that kept their meaning are accepted under the same names."""
    common: dict[str, Any] = {"account_id": ACCOUNT, "api_token": "t", "model": GRANITE}
    chat: dict[str, Any] = {
        "temperature": 0.5,
        "max_tokens": 10,
        "max_retries": 1,
        "stop": ["END"],
        "n": 1,
        "model_kwargs": {"x": 1},
        "reject_if_busy": True,
    }
    llm = new.ChatWorkersAI(**common, **chat)
    assert {name: getattr(llm, name) for name in chat} == chat
    renamed = {**common, "model_name": "@cf/baai/bge-m3"}
    del renamed["model"]
    assert new.WorkersAIEmbeddings(**renamed).model == "@cf/baai/bge-m3"


def test_the_base_url_variable_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """ChatWorkersAI ignores `BASE_URL`, so another program's setting cannot redirect the token."""
    monkeypatch.setenv("BASE_URL", "http://evil.example.test")
    llm = new.ChatWorkersAI(GRANITE, account_id=ACCOUNT, api_token="t")
    assert llm.base_url is None


def test_streamed_tool_calls_arrive(scripted: Any, wire: Any) -> None:
    """A stream has tool calls and usage, which the old package dropped."""
    call = {"tool_calls": [wire.call("f", '{"a": 1}')]}
    llm, _ = scripted(wire.stream(call, finish="tool_calls"))
    first, *rest = list(llm.stream("hi"))
    message = first
    for chunk in rest:
        message = message + chunk
    assert message.tool_calls[0]["args"] == {"a": 1}
    assert message.usage_metadata["total_tokens"] == 12


def test_methods_keep_their_signatures() -> None:
    """The methods accept the arguments of the old package's methods."""
    for name in ("bind_tools", "with_structured_output"):
        before = inspect.signature(getattr(old.ChatCloudflareWorkersAI, name)).parameters
        after = inspect.signature(getattr(new.ChatWorkersAI, name)).parameters
        missing = set(before) - set(after)
        assert missing == set() or "kwargs" in after
