"""Pickles of the seven classes hold no token; a worker reads it from its own environment."""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import cloudpickle
import httpx
import pytest

import langchain_workersai
from tests.seven import CREDENTIALS, SEVEN, TEXT, Wire
from tests.workersai.talking import ACCOUNT, TOKEN
from workersai import ConfigurationError, Timeout

OTHER = "f" * 32
GATEWAY_TOKEN = "not-a-real-gateway-token"
HEADER = "not-a-real-header-value"
HEADERS = {"x-key": HEADER, "x-team": "rivers"}
SECRETS: dict[str, Any] = {
    "gateway": {"id": "gate", "authorization": GATEWAY_TOKEN},
    "default_headers": HEADERS,
}
ALL = pytest.mark.parametrize("name", SEVEN)
PICKLERS: dict[str, Callable[[Any], bytes]] = {
    "pickle": pickle.dumps,
    "pickle's first protocol": lambda it: pickle.dumps(it, protocol=0),
    "cloudpickle": cloudpickle.dumps,
}
HOW = pytest.mark.parametrize("how", PICKLERS)


def token_of(it: Any) -> str | None:
    return None if it.api_token is None else str(it.api_token.get_secret_value())


@ALL
@HOW
def test_no_secret_is_in_a_pickle(name: str, how: str) -> None:
    """Each class leaves its token, the gateway's token and headers with a secret out of a pickle.

    The pickled object keeps them.
    """
    entry, wire = SEVEN[name], Wire()
    it = entry.make(**SECRETS, **wire.settings())
    it._client()
    for _ in range(2):
        pickled = PICKLERS[how](it)
        assert not [s for s in (TOKEN, GATEWAY_TOKEN, HEADER) if s.encode() in pickled]
    assert token_of(it) == TOKEN
    assert it.gateway["authorization"].get_secret_value() == GATEWAY_TOKEN
    assert it.default_headers == HEADERS


