"""What calls cost: on the message, in a handler, and in a context."""

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
ONE = (5 * 0.017 + 7 * 0.11) / 1_000_000
"""The usage of a scripted answer at granite's prices, which has none for cached tokens."""
CALL = CostTotals(
    calls=1,
    input_tokens=5,
    output_tokens=7,
    cached_tokens=3,
    reasoning_tokens=2,
    neurons=0.5,
    cost_usd=ONE,
)


def of(*calls: CostTotals) -> CostTotals:
    return sum(calls, CostTotals())


async def answers(llm: Any) -> list[Any]:
    """The same question in every way: whole answers, and streams as one message."""
    return [
        llm.invoke("hi"),
        await llm.ainvoke("hi"),
        llm.batch(["hi"])[0],
        (await llm.abatch(["hi"]))[0],
    ]


async def streamed(llm: Any) -> list[Any]:
    return [merged(list(llm.stream("hi"))), merged(await collect(llm))]


# ---------------------------------------------------------------------------- on a message


async def test_an_answer_says_what_it_cost(scripted: Any, wire: Any) -> None:
    """USD by the page's prices, plain and streamed, sync and async; one number a call."""
    plain, _ = scripted(wire.answer("a"))
    stream, _ = scripted(wire.stream("a"))
    for message in [*await answers(plain), *await streamed(stream)]:
        assert message.response_metadata["cost_usd"] == [pytest.approx(ONE)]
        assert message.response_metadata["neurons"] == [0.5]


def test_cached_tokens_have_the_price_of_the_page(scripted: Any, wire: Any) -> None:
    """Where the page has a price for them, they cost that."""
    llm, _ = scripted(wire.answer("a"), model=KIMI)
    expected = (2 * 0.95 + 3 * 0.16 + 7 * 4.0) / 1_000_000
    assert llm.invoke("hi").response_metadata["cost_usd"] == [pytest.approx(expected)]


def test_the_price_is_that_of_the_model_that_was_asked(scripted: Any, wire: Any) -> None:
    """A call's own model, whatever name the answer has."""
    llm, _ = scripted(wire.answer("a"))
    cost = llm.invoke("hi", model=GLM).response_metadata["cost_usd"]
    assert cost == [pytest.approx((5 * 0.06 + 7 * 0.40) / 1_000_000)]


async def test_an_unknown_price_is_absent(scripted: Any, wire: Any) -> None:
    """Neither 0 nor a guess; the neurons are there all the same."""
    plain, _ = scripted(wire.answer("a"), model="@cf/new/model")
    stream, _ = scripted(wire.stream("a"), model="@cf/new/model")
    for message in [*await answers(plain), *await streamed(stream)]:
        assert "cost_usd" not in message.response_metadata
        assert message.response_metadata["neurons"] == [0.5]


def test_an_answer_from_a_gateways_cache_costs_nothing(scripted: Any, wire: Any) -> None:
    """No model was asked for it."""
    envelope = {"result": wire.answer("a"), "success": True}
    reply = httpx.Response(200, json=envelope, headers={"cf-aig-cache-status": "HIT"})
    llm, _ = scripted(reply, gateway="gate")
    assert llm.invoke("hi").response_metadata["cost_usd"] == [0.0]


def test_messages_of_several_calls_add_up(scripted: Any, wire: Any) -> None:
    """The chunks of calls with different costs have a sum, and it keeps each number."""
    cheap, _ = scripted(wire.stream("a"))
    dear, _ = scripted(wire.stream("b"), model=KIMI)
    total = merged([*cheap.stream("hi"), *dear.stream("hi"), *cheap.stream("hi")])
    costs = total.response_metadata["cost_usd"]
    assert len(costs) == 3
    assert costs[0] == costs[2] == pytest.approx(ONE) != costs[1]


def test_the_answers_of_a_batch_say_what_they_cost(scripted: Any, wire: Any) -> None:
    """Each by its own usage, at the prices of the batch's model."""
    rows = [{"id": at, "result": wire.answer("a"), "success": True} for at in (0, 1)]
    llm, _ = scripted({"responses": rows})
    for message in llm.batch_results(BatchJob("b", GRANITE)):
        assert message.response_metadata["cost_usd"] == [pytest.approx(ONE)]


# ---------------------------------------------------------------------------- in a handler


async def test_a_handler_adds_up_every_call(scripted: Any, wire: Any) -> None:
    """Plain and streamed, sync and async, in batches; for each model and in all."""
    costs = WorkersAICostCallbackHandler()
    plain, _ = scripted(wire.answer("a"), callbacks=[costs])
    stream, _ = scripted(wire.stream("a"), callbacks=[costs])
    await answers(plain)
    await streamed(stream)
    assert costs.total.cost_usd == pytest.approx(6 * ONE)
    assert costs.by_model.keys() == {GRANITE}
    assert costs.total == costs.by_model[GRANITE] == of(*[CALL] * 6)
    assert GRANITE in repr(costs)
    costs.reset()
    assert costs.total == CostTotals()


