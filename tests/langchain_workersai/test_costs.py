"""Costs of calls on messages, in callback handlers and in contexts."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from langchain_workersai import (
    AuthenticationError,
    CostTotals,
    StreamInterruptedError,
    WorkersAICostCallbackHandler,
    WorkersAIEmbeddings,
    WorkersAILLM,
    WorkersAIRerank,
    get_workersai_callback,
)
from tests.langchain_workersai.scripted import GLM, GRANITE, IN_LANGGRAPH_TASKS, collect, merged
from workersai import BatchJob

KIMI = "@cf/moonshotai/kimi-k2.6"
SMALL = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
CALL_COST = (5 * 0.017 + 7 * 0.11) / 1_000_000
"""The cost of a scripted answer on granite, which has no price for cached tokens."""
CALL = CostTotals(
    calls=1,
    input_tokens=5,
    output_tokens=7,
    cached_tokens=3,
    reasoning_tokens=2,
    neurons=0.5,
    cost_usd=CALL_COST,
)


def total_of(*calls: CostTotals) -> CostTotals:
    return sum(calls, CostTotals())


async def plain_answers(llm: Any) -> list[Any]:
    """Ask the same question by invoke, ainvoke, batch and abatch."""
    return [
        llm.invoke("hi"),
        await llm.ainvoke("hi"),
        llm.batch(["hi"])[0],
        (await llm.abatch(["hi"]))[0],
    ]


async def streamed_answers(llm: Any) -> list[Any]:
    return [merged(list(llm.stream("hi"))), merged(await collect(llm))]


# --------------------------------------------------------------------------- on a message


async def test_a_message_has_its_cost(scripted: Any, wire: Any) -> None:
    """Each message has its cost in USD, plain and streamed, sync and async."""
    plain, _ = scripted(wire.answer("a"))
    stream, _ = scripted(wire.stream("a"))
    for message in [*await plain_answers(plain), *await streamed_answers(stream)]:
        assert message.response_metadata["cost_usd"] == [pytest.approx(CALL_COST)]
        assert message.response_metadata["neurons"] == [0.5]


def test_cached_tokens_have_their_own_price(scripted: Any, wire: Any) -> None:
    """The cost uses the price of cached tokens where the model's page has one."""
    llm, _ = scripted(wire.answer("a"), model=KIMI)
    expected = (2 * 0.95 + 3 * 0.16 + 7 * 4.0) / 1_000_000
    assert llm.invoke("hi").response_metadata["cost_usd"] == [pytest.approx(expected)]


def test_the_price_belongs_to_the_model_of_the_call(scripted: Any, wire: Any) -> None:
    """The cost uses the prices of the model of the call, not of the name in the answer."""
    llm, _ = scripted(wire.answer("a"))
    cost = llm.invoke("hi", model=GLM).response_metadata["cost_usd"]
    assert cost == [pytest.approx((5 * 0.06 + 7 * 0.40) / 1_000_000)]


async def test_an_unknown_cost_is_left_out(scripted: Any, wire: Any) -> None:
    """A message of a model without a known price has neurons but no cost."""
    plain, _ = scripted(wire.answer("a"), model="@cf/new/model")
    stream, _ = scripted(wire.stream("a"), model="@cf/new/model")
    for message in [*await plain_answers(plain), *await streamed_answers(stream)]:
        assert "cost_usd" not in message.response_metadata
        assert message.response_metadata["neurons"] == [0.5]


def test_an_answer_from_a_gateways_cache_costs_nothing(scripted: Any, wire: Any) -> None:
    """A message that the AI Gateway answered from its cache costs 0."""
    envelope = {"result": wire.answer("a"), "success": True}
    reply = httpx.Response(200, json=envelope, headers={"cf-aig-cache-status": "HIT"})
    llm, _ = scripted(reply, gateway="gate")
    assert llm.invoke("hi").response_metadata["cost_usd"] == [0.0]


