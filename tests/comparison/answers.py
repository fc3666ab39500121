"""Rows about what a whole answer becomes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tests.comparison import wire
from tests.comparison.cells import NO, YES, Cell, attempt, found
from tests.comparison.contestants import Contestant
from tests.workersai.loopback import Peer, Seen


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def both_routes(contestant: Contestant) -> Cell:
    """The native route with `{"response": ...}`, and the compatible route with a completion."""

    def respond(peer: Peer, seen: Seen) -> None:
        if wire.is_native(seen):
            wire.result(peer, seen, {"response": "4", "usage": wire.USAGE})
        else:
            wire.completion(peer, seen, {"content": "4"})

    def asked(**route: str) -> bool:
        with wire.serving(respond) as server:
            model = contestant.make(server, model=wire.LLAMA, **route)
            text = attempt(lambda: contestant.ask(model).text)
            right = wire.is_native(server.requests[0]) == (route["endpoint"] == "run")
            return text.has("4") and right

    if "ChatOpenAI" in contestant.name or "OpenAILike" in contestant.name:
        with wire.serving(respond) as server:
            text = attempt(lambda: contestant.ask(contestant.make(server)).text)
        return Cell("part", "`/ai/v1` only") if text.has("4") else NO
    return found(asked(endpoint="run") and asked(endpoint="openai"))


def reasoning(contestant: Contestant) -> Cell:
    """`reasoning_content` beside the text is kept and not mixed into it, streamed or not."""
    thought = {"content": "Four.", "reasoning_content": "Two and two."}

    def respond(peer: Peer, seen: Seen) -> None:
        if seen.json.get("stream"):
            deltas = [wire.delta(**{name: text}) for name, text in reversed(thought.items())]
            wire.events(peer, *deltas, wire.delta("stop"), wire.DONE)
        else:
            wire.completion(peer, seen, thought)

    with wire.serving(respond) as server:
        model = contestant.make(server)
        plain, streamed = contestant.ask(model), contestant.stream(model)
    if {plain.text, streamed.text} != {"Four."}:
        return Cell("no", "mixed into the text")
    if plain.reasoning != "Two and two.":
        return Cell("part", "dropped")
    return YES if streamed.reasoning == "Two and two." else Cell("part", "dropped when streamed")


def cut_short(contestant: Contestant) -> Cell:
    """A call whose arguments the token cap cut off is no call to run, streamed or not."""
    begun = wire.piece(0, '{"city": "Os', "get_weather", "c1")

    def respond(peer: Peer, seen: Seen) -> None:
        if seen.json.get("stream"):
            end = wire.delta("length", content="")
            wire.events(peer, wire.delta(tool_calls=[begun]), end, wire.DONE)
        else:
            wire.completion(peer, seen, {"content": "", "tool_calls": [begun]}, "length")

    with wire.serving(respond) as server:
        model = contestant.make(server)
        streamed = attempt(lambda: contestant.stream(model, tools=True).calls)
        plain = attempt(lambda: contestant.calls(model))
    is_run = [bool(outcome.value) for outcome in (streamed, plain)]
    if any(is_run):
        return Cell("part", "is run when streamed") if not is_run[1] else Cell("no", "is run")
    return YES


def structured(contestant: Contestant) -> Cell:
    """The default method gets an object in one call, and where schemas are refused gets one too."""
    asked = [_extracted(contestant, model) for model in (wire.MODEL, wire.LLAMA)]
    if all(asked):
        return YES
    return Cell("part", "not after 5025") if asked[0] else NO


def _extracted(contestant: Contestant, model: str) -> bool:
    def respond(peer: Peer, seen: Seen) -> None:
        body = seen.json
        schema = (body.get("response_format") or {}).get("type") == "json_schema"
        if model == wire.LLAMA and schema:
            refused = "This model doesn't support JSON Schema"
            wire.refusal(peer, "400 Bad Request", 5025, refused)
        elif body.get("tools"):
            name = body["tools"][0]["function"]["name"]
            function = {"name": name, "arguments": '{"name": "Ada", "age": 36}'}
            calls = [{"id": "c1", "type": "function", "function": function}]
            wire.completion(peer, seen, {"content": "", "tool_calls": calls}, "tool_calls")
        else:
            wire.completion(peer, seen, {"content": '{"name": "Ada", "age": 36}'})

    with wire.serving(respond) as server:
        made = contestant.make(server, model=model)
        found = attempt(lambda: contestant.extract(made, Person))
        is_once = len(server.requests) == 1 or model == wire.LLAMA
        return found.has(Person(name="Ada", age=36)) and is_once


def cost(contestant: Contestant) -> Cell:
    """An answer says what it cost."""
    with wire.serving(lambda peer, seen: wire.completion(peer, seen, {"content": "4"})) as server:
        model = contestant.make(server)
        message: Any = contestant.ask(model).message
    return found("cost" in repr(message).lower())
