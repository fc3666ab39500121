"""Account, token and headers: of use like any setting, and shown by none of its reprs."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

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
