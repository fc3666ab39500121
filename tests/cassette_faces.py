"""One call through each face, with what comes out in terms that can be compared.

The chats of the two frameworks are driven by the functions that `test_symmetry` has for them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from llama_index.core.schema import NodeWithScore, TextNode

from langchain_workersai import (
    ChatWorkersAI,
    WorkersAIEmbeddings,
    WorkersAILLM,
    WorkersAIRerank,
)
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding
from llamaindex_workersai import WorkersAIRerank as LlamaIndexRerank
from tests.cassette_scenarios import Case
from tests.scenarios import Call, Outcome, Turn, wire_call
from tests.test_symmetry import (
    CONNECTION,
    Wire,
    langchain_async,
    langchain_model,
    langchain_sync,
    llamaindex_async,
    llamaindex_call,
    llamaindex_sync,
    to_langchain,
)
from workersai import (
    AsyncClient,
    ChatEvent,
    ChatResult,
    Client,
    Finish,
    ReasoningDelta,
    TextDelta,
    UsageUpdate,
)

CLIENT_OPTIONS = {*CONNECTION, "endpoint", "base_url", "http_client"}


class Caller(Wire):
    """The settings of a call for a cassette; what is sent and answered is vcrpy's affair."""

    def __init__(self, case: Case, **connection: Any) -> None:
        super().__init__(case.scenario)
        self.case = case
        self._connection = connection

    def settings(self) -> dict[str, Any]:
        """The constructor arguments of a class: nothing of its HTTP is replaced."""
        return {**CONNECTION, **self._connection, **self.scenario.options}

    def client_settings(self) -> dict[str, Any]:
        """The settings that a client takes."""
        return {key: value for key, value in self.settings().items() if key in CLIENT_OPTIONS}

    def parameters(self) -> dict[str, Any]:
        """The settings that a client takes with each call."""
        return {key: value for key, value in self.settings().items() if key not in CLIENT_OPTIONS}


Face: TypeAlias = Callable[[Caller], Awaitable[Any]]
ChatFace: TypeAlias = Callable[..., Awaitable[Outcome]]

# ------------------------------------------------------------------------ the bare clients


