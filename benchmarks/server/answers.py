"""The bytes the server sends, made once for each account and route.

The shapes are those of `@cf/` chat models that answer as chat completions: on the native route in
Cloudflare's envelope, with the usage of a stream in an event without `choices`; on `/ai/v1` bare,
as OpenAI's clients want them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from benchmarks.server.accounts import Account

Route = Literal["run", "openai"]

MODEL = "@cf/zai-org/glm-4.7-flash"
EMBEDDING_MODEL = "@cf/baai/bge-base-en-v1.5"
ANSWER = "Forty-two."
WRONG = "Forty-three."
TOOL = "add_items"
STEPS = 2
"""Tool calls of an agent before it answers."""
DIMENSIONS = 768
_TAIL = ",".join(
    f"{(-1) ** i * (0.0123456789012345 + i / 8191):.17g}" for i in range(1, DIMENSIONS)
)

_JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def words(account: Account) -> Iterator[str]:
    """The texts of a stream's events."""
    wrong = account.events // 2 if account.is_wrong else -1
    return (" wrong" if i == wrong else f" token{i}" for i in range(account.events))


def fragments(account: Account) -> list[str]:
    """The arguments of a tool call, cut into as many pieces as the stream has events."""
    items = [f'"item{i}"' for i in range(account.events - 2)]
    if account.is_wrong:
        items[len(items) // 2] = '"wrong"'
    pieces = [item + ("," if i < len(items) - 1 else "") for i, item in enumerate(items)]
    return ['{"items":[', *pieces, "]}"]


# ---------------------------------------------------------------------------------- whole answers


def _http(body: bytes) -> bytes:
    return _JSON_HEAD % len(body) + body


def _whole(message: dict[str, Any], finish: str, route: Route) -> bytes:
    result = {
        "id": "chatcmpl-f962a0c1",
        "object": "chat.completion",
        "created": 1791402526,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }
    envelope = {"result": result, "success": True, "errors": [], "messages": []}
    return _http(json.dumps(result if route == "openai" else envelope).encode())


@functools.cache
def whole_answer(text: str, route: Route) -> bytes:
    """Return a whole answer in words."""
    return _whole({"role": "assistant", "content": text}, "stop", route)


@functools.cache
def called(number: int, route: Route) -> bytes:
    """Return a whole answer with one tool call, number `number` of the agent."""
    function = {"name": TOOL, "arguments": json.dumps({"items": ["a", "b"]})}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return _whole(message, "tool_calls", route)


# ---------------------------------------------------------------------------------------- streams


def _event(data: Any) -> bytes:
    event = b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-f962a0c1", "object": "chat.completion.chunk", "created": 1791402526}
    return _event({**head, "model": MODEL, "choices": [choice], **more})


def _usage(tokens: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens, **more}


def _per_event() -> dict[str, Any]:
    counts = {"prompt_tokens": 0, "completion_tokens": 1, "total_tokens": 1}
    return {**counts, "prompt_tokens_details": {"cached_tokens": 0}, "neurons": 0.027}


def _texts(texts: Iterable[str], **more: Any) -> list[bytes]:
    return [_chunk({"content": text}, **more) for text in texts]


def _call_deltas(pieces: Iterable[str], number: int = 0) -> list[bytes]:
    """The name first, then the arguments; ids and names repeat as null, as was observed."""
    function: dict[str, Any] = {"name": TOOL, "arguments": ""}
    call: dict[str, Any] = {"index": 0, "id": f"call_{number}", "type": "function"}
    begin = _chunk(
        {"role": "assistant", "content": None, "tool_calls": [call | {"function": function}]}
    )
    call = {"index": 0, "id": None, "type": "function"}
    return [
        begin,
        *(
            _chunk({"tool_calls": [{**call, "function": {"name": None, "arguments": piece}}]})
            for piece in pieces
        ),
    ]


def _stream(events: list[bytes], finish: str, route: Route, tokens: int) -> list[bytes]:
    """An HTTP chunk an event, the head with the first and the end of the body with the last."""
    usage = _usage(tokens)
    if route == "run":
        tail = _event({"response": "", "usage": {**usage, "neurons": 1.77}})
    else:
        head = {"id": "chatcmpl-f962a0c1", "object": "chat.completion.chunk", "created": 1791402526}
        tail = _event({**head, "model": MODEL, "choices": [], "usage": usage})
    end = [_chunk({}, finish), tail, _event(b"[DONE]") + b"0\r\n\r\n"]
    return [_STREAM_HEAD + events[0], *events[1:], *end]


@functools.lru_cache(maxsize=64)
def stream(account: Account, route: Route) -> list[bytes]:
    """The pieces of an account's stream."""
    if account.kind == "call":
        return _stream(_call_deltas(fragments(account)), "tool_calls", route, account.events)
    more = {"usage": _per_event()} if account.kind == "usage" else {}
    return _stream(_texts(words(account), **more), "stop", route, account.events)


@functools.lru_cache(maxsize=64)
def joined(account: Account, route: Route) -> bytes:
    """Return the same stream in one piece."""
    return b"".join(stream(account, route))


@functools.cache
def agent_stream(step: int, text: str, route: Route) -> bytes:
    """Return a step of an agent's stream: a tool call, or the final words."""
    if step < STEPS:
        events = _call_deltas(['{"items":', '["a","b"]}'], step)
        return b"".join(_stream(events, "tool_calls", route, 4))
    return b"".join(_stream(_texts([text]), "stop", route, 4))


# ---------------------------------------------------------------------------------------- vectors


def first_number(text: str, *, is_wrong: bool = False) -> float:
    """The first number of a text's vector, made of the number that the text ends with."""
    return int(text.rsplit(" ", 1)[1]) + (0.25 if is_wrong else 0.5)


def vectors(texts: list[str], account: Account, route: Route) -> bytes:
    """A vector a text; `account.events` numbers each, at most 768."""
    tail = _tail(account.events)
    rows = [f"[{first_number(text, is_wrong=account.is_wrong)}{tail}]" for text in texts]
    if route == "run":
        body = f'{{"result":{{"shape":[{len(texts)},{account.events}],"data":[{",".join(rows)}],'
        return _http(
            (body + '"pooling":"mean"},"success":true,"errors":[],"messages":[]}').encode()
        )
    data = ",".join(
        f'{{"object":"embedding","index":{i},"embedding":{row}}}' for i, row in enumerate(rows)
    )
    usage = f'{{"prompt_tokens":{len(texts)},"total_tokens":{len(texts)}}}'
    return _http(
        f'{{"object":"list","data":[{data}],"model":"{EMBEDDING_MODEL}","usage":{usage}}}'.encode()
    )


@functools.cache
def _tail(dimensions: int) -> str:
    return "".join("," + number for number in _TAIL.split(",")[: dimensions - 1])


# --------------------------------------------------------------------------------------- requests

_TOOL_RESULT = re.compile(rb'"role": ?"tool"')


def plain(account: Account, body: bytes, route: Route) -> bytes:
    """A whole answer to a chat request."""
    text = WRONG if account.is_wrong else ANSWER
    if account.kind == "history":
        count = len(json.loads(body)["messages"]) + account.is_wrong
        return _whole({"role": "assistant", "content": f"{count} messages"}, "stop", route)
    step = len(_TOOL_RESULT.findall(body))
    if account.kind == "agent" and step < STEPS:
        return called(step, route)
    return whole_answer(text, route)


def agent(account: Account, body: bytes, route: Route) -> bytes:
    """An agent's stream."""
    text = WRONG if account.is_wrong else ANSWER
    return agent_stream(min(len(_TOOL_RESULT.findall(body)), STEPS), text, route)
