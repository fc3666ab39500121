"""The scenarios of the main table, and those whose size the curves vary."""

from __future__ import annotations

from benchmarks.contestants.base import Family
from benchmarks.contestants.registry import (
    HTTPX,
    LANGCHAIN_CLOUDFLARE,
    LANGCHAIN_FLOOR,
    LLAMAINDEX_FLOOR,
)
from benchmarks.scenarios import work
from benchmarks.scenarios.scenario import MemoryScenario, Scenario
from benchmarks.server.accounts import Account
from benchmarks.server.answers import DIMENSIONS

RAW: dict[Family, str] = dict.fromkeys(("raw", "langchain", "llamaindex"), HTTPX)
FLOOR: dict[Family, str] = {
    "raw": LANGCHAIN_FLOOR,
    "langchain": LANGCHAIN_FLOOR,
    "llamaindex": LLAMAINDEX_FLOOR,
}
PEER: dict[Family, str] = dict.fromkeys(("raw", "langchain", "llamaindex"), LANGCHAIN_CLOUDFLARE)

EVENTS = 2000

CALL = Scenario(
    "call", "one call, sync (x raw)", "ask", "words", work.ask, work.says_the_answer,
    RAW, size=40, targets=(0.95, 0.85),
)  # fmt: skip
CALL_ASYNC = Scenario(
    "call-async", "one call, async (x raw async)", "aask", "words", work.ask_async,
    work.says_the_answer, RAW, size=40, targets=(0.75, 0.65),
)  # fmt: skip
STREAM = Scenario(
    "stream", "stream of 2,000 events in bursts (x raw)", "stream", "words", work.stream,
    work.streams_all_words, RAW, size=1, events=EVENTS, unit="event", targets=(0.70, 0.70),
)  # fmt: skip
AT_ONCE = Scenario(
    "at-once", "256 async calls at once (x langchain-cloudflare)", "aask", "words",
    work.ask_at_once, work.says_the_answer, PEER, size=256, targets=(0.12, 0.12), is_long=True,
    warm_ups=2,
)  # fmt: skip
HISTORY = Scenario(
    "history", "a history of 200 messages (x raw)", "ask_history", "history",
    work.ask_with_history, work.counts_messages, RAW, size=10, events=200, targets=(1.2, 1.2),
)  # fmt: skip
EMBEDDINGS = Scenario(
    "embeddings", "embeddings, 2,000 x 768 (x raw)", "embed", "vectors", work.embed,
    work.has_every_vector, RAW, size=2000, events=DIMENSIONS, unit="text", targets=(0.25, 0.28),
    is_long=True,
)  # fmt: skip

MAIN = (
    CALL,
    CALL_ASYNC,
    STREAM,
    Scenario(
        "stream-async", "the same, async (x raw async)", "astream", "words", work.stream_async,
        work.streams_all_words, RAW, size=1, events=EVENTS, unit="event", targets=(0.70, 0.65),
    ),
    Scenario(
        "stream-one-by-one", "events one by one, sync (x raw)", "stream", "one_by_one", work.stream,
        work.streams_all_words, RAW, size=1, events=500, unit="event", targets=(1.0, 1.0),
    ),
    Scenario(
        "stream-usage", "usage object on every event (x raw)", "stream", "usage", work.stream,
        work.streams_all_words, RAW, size=1, events=EVENTS, unit="event", targets=(0.80, 0.80),
    ),
    Scenario(
        "tool-call", "tool call of 500 deltas (x floor)", "stream_call", "call", work.stream_calls,
        work.has_all_arguments, FLOOR, size=1, events=500, unit="event", targets=(0.50, 0.90),
    ),
    AT_ONCE,
    Scenario(
        "streams-at-once", "64 async streams of 200 (x langchain-cloudflare)", "astream", "words",
        work.stream_at_once, work.streams_all_words, PEER, size=64, events=200, unit="event",
        targets=(0.45, 0.25), is_long=True,
    ),
    HISTORY,
    Scenario(
        "agent", "3-step tool agent (x floor)", "agent", "agent", work.run_agents,
        work.ends_with_the_answer, FLOOR, size=4, targets=(1.25, 1.12),
    ),
    EMBEDDINGS,
    Scenario(
        "embeddings-slow",
        "the same, the server taking 50 ms a batch, wall (x langchain-cloudflare)",
        "embed_many", "slow", work.embed_many, work.has_every_vector, PEER, size=2000,
        events=DIMENSIONS, unit="text", by="wall", targets=(0.16, 0.18), is_long=True,
    ),
    Scenario(
        "constructor", "constructor (x floor)", "construct", "words", work.construct,
        work.made_a_model, FLOOR, size=10, unit="model", targets=(1.0, 1.0),
    ),
)  # fmt: skip
"""Scenarios whose contestants take turns in one process."""

FRESH = Scenario(
    "first-answer", "import, construct, first answer in a new interpreter (x floor)", "ask",
    "words", work.ask, work.says_the_answer, FLOOR, size=1, targets=(1.08, 1.7),
)  # fmt: skip
"""Each contestant alone, in a process of its own."""

MEMORY = (
    MemoryScenario(
        "memory", "memory of one stream of 100,000 chunks", Account("words", 100_000), 1,
        targets=(5e6, 5e6),
    ),
    MemoryScenario(
        "memory-at-once", "memory a stream, 64 at once", Account("together", 200), 64,
        targets=(60e3, 40e3),
    ),
)  # fmt: skip