def to_wire(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if turn.answers:
        message["tool_call_id"] = turn.answers
    if turn.calls:
        message["tool_calls"] = [
            wire_call(call.id, call.name, json.dumps(call.arguments, ensure_ascii=False))
            for call in turn.calls
        ]
    if turn.reasoning:
        message["reasoning"] = turn.reasoning
    return message


def client_call(wire: Wire) -> tuple[list[Any], dict[str, Any]]:
    assert isinstance(wire, Caller)
    scenario = wire.scenario
    options = {
        "tools": list(scenario.tools) or None,
        "tool_choice": scenario.tool_choice,
        "response_format": scenario.response_format,
        **wire.parameters(),
    }
    return [to_wire(turn) for turn in scenario.turns], options


def from_result(result: ChatResult) -> Outcome:
    (choice, *_), usage = result.choices, result.usage
    return Outcome(
        choice.text,
        choice.reasoning,
        tuple(Call(call.id, call.name, call.arguments) for call in choice.tool_calls),
        tuple(call.name for call in choice.invalid_tool_calls),
        choice.finish_reason,
        (usage.prompt_tokens, usage.completion_tokens) if usage else None,
    )


def from_events(events: list[ChatEvent]) -> Outcome:
    finish = events[-1]
    assert isinstance(finish, Finish)
    usage = [event.usage for event in events if isinstance(event, UsageUpdate)]
    return Outcome(
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        tuple(Call(call.id, call.name, call.arguments) for call in finish.tool_calls),
        tuple(call.name for call in finish.invalid_tool_calls),
        finish.finish_reason,
        (usage[0].prompt_tokens, usage[0].completion_tokens) if usage else None,
    )


def make_client(caller: Wire) -> Client:
    assert isinstance(caller, Caller)
    return Client(caller.scenario.model, **caller.client_settings())


def make_async_client(caller: Wire) -> AsyncClient:
    assert isinstance(caller, Caller)
    return AsyncClient(caller.scenario.model, **caller.client_settings())


async def client_sync(wire: Wire, *, stream: bool) -> Outcome:
    messages, options = client_call(wire)
    with make_client(wire) as client:
        if not stream:
            return from_result(client.chat(messages, **options))
        return from_events(list(client.stream_chat(messages, include_usage=True, **options)))


async def client_async(wire: Wire, *, stream: bool) -> Outcome:
    messages, options = client_call(wire)
    async with make_async_client(wire) as client:
        if not stream:
            return from_result(await client.chat(messages, **options))
        events = client.stream_chat(messages, include_usage=True, **options)
        return from_events([event async for event in events])


# ---------------------------------------------------------------------------------- chats


def chat(face: ChatFace) -> Face:
    """A chat; where tools have results, the second request that brings them."""

    async def ask(caller: Caller) -> Outcome:
        case = caller.case
        outcome = await face(caller, stream=case.stream)
        if not case.results:
            return outcome
        calls = zip(outcome.calls, case.results, strict=True)
        turns = (
            *caller.scenario.turns,
            Turn("assistant", outcome.text, outcome.calls, reasoning=outcome.reasoning),
            *(Turn("tool", result, answers=call.id) for call, result in calls),
        )
        caller.scenario = replace(caller.scenario, turns=turns)
        return await face(caller, stream=case.stream)

    return ask


CHATS: Mapping[str, ChatFace] = {
    "client_sync": client_sync,
    "client_async": client_async,
    "langchain_sync": langchain_sync,
    "langchain_async": langchain_async,
    "llamaindex_sync": llamaindex_sync,
    "llamaindex_async": llamaindex_async,
}

# -------------------------------------------------------------------------------- choices


async def choices_client_sync(caller: Caller) -> Any:
    messages, options = client_call(caller)
    with make_client(caller) as client:
        return [choice.text for choice in client.chat(messages, **options).choices]


async def choices_client_async(caller: Caller) -> Any:
    messages, options = client_call(caller)
    async with make_async_client(caller) as client:
        return [choice.text for choice in (await client.chat(messages, **options)).choices]


async def choices_langchain_sync(caller: Caller) -> Any:
    messages = [to_langchain(turn) for turn in caller.scenario.turns]
    (generations,) = langchain_model(caller).generate([messages]).generations
    return [generation.text for generation in generations]


async def choices_langchain_async(caller: Caller) -> Any:
    messages = [to_langchain(turn) for turn in caller.scenario.turns]
    (generations,) = (await langchain_model(caller).agenerate([messages])).generations
    return [generation.text for generation in generations]


def _raw_texts(response: Any) -> list[str]:
    return [choice["message"]["content"] for choice in response.raw["choices"]]


async def choices_llamaindex_sync(caller: Caller) -> Any:
    model, messages, _ = llamaindex_call(caller)
    return _raw_texts(model.chat(messages))


async def choices_llamaindex_async(caller: Caller) -> Any:
    model, messages, _ = llamaindex_call(caller)
    return _raw_texts(await model.achat(messages))


# ------------------------------------------------------------------------------- logprobs


def _tokens(deltas: Any) -> list[str]:
    return [token["token"] for delta in deltas for token in delta.logprobs or ()]


def _delta_tokens(events: list[ChatEvent]) -> list[str]:
    return _tokens(event for event in events if isinstance(event, TextDelta))


async def logprobs_client_sync(caller: Caller) -> Any:
    messages, options = client_call(caller)
    with make_client(caller) as client:
        if caller.case.stream:
            return _delta_tokens(list(client.stream_chat(messages, **options)))
        return _tokens(client.chat(messages, **options).choices)


async def logprobs_client_async(caller: Caller) -> Any:
    messages, options = client_call(caller)
    async with make_async_client(caller) as client:
        if caller.case.stream:
            return _delta_tokens([e async for e in client.stream_chat(messages, **options)])
        return _tokens((await client.chat(messages, **options)).choices)


def _message_tokens(message: Any) -> list[str]:
    return [token["token"] for token in message.response_metadata["logprobs"]["content"]]


async def logprobs_langchain_sync(caller: Caller) -> Any:
    model: ChatWorkersAI = langchain_model(caller)
    messages = [to_langchain(turn) for turn in caller.scenario.turns]
    if not caller.case.stream:
        return _message_tokens(model.invoke(messages))
    chunks = list(model.stream(messages))
    return _message_tokens(sum(chunks[1:], chunks[0]))


async def logprobs_langchain_async(caller: Caller) -> Any:
    model: ChatWorkersAI = langchain_model(caller)
    messages = [to_langchain(turn) for turn in caller.scenario.turns]
    if not caller.case.stream:
        return _message_tokens(await model.ainvoke(messages))
    chunks = [chunk async for chunk in model.astream(messages)]
    return _message_tokens(sum(chunks[1:], chunks[0]))


def _first_tokens(response: Any) -> list[str]:
    return [alternatives[0].token for alternatives in response.logprobs]


async def logprobs_llamaindex_sync(caller: Caller) -> Any:
    model, messages, _ = llamaindex_call(caller)
    if not caller.case.stream:
        return _first_tokens(model.chat(messages))
    return _first_tokens(list(model.stream_chat(messages))[-1])


async def logprobs_llamaindex_async(caller: Caller) -> Any:
    model, messages, _ = llamaindex_call(caller)
    if not caller.case.stream:
        return _first_tokens(await model.achat(messages))
    return _first_tokens([r async for r in await model.astream_chat(messages)][-1])


# ---------------------------------------------------------------------------- completions


async def complete_client_sync(caller: Caller) -> Any:
    prompt, options = caller.case.arguments["prompt"], caller.parameters()
    with make_client(caller) as client:
        if caller.case.stream:
            return from_events(list(client.stream_complete(prompt, **options))).text
        return client.complete(prompt, **options).text


async def complete_client_async(caller: Caller) -> Any:
    prompt, options = caller.case.arguments["prompt"], caller.parameters()
    async with make_async_client(caller) as client:
        if caller.case.stream:
            return from_events([e async for e in client.stream_complete(prompt, **options)]).text
        return (await client.complete(prompt, **options)).text


async def complete_langchain_sync(caller: Caller) -> Any:
    model = WorkersAILLM(caller.scenario.model, **caller.settings())
    prompt = caller.case.arguments["prompt"]
    return "".join(model.stream(prompt)) if caller.case.stream else model.invoke(prompt)


async def complete_langchain_async(caller: Caller) -> Any:
    model = WorkersAILLM(caller.scenario.model, **caller.settings())
    prompt = caller.case.arguments["prompt"]
    if not caller.case.stream:
        return await model.ainvoke(prompt)
    return "".join([text async for text in model.astream(prompt)])


async def complete_llamaindex_sync(caller: Caller) -> Any:
    model = WorkersAI(caller.scenario.model, **caller.settings())
    prompt = caller.case.arguments["prompt"]
    if not caller.case.stream:
        return model.complete(prompt).text
    return list(model.stream_complete(prompt))[-1].text


async def complete_llamaindex_async(caller: Caller) -> Any:
    model = WorkersAI(caller.scenario.model, **caller.settings())
    prompt = caller.case.arguments["prompt"]
    if not caller.case.stream:
        return (await model.acomplete(prompt)).text
    return [response async for response in await model.astream_complete(prompt)][-1].text


# ----------------------------------------------------------------------------- embeddings


async def embed_client_sync(caller: Caller) -> Any:
    given = caller.case.arguments
    with make_client(caller) as client:
        found = client.embed(given["texts"])
        return [*found.vectors, *client.embed([given["query"]], input_type="query").vectors]


async def embed_client_async(caller: Caller) -> Any:
    given = caller.case.arguments
    async with make_async_client(caller) as client:
        found = await client.embed(given["texts"])
        query = await client.embed([given["query"]], input_type="query")
        return [*found.vectors, *query.vectors]


async def embed_langchain_sync(caller: Caller) -> Any:
    model = WorkersAIEmbeddings(caller.scenario.model, **caller.settings())
    given = caller.case.arguments
    return [*model.embed_documents(given["texts"]), model.embed_query(given["query"])]


async def embed_langchain_async(caller: Caller) -> Any:
    model = WorkersAIEmbeddings(caller.scenario.model, **caller.settings())
    given = caller.case.arguments
    found = await model.aembed_documents(given["texts"])
    return [*found, await model.aembed_query(given["query"])]


async def embed_llamaindex_sync(caller: Caller) -> Any:
    model = WorkersAIEmbedding(caller.scenario.model, **caller.settings())
    given = caller.case.arguments
    found = model.get_text_embedding_batch(given["texts"])
    return [*found, model.get_query_embedding(given["query"])]


async def embed_llamaindex_async(caller: Caller) -> Any:
    model = WorkersAIEmbedding(caller.scenario.model, **caller.settings())
    given = caller.case.arguments
    found = await model.aget_text_embedding_batch(given["texts"])
    return [*found, await model.aget_query_embedding(given["query"])]


# --------------------------------------------------------------------------------- rerank


def _ranking(caller: Caller) -> tuple[dict[str, Any], dict[str, Any]]:
    parameters = caller.parameters()
    return dict(caller.case.arguments), {"top_k": parameters.get("top_n")}


async def rerank_client_sync(caller: Caller) -> Any:
    given, options = _ranking(caller)
    with make_client(caller) as client:
        ranked = client.rerank(given["query"], given["documents"], **options)
    return [(found.index, found.score) for found in ranked.documents]


async def rerank_client_async(caller: Caller) -> Any:
    given, options = _ranking(caller)
    async with make_async_client(caller) as client:
        ranked = await client.rerank(given["query"], given["documents"], **options)
    return [(found.index, found.score) for found in ranked.documents]


async def rerank_langchain_sync(caller: Caller) -> Any:
    model, given = WorkersAIRerank(caller.scenario.model, **caller.settings()), _ranking(caller)[0]
    ranked = model.rerank(given["documents"], given["query"])
    return [(found["index"], found["relevance_score"]) for found in ranked]


async def rerank_langchain_async(caller: Caller) -> Any:
    model, given = WorkersAIRerank(caller.scenario.model, **caller.settings()), _ranking(caller)[0]
    ranked = await model.arerank(given["documents"], given["query"])
    return [(found["index"], found["relevance_score"]) for found in ranked]


def _nodes(documents: list[str]) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=str(place)))
        for place, text in enumerate(documents)
    ]


