"""Settings: what is wrong with one is said by name, before anything is sent."""

from __future__ import annotations

import copy
import logging
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.indices.prompt_helper import PromptHelper
from pydantic import BaseModel, ValidationError

from llamaindex_workersai import (
    ConfigurationError,
    WorkersAI,
    WorkersAIEmbedding,
    WorkersAIRerank,
)
from tests.llamaindex_workersai.scripted import (
    COMPLETIONS,
    ENTRIES,
    MODEL,
    TOKEN,
    Reply,
    Scripted,
    run,
)

HELLO = [ChatMessage(role="user", content="Hello?")]
EMBEDDING = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"


@pytest.mark.parametrize(
    ("component", "settings", "parameter"),
    [
        (WorkersAI, {"model": ""}, "model"),
        (WorkersAI, {"model": None}, "model"),
        (WorkersAI, {"model": MODEL, "temperature": "hot"}, "temperature"),
        (WorkersAI, {"model": MODEL, "max_retries": -1}, "max_retries"),
        (WorkersAI, {"model": MODEL, "endpoint": "both"}, "endpoint"),
        (WorkersAI, {"model": MODEL, "timeout": "soon"}, "timeout"),
        (WorkersAI, {"model": MODEL, "context_window": 0}, "context_window"),
        (WorkersAI, {"model": MODEL, "structured_output_method": "x"}, "structured_output_method"),
        (WorkersAI, {"model": MODEL, "temprature": 1}, "temprature"),
        (WorkersAI, {"model": MODEL, "api_key": "a", "api_token": "b"}, "api_key"),
        (WorkersAI, {"model": MODEL, "api_base": "a", "base_url": "b"}, "api_base"),
        (WorkersAIEmbedding, {}, "model"),
        (WorkersAIEmbedding, {"model": ""}, "model"),
        (WorkersAIEmbedding, {"model_name": ""}, "model"),
        (WorkersAIEmbedding, {"model": EMBEDDING, "model_name": "other"}, "model_name"),
        (WorkersAIEmbedding, {"model": EMBEDDING, "embed_batch_size": 0}, "embed_batch_size"),
        (WorkersAIEmbedding, {"model": EMBEDDING, "pooling": "sum"}, "pooling"),
        (WorkersAIRerank, {"model": ""}, "model"),
        (WorkersAIRerank, {"model": RERANKER, "top_n": 0}, "top_n"),
    ],
)
def test_wrong_setting_is_named(component: Any, settings: dict[str, Any], parameter: str) -> None:
    """A setting that cannot work is one of our errors, which names it and its class."""
    with pytest.raises(ConfigurationError, match=parameter) as caught:
        component(**settings)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    "settings",
    [
        {"api_tokn": "hidden"},
        {"api_token": ["hidden"]},
        {"default_headers": {"x-key": ["hidden"]}},
        {"timeout": "hidden"},
    ],
)
def test_error_about_a_setting_shows_no_value(settings: dict[str, Any]) -> None:
    """A value that is refused may be a secret: it is neither in the error nor behind it."""
    with pytest.raises(ConfigurationError) as caught:
        WorkersAI(MODEL, **settings)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hidden" not in f"{error!r}{vars(error)}"
        error = error.__cause__ or error.__context__


class Holder(BaseModel):
    llm: WorkersAI


def test_wrong_setting_inside_another_model_is_pydantic_s_error() -> None:
    """Where pydantic makes the object, its own error tells of ours, as anywhere with pydantic."""
    with pytest.raises(ValidationError, match="model: String should have at least 1 character"):
        Holder(llm={"model": ""})
    assert Holder(llm={"model": MODEL}).llm.model == MODEL


