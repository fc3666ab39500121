"""The client refuses a model of another task before any request, and names the right method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

import langchain_workersai
import llamaindex_workersai
from tests.workersai.conftest import Mocked
from tests.workersai.talking import (
    ACCOUNT,
    BGE,
    BGE_M3,
    GRANITE,
    HELLO,
    QWEN_EMBEDDING,
    RERANKER,
    TOKEN,
    UNKNOWN,
    json_answer,
)
from workersai import ConfigurationError

CALLS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "chat": ("text-generation", (HELLO,)),
    "complete": ("text-generation", ("Once",)),
    "embed": ("embeddings", (["a"],)),
    "rerank": ("rerank", ("what", ["a"])),
    "batches.submit of messages": ("text-generation", ([{"messages": HELLO}],)),
    "batches.submit of a prompt": ("text-generation", ([{"prompt": "Once"}],)),
    "batches.submit of texts": ("embeddings", ([{"texts": ["a"]}],)),
}
INSTEAD = {
    GRANITE: ("a chat model", "ChatWorkersAI"),
    BGE: ("an embedding model", "WorkersAIEmbeddings"),
    QWEN_EMBEDDING: ("an embedding model", "WorkersAIEmbedding "),
    RERANKER: ("a reranker", "WorkersAIRerank"),
}
TASKS = {GRANITE: "text-generation", BGE: "embeddings", RERANKER: "rerank"}
# Two of these models take no batches at all; the client checks that before the task.
WRONG = [
    (call, model)
    for call, (task, _) in CALLS.items()
    for model, own in {**TASKS, QWEN_EMBEDDING: "embeddings"}.items()
    if task != own and not (call.startswith("batches") and model in {QWEN_EMBEDDING, RERANKER})
]


@pytest.mark.parametrize(("call", "model"), WRONG)
def test_a_model_of_another_task_is_refused(mocked: Mocked, call: str, model: str) -> None:
    """The message names the model, its task and the method; the client sends nothing."""
    client, recorder = mocked(json_answer(b"{}"), model=model)
    method, arguments = call.split(" ", maxsplit=1)[0], CALLS[call][1]
    with pytest.raises(ConfigurationError) as caught:
        client.call(method, *arguments)
    assert caught.value.parameter == "model"
    for words in (model, *INSTEAD[model]):
        assert words in str(caught.value)
    assert recorder.requests == []


@pytest.mark.parametrize("method", ["stream_chat", "stream_complete"])
def test_a_stream_is_refused_as_it_is_made(mocked: Mocked, method: str) -> None:
    """A stream raises when it is created, not at its first event."""
    client, recorder = mocked(json_answer(b"{}"), model=RERANKER)
    with pytest.raises(ConfigurationError, match="a reranker"):
        getattr(client.client, method)(HELLO if method == "stream_chat" else "Once")
    assert recorder.requests == []


@pytest.mark.parametrize("method", ["embed", "rerank"])
def test_an_empty_list_is_refused_too(mocked: Mocked, method: str) -> None:
    """A wrong model raises even if the list of texts is empty."""
    client, _ = mocked(json_answer(b"{}"), model=GRANITE)
    with pytest.raises(ConfigurationError, match="a chat model"):
        client.call(method, *([[]] if method == "embed" else ["what", []]))


ANSWERS = {
    "chat": b'{"success":true,"result":{"response":"Hi"}}',
    "complete": b'{"success":true,"result":{"response":"Hi"}}',
    "embed": b'{"success":true,"result":{"data":[[1.0]]}}',
    "rerank": b'{"success":true,"result":{"response":[{"id":0,"score":0.5}]}}',
}


@pytest.mark.parametrize("method", ANSWERS)
def test_an_unknown_model_passes(mocked: Mocked, method: str) -> None:
    """The client refuses no unknown model, because only the server knows its task."""
    client, recorder = mocked(json_answer(ANSWERS[method]), model=UNKNOWN)
    client.call(method, *CALLS[method][1])
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("method", ["embed", "rerank"])
def test_bge_m3_does_both(mocked: Mocked, method: str) -> None:
    """The client sends bge-m3 texts to embed, and a query with documents to rank."""
    client, recorder = mocked(json_answer(ANSWERS[method]), model=BGE_M3)
    client.call(method, *CALLS[method][1])
    assert len(recorder.requests) == 1


FACES: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "ChatWorkersAI": (langchain_workersai.ChatWorkersAI, RERANKER, lambda it: it.invoke("Hi")),
    "WorkersAILLM": (langchain_workersai.WorkersAILLM, BGE, lambda it: it.invoke("Hi")),
    "WorkersAIEmbeddings": (
        langchain_workersai.WorkersAIEmbeddings,
        GRANITE,
        lambda it: it.embed_query("Hi"),
    ),
    "WorkersAIRerank of LangChain": (
        langchain_workersai.WorkersAIRerank,
        GRANITE,
        lambda it: it.rerank(["a"], "what"),
    ),
    "WorkersAI": (llamaindex_workersai.WorkersAI, BGE, lambda it: it.complete("Hi")),
    "WorkersAIEmbedding": (
        llamaindex_workersai.WorkersAIEmbedding,
        RERANKER,
        lambda it: it.get_text_embedding("Hi"),
    ),
    "batch of ChatWorkersAI": (
        langchain_workersai.ChatWorkersAI,
        BGE,
        lambda it: it.submit_batch(["Hi"]),
    ),
}


@pytest.mark.parametrize("name", FACES)
def test_the_faces_refuse_too(name: str) -> None:
    """Every class of both faces refuses a wrong model before any request."""
    kind, model, call = FACES[name]
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={})

    with httpx.Client(transport=httpx.MockTransport(answer)) as own:
        made = kind(model, account_id=ACCOUNT, api_token=TOKEN, http_client=own)
        with pytest.raises(ConfigurationError, match=model):
            call(made)
    assert requests == []
