"""Account, token and headers: of use like any setting, and shown by none of its reprs."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumpd
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAILLM, WorkersAIRerank
from tests.langchain_workersai.scripted import ACCOUNT, GRANITE

CLASSES = [ChatWorkersAI, WorkersAILLM, WorkersAIEmbeddings, WorkersAIRerank]

Make = Callable[..., Any]


def make(cls: Make, **settings: Any) -> Any:
    return cls(GRANITE, **{"account_id": ACCOUNT, "api_token": "a-token", **settings})


def test_the_account_shows_nowhere_and_still_tells_models_apart() -> None:
    """Dumps and identity say "another account", not which; a text of it is a text like any."""
    one, other = make(ChatWorkersAI), make(ChatWorkersAI, account_id="f" * 32)
    for model in (one, other):
        shown = f"{model!r} {model._identifying_params} {dumpd(model)} {model.model_dump_json()}"
        assert model.account_id not in shown
    assert one._identifying_params["account"] != other._identifying_params["account"]
    assert one.account_id == ACCOUNT
    one.account_id = "e" * 32
    assert "e" * 32 not in repr(vars(one))


def test_the_account_is_a_text_like_any() -> None:
    """Users may print, write, compare, copy and pickle it; only its repr is hidden."""
    account = make(ChatWorkersAI).account_id
    for same in (account, copy.deepcopy(account), pickle.loads(pickle.dumps(account))):
        assert isinstance(same, str)
        assert (f"{same}", json.dumps(same), hash(same)) == (ACCOUNT, f'"{ACCOUNT}"', hash(ACCOUNT))
        assert ACCOUNT not in repr(same)
    serde = JsonPlusSerializer()
    assert serde.loads_typed(serde.dumps_typed({"account": account})) == {"account": ACCOUNT}


@pytest.mark.parametrize("cls", CLASSES)
def test_a_dump_makes_the_same_object_again(cls: Make) -> None:
    """`model_dump` has what the constructor takes; as JSON it hides the account."""
    model = make(cls, timeout=3.0)
    twin = cls(**model.model_dump())
    assert (twin.account_id, twin.timeout) == (ACCOUNT, 3.0)
    assert model.model_dump(mode="json")["account_id"] == "***"


@pytest.mark.parametrize("cls", CLASSES)
def test_settings_of_a_copy_are_as_hidden_as_any(cls: Make) -> None:
    """`model_copy(update=...)` sets fields as an assignment does, and no others."""
    headers = {"x-key": "k" * 9}
    twin = make(cls).model_copy(update={"account_id": "f" * 32, "default_headers": headers})
    assert (twin.account_id, twin.default_headers) == ("f" * 32, headers)
    assert "f" * 32 not in repr(vars(twin))
    assert "k" * 9 not in repr(vars(twin))
    with pytest.raises(ValueError, match="temprature"):
        make(cls).model_copy(update={"temprature": 1})


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("copied", [False, True], ids=["set", "copied"])
def test_secrets_that_are_set_later_are_as_hidden(cls: Make, copied: bool) -> None:
    """A token that is assigned or copied in shows as little as one of the constructor."""
    model = make(cls)
    late = {"api_token": "late-token", "gateway": {"id": "gw", "authorization": "late-gateway"}}
    if copied:
        model = model.model_copy(update=late)
    else:
        for name, value in late.items():
            setattr(model, name, value)
    shown = f"{model!r}{vars(model)!r}{model.model_dump()!r}{model.model_dump_json()}"
    assert "late-" not in shown
    assert model.api_token.get_secret_value() == "late-token"
    assert model._client() is not None
