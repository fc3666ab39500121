"""What calls cost: on the response, in an event, in a handler, and in a block."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpx
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

from llamaindex_workersai import (
    AuthenticationError,
    CostTotals,
    StreamInterruptedError,
    WorkersAI,
    WorkersAICostHandler,
    WorkersAIEmbedding,
    WorkersAIRerank,
    WorkersAIUsageEvent,
    count_workersai_costs,
)
from tests.llamaindex_workersai.agents import QUIET, add
from tests.llamaindex_workersai.scripted import (
    COMPLETIONS,
    ENTRIES,
    MODEL,
    REASONING_MODEL,
    Reply,
    Scripted,
    event_stream,
    run,
)
from workersai import BatchJob

KIMI = "@cf/moonshotai/kimi-k2.6"
SMALL = "@cf/baai/bge-small-en-v1.5"
RERANKER = "@cf/baai/bge-reranker-base"
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
    "neurons": 0.5,
}
ONE = (11 * 0.017 + 7 * 0.11) / 1_000_000
"""The usage of a scripted answer at granite's prices, which has none for cached tokens."""
CALL = CostTotals(
    calls=1,
    input_tokens=11,
    output_tokens=7,
    cached_tokens=4,
    reasoning_tokens=2,
    neurons=0.5,
    cost_usd=ONE,
)
MESSAGES = [ChatMessage(role="user", content="Hi")]
ALL = [*((entry, MESSAGES) for entry in ENTRIES), *((entry, "Hi") for entry in COMPLETIONS)]
EVERY = pytest.mark.parametrize(("entry", "argument"), ALL)


def make(*answers: Any, model: str = MODEL, **settings: Any) -> WorkersAI:
    replies = answers or (Reply("Hello", usage=USAGE),)
    return WorkersAI(model, **{**Scripted(*replies).connection, **settings})


def of(*calls: CostTotals) -> CostTotals:
    return sum(calls, CostTotals())


@pytest.fixture
def handler() -> Iterator[WorkersAICostHandler]:
    """Add a cost handler to LlamaIndex's dispatcher, and remove it afterwards."""
    handler, root = WorkersAICostHandler(), get_dispatcher()
    before = root.event_handlers
    root.event_handlers = [*before]
    root.add_event_handler(handler)
    yield handler
    root.event_handlers = before


# ---------------------------------------------------------------------------- on a response


@EVERY
async def test_an_answer_has_its_cost(entry: str, argument: Any) -> None:
    """Every entry point returns the cost in USD and the neurons with the answer."""
    *before, last = await run(make(), entry, argument)
    assert last.raw["cost_usd"] == pytest.approx(ONE)
    assert last.raw["usage"]["neurons"] == 0.5
    assert all(response.raw is None for response in before)


def test_cached_tokens_have_the_price_of_the_page() -> None:
    """Cached tokens cost the price that the model's page gives for them."""
    raw: Any = make(model=KIMI).chat(MESSAGES).raw
    assert raw["cost_usd"] == pytest.approx((7 * 0.95 + 4 * 0.16 + 7 * 4.0) / 1_000_000)


def test_the_price_is_that_of_the_model_that_was_asked() -> None:
    """A call with its own model has that model's price."""
    raw: Any = make().chat(MESSAGES, model=REASONING_MODEL).raw
    assert raw["cost_usd"] == pytest.approx((11 * 0.06 + 7 * 0.40) / 1_000_000)


@EVERY
async def test_an_unknown_price_is_absent(entry: str, argument: Any) -> None:
    """An answer of a model without a known price has neurons and no cost."""
    last = (await run(make(model="@cf/new/model"), entry, argument))[-1]
    assert "cost_usd" not in last.raw
    assert last.raw["usage"]["neurons"] == 0.5


def test_an_answer_from_a_gateways_cache_costs_nothing() -> None:
    """An answer from a gateway's cache costs 0, because the gateway asked no model."""
    envelope = {"result": Reply("a", usage=USAGE).whole(MODEL), "success": True}
    headers = {"cf-aig-cache-status": "HIT"}
    raw: Any = make(httpx.Response(200, json=envelope, headers=headers)).chat(MESSAGES).raw
    assert raw["cost_usd"] == 0.0


def test_the_answers_of_a_batch_have_their_costs() -> None:
    """Each answer of a batch has the cost of its own usage at the model's prices."""
    whole = Reply("a", usage=USAGE).whole(KIMI)
    rows = [{"id": at, "result": whole, "success": True} for at in (0, 1)]
    responses: Any = make({"responses": rows}).batch_results(BatchJob("b", KIMI))
    expected = (7 * 0.95 + 4 * 0.16 + 7 * 4.0) / 1_000_000
    assert [found.raw["cost_usd"] for found in responses] == [pytest.approx(expected)] * 2