async def test_completions_are_counted(scripted: Any) -> None:
    """Those of the completion model too: each prompt of a batch, and streams."""
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    costs = WorkersAICostCallbackHandler()
    plain, _ = scripted({"response": "a", "usage": usage}, cls=WorkersAILLM, callbacks=[costs])
    events = [{"response": "a"}, {"response": "", "usage": usage}, "[DONE]"]
    stream, _ = scripted(events, cls=WorkersAILLM, callbacks=[costs])
    await answers(plain)
    plain.generate(["a", "b"])
    list(stream.stream("hi"))
    await collect(stream)
    assert costs.by_model.keys() == {GRANITE}
    assert costs.total.calls == 8
    assert costs.total.cost_usd == pytest.approx(8 * ONE)
    assert (costs.total.input_tokens, costs.total.output_tokens) == (40, 56)


def test_unknown_prices_are_counted_as_unknown(scripted: Any, wire: Any) -> None:
    """They are no zero: the sum lacks them and says how many."""
    costs = WorkersAICostCallbackHandler()
    unknown, _ = scripted(wire.answer("a") | {"model": None}, model="@cf/new/model")
    unknown.invoke("hi", config={"callbacks": [costs]})
    assert costs.total.cost_usd is None
    known, _ = scripted(wire.answer("a"))
    known.invoke("hi", config={"callbacks": [costs]})
    assert costs.total.cost_usd == pytest.approx(ONE)
    assert costs.total.calls_without_cost == 1
    assert costs.by_model["@cf/new/model"].cost_usd is None
    assert costs.by_model["@cf/new/model"].neurons == 0.5


def test_a_call_without_usage_is_counted(scripted: Any) -> None:
    """A call without usage is counted as one with unknown tokens."""
    costs = WorkersAICostCallbackHandler()
    llm, _ = scripted({"response": "a"}, callbacks=[costs])
    llm.invoke("hi")
    assert costs.total == CostTotals(calls=1, calls_without_usage=1, calls_without_cost=1)


def test_several_answers_are_one_call(scripted: Any, wire: Any) -> None:
    """With `n`, the usage is the request's."""
    costs = WorkersAICostCallbackHandler()
    llm, _ = scripted(wire.answer("a", "b"), model=GLM, n=2, callbacks=[costs])
    llm.generate([[HumanMessage("hi")]])
    assert (costs.total.calls, costs.total.output_tokens) == (1, 7)


def test_answers_of_langchains_cache_are_not_counted(scripted: Any, wire: Any) -> None:
    """No request is made for them."""
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


async def test_a_stream_that_is_left_has_an_unknown_cost(scripted: Any, wire: Any) -> None:
    """It was paid for, and reported nothing yet; one that is left at its end has."""
    costs = WorkersAICostCallbackHandler()
    chat, _ = scripted(wire.stream("a", "b"), callbacks=[costs])
    completion, _ = scripted(wire.stream("a", "b"), cls=WorkersAILLM, callbacks=[costs])
    for llm in (chat, completion):
        costs.reset()
        chunks = llm.stream("hi")
        assert [next(chunks), next(chunks)]  # LangChain keeps a completion's first with its next
        chunks.close()
        awaited = llm.astream("hi")
        assert [await anext(awaited), await anext(awaited)]
        await awaited.aclose()
        assert costs.by_model == {GRANITE: of(UNKNOWN, UNKNOWN)}
    costs.reset()
    chunks = chat.stream("hi")
    last = next(chunk for chunk in chunks if chunk.usage_metadata)
    chunks.close()
    assert last.response_metadata["cost_usd"]
    assert costs.total == CALL
    assert costs._under_way == {}


def test_a_stream_that_breaks_has_an_unknown_cost(scripted: Any, wire: Any) -> None:
    """What had come of it was paid for; a call without any answer is not counted."""
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
    """LangChain drops what had come of it, and still it was paid for."""
    costs = WorkersAICostCallbackHandler()
    asked: Any = {"messages": [HumanMessage("hi")]}
    config: Any = {"callbacks": [costs]}
    model, _ = scripted(*[wire.stream("a", finish=None)] * 2, max_retries=0)
    broken: Any = create_agent(model, [])
    with pytest.raises(StreamInterruptedError):
        list(broken.stream(asked, config, stream_mode="messages"))
    with pytest.raises(StreamInterruptedError):
        _ = [_ async for _ in broken.astream(asked, config, stream_mode="messages")]
    assert costs.by_model == {GRANITE: of(UNKNOWN, UNKNOWN)}
    assert costs._under_way == {}
    assert costs._begun == set()


def test_other_providers_are_not_counted() -> None:
    """A handler of this package counts this package's models."""
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
    """An agent of two calls: one for a tool, one for the answer."""
    call = {"tool_calls": [wire.call("weather", '{"city": "Bern"}')]}
    llm, _ = scripted(
        lambda body: (
            (wire.stream("sunny") if body.get("stream") else wire.answer("sunny"))
            if body["messages"][-1]["role"] == "tool"
            else (wire.stream(call) if body.get("stream") else wire.answer(None, **call))
        )
    )
    return create_agent(llm, [weather])


