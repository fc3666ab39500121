"""Tracing, token counts and rate limits of chat models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.tools import tool

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI
from tests.langchain_workersai.scripted import GRANITE, collect


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


def test_tracing_parameters(scripted: Any, wire: Any) -> None:
    """LangSmith receives the provider, the model and the parameters of the call."""
    llm, _ = scripted(wire.answer("a"), temperature=0.5, max_tokens=9, stop="END")
    params = llm._get_ls_params()
    assert params == {
        "ls_provider": "workersai",
        "ls_model_name": GRANITE,
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["END"],
    }
    assert llm._get_ls_params(stop=["X"], temperature=0)["ls_temperature"] == 0


def test_token_counting_needs_no_download(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI estimates token counts without a download, tools included."""
    llm, _ = scripted(wire.answer("a"))
    without_tools = llm.get_num_tokens_from_messages([HumanMessage("hello there")])
    with_tools = llm.get_num_tokens_from_messages([HumanMessage("hello there")], tools=[weather])
    assert 0 < without_tools < with_tools
    assert 0 < llm.get_num_tokens("hello there") <= without_tools


def test_the_versions_are_traced(scripted: Any, wire: Any) -> None:
    """LangSmith metadata of a model has the version of this package."""
    llm, _ = scripted(wire.answer("a"))
    assert llm.metadata["lc_versions"]["workersai"] == face.__version__


class Limiter(BaseRateLimiter):
    """Counts the calls that it permits."""

    def __init__(self) -> None:
        self.count = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.count += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire()


async def test_the_rate_limiter_runs_once_a_call(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI waits once for LangChain's rate limiter in each call, plain or streamed."""
    limiter = Limiter()
    answer, events = wire.answer("a"), wire.stream("a")
    llm, _ = scripted(answer, answer, events, events, rate_limiter=limiter)
    llm.invoke("hi")
    await llm.ainvoke("hi")
    list(llm.stream("hi"))
    await collect(llm)
    assert limiter.count == 4


@pytest.mark.parametrize("cls", [face.ChatWorkersAI, face.WorkersAILLM])
def test_models_accept_langchains_argument_names(
    cls: Callable[..., ChatWorkersAI],
) -> None:
    """The model may be positional; `api_key` and `stop_sequences`, for example, are aliases."""
    settings: dict[str, Any] = {"account_id": "0" * 32, "api_key": "t"}
    first = cls(GRANITE, **settings)
    second = cls(model=GRANITE, **settings)
    third = cls(model_name=GRANITE, **settings, stop_sequences=["a"], request_timeout=3)
    assert first.model == second.model == third.model == GRANITE
    assert third.stop == ["a"]
    assert third.timeout == 3


def test_a_users_token_counter_is_used(scripted: Any, wire: Any) -> None:
    """`custom_get_token_ids` counts texts, messages and tools."""
    llm, _ = scripted(wire.answer("a"), custom_get_token_ids=lambda text: [*range(len(text))])
    assert llm.get_num_tokens("four") == 4
    without_tools = llm.get_num_tokens_from_messages([HumanMessage("four")])
    assert without_tools == len("Human: four")
    assert (
        llm.get_num_tokens_from_messages([HumanMessage("four")], tools=[weather])
        > without_tools + 50
    )