# -------------------------------------------------------------------------------- in an event


class Events(BaseEventHandler):
    """Keeps the usage events."""

    seen: list[WorkersAIUsageEvent] = []  # noqa: RUF012 - pydantic makes one an instance

    def handle(self, event: Any, **kwargs: Any) -> None:
        if isinstance(event, WorkersAIUsageEvent):
            self.seen.append(event)


@EVERY
async def test_each_call_is_one_event(entry: str, argument: Any) -> None:
    """Each call sends one usage event with the model, the usage and the cost."""
    events, root = Events(), get_dispatcher()
    before = root.event_handlers
    root.event_handlers = [*before, events]
    try:
        await run(make(), entry, argument)
    finally:
        root.event_handlers = before
    (event,) = events.seen
    assert (event.model, event.usage) == (MODEL, USAGE)
    assert event.cost_usd == pytest.approx(ONE)


# ------------------------------------------------------------------------------ in a handler


@EVERY
async def test_a_handler_counts_each_call_once(
    handler: WorkersAICostHandler, entry: str, argument: Any
) -> None:
    """The handler counts each call once in the total and once for its model."""
    await run(make(), entry, argument)
    assert handler.total == handler.by_model[MODEL] == CALL
    assert MODEL in repr(handler)
    handler.reset()
    assert handler.total == CostTotals()


def test_unknown_prices_are_counted_as_unknown(handler: WorkersAICostHandler) -> None:
    """The handler counts calls without a price in `calls_without_cost` and adds nothing to the
    sum.
    """
    make(model="@cf/new/model").chat(MESSAGES)
    assert handler.total.cost_usd is None
    make().chat(MESSAGES)
    assert handler.total.cost_usd == pytest.approx(ONE)
    assert handler.total.calls_without_cost == 1


def test_a_call_without_usage_is_counted(handler: WorkersAICostHandler) -> None:
    """A call without usage is counted as one with unknown tokens."""
    make(Reply("a", usage=None)).chat(MESSAGES)
    assert handler.total == CostTotals(calls=1, calls_without_usage=1, calls_without_cost=1)


UNKNOWN = CostTotals(calls=1, calls_without_usage=1, calls_without_cost=1)


async def test_a_stream_that_is_left_has_an_unknown_cost(handler: WorkersAICostHandler) -> None:
    """A stream that is left before its usage counts as unknown cost; one that is left after it has
    its cost.
    """
    llm = make()
    for stream, awaited in (
        (llm.stream_chat(MESSAGES), await llm.astream_chat(MESSAGES)),
        (llm.stream_complete("Hi"), await llm.astream_complete("Hi")),
    ):
        handler.reset()
        next(stream)
        cast("Any", stream).close()
        await anext(awaited)
        await cast("Any", awaited).aclose()
        for _ in range(50):  # LlamaIndex's wrapper leaves the closing of ours to the event loop
            await asyncio.sleep(0)
        assert handler.by_model == {MODEL: of(UNKNOWN, UNKNOWN)}
    handler.reset()
    whole = llm.stream_chat(MESSAGES)
    assert next(response.raw for response in whole if response.raw is not None)
    cast("Any", whole).close()
    assert handler.total == CALL
    llm.stream_chat(MESSAGES)  # this stream is not read
    assert handler.total == CALL


def test_a_stream_that_breaks_has_an_unknown_cost(handler: WorkersAICostHandler) -> None:
    """A stream that breaks counts as unknown cost; a call that fails without an answer is not
    counted.
    """
    cut = b"".join(event_stream(Reply("Hello").events(MODEL)[:3]).split(b"data: [DONE]")[:1])
    headers = {"content-type": "text/event-stream"}
    broken = make(httpx.Response(200, headers=headers, content=cut))
    with pytest.raises(StreamInterruptedError):
        list(broken.stream_chat(MESSAGES))
    assert handler.by_model == {MODEL: UNKNOWN}
    refused = make(httpx.Response(401, json={"success": False, "errors": [{"code": 10000}]}))
    for ask in (refused.chat, lambda messages: list(refused.stream_chat(messages))):
        with pytest.raises(AuthenticationError):
            ask(MESSAGES)
    assert handler.total == UNKNOWN


class City(BaseModel):
    """A city."""

    name: str