ASKED: Any = {"messages": [("user", "Weather in Bern?")]}


def test_an_agents_run_is_counted(scripted: Any, wire: Any) -> None:
    """All calls of an agent, plain and streamed by token."""
    run = agent(scripted, wire)
    costs = WorkersAICostCallbackHandler()
    run.invoke(ASKED, config={"callbacks": [costs]})
    assert costs.total == of(CALL, CALL)
    list(run.stream(ASKED, config={"callbacks": [costs]}, stream_mode="messages"))
    assert costs.total.calls == 4
    assert costs.total.cost_usd == pytest.approx(4 * ONE)


@IN_LANGGRAPH_TASKS
async def test_an_async_agents_run_is_counted(scripted: Any, wire: Any) -> None:
    """Its calls, by a handler and by a context."""
    run = agent(scripted, wire)
    costs = WorkersAICostCallbackHandler()
    with get_workersai_callback() as around:
        await run.ainvoke(ASKED, config={"callbacks": [costs]})
        async for _ in run.astream(ASKED, stream_mode="messages"):
            pass
    assert costs.total == of(CALL, CALL)
    assert around.total.calls == 4


# ------------------------------------------------------------------ embeddings and rankings

VECTORS = {
    "data": [[1.0]],
    "usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3},
}
SCORES = {"response": [{"id": 0, "score": 0.5}]}


def test_embeddings_and_rankings_of_a_run_are_counted(scripted: Any) -> None:
    """A handler of the run hears of them; a ranking that counts no tokens has no known cost."""
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
    """In a context, and by the callbacks that a compressor is passed; each of them once."""
    embeddings, _ = scripted(VECTORS, cls=WorkersAIEmbeddings, model=SMALL)
    rerank, _ = scripted(SCORES, cls=WorkersAIRerank, model=RERANKER)
    given = WorkersAICostCallbackHandler()
    with get_workersai_callback() as costs:
        embeddings.embed_query("a")
        await embeddings.aembed_documents(["a"])
        rerank.rerank(["a"], "q")
        rerank.compress_documents([Document("a")], "q", callbacks=[given])
        await rerank.acompress_documents([Document("a")], "q", callbacks=[costs])
    assert {model: totals.calls for model, totals in costs.by_model.items()} == {
        SMALL: 2,
        RERANKER: 3,
    }
    assert given.total.calls == 1


async def test_a_run_over_many_texts_is_counted(scripted: Any) -> None:
    """With the requests that were made, also of a run that is left early."""
    embeddings, _ = scripted(VECTORS, cls=WorkersAIEmbeddings, model=SMALL, batch_size=1)
    with get_workersai_callback() as costs:
        list(embeddings.embed_iter(["a", "b"]))
        assert [vector async for vector in embeddings.aembed_iter(["a"])]
        run = embeddings.embed_iter(["a"] * 99)
        next(run)
        run.close()
    assert costs.total.calls == 3
    assert costs.total.input_tokens >= 12
    assert costs.total.calls_without_cost == 0


# ---------------------------------------------------------------------------- in a context


def test_a_context_counts_its_calls(scripted: Any, wire: Any) -> None:
    """A context counts the calls inside it, in threads too, and can be read afterwards."""
    llm, _ = scripted(wire.answer("a"))
    llm.invoke("before")
    with get_workersai_callback() as costs:
        llm.batch(["a", "b", "c"])
    llm.invoke("after")
    assert costs.total == of(CALL, CALL, CALL)


def test_contexts_stand_in_one_another(scripted: Any, wire: Any) -> None:
    """Each counts what is in it, also after one before it failed."""
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
    """What one request of a server costs is in its context alone."""
    llm, _ = scripted(wire.answer("a"))

    async def work(calls: int) -> int:
        with get_workersai_callback() as costs:
            for _ in range(calls):
                await llm.ainvoke("a")
        return costs.total.calls

    assert [*await asyncio.gather(work(1), work(2), work(3))] == [1, 2, 3]


def test_a_block_may_end_in_another_context() -> None:
    """Fixtures and generators end elsewhere than they began: nothing is raised or left behind."""
    block = get_workersai_callback()
    elsewhere = contextvars.copy_context()
    costs = elsewhere.run(block.__enter__)
    block.__exit__(None, None, None)
    assert costs.total == CostTotals()
    with get_workersai_callback() as other:
        assert other is not costs


def test_contexts_leave_nothing_in_langchain(scripted: Any, wire: Any) -> None:
    """LangChain asks every hook that was ever registered at each call: they are used again."""
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
    """No call is lost."""
    costs = WorkersAICostCallbackHandler()
    llm, _ = scripted(wire.answer("a"), callbacks=[costs])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(llm.invoke, ["hi"] * 80))
    assert costs.total.calls == 80
    assert costs.total.output_tokens == 560