def test_messages_of_several_calls_add_up(scripted: Any, wire: Any) -> None:
    """Messages of calls with different costs add up to one that lists each cost."""
    cheap, _ = scripted(wire.stream("a"))
    dear, _ = scripted(wire.stream("b"), model=KIMI)
    total = merged([*cheap.stream("hi"), *dear.stream("hi"), *cheap.stream("hi")])
    costs = total.response_metadata["cost_usd"]
    assert len(costs) == 3
    assert costs[0] == costs[2] == pytest.approx(CALL_COST) != costs[1]


def test_messages_of_a_batch_have_their_costs(scripted: Any, wire: Any) -> None:
    """Each message of a batch has the cost of its own usage at the prices of the batch's model."""
    rows = [{"id": at, "result": wire.answer("a"), "success": True} for at in (0, 1)]
    llm, _ = scripted({"responses": rows})
    for message in llm.batch_results(BatchJob("b", GRANITE)):
        assert message.response_metadata["cost_usd"] == [pytest.approx(CALL_COST)]


# ---------------------------------------------------------------------------- in a handler


async def test_a_handler_adds_up_all_calls(scripted: Any, wire: Any) -> None:
    """The handler adds up plain, streamed, async and batch calls, for each model and in total."""
    costs = WorkersAICostCallbackHandler()
    plain, _ = scripted(wire.answer("a"), callbacks=[costs])
    stream, _ = scripted(wire.stream("a"), callbacks=[costs])
    await plain_answers(plain)
    await streamed_answers(stream)
    assert costs.total.cost_usd == pytest.approx(6 * CALL_COST)
    assert costs.by_model.keys() == {GRANITE}
    assert costs.total == costs.by_model[GRANITE] == total_of(*[CALL] * 6)
    assert GRANITE in repr(costs)
    costs.reset()
    assert costs.total == CostTotals()


async def test_completions_are_counted(scripted: Any) -> None:
    """The handler counts the completion model's calls, each prompt of a batch and streams."""
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    costs = WorkersAICostCallbackHandler()
    plain, _ = scripted({"response": "a", "usage": usage}, cls=WorkersAILLM, callbacks=[costs])
    events = [{"response": "a"}, {"response": "", "usage": usage}, "[DONE]"]
    stream, _ = scripted(events, cls=WorkersAILLM, callbacks=[costs])
    await plain_answers(plain)
    plain.generate(["a", "b"])
    list(stream.stream("hi"))
    await collect(stream)
    assert costs.by_model.keys() == {GRANITE}
    assert costs.total.calls == 8
    assert costs.total.cost_usd == pytest.approx(8 * CALL_COST)
    assert (costs.total.input_tokens, costs.total.output_tokens) == (40, 56)


def test_unknown_prices_are_counted_as_unknown(scripted: Any, wire: Any) -> None:
    """A total leaves out unknown costs and says how many calls have one."""
    costs = WorkersAICostCallbackHandler()
    unknown, _ = scripted(wire.answer("a") | {"model": None}, model="@cf/new/model")
    unknown.invoke("hi", config={"callbacks": [costs]})
    assert costs.total.cost_usd is None
    known, _ = scripted(wire.answer("a"))
    known.invoke("hi", config={"callbacks": [costs]})
    assert costs.total.cost_usd == pytest.approx(CALL_COST)
    assert costs.total.calls_without_cost == 1
    assert costs.by_model["@cf/new/model"].cost_usd is None
    assert costs.by_model["@cf/new/model"].neurons == 0.5


def test_a_call_without_usage_is_counted(scripted: Any) -> None:
    """The handler counts a call without usage as one call with unknown tokens and cost."""
    costs = WorkersAICostCallbackHandler()
    llm, _ = scripted({"response": "a"}, callbacks=[costs])
    llm.invoke("hi")
    assert costs.total == CostTotals(calls=1, calls_without_usage=1, calls_without_cost=1)


