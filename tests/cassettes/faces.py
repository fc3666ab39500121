"""Every kind of call through each face, with results that tests can compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.schema import NodeWithScore, TextNode

from langchain_workersai import ChatWorkersAI, WorkersAIEmbeddings, WorkersAILLM, WorkersAIRerank
from llamaindex_workersai import WorkersAI, WorkersAIEmbedding
from llamaindex_workersai import WorkersAIRerank as LlamaIndexRerank
from tests.cassettes.chats import (
    CHATS,
    Caller,
    Face,
    chat,
    client_call,
    conversations,
    from_events,
    from_result,
    make_async_client,
    make_client,
    to_wire,
)
from tests.test_symmetry import (
    from_langchain,
    from_llamaindex,
    langchain_model,
    llamaindex_call,
    to_langchain,
    to_llamaindex,
)
from workersai import ChatEvent, TextDelta

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


# -------------------------------------------------------------------------------- batches


def _client_batch(caller: Caller) -> list[Any]:
    options = caller.parameters()
    return [
        {"messages": [to_wire(turn) for turn in turns], **options}
        for turns in conversations(caller)
    ]


async def batch_client_sync(caller: Caller) -> Any:
    with make_client(caller) as client:
        batch = client.batches.submit(_client_batch(caller))
        found = client.batches.wait(batch, interval=caller.interval)
    return [from_result(result.chat) for result in found.results if result.chat]


async def batch_client_async(caller: Caller) -> Any:
    async with make_async_client(caller) as client:
        batch = await client.batches.submit(_client_batch(caller))
        found = await client.batches.wait(batch.request_id, interval=caller.interval)
    return [from_result(result.chat) for result in found.results if result.chat]


def _langchain_batch(caller: Caller) -> list[Any]:
    return [[to_langchain(turn) for turn in turns] for turns in conversations(caller)]


async def batch_langchain_sync(caller: Caller) -> Any:
    model: ChatWorkersAI = langchain_model(caller)
    batch = model.submit_batch(_langchain_batch(caller))
    found: Any = model.batch_results(batch, interval=caller.interval)
    return [from_langchain(message) for message in found]


async def batch_langchain_async(caller: Caller) -> Any:
    model: ChatWorkersAI = langchain_model(caller)
    batch = await model.asubmit_batch(_langchain_batch(caller))
    found: Any = await model.abatch_results(batch.request_id, interval=caller.interval)
    return [from_langchain(message) for message in found]


def _llamaindex_batch(caller: Caller) -> tuple[WorkersAI, list[Any]]:
    model, _, _ = llamaindex_call(caller)
    return model, [[to_llamaindex(turn) for turn in turns] for turns in conversations(caller)]


async def batch_llamaindex_sync(caller: Caller) -> Any:
    model, batch_input = _llamaindex_batch(caller)
    found: Any = model.batch_results(model.submit_batch(batch_input), interval=caller.interval)
    return [from_llamaindex(response) for response in found]


async def batch_llamaindex_async(caller: Caller) -> Any:
    model, batch_input = _llamaindex_batch(caller)
    batch = await model.asubmit_batch(batch_input)
    found: Any = await model.abatch_results(batch.request_id, interval=caller.interval)
    return [from_llamaindex(response) for response in found]


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
    arguments = caller.case.arguments
    with make_client(caller) as client:
        found = client.embed(arguments["texts"])
        return [*found.vectors, *client.embed([arguments["query"]], input_type="query").vectors]


async def embed_client_async(caller: Caller) -> Any:
    arguments = caller.case.arguments
    async with make_async_client(caller) as client:
        found = await client.embed(arguments["texts"])
        query = await client.embed([arguments["query"]], input_type="query")
        return [*found.vectors, *query.vectors]


async def embed_langchain_sync(caller: Caller) -> Any:
    model = WorkersAIEmbeddings(caller.scenario.model, **caller.settings())
    arguments = caller.case.arguments
    return [*model.embed_documents(arguments["texts"]), model.embed_query(arguments["query"])]


async def embed_langchain_async(caller: Caller) -> Any:
    model = WorkersAIEmbeddings(caller.scenario.model, **caller.settings())
    arguments = caller.case.arguments
    found = await model.aembed_documents(arguments["texts"])
    return [*found, await model.aembed_query(arguments["query"])]


async def embed_llamaindex_sync(caller: Caller) -> Any:
    model = WorkersAIEmbedding(caller.scenario.model, **caller.settings())
    arguments = caller.case.arguments
    found = model.get_text_embedding_batch(arguments["texts"])
    return [*found, model.get_query_embedding(arguments["query"])]


async def embed_llamaindex_async(caller: Caller) -> Any:
    model = WorkersAIEmbedding(caller.scenario.model, **caller.settings())
    arguments = caller.case.arguments
    found = await model.aget_text_embedding_batch(arguments["texts"])
    return [*found, await model.aget_query_embedding(arguments["query"])]


# --------------------------------------------------------------------------------- rerank


def _ranking(caller: Caller) -> tuple[dict[str, Any], dict[str, Any]]:
    parameters = caller.parameters()
    return dict(caller.case.arguments), {"top_k": parameters.get("top_n")}


async def rerank_client_sync(caller: Caller) -> Any:
    arguments, options = _ranking(caller)
    with make_client(caller) as client:
        ranked = client.rerank(arguments["query"], arguments["documents"], **options)
    return [(found.index, found.score) for found in ranked.documents]


async def rerank_client_async(caller: Caller) -> Any:
    arguments, options = _ranking(caller)
    async with make_async_client(caller) as client:
        ranked = await client.rerank(arguments["query"], arguments["documents"], **options)
    return [(found.index, found.score) for found in ranked.documents]


async def rerank_langchain_sync(caller: Caller) -> Any:
    model, arguments = (
        WorkersAIRerank(caller.scenario.model, **caller.settings()),
        _ranking(caller)[0],
    )
    ranked = model.rerank(arguments["documents"], arguments["query"])
    return [(found["index"], found["relevance_score"]) for found in ranked]


async def rerank_langchain_async(caller: Caller) -> Any:
    model, arguments = (
        WorkersAIRerank(caller.scenario.model, **caller.settings()),
        _ranking(caller)[0],
    )
    ranked = await model.arerank(arguments["documents"], arguments["query"])
    return [(found["index"], found["relevance_score"]) for found in ranked]


def _nodes(documents: list[str]) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=str(place)))
        for place, text in enumerate(documents)
    ]


async def rerank_llamaindex_sync(caller: Caller) -> Any:
    model, arguments = (
        LlamaIndexRerank(caller.scenario.model, **caller.settings()),
        _ranking(caller)[0],
    )
    ranked = model.postprocess_nodes(_nodes(arguments["documents"]), query_str=arguments["query"])
    return [(int(found.node_id), found.score) for found in ranked]


async def rerank_llamaindex_async(caller: Caller) -> Any:
    model, arguments = (
        LlamaIndexRerank(caller.scenario.model, **caller.settings()),
        _ranking(caller)[0],
    )
    nodes = _nodes(arguments["documents"])
    ranked = await model.apostprocess_nodes(nodes, query_str=arguments["query"])
    return [(int(found.node_id), found.score) for found in ranked]


# --------------------------------------------------------------------------------- models


async def models_client_sync(caller: Caller) -> Any:
    with make_client(caller) as client:
        return [model.name for model in client.list_models(**caller.case.arguments)]


async def models_client_async(caller: Caller) -> Any:
    async with make_async_client(caller) as client:
        return [model.name for model in await client.list_models(**caller.case.arguments)]


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
        for kind in ("choices", "logprobs", "batch", "complete", "embed", "rerank", "models")
    },
}
"""The faces of each kind of call; the frameworks have none for a search of the catalogue."""

RECORDER = "client_sync"
"""The face that records; the others send the same request or do not replay."""
