"""Account ids and tokens can be used like other settings but do not appear in reprs."""

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


def test_dumps_distinguish_accounts_without_showing_them() -> None:
    """Dumps and identifying parameters differ between accounts and contain no account id."""
    first, second = make(ChatWorkersAI), make(ChatWorkersAI, account_id="f" * 32)
    for model in (first, second):
        dumped = f"{model!r} {model._identifying_params} {dumpd(model)} {model.model_dump_json()}"
        assert model.account_id not in dumped
    assert first._identifying_params["account"] != second._identifying_params["account"]
    assert first.account_id == ACCOUNT
    first.account_id = "e" * 32
    assert "e" * 32 not in repr(vars(first))


def test_the_account_behaves_like_a_string() -> None:
    """Users can print, compare, copy and pickle `account_id`; only its repr hides the value."""
    account = make(ChatWorkersAI).account_id
    for same in (account, copy.deepcopy(account), pickle.loads(pickle.dumps(account))):
        assert isinstance(same, str)
        assert (f"{same}", json.dumps(same), hash(same)) == (ACCOUNT, f'"{ACCOUNT}"', hash(ACCOUNT))
        assert ACCOUNT not in repr(same)
    serde = JsonPlusSerializer()
    assert serde.loads_typed(serde.dumps_typed({"account": account})) == {"account": ACCOUNT}
