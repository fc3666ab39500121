"""A server on loopback that answers as Workers AI is documented and observed to do.

It stands in for both routes: `/ai/run/MODEL` wraps an answer into Cloudflare's envelope, and
`/ai/v1/chat/completions` does not. The bodies are written by hand; none was captured here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.workersai.loopback import Loopback, Peer, Seen

MODEL = "@cf/zai-org/glm-4.7-flash"
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
LLAMA = "@cf/meta/llama-3.1-8b-instruct-fp8"
QWEN = "@cf/qwen/qwen3-30b-a3b-fp8"
"""A text model that was seen to refuse a list as a message's content, in September 2026."""
ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "cfut_a-token-that-must-not-be-seen-0123456789"
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
DONE = "[DONE]"
Respond = Callable[[Peer, Seen], None]


@contextlib.contextmanager
def serving(respond: Respond) -> Iterator[Loopback]:
    """Serve every request by a function, until the block ends."""
    server = Loopback(respond)
    try:
        yield server
    finally:
        server.close()


def is_native(seen: Seen) -> bool:
    """Say whether a request came by the native route."""
    return "/ai/run/" in seen.path


def send_json(peer: Peer, body: object, status: str = "200 OK") -> None:
    peer.answer(json.dumps(body).encode(), status)


def result(peer: Peer, seen: Seen, answer: object) -> None:
    """Answer with a result, in the envelope of the route."""
    wrapped = {"result": answer, "success": True, "errors": [], "messages": []}
    send_json(peer, wrapped if is_native(seen) else answer)


def completion(peer: Peer, seen: Seen, message: dict[str, Any], finish: str = "stop") -> None:
    """Answer with a chat completion."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    about = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL}
    result(peer, seen, {**about, "choices": [choice], "usage": USAGE})


def refusal(peer: Peer, status: str, code: int, message: str) -> None:
    """Refuse with one of Cloudflare's codes."""
    errors = [{"code": code, "message": f"AiError: AiError: {message} (df1159f0-0000)"}]
    body = {"errors": errors, "success": False, "result": {}, "messages": []}
    send_json(peer, body, status)


def delta(finish: str | None = None, usage: Any = None, **fields: Any) -> dict[str, Any]:
    """Make one event of a stream, in the shape of a chat completion's chunk."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    about = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return {**about, "choices": [choice], **({"usage": usage} if usage else {})}


def piece(index: int, arguments: str, name: str | None = None, id: str | None = None) -> Any:  # noqa: A002
    """Make a fragment of a tool call; later fragments repeat id and name as null (observed)."""
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": id, "type": "function", "function": function}


def events(peer: Peer, *bodies: object) -> None:
    """Send a whole stream, an event a chunk, and end the body in good order."""
    peer.begin()
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        peer.chunk(f"data: {text}\n\n".encode())
    peer.end()
