"""Callbacks and traces: one start and one end for each call, the server's token counts, no
secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    EventPayload,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from pydantic import PrivateAttr

from llamaindex_workersai import WorkersAI
from llamaindex_workersai._model.instrumentation import is_observed
from tests.llamaindex_workersai.scripted import (
    COMPLETIONS,
    ENTRIES,
    MODEL,
    TOKEN,
    Reply,
    Scripted,
    run,
)

HELLO = [ChatMessage(role="user", content="Hello?")]
ALL = [*((entry, HELLO) for entry in ENTRIES), *((entry, "Hello?") for entry in COMPLETIONS)]


class Collector(BaseEventHandler):
    _events: list[BaseEvent] = PrivateAttr(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self._events.append(event)

    def names(self) -> list[str]:
        return [event.class_name() for event in self._events]


@pytest.fixture
def collector() -> Iterator[Collector]:
    handler = Collector()
    root = get_dispatcher()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.mark.parametrize(("entry", "argument"), ALL)
async def test_counted_tokens_are_the_server_s(entry: str, argument: Any) -> None:
    """LlamaIndex's token counter has the server's usage in all eight entry points."""
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = WorkersAI(
        MODEL, **Scripted(Reply("Hi.")).connection, callback_manager=CallbackManager([counter])
    )
    await run(llm, entry, argument)
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (11, 7)
    assert len(counter.llm_token_counts) == 1


@pytest.mark.parametrize(("entry", "argument"), ALL)
async def test_one_pair_of_callbacks_a_call(entry: str, argument: Any) -> None:
    """Each call, completions included, sends one start and one end callback."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = WorkersAI(
        MODEL, **Scripted(Reply("Hi.")).connection, callback_manager=CallbackManager([debug])
    )
    await run(llm, entry, argument)
    pairs = debug.get_event_pairs(CBEventType.LLM)
    assert [len(pair) for pair in pairs] == [2]


@pytest.mark.parametrize(("entry", "argument"), ALL)
async def test_events_have_parameters_and_no_secret(
    entry: str, argument: Any, collector: Collector
) -> None:
    """A call has one start and one end event, with model and temperature, without secrets."""
    llm = WorkersAI(MODEL, temperature=0.5, **Scripted(Reply("Hi.")).connection)
    await run(llm, entry, argument)
    starts = [event for event in collector._events if event.class_name().endswith("StartEvent")]
    ends = [event for event in collector._events if event.class_name().endswith("EndEvent")]
    assert (len(starts), len(ends)) == (1, 1)
    description = starts[0].model_dump()["model_dict"]
    assert (description["model"], description["temperature"]) == (MODEL, 0.5)
    assert TOKEN not in "".join(f"{event!r}{event.model_dump()}" for event in collector._events)


@pytest.mark.parametrize("entry", ["stream_chat", "astream_chat"])
async def test_a_stream_shows_progress_for_each_response(entry: str, collector: Collector) -> None:
    """A stream sends one progress event for each response, and later responses do not change
    earlier events.
    """
    llm = WorkersAI(MODEL, **Scripted(Reply("Hello there.")).connection)
    responses = await run(llm, entry, HELLO)
    shown: list[Any] = [e for e in collector._events if e.class_name() == "LLMChatInProgressEvent"]
    assert [event.response for event in shown] == responses
    assert [event.response.message.content for event in shown][:2] == ["Hell", "Hello th"]


def test_payload_has_no_secret_and_no_account() -> None:
    """The model description in every event has the model's name, and neither token nor account."""
    llm = WorkersAI(MODEL, **Scripted().connection, default_headers={"x-key": "hidden"})
    assert not {TOKEN, "hidden", "0" * 32} & set(map(str, llm.to_payload().values()))
    shown = repr(llm) + str(llm) + str(llm.to_dict())
    assert TOKEN not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize("entry", ["complete", "stream_complete"])
def test_prompt_by_position_and_by_name(entry: str) -> None:
    """A prompt may be passed by position or by name, and passing it in both ways is an error."""
    llm = WorkersAI(MODEL, **Scripted(Reply("Hi.")).connection)
    method = getattr(llm, entry)
    assert list(method("Hello?"))
    assert list(method(prompt="Hello?"))
    with pytest.raises(TypeError):
        list(method("Hello?", prompt="Hello?"))
    with pytest.raises(ValueError, match="prompt"):
        method()


@pytest.mark.parametrize("entry", ["stream_chat", "astream_chat"])
async def test_empty_answer_ends_its_callbacks(entry: str, collector: Collector) -> None:
    """A stream without text yields one response, and the end callback has it."""
    llm = WorkersAI(MODEL, **Scripted(Reply(None)).connection)
    responses = await run(llm, entry, HELLO)
    assert [response.message.content for response in responses] == [""]
    end: Any = collector._events[-1]
    assert end.class_name() == "LLMChatEndEvent"
    assert end.response == responses[-1]


def test_callback_payloads_hold_no_secret() -> None:
    """The payloads of the older callbacks have the model's description without secrets."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    manager = CallbackManager([debug])
    llm = WorkersAI(MODEL, **Scripted(Reply("Hi.")).connection, callback_manager=manager)
    llm.chat(HELLO)
    payloads = [event.payload for event in debug.get_events()]
    assert any(payload and EventPayload.SERIALIZED in payload for payload in payloads)
    assert TOKEN not in str(payloads)


class Limiter:
    def __init__(self) -> None:
        self.acquired = 0

    def acquire(self) -> None:
        self.acquired += 1

    async def async_acquire(self) -> None:
        self.acquired += 1


@pytest.mark.parametrize(("entry", "argument"), ALL)
async def test_rate_limiter_is_asked_once_a_call(entry: str, argument: Any) -> None:
    """Each call asks LlamaIndex's rate limiter once."""
    limiter = Limiter()
    llm = WorkersAI(MODEL, **Scripted(Reply("Hi.")).connection, rate_limiter=limiter)
    await run(llm, entry, argument)
    assert limiter.acquired == 1


@pytest.mark.parametrize(("entry", "argument"), ALL)
async def test_a_call_is_the_same_heard_or_not(entry: str, argument: Any) -> None:
    """A call without event handlers makes no event, and its responses equal those of a call with
    handlers.
    """
    llm = WorkersAI(MODEL, **Scripted(Reply("Hi."), Reply("Hi.")).connection)
    assert not is_observed(llm)
    unheard = await run(llm, entry, argument)
    llm.callback_manager = CallbackManager([LlamaDebugHandler(print_trace_on_end=False)])
    assert is_observed(llm)
    assert await run(llm, entry, argument) == unheard


@pytest.mark.parametrize("name", ["root", "llama_index.core.llms.callbacks"])
def test_a_handler_on_any_dispatcher_above_hears(name: str) -> None:
    """Handlers of the dispatcher that LlamaIndex's decorators use, and of its parents, receive the
    events.
    """
    llm, handler = WorkersAI(MODEL, **Scripted(Reply("Hi.")).connection), Collector()
    dispatcher = get_dispatcher(name)
    dispatcher.add_event_handler(handler)
    try:
        list(llm.stream_chat(HELLO))
    finally:
        dispatcher.event_handlers.remove(handler)
    assert handler.names()[0] == "LLMChatStartEvent"
    assert handler.names()[-1] == "LLMChatEndEvent"
    assert not is_observed(llm)