def test_objects_are_counted_with_each_try(handler: WorkersAICostHandler) -> None:
    """Structured prediction counts the answer that did not fit and the one that did."""
    wrong, right = Reply("{}", usage=USAGE), Reply('{"name": "Bern"}', usage=USAGE)
    found = make(wrong, right).as_structured_llm(City).complete("A city.")
    assert found.raw == City(name="Bern")
    assert handler.total == of(CALL, CALL)


def test_threads_share_a_handler(handler: WorkersAICostHandler) -> None:
    """A handler that threads share counts all of their calls."""
    llm = make()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: llm.chat(MESSAGES), range(80)))
    assert (handler.total.calls, handler.total.output_tokens) == (80, 560)


# --------------------------------------------------------------------------------- in a block


def rag(body: dict[str, Any]) -> dict[str, Any]:
    """Return the server's answers for one retrieval."""
    counted = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    if "text" in body:
        return {"data": [[1.0, 0.5]] * len(body["text"]), "usage": counted}
    if "contexts" in body:
        ranks = [{"id": at, "score": 0.5} for at in range(len(body["contexts"]))]
        return {"response": ranks, "usage": counted}
    return Reply("Hello", usage=USAGE).whole(MODEL)


def test_a_block_counts_a_query_with_its_vectors_and_ranking() -> None:
    """A block counts the embedding, the ranking and the answer of a query, each for its model, and
    no call outside of it.
    """
    connection = Scripted(rag).connection
    llm = WorkersAI(MODEL, **connection)
    embedding = WorkersAIEmbedding(SMALL, **connection)
    rerank = WorkersAIRerank(RERANKER, **connection)
    index = VectorStoreIndex.from_documents([Document(text="a")], embed_model=embedding)
    engine = index.as_query_engine(llm=llm, node_postprocessors=[rerank])
    with count_workersai_costs() as costs:
        engine.query("Which?")
    llm.complete("after")
    assert {model: totals.calls for model, totals in costs.by_model.items()} == {
        MODEL: 1,
        SMALL: 1,
        RERANKER: 1,
    }
    assert costs.by_model[SMALL].cost_usd == pytest.approx(3 * 0.02 / 1_000_000)
    assert costs.total.calls_without_cost == 0


async def test_a_run_over_many_texts_is_counted() -> None:
    """`embed_iter` counts all of its requests when it ends."""
    embedding = WorkersAIEmbedding(SMALL, **Scripted(rag).connection)
    with count_workersai_costs() as costs:
        list(embedding.embed_iter(["a", "b"]))
        assert [vector async for vector in embedding.aembed_iter(["a"])]
    assert (costs.total.calls, costs.total.input_tokens) == (2, 6)


def test_blocks_stand_in_one_another() -> None:
    """Nested blocks each count their own calls, also after an inner block that raised."""
    llm = make()
    with pytest.raises(ValueError, match="no"), count_workersai_costs():
        raise ValueError("no")
    with count_workersai_costs() as outer:
        llm.chat(MESSAGES)
        with count_workersai_costs() as inner:
            list(llm.stream_chat(MESSAGES))
        llm.complete("Hi")
    assert (outer.total.calls, inner.total.calls) == (3, 1)


def test_a_block_may_end_in_another_context() -> None:
    """A block may end in another context than it began in, as in fixtures, and leaves nothing
    behind.
    """
    block = count_workersai_costs()
    elsewhere = contextvars.copy_context()
    costs = elsewhere.run(block.__enter__)
    block.__exit__(None, None, None)
    assert costs.total == CostTotals()
    with count_workersai_costs() as other:
        assert other is not costs


async def test_blocks_of_two_tasks_do_not_mix() -> None:
    """Blocks of concurrent tasks count only the calls of their own task."""
    llm = make()

    async def work(calls: int) -> int:
        with count_workersai_costs() as costs:
            for _ in range(calls):
                await llm.achat(MESSAGES)
        return costs.total.calls

    assert [*await asyncio.gather(work(1), work(2), work(3))] == [1, 2, 3]


class TestAgents:
    pytestmark = QUIET

    async def test_an_agents_run_is_counted(self) -> None:
        """A block counts the calls of a workflow, whose steps run in tasks of their own."""
        llm = make(Reply(calls=[("add", {"a": 1, "b": 2})], usage=USAGE), Reply("3", usage=USAGE))
        agent = FunctionAgent(name="adder", description="Adds.", tools=[add], llm=llm)
        with count_workersai_costs() as costs:
            await AgentWorkflow(agents=[agent]).run(user_msg="1 + 2?")
        assert costs.total == of(CALL, CALL)