def test_several_choices_are_one_call(scripted: Any, wire: Any) -> None:
    """The handler counts a request with `n` choices once."""
    costs = WorkersAICostCallbackHandler()
    llm, _ = scripted(wire.answer("a", "b"), model=GLM, n=2, callbacks=[costs])
    llm.generate([[HumanMessage("hi")]])
    assert (costs.total.calls, costs.total.output_tokens) == (1, 7)


def test_answers_of_langchains_cache_are_not_counted(scripted: Any, wire: Any) -> None:
    """The handler does not count answers from LangChain's cache."""
    costs = WorkersAICostCallbackHandler()
    llm, server = scripted(wire.answer("a"), cache=InMemoryCache(), callbacks=[costs])
    llm.invoke("hi")
    llm.invoke("hi")
    assert len(server.requests) == costs.total.calls == 1
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    own = {"cls": WorkersAILLM, "cache": InMemoryCache(), "callbacks": [costs]}
    completion, _ = scripted({"response": "a", "usage": usage}, **own)
    completion.invoke("hi")
    completion.generate(["hi", "hi"])
    assert costs.total.calls == 2


UNKNOWN = CostTotals(calls=1, calls_without_usage=1, calls_without_cost=1)


async def test_a_stream_closed_early_has_an_unknown_cost(scripted: Any, wire: Any) -> None:
    """The handler counts a stream closed before its usage arrived as a call of unknown cost."""
    costs = WorkersAICostCallbackHandler()
    chat, _ = scripted(wire.stream("a", "b"), callbacks=[costs])
    completion, _ = scripted(wire.stream("a", "b"), cls=WorkersAILLM, callbacks=[costs])
    for llm in (chat, completion):
        costs.reset()
        chunks = llm.stream("hi")
        # LangChain keeps the first chunk of a completion until the second has come.
        assert [next(chunks), next(chunks)]
        chunks.close()
        async_chunks = llm.astream("hi")
        assert [await anext(async_chunks), await anext(async_chunks)]
        await async_chunks.aclose()
        assert costs.by_model == {GRANITE: total_of(UNKNOWN, UNKNOWN)}
    costs.reset()
    chunks = chat.stream("hi")
    last = next(chunk for chunk in chunks if chunk.usage_metadata)
    chunks.close()
    assert last.response_metadata["cost_usd"]
    assert costs.total == CALL
    assert costs._under_way == {}


def test_a_stream_that_breaks_has_an_unknown_cost(scripted: Any, wire: Any) -> None:
    """The handler counts a broken stream with an unknown cost, but no call without an answer."""
    costs = WorkersAICostCallbackHandler()
    broken, _ = scripted(wire.stream("a", finish=None), callbacks=[costs], max_retries=0)
    with pytest.raises(StreamInterruptedError):
        list(broken.stream("hi"))
    assert costs.by_model == {GRANITE: UNKNOWN}
    refused, _ = scripted(wire.error(401, 10000), callbacks=[costs])
    for ask in (refused.invoke, lambda text: list(refused.stream(text))):
        with pytest.raises(AuthenticationError):
            ask("hi")
    assert costs.total == UNKNOWN
    assert costs._under_way == {}


@IN_LANGGRAPH_TASKS
async def test_a_stream_that_breaks_inside_an_agent_has_an_unknown_cost(
    scripted: Any, wire: Any
) -> None:
    """The handler counts a stream that breaks inside an agent, whose text LangChain drops."""
    costs = WorkersAICostCallbackHandler()
    question: Any = {"messages": [HumanMessage("hi")]}
    config: Any = {"callbacks": [costs]}
    model, _ = scripted(*[wire.stream("a", finish=None)] * 2, max_retries=0)
    broken: Any = create_agent(model, [])
    with pytest.raises(StreamInterruptedError):
        list(broken.stream(question, config, stream_mode="messages"))
    with pytest.raises(StreamInterruptedError):
        _ = [_ async for _ in broken.astream(question, config, stream_mode="messages")]
    assert costs.by_model == {GRANITE: total_of(UNKNOWN, UNKNOWN)}
    assert costs._under_way == {}
    assert costs._begun == set()


