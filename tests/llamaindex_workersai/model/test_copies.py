"""Copies and dicts: their settings, and what happens to the original."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from llamaindex_workersai import WorkersAI, WorkersAIEmbedding, WorkersAIRerank
from workersai import Timeout

TOKEN = "cf-secret-token"
MODEL = "@cf/ibm-granite/granite-4.0-h-micro"


def components(**settings: Any) -> list[Any]:
    return [
        WorkersAI(MODEL, temperature=0.5, **settings),
        WorkersAIEmbedding("@cf/baai/bge-small-en-v1.5", pooling="cls", **settings),
        WorkersAIRerank("@cf/baai/bge-reranker-base", top_n=2, **settings),
    ]


ACCOUNT = "0" * 32


def secret(component: Any) -> str | None:
    token = component.api_token
    assert token is None or isinstance(token, SecretStr)
    return None if token is None else token.get_secret_value()


@pytest.mark.parametrize("component", components(api_token=TOKEN), ids=lambda c: c.class_name())
def test_original_is_whole_after_pickling(component: Any) -> None:
    """Pickling leaves the object complete, including what cannot be pickled."""
    component = component.model_copy(update={"account_id": ACCOUNT})
    component.http_client = httpx.Client()  # holds locks, which do not travel
    for name in {"rate_limiter", "completion_to_prompt"} & type(component).model_fields.keys():
        setattr(component, name, lambda prompt: prompt)  # nor do functions without a name
    component._client()
    before = dict(component.__dict__)
    pickle.dumps(component)
    assert component.__dict__ == before
    assert secret(component) == TOKEN


@pytest.mark.parametrize("component", components(api_token=TOKEN), ids=lambda c: c.class_name())
def test_deepcopy_after_use_shares_resources(component: Any) -> None:
    """A deep copy has its own settings and its own clients; limiters are shared."""
    limiter = threading.Lock()
    component = component.model_copy(update={"account_id": ACCOUNT})
    if "rate_limiter" in type(component).model_fields:
        component.rate_limiter = limiter
    client = component._client()
    copied = copy.deepcopy(component)
    assert copied is not component
    assert secret(copied) == TOKEN
    assert copied._client() is not client
    assert component._client() is client


def test_changed_settings_make_a_new_client() -> None:
    """Later changes of the environment, and copies with updates, change the credentials of
    requests.
    """
    llm = WorkersAI(MODEL, account_id=ACCOUNT, api_token="one")
    first = llm._client()
    assert llm._client() is first
    assert llm.model_copy(update={"api_token": SecretStr("two")})._client() is not first
    llm.account_id = "1" * 32
    assert llm._client() is not first


class SlowToMake:
    """A client whose constructor lets other threads run first."""

    def __init__(self, **settings: Any) -> None:
        for _ in range(1000):
            time.sleep(0)


@pytest.mark.parametrize("component", components(api_token=TOKEN), ids=lambda c: c.class_name())
@pytest.mark.parametrize("call_style", ["_client", "_async_client"])
def test_threads_share_one_client(
    component: Any, call_style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that make the first call at once share one client."""
    for name in ("Client", "AsyncClient"):
        monkeypatch.setattr(f"llamaindex_workersai._model.connection.{name}", SlowToMake)
    component = component.model_copy(update={"account_id": ACCOUNT})
    ready = threading.Barrier(8)

    def first_call() -> Any:
        ready.wait()
        return getattr(component, call_style)()

    with ThreadPoolExecutor(8) as pool:
        clients = [call.result() for call in [pool.submit(first_call) for _ in range(8)]]
    assert len({id(client) for client in clients}) == 1


@pytest.mark.parametrize("component", components(api_token=TOKEN), ids=lambda c: c.class_name())
def test_from_dict_of_to_dict_is_the_same(component: Any) -> None:
    """Dicts and JSON hold the settings, without secrets, and make the object again."""
    made = type(component).from_dict(component.to_dict())
    assert made.to_dict() == component.to_dict()
    assert TOKEN not in component.to_json()
    assert type(component).from_json(component.to_json()).to_dict() == component.to_dict()


def test_clocks_come_back_from_a_dict() -> None:
    """A `Timeout` survives a round trip through a dict and JSON."""
    llm = WorkersAI(MODEL, timeout=Timeout(connect=1, idle=2))
    assert WorkersAI.from_json(llm.to_json()).timeout == Timeout(connect=1, idle=2)


def test_import_opens_nothing() -> None:
    """Importing the package and constructing objects create no HTTP client and no SSL context."""
    program = (
        "import ssl, llamaindex_workersai as w\n"
        "def fail(*a, **k): raise AssertionError('an SSL context was made')\n"
        "ssl.SSLContext.__new__ = fail\n"
        f"w.WorkersAI('{MODEL}').metadata\n"
        "w.WorkersAIEmbedding('@cf/baai/bge-m3'); w.WorkersAIRerank('@cf/baai/bge-reranker-base')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