@ALL
@HOW
def test_an_unpickled_object_has_the_settings(
    name: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class restores its settings from a pickle, and reads the token of the environment."""
    entry = SEVEN[name]
    it = entry.make(timeout=Timeout(total=9), max_retries=5, **{entry.extra_name: {"a": 1}})
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "token-of-the-worker")
    twin = pickle.loads(PICKLERS[how](it))
    assert type(twin) is entry.cls
    assert twin.model_dump() == it.model_dump()
    assert twin.model_fields_set == it.model_fields_set - {"api_token"}
    assert twin.account_id == ACCOUNT
    assert ACCOUNT not in repr(vars(twin))
    assert token_of(twin) == "token-of-the-worker"
    assert twin._client() is twin._client()


@ALL
async def test_an_unpickled_object_without_a_token_names_the_variable(name: str) -> None:
    """Each class raises at its first call, sync and async, and names the variable to set."""
    entry = SEVEN[name]
    twin = pickle.loads(pickle.dumps(entry.make()))
    for way in entry.ways:
        with pytest.raises(ConfigurationError, match="CLOUDFLARE_API_TOKEN"):
            await entry.ask(twin, way)


@ALL
def test_the_environment_of_the_worker_has_priority_over_the_parents(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class reads account and base URL from the worker's environment, as it does the token.

    It uses the values of the parent's environment where the worker has none. Arguments stay.
    """
    entry = SEVEN[name]
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("WORKERSAI_BASE_URL", "https://parent.example")
    inherited, passed = entry.cls(entry.model), entry.make(base_url="https://passed.example")
    pickled = pickle.dumps((inherited, passed))
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", OTHER)
    monkeypatch.setenv("WORKERSAI_BASE_URL", "https://worker.example")
    inherited, passed = pickle.loads(pickled)
    assert (inherited.account_id, inherited.base_url) == (OTHER, "https://worker.example")
    assert (passed.account_id, passed.base_url) == (ACCOUNT, "https://passed.example")
    monkeypatch.delenv("CLOUDFLARE_ACCOUNT_ID")
    monkeypatch.delenv("WORKERSAI_BASE_URL")
    inherited, passed = pickle.loads(pickled)
    assert (inherited.account_id, inherited.base_url) == (ACCOUNT, "https://parent.example")


@ALL
def test_unpickling_names_missing_settings(name: str) -> None:
    """Each class warns once on unpickling, and names the settings that the pickle left out."""
    it = SEVEN[name].make(http_client=threading.Lock(), **SECRETS)
    pickled = pickle.dumps(it)
    with pytest.warns(UserWarning, match="was unpickled without") as caught:
        twin = pickle.loads(pickled)
    ((warning),) = caught
    left = ("default_headers that contain a secret", "gateway['authorization']", "http_client")
    assert all(part in str(warning.message) for part in left)
    assert twin.gateway == {"id": "gate"}
    assert twin.default_headers == {"x-team": "rivers"}
    assert "rivers" not in repr(vars(twin))
    assert twin.http_client is None
    assert not [s for s in (GATEWAY_TOKEN, HEADER, TOKEN) if s in str(warning.message)]


@pytest.mark.parametrize("name", TEXT)
def test_a_pickle_leaves_rate_limiters_and_lambdas_out(name: str) -> None:
    """Each text class leaves rate limiters and lambdas of its framework out of a pickle."""
    entry = SEVEN[name]
    own = {"rate_limiter", "custom_get_token_ids", "completion_to_prompt"} & set(
        entry.cls.model_fields
    )
    it = entry.make()
    for field in own - {"rate_limiter"}:
        setattr(it, field, lambda text: text)
    with pytest.warns(UserWarning, match=next(iter(own - {"rate_limiter"}))):
        twin = pickle.loads(pickle.dumps(it))
    assert twin.model == it.model


@ALL
def test_a_subclass_of_a_user_can_be_pickled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's subclass pickles its own fields, and holds no token either."""
    own = type("Own", (SEVEN[name].cls,), {"__annotations__": {"mark": str}, "mark": "x"})
    monkeypatch.setattr(sys.modules[__name__], "Own", own, raising=False)
    own.__module__, own.__qualname__ = __name__, "Own"
    it = own(SEVEN[name].model, mark="mine", **CREDENTIALS)
    pickled = pickle.dumps(it)
    assert TOKEN.encode() not in pickled
    assert pickle.loads(pickled).mark == "mine"
    with pytest.raises(ConfigurationError, match="CLOUDFLARE_API_TOKEN"):
        ForkingPickler.dumps(it)


@ALL
def test_copies_in_the_process_keep_everything(name: str) -> None:
    """Each class keeps token, headers and the user's HTTP client in `copy` and `deepcopy`."""
    lock = threading.Lock()
    it = SEVEN[name].make(http_client=lock, **SECRETS)
    for twin in (copy.copy(it), copy.deepcopy(it)):
        assert token_of(twin) == TOKEN
        assert twin.gateway["authorization"].get_secret_value() == GATEWAY_TOKEN
        assert twin.default_headers == HEADERS
        assert twin.http_client is lock


# --------------------------------------------------------------------- processes of one program


@ALL
@pytest.mark.parametrize(
    ("settings", "parameter", "text"),
    [
        ({}, "api_token", "Set CLOUDFLARE_API_TOKEN in the environment"),
        ({"gateway": SECRETS["gateway"]}, "gateway", "Create the object in the worker"),
        ({"default_headers": HEADERS}, "default_headers", "Create the object in the worker"),
    ],
)
def test_multiprocessing_refuses_an_object_that_a_worker_could_not_use(
    name: str,
    settings: dict[str, Any],
    parameter: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each class raises in the parent, and says what to do, before a worker sends a request."""
    if settings:
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", f"{TOKEN}\n")
    else:
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "token-of-somebody-else")
    it = SEVEN[name].make(**settings)
    for holder in (it, [it], {"it": it}):
        with pytest.raises(ConfigurationError, match=text) as caught:
            ForkingPickler.dumps(holder)
        assert caught.value.parameter == parameter
        assert TOKEN not in str(caught.value)
    if SEVEN[name].extra_name == "model_kwargs":
        assert isinstance(caught.value, langchain_workersai.ConfigurationError)


@ALL
def test_multiprocessing_takes_an_object_whose_token_is_in_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class can be sent to a worker that finds the token in the environment."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    for it in (SEVEN[name].make(), SEVEN[name].cls(SEVEN[name].model, account_id=ACCOUNT)):
        pickled = bytes(ForkingPickler.dumps(it))
        assert TOKEN.encode() not in pickled
        assert token_of(pickle.loads(pickled)) == TOKEN
    public = SEVEN[name].make(gateway="gate", default_headers={"x-team": "rivers"})
    assert pickle.loads(ForkingPickler.dumps(public)).default_headers == {"x-team": "rivers"}
    bare = SEVEN[name].cls(SEVEN[name].model)
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    bare.api_token = None
    assert token_of(pickle.loads(ForkingPickler.dumps(bare))) is None


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("name", ["ChatWorkersAI", "WorkersAIEmbedding"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_pool_raises_when_the_environment_has_no_token(
    name: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task for a process pool raises in the parent without the token in the environment.

    With it, the worker uses that token.
    """
    context = multiprocessing.get_context(method)
    it = SEVEN[name].make()
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        future = pool.submit(copy.copy, it)
        with pytest.raises(ConfigurationError, match="CLOUDFLARE_API_TOKEN"):
            future.result()
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert token_of(pool.submit(copy.copy, it).result()) == TOKEN


INGESTION = """
import asyncio, json, sys
from llama_index.core import Document
from llama_index.core.extractors import TitleExtractor
from llama_index.core.ingestion import IngestionPipeline
from llamaindex_workersai import ConfigurationError, WorkersAI, WorkersAIEmbedding

def attempt(step):
    documents = [Document(text="The Tejo."), Document(text="The Douro.")]
    for run in (
        lambda: IngestionPipeline(transformations=[step]).run(documents=documents, num_workers=2),
        lambda: asyncio.run(
            IngestionPipeline(transformations=[step]).arun(documents=documents, num_workers=2)
        ),
    ):
        try:
            run()
        except ConfigurationError as error:
            print(error)
        else:
            print("done")

if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    attempt(WorkersAIEmbedding("@cf/baai/bge-small-en-v1.5", **settings))
    attempt(TitleExtractor(
        llm=WorkersAI("@cf/ibm-granite/granite-4.0-h-micro", **settings),
        nodes=1, show_progress=False, num_workers=1,
    ))
"""


def ingest(tmp_path: Path, **environment: str) -> list[str]:
    """Run pipelines with a token passed as an argument; return the printed lines."""
    program = tmp_path / "ingestion.py"
    program.write_text(INGESTION)
    settings = json.dumps(
        {**CREDENTIALS, "base_url": "http://127.0.0.1:9/client/v4", "max_retries": 0}
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), settings],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **environment},
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
    )
    return process.stdout.splitlines()


