"""Rows about streams."""

from __future__ import annotations

import threading
from typing import Any

from tests.comparison import wire
from tests.comparison.cells import NO, YES, Cell, Outcome, attempt, found
from tests.comparison.contestants import Contestant, at_once
from tests.workersai.loopback import Peer, Seen

WHOLE = {"prompt_tokens": 147, "completion_tokens": 2, "total_tokens": 149}
"""The last event's usage, as Cloudflare sends it on the native route beside each event's own."""


def streamed(
    contestant: Contestant, *bodies: object, tools: bool = False, **settings: object
) -> Outcome:
    """Stream these events to a class, and return what it made of them."""
    with wire.serving(lambda peer, _: wire.events(peer, *bodies)) as server:
        model = contestant.make(server, **settings)
        return attempt(lambda: contestant.stream(model, tools=tools))


def tool_calls(contestant: Contestant) -> Cell:
    """A call in fragments, whose later ones have `null` in place of id and name."""
    fragments = [
        wire.piece(0, "", "get_weather", "c1"),
        wire.piece(0, '{"city": '),
        wire.piece(0, '"Oslo"}'),
    ]
    deltas = [wire.delta(content=None, tool_calls=[one]) for one in fragments]
    outcome = streamed(contestant, *deltas, wire.delta("tool_calls"), wire.DONE, tools=True)
    right = outcome.error is None and outcome.value.calls == [("get_weather", {"city": "Oslo"})]
    return found(right)


def two_calls(contestant: Contestant) -> Cell:
    """Two calls stay apart, whether their fragments come one call after the other or in turns."""
    fragments = [
        wire.piece(0, '{"city": "Os', "get_weather", "c1"),
        wire.piece(0, 'lo"}'),
        wire.piece(1, '{"city": "Rom', "get_weather", "c2"),
        wire.piece(1, 'e"}'),
    ]
    one_by_one = _cities(contestant, fragments)
    in_turns = _cities(contestant, [fragments[0], fragments[2], fragments[1], fragments[3]])
    if one_by_one == in_turns == ["Oslo", "Rome"]:
        return YES
    return Cell("part", "not when they alternate") if one_by_one == ["Oslo", "Rome"] else NO


def _cities(contestant: Contestant, fragments: list[Any]) -> list[Any]:
    deltas = [wire.delta(tool_calls=[one]) for one in fragments]
    outcome = streamed(contestant, *deltas, wire.delta("tool_calls"), wire.DONE, tools=True)
    calls = outcome.value.calls if outcome.error is None else []
    return [arguments.get("city") for _, arguments in calls]


def hybrid(contestant: Contestant) -> Cell:
    """An event with the same text as `response` and in `choices` is read once."""
    deltas = [{**wire.delta(content=text), "response": text} for text in ("One", " two")]
    outcome = streamed(contestant, *deltas, wire.delta("stop"), wire.DONE)
    return found(outcome.error is None and outcome.value.text == "One two")


def numbers(contestant: Contestant) -> Cell:
    """A token that arrives as a JSON number stays text."""
    deltas = [wire.delta(content="Room "), wire.delta(content=6), wire.delta(content="b")]
    outcome = streamed(contestant, *deltas, wire.delta("stop"), wire.DONE)
    return found(outcome.error is None and outcome.value.text == "Room 6b")


def breaks_off(contestant: Contestant) -> Cell:
    """A stream that ends without a finish reason and without `[DONE]` is an error."""
    outcome = streamed(contestant, wire.delta(content="The bridge is "))
    return found(outcome.error is not None, "looks complete")


def error_inside(contestant: Contestant) -> Cell:
    """An error in place of an event is raised, in OpenAI's form and in Cloudflare's."""
    openai = {"error": {"code": 3040, "message": "Capacity temporarily exceeded"}}
    cloudflare = {
        "success": False,
        "errors": [{"code": 3040, "message": "AiError: Capacity temporarily exceeded"}],
    }
    outcomes = [
        streamed(contestant, wire.delta(content="The "), body, wire.DONE)
        for body in (openai, cloudflare)
    ]
    raised = [outcome.error is not None for outcome in outcomes]
    if all(raised):
        coded = all("3040" in f"{o.error} {getattr(o.error, 'code', '')}" for o in outcomes)
        return YES if coded else Cell("part", "without the code")
    return Cell("part", "OpenAI's form only") if raised[0] else Cell("no", "looks complete")


def usage(contestant: Contestant) -> Cell:
    """A stream's tokens are known, with the default settings."""

    def respond(peer: Peer, seen: Seen) -> None:
        last: list[Any] = []
        if wire.is_native(seen):
            last = [{"response": "", "usage": wire.USAGE}]
        elif (seen.json.get("stream_options") or {}).get("include_usage"):
            last = [{**wire.delta(), "choices": [], "usage": wire.USAGE}]
        wire.events(peer, wire.delta(content="4"), wire.delta("stop"), *last, wire.DONE)

    with wire.serving(respond) as server:
        model = contestant.make(server)
        outcome = attempt(lambda: contestant.stream(model).tokens)
        if outcome.has((11, 3)):
            return YES
        model = contestant.make(server, **contestant.with_usage)
        asked = attempt(lambda: contestant.stream(model).tokens)
        raw = attempt(lambda: contestant.stream(model).message.response_metadata["usage"])
    if asked.has((11, 3)):
        return Cell("part", f"with `{next(iter(contestant.with_usage))}`")
    return Cell("part", "in `response_metadata`") if raw.has(wire.USAGE) else NO


def usage_once(contestant: Contestant) -> Cell:
    """Tokens reported by each event and summed up by the last one are counted once."""
    each = [
        wire.delta(
            content="", usage={"prompt_tokens": 147, "completion_tokens": 0, "total_tokens": 147}
        ),
        wire.delta(
            content="Four", usage={"prompt_tokens": 0, "completion_tokens": 1, "total_tokens": 1}
        ),
        wire.delta(
            content=".", usage={"prompt_tokens": 0, "completion_tokens": 1, "total_tokens": 1}
        ),
        wire.delta("stop", usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
    ]
    last = {"response": "", "usage": WHOLE}
    outcome = streamed(contestant, *each, last, wire.DONE)
    if outcome.error is not None:
        return Cell("no", "the stream fails")
    tokens = outcome.value.tokens
    return found(tokens == (147, 2), "counted wrong" if tokens else "not counted")


def native_async(contestant: Contestant) -> Cell:
    """Eight awaited calls are under way at once in a loop with one helper thread."""
    barrier = threading.Barrier(8)

    def respond(peer: Peer, seen: Seen) -> None:
        barrier.wait(5)
        wire.completion(peer, seen, {"content": "4"})

    with wire.serving(respond) as server:
        model = contestant.make(server)
        outcome = attempt(lambda: at_once(lambda: contestant.aask(model), 8))
    return found(outcome.error is None and len(outcome.value) == 8, "in threads")