def test_other_providers_are_not_counted() -> None:
    """The handler counts no models of other providers."""
    costs = WorkersAICostCallbackHandler()
    other = GenericFakeChatModel(messages=iter([AIMessage("a")]))
    other.invoke("hi", config={"callbacks": [costs]})
    chunks: Any = GenericFakeChatModel(messages=iter([AIMessage("a b")])).stream(
        "hi", config={"callbacks": [costs]}
    )
    next(chunks)
    chunks.close()
    assert costs.total == CostTotals()


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


def agent(scripted: Any, wire: Any) -> Any:
    """An agent that makes two model calls, one for a tool and one for the answer."""
    call = {"tool_calls": [wire.call("weather", '{"city": "Bern"}')]}
    llm, _ = scripted(
        lambda body: (
            (wire.stream("sunny") if body.get("stream") else wire.answer("sunny"))
            if body["messages"][-1]["role"] == "tool"
            else (wire.stream(call) if body.get("stream") else wire.answer(None, **call))
        )
    )
    return create_agent(llm, [weather])


QUESTION: Any = {"messages": [("user", "Weather in Bern?")]}


def test_an_agents_run_is_counted(scripted: Any, wire: Any) -> None:
    """The handler counts all calls of an agent, plain and streamed."""
    weather_agent = agent(scripted, wire)
    costs = WorkersAICostCallbackHandler()
    weather_agent.invoke(QUESTION, config={"callbacks": [costs]})
    assert costs.total == total_of(CALL, CALL)
    list(weather_agent.stream(QUESTION, config={"callbacks": [costs]}, stream_mode="messages"))
    assert costs.total.calls == 4
    assert costs.total.cost_usd == pytest.approx(4 * CALL_COST)


@IN_LANGGRAPH_TASKS
async def test_an_async_agents_run_is_counted(scripted: Any, wire: Any) -> None:
    """A handler and a context count the async calls of an agent."""
    weather_agent = agent(scripted, wire)
    costs = WorkersAICostCallbackHandler()
    with get_workersai_callback() as context_costs:
        await weather_agent.ainvoke(QUESTION, config={"callbacks": [costs]})
        async for _ in weather_agent.astream(QUESTION, stream_mode="messages"):
            pass
    assert costs.total == total_of(CALL, CALL)
    assert context_costs.total.calls == 4


# ------------------------------------------------------------------ embeddings and rankings

VECTORS = {
    "data": [[1.0]],
    "usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3},
}
SCORES = {"response": [{"id": 0, "score": 0.5}]}


def test_embeddings_and_rankings_of_a_run_are_counted(scripted: Any) -> None:
    """A handler of the run counts embeddings and rankings; a ranking without tokens has no cost."""
    embeddings, _ = scripted(VECTORS, cls=WorkersAIEmbeddings, model=SMALL)
    rerank, _ = scripted(SCORES, cls=WorkersAIRerank, model=RERANKER)

    def work(_: str) -> None:
        embeddings.embed_documents(["a"])
        rerank.compress_documents([Document("a")], "q")

    costs = WorkersAICostCallbackHandler()
    RunnableLambda(work).invoke("x", {"callbacks": [costs]})
    assert costs.by_model[SMALL].input_tokens == 3
    assert costs.by_model[SMALL].cost_usd == pytest.approx(3 * 0.02 / 1_000_000)
    assert costs.by_model[RERANKER].calls_without_cost == costs.by_model[RERANKER].calls == 1