async def rerank_llamaindex_sync(caller: Caller) -> Any:
    model, given = LlamaIndexRerank(caller.scenario.model, **caller.settings()), _ranking(caller)[0]
    ranked = model.postprocess_nodes(_nodes(given["documents"]), query_str=given["query"])
    return [(int(found.node_id), found.score) for found in ranked]


async def rerank_llamaindex_async(caller: Caller) -> Any:
    model, given = LlamaIndexRerank(caller.scenario.model, **caller.settings()), _ranking(caller)[0]
    nodes = _nodes(given["documents"])
    ranked = await model.apostprocess_nodes(nodes, query_str=given["query"])
    return [(int(found.node_id), found.score) for found in ranked]


# --------------------------------------------------------------------------------- models


async def models_client_sync(caller: Caller) -> Any:
    with make_client(caller) as client:
        return [model.name for model in client.models(**caller.case.arguments)]


async def models_client_async(caller: Caller) -> Any:
    async with make_async_client(caller) as client:
        return [model.name for model in await client.models(**caller.case.arguments)]


def _named(kind: str) -> dict[str, Face]:
    return {
        name.removeprefix(f"{kind}_"): face
        for name, face in globals().items()
        if name.startswith(f"{kind}_")
    }


FACES: Mapping[str, Mapping[str, Face]] = {
    "chat": {name: chat(face) for name, face in CHATS.items()},
    **{
        kind: _named(kind)
        for kind in ("choices", "logprobs", "complete", "embed", "rerank", "models")
    },
}
"""The faces of each kind of call; the frameworks have none for a search of the catalogue."""

RECORDER = "client_sync"
"""The face that records; the others send the same request or do not replay."""
