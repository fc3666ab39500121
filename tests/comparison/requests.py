"""Rows about what reaches the wire, and how often."""

from __future__ import annotations

import functools
from typing import Any

from tests.comparison import wire
from tests.comparison.cells import NO, YES, Cell, attempt, found
from tests.comparison.contestants import Contestant
from tests.workersai.loopback import Peer, Seen


def answer(peer: Peer, seen: Seen) -> None:
    wire.completion(peer, seen, {"content": "4"})


def sent(contestant: Contestant, **settings: object) -> dict[str, object] | None:
    """Return the body of a request that is made with these settings, if it can be made."""
    with wire.serving(answer) as server:
        attempt(lambda: contestant.ask(contestant.make(server, **settings)))
        return server.requests[0].json if server.requests else None


def max_tokens(contestant: Contestant) -> Cell:
    """The cap is sent by the one name that granite's page has for it."""
    body = sent(contestant, model=wire.GRANITE, max_tokens=77) or {}
    if body.get("max_tokens") == 77:
        return YES
    return Cell("no", "as `max_completion_tokens`") if 77 in body.values() else NO


def sampling(contestant: Contestant) -> Cell:
    """`top_k`, `seed` and `repetition_penalty` are parameters, and are sent."""
    values: dict[str, Any] = {"top_k": 5, "seed": 7, "repetition_penalty": 1.1}
    body = sent(contestant, model=wire.GRANITE, **values) or {}
    return YES if values.items() <= body.items() else _by_dict(contestant, values)


def _by_dict(contestant: Contestant, values: dict[str, Any]) -> Cell:
    """Send values by the parameter that takes any key of a request."""
    fields = contestant.cls().model_fields
    for name in ("extra_body", "model_kwargs", "additional_kwargs"):
        if name in fields:
            given = {"extra_body": values} if name == "additional_kwargs" else values
            body = sent(contestant, model=wire.GRANITE, **{name: given}) or {}
            if values.items() <= body.items():
                return Cell("part", f"by `{name}`")
    return NO


def out_of_range(contestant: Contestant) -> Cell:
    """Where the model's page has 0 to 5, a temperature of 9 raises an error, and 3 is sent."""
    if sent(contestant, model=wire.GRANITE, temperature=9.0) is not None:
        return Cell("no", "sent")
    inside = sent(contestant, model=wire.GRANITE, temperature=3.0)
    return YES if inside else Cell("part", "by OpenAI's range")


def busy_and_spent(contestant: Contestant) -> Cell:
    """A busy model (3040) is asked again, a spent daily allocation (4006) is not."""
    busy = _requests(contestant, 3040, "Capacity temporarily exceeded, please try again.")
    spent = _requests(contestant, 4006, "you have used up your daily free allocation")
    if busy > 1:
        return YES if spent == 1 else Cell("part", f"both, {spent} requests")
    return Cell("no", "no retries")


def _requests(contestant: Contestant, code: int, message: str) -> int:
    def respond(peer: Peer, seen: Seen) -> None:
        wire.refusal(peer, "429 Too Many Requests", code, message)

    with wire.serving(respond) as server:
        model = contestant.make(server)
        attempt(lambda: contestant.ask(model))
        return len(server.requests)


def _wait(peer: Peer, _: Seen) -> None:
    peer.server.release.wait(20)


def after_timeout(contestant: Contestant) -> Cell:
    """A generation that timed out, and may have been paid for, is not sent again."""
    with wire.serving(_wait) as server:
        model = contestant.make(server, timeout=0.4)
        outcome = attempt(lambda: contestant.ask(model))
        count = len(server.requests)
    return found(outcome.error is not None and count == 1, f"{count} requests")


def tool_results(contestant: Contestant) -> Cell:
    """After a tool's image, or an empty result, a text model gets texts, which it accepts."""

    def respond(peer: Peer, seen: Seen) -> None:
        contents = [one["content"] for one in seen.json["messages"] if one["role"] != "assistant"]
        if all(isinstance(content, str) for content in contents):
            answer(peer, seen)
        else:
            wire.refusal(peer, "400 Bad Request", 5006, "Bad input: 'array' not in 'string'")

    with wire.serving(respond) as server:
        model = contestant.make(server, model=wire.QWEN)
        contents: tuple[Any, ...] = (contestant.picture(), [])
        outcomes = [attempt(functools.partial(contestant.go_on, model, one)) for one in contents]
    went = [outcome.error is None and outcome.value.text == "4" for outcome in outcomes]
    if all(went):
        return YES
    return Cell("part", "not an image") if went[1] else found(went[0])


def gateway(contestant: Contestant) -> Cell:
    """A gateway is a parameter."""
    with wire.serving(answer) as server:
        by_header = "ai_gateway" not in contestant.cls().model_fields
        by_header = by_header and "gateway" not in contestant.cls().model_fields
        headers = {"cf-aig-gateway-id": "mine"}
        setting = {"default_headers": headers} if by_header else {"gateway": "mine"}
        outcome = attempt(lambda: contestant.ask(contestant.make(server, **setting)).text)
        heads = [seen.head.lower() for seen in server.requests]
    reached = outcome.has("4") and any("mine" in head for head in heads)
    if reached:
        return Cell("part", "by `default_headers`") if by_header else YES
    return NO


def queued(contestant: Contestant) -> Cell:
    """A batch is queued by Cloudflare's asynchronous Batch API, and its answers are fetched."""

    def respond(peer: Peer, seen: Seen) -> None:
        if "queueRequest=true" not in seen.path:
            return answer(peer, seen)
        if "requests" in seen.json:
            return wire.result(peer, seen, {"status": "queued", "request_id": "b-1"})
        done = [{"id": 0, "result": {"response": "4"}, "success": True}]
        return wire.result(peer, seen, {"responses": done, "usage": wire.USAGE})

    with wire.serving(respond) as server:
        model = contestant.make(server, model="@cf/meta/llama-3.3-70b-instruct-fp8-fast")
        if not hasattr(model, "submit_batch"):
            return NO
        answers = attempt(lambda: contestant.queue(model))
        was_queued = all("queueRequest=true" in seen.path for seen in server.requests)
    return found(was_queued and answers.error is None and "4" in f"{answers.value[0]}")