async def test_embeddings_and_rankings_outside_of_a_run_are_counted(scripted: Any) -> None:
    """A context and a compressor's callbacks count embeddings and rankings, each once."""
    embeddings, _ = scripted(VECTORS, cls=WorkersAIEmbeddings, model=SMALL)
    rerank, _ = scripted(SCORES, cls=WorkersAIRerank, model=RERANKER)
    passed_handler = WorkersAICostCallbackHandler()
    with get_workersai_callback() as costs:
        embeddings.embed_query("a")
        await embeddings.aembed_documents(["a"])
        rerank.rerank(["a"], "q")
        rerank.compress_documents([Document("a")], "q", callbacks=[passed_handler])
        await rerank.acompress_documents([Document("a")], "q", callbacks=[costs])
    assert {model: totals.calls for model, totals in costs.by_model.items()} == {
        SMALL: 2,
        RERANKER: 3,
    }
    assert passed_handler.total.calls == 1


async def test_embed_iter_is_counted(scripted: Any) -> None:
    """A context counts the requests of `embed_iter`, also if the caller stops early."""
    embeddings, _ = scripted(VECTORS, cls=WorkersAIEmbeddings, model=SMALL, batch_size=1)
    with get_workersai_callback() as costs:
        list(embeddings.embed_iter(["a", "b"]))
        assert [vector async for vector in embeddings.aembed_iter(["a"])]
        vectors = embeddings.embed_iter(["a"] * 99)
        next(vectors)
        vectors.close()
    assert costs.total.calls == 3
    assert costs.total.input_tokens >= 12
    assert costs.total.calls_without_cost == 0


# --------------------------------------------------------------------------- in a context


def test_a_context_counts_its_calls(scripted: Any, wire: Any) -> None:
    """A context counts the calls inside it, in threads too, and can be read afterwards."""
    llm, _ = scripted(wire.answer("a"))
    llm.invoke("before")
    with get_workersai_callback() as costs:
        llm.batch(["a", "b", "c"])
    llm.invoke("after")
    assert costs.total == total_of(CALL, CALL, CALL)


def test_contexts_can_be_nested(scripted: Any, wire: Any) -> None:
    """Each nested context counts its own calls, also after an earlier context failed."""
    llm, _ = scripted(wire.answer("a"))
    with pytest.raises(ValueError, match="no"), get_workersai_callback():
        raise ValueError("no")
    with get_workersai_callback() as outer:
        llm.invoke("a")
        with get_workersai_callback() as inner:
            llm.invoke("b")
        with get_workersai_callback():
            llm.invoke("c")
    assert (outer.total.calls, inner.total.calls) == (3, 1)


async def test_contexts_of_two_tasks_do_not_mix(scripted: Any, wire: Any) -> None:
    """A context counts the calls of its own task only."""
    llm, _ = scripted(wire.answer("a"))

    async def work(calls: int) -> int:
        with get_workersai_callback() as costs:
            for _ in range(calls):
                await llm.ainvoke("a")
        return costs.total.calls

    assert [*await asyncio.gather(work(1), work(2), work(3))] == [1, 2, 3]


def test_a_block_may_end_in_another_context() -> None:
    """A block that ends in another context raises nothing and leaves no handler behind."""
    block = get_workersai_callback()
    elsewhere = contextvars.copy_context()
    costs = elsewhere.run(block.__enter__)
    block.__exit__(None, None, None)
    assert costs.total == CostTotals()
    with get_workersai_callback() as other:
        assert other is not costs


def test_contexts_leave_no_hooks_in_langchain(scripted: Any, wire: Any) -> None:
    """New contexts reuse their hooks, because LangChain calls each registered hook in each call."""
    from langchain_core.tracers import context

    llm, _ = scripted(wire.answer("a"))
    with get_workersai_callback(), get_workersai_callback():
        before = len(context._configure_hooks)
    for _ in range(20):
        with get_workersai_callback() as costs:
            llm.invoke("a")
        assert costs.total.calls == 1
    assert len(context._configure_hooks) == before


def test_threads_share_a_handler(scripted: Any, wire: Any) -> None:
    """A handler counts each call of eight threads."""
    costs = WorkersAICostCallbackHandler()
    llm, _ = scripted(wire.answer("a"), callbacks=[costs])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(llm.invoke, ["hi"] * 80))
    assert costs.total.calls == 80
    assert costs.total.output_tokens == 560