@pytest.mark.parametrize(
    "environment", [{}, {"CLOUDFLARE_API_TOKEN": "token-of-somebody-else"}], ids=["none", "another"]
)
def test_a_pipeline_with_workers_names_the_variable(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """LlamaIndex's `IngestionPipeline` with workers raises in the parent before any request.

    It does so, sync and async, for an embedding and for an LLM inside an extractor.
    """
    lines = ingest(tmp_path, **environment)
    assert len(lines) == 4
    assert all("Set CLOUDFLARE_API_TOKEN in the environment" in line for line in lines)


def test_an_object_used_in_an_event_loop_can_be_pickled() -> None:
    """Each class can be pickled and copied in an event loop in which it sent a request."""

    async def main() -> None:
        wire = Wire()
        for entry in SEVEN.values():
            it = entry.make(**wire.settings())
            await entry.ask(it, list(entry.ways)[1])
            it.http_client = it.http_async_client = None
            assert pickle.loads(pickle.dumps(it)).model == it.model
            assert copy.deepcopy(it).model == it.model

    asyncio.run(main())


def test_a_pickle_leaves_the_http_client_out() -> None:
    """`ChatWorkersAI` leaves a user's `httpx.Client` out, whose locks belong to its process."""
    with httpx.Client() as client:
        pickled = pickle.dumps(SEVEN["ChatWorkersAI"].make(http_client=client))
    with pytest.warns(UserWarning, match="http_client"):
        assert pickle.loads(pickled).http_client is None