def test_checked_settings_travel() -> None:
    """Checking is part of the constructor alone: dicts, pickles and copies make equal objects."""
    llm = WorkersAI(MODEL, temperature=0.5, num_output=10)
    made = [
        WorkersAI.from_dict(llm.to_dict()),
        WorkersAI.from_json(llm.to_json()),
        WorkersAI.model_validate({"model": MODEL, "temperature": 0.5}),
        pickle.loads(pickle.dumps(llm)),
        copy.deepcopy(llm),
    ]
    assert {type(each) for each in made} == {WorkersAI}
    assert [each.temperature for each in made] == [0.5] * 5


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"model": ""}, "model"),
        ({"model": "../../accounts"}, "model"),
        ({"timeout": -1.0}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"default_headers": {"authorization": "x"}}, "default_headers"),
    ],
)
def test_setting_changed_to_a_wrong_one_is_named_at_the_call(
    change: dict[str, Any], parameter: str
) -> None:
    """What is set later, or only makes sense to the client, is checked before anything is sent."""
    script = Scripted(Reply("Hi"))
    llm = WorkersAI(MODEL, **script.connection)
    for name, value in change.items():
        setattr(llm, name, value)
    with pytest.raises(ConfigurationError) as caught:
        llm.chat(HELLO)
    assert caught.value.parameter == parameter
    assert script.requests == []


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPLETIONS])
async def test_further_keys_of_a_call(entry: str) -> None:
    """`additional_kwargs` of a call go before those of the object, and neither is written to."""
    script = Scripted(Reply("Hi"))
    own, given = {"one": 1, "two": 1}, {"two": 2}
    llm = WorkersAI(MODEL, additional_kwargs=own, **script.connection)
    argument: Any = HELLO if entry in ENTRIES else "Hello?"
    await run(llm, entry, argument, additional_kwargs=given)
    assert (script.requests[0]["one"], script.requests[0]["two"]) == (1, 2)
    assert (llm.additional_kwargs, given) == ({"one": 1, "two": 1}, {"two": 2})


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPLETIONS])
async def test_model_of_a_call(entry: str) -> None:
    """A call may name another model; an empty name is an error and not the object's own model."""
    script = Scripted(Reply("Hi"))
    llm = WorkersAI(MODEL, **script.connection)
    argument: Any = HELLO if entry in ENTRIES else "Hello?"
    await run(llm, entry, argument, model="@cf/someone/other")
    assert str(script.sent[0].url).endswith("/@cf/someone/other")
    with pytest.raises(ConfigurationError) as caught:
        await run(llm, entry, argument, model="")
    assert caught.value.parameter == "model"
    assert len(script.requests) == 1


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPLETIONS])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("timeout", "not of a single call"),
        ("max_retries", "not of a single call"),
        ("api_key", "not of a single call"),
        ("gateway", "not of a single call"),
        ("think_tags", "not of a single call"),
        ("temprature", "additional_kwargs"),
        ("extra_headers", "additional_kwargs"),
    ],
)
async def test_what_no_call_takes_is_refused(entry: str, name: str, says: str) -> None:
    """It would go into the request's body, a token too, and do nothing."""
    script = Scripted(Reply("Hi"))
    llm = WorkersAI(MODEL, **script.connection)
    argument: Any = HELLO if entry in ENTRIES else "Hello?"
    with pytest.raises(ConfigurationError, match=says) as caught:
        await run(llm, entry, argument, **{name: "hidden"})
    assert caught.value.parameter == name
    assert "hidden" not in str(caught.value)
    assert script.requests == []


@pytest.mark.parametrize(
    ("settings", "reserve"),
    [
        ({"max_tokens": 200}, 200),
        ({"max_tokens": 999}, 999),
        ({"max_tokens": 1000}, 500),
        ({"max_tokens": 10_000}, 500),
        ({"max_tokens": 10_000, "num_output": 100}, 100),
        ({}, 500),
    ],
)
def test_large_cap_leaves_room_for_prompts(settings: dict[str, Any], reserve: int) -> None:
    """A cap on the answer as large as the window is no reserve that prompt helpers could keep."""
    metadata = WorkersAI(MODEL, context_window=1000, **settings).metadata
    assert metadata.num_output == reserve
    assert PromptHelper.from_llm_metadata(metadata).num_output < metadata.context_window


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPLETIONS])
async def test_logs_hold_no_secret(entry: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not even the most talkative log shows the token, or what was said."""
    script = Scripted(Reply("Confidential answer."))
    llm = WorkersAI(MODEL, **script.connection)
    with caplog.at_level(logging.DEBUG):
        await run(llm, entry, HELLO if entry in ENTRIES else "Hello?")
    assert TOKEN not in caplog.text
    assert "Confidential" not in caplog.text


def test_structured_llm_shows_no_secret() -> None:
    """What wraps an LLM shows as little of it."""
    structured = WorkersAI(MODEL, api_token=TOKEN).as_structured_llm(Holder)
    assert TOKEN not in f"{structured!r}{structured.to_dict()}{structured.to_payload()}"


@pytest.mark.parametrize("component", [WorkersAI, WorkersAIEmbedding, WorkersAIRerank])
@pytest.mark.parametrize("copied", [False, True], ids=["set", "copied"])
def test_secrets_that_are_set_later_are_as_hidden(component: Any, copied: bool) -> None:
    """A token that is assigned or copied in shows as little as one of the constructor."""
    one = component(model=MODEL, account_id="a" * 32, api_token="first")
    late = {
        "account_id": "b" * 32,
        "api_token": "late-token",
        "gateway": {"id": "gw", "authorization": "late-gateway"},
        "default_headers": {"x-own": "late-header"},
    }
    if copied:
        one = one.model_copy(update=late)
    else:
        for name, value in late.items():
            setattr(one, name, value)
    shown = f"{one!r}{vars(one)!r}{one.model_dump()!r}{one.to_dict()!r}{one.to_json()}"
    assert "late-" not in shown
    assert "bbbb" not in shown
    assert one.api_token.get_secret_value() == "late-token"
    assert one._client() is not None
