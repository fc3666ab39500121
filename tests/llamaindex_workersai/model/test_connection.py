"""Settings: errors name the wrong one before any request."""

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
        (WorkersAI, {"model": MODEL, "context_window": 0}, "context_window"),
        (WorkersAI, {"model": MODEL, "structured_output_method": "x"}, "structured_output_method"),
        (WorkersAIEmbedding, {"model": EMBEDDING, "embed_batch_size": 0}, "embed_batch_size"),
        (WorkersAIEmbedding, {"model": EMBEDDING, "pooling": "sum"}, "pooling"),
        (WorkersAIRerank, {"model": RERANKER, "top_n": 0}, "top_n"),
    ],
)
def test_wrong_setting_is_named(component: Any, settings: dict[str, Any], parameter: str) -> None:
    """A wrong setting raises ConfigurationError with the names of the setting and its class."""
    with pytest.raises(ConfigurationError, match=parameter) as caught:
        component(**settings)
    assert caught.value.parameter == parameter


class Holder(BaseModel):
    llm: WorkersAI


def test_wrong_setting_inside_another_model_is_pydantic_s_error() -> None:
    """Inside another pydantic model, a wrong setting raises pydantic's ValidationError with our
    message.
    """
    with pytest.raises(ValidationError, match="model must be a non-empty text"):
        Holder(llm={"model": ""})
    assert Holder(llm={"model": MODEL}).llm.model == MODEL


def test_checked_settings_travel() -> None:
    """Dicts, pickles and copies of a checked object make equal objects."""
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


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPLETIONS])
async def test_further_keys_of_a_call(entry: str) -> None:
    """`additional_kwargs` of a call take precedence over those of the object, and neither dict is
    modified.
    """
    script = Scripted(Reply("Hi"))
    own, of_call = {"one": 1, "two": 1}, {"two": 2}
    llm = WorkersAI(MODEL, additional_kwargs=own, **script.connection)
    argument: Any = HELLO if entry in ENTRIES else "Hello?"
    await run(llm, entry, argument, additional_kwargs=of_call)
    assert (script.requests[0]["one"], script.requests[0]["two"]) == (1, 2)
    assert (llm.additional_kwargs, of_call) == ({"one": 1, "two": 1}, {"two": 2})


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
        ("endpoint", "not of a single call"),
        ("http_client", "not of a single call"),
        ("think_tags", "not of a single call"),
    ],
)
async def test_unknown_options_are_refused(entry: str, name: str, says: str) -> None:
    """A call refuses unknown options, and options such as a token that only an object takes."""
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
    """A `max_tokens` as large as the window does not make prompt helpers reserve the whole
    window.
    """
    metadata = WorkersAI(MODEL, context_window=1000, **settings).metadata
    assert metadata.num_output == reserve
    assert PromptHelper.from_llm_metadata(metadata).num_output < metadata.context_window


@pytest.mark.parametrize("entry", [*ENTRIES, *COMPLETIONS])
async def test_logs_hold_no_secret(entry: str, caplog: pytest.LogCaptureFixture) -> None:
    """The debug log contains neither the token nor any text of the conversation."""
    script = Scripted(Reply("Confidential answer."))
    llm = WorkersAI(MODEL, **script.connection)
    with caplog.at_level(logging.DEBUG):
        await run(llm, entry, HELLO if entry in ENTRIES else "Hello?")
    assert TOKEN not in caplog.text
    assert "Confidential" not in caplog.text


def test_structured_llm_shows_no_secret() -> None:
    """The repr of a structured LLM has no secret."""
    structured = WorkersAI(MODEL, api_token=TOKEN).as_structured_llm(Holder)
    assert TOKEN not in f"{structured!r}{structured.to_dict()}{structured.to_payload()}"
