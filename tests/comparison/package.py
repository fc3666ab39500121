"""Rows about a package as a whole: other classes, errors, secrets."""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from typing import Any

from tests.comparison import wire
from tests.comparison.cells import NO, YES, Cell, attempt, found
from tests.comparison.contestants import Contestant
from tests.workersai.loopback import Peer, Seen

TEXTS = ["Bees make honey.", "Rivers flow."]
VECTORS = [[0.25] * 384, [0.5] * 384]


def error_code(contestant: Contestant) -> Cell:
    """An error has Cloudflare's code as a number."""

    def respond(peer: Peer, _: Seen) -> None:
        wire.refusal(peer, "400 Bad Request", 5007, "No such model @cf/no/model or task")

    with wire.serving(respond) as server:
        model = contestant.make(server)
        error: Any = attempt(lambda: contestant.ask(model)).error
    if getattr(error, "code", None) == 5007:
        return YES
    response = getattr(error, "response", None)
    return Cell("part", "in the body") if response is not None and "5007" in response.text else NO


def embeddings(contestant: Contestant) -> Cell:
    """The same distribution embeds texts."""

    def respond(peer: Peer, seen: Seen) -> None:
        if wire.is_native(seen):
            return wire.result(peer, seen, {"shape": [2, 384], "data": VECTORS, "pooling": "mean"})
        rows = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(VECTORS)
        ]
        return wire.send_json(
            peer, {"object": "list", "data": rows, "model": "m", "usage": wire.USAGE}
        )

    with wire.serving(respond) as server:
        outcome = attempt(lambda: contestant.embed(server, TEXTS))
    if outcome.has(VECTORS) and contestant.name == "ChatOpenAI":
        return Cell("part", "`check_embedding_ctx_length=False`")
    return found(outcome.has(VECTORS))


def rerank(contestant: Contestant) -> Cell:
    """The same distribution ranks texts."""

    def respond(peer: Peer, seen: Seen) -> None:
        wire.result(peer, seen, {"response": [{"id": 1, "score": 0.9}, {"id": 0, "score": 0.1}]})

    with wire.serving(respond) as server:
        outcome = attempt(lambda: contestant.rank(server, TEXTS))
    return found(outcome.has(TEXTS[::-1]))


def secrets(contestant: Contestant) -> Cell:
    """The token is in no repr, pickle, log or error."""
    shown: dict[str, str] = {}

    def respond(peer: Peer, _: Seen) -> None:
        wire.refusal(peer, "401 Unauthorized", 10000, "Authentication error")

    with wire.serving(respond) as server:
        model = contestant.make(server)
        shown["repr"] = f"{model!r} {model}"
        shown["pickle"] = _pickled(model)
        shown["log"], error = _logged(contestant, model)
        shown["error"] = "".join(traceback.format_exception(error)) if error else ""
        shown["error"] += repr(getattr(error, "__dict__", {}))
    seen = [where for where, text in shown.items() if wire.TOKEN in text]
    return found(not seen, f"in {' and '.join(seen)}")


def _pickled(model: Any) -> str:
    """Return what a pickle holds; an object that cannot be pickled gives nothing away."""
    return (attempt(lambda: pickle.dumps(model)).value or b"").decode("latin-1")


def _logged(contestant: Contestant, model: Any) -> tuple[str, BaseException | None]:
    """Return what all loggers write about a call at the level of debugging."""
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        error = attempt(lambda: contestant.ask(model)).error
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return written.getvalue(), error
