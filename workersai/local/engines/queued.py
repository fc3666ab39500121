"""The `scripted` engine: answers that a test set beforehand, one request after the other.

Once they are used up, the rules of `echo` answer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from workersai.local.engines.base import (
    CallPiece,
    ChatJob,
    EngineRefused,
    FinishPiece,
    Piece,
    ReasoningPiece,
    StreamStopped,
    TextPiece,
)
from workersai.local.engines.echo import EchoEngine
from workersai.local.engines.words import count_tokens, tokens_of

__all__ = ["PreparedAnswer", "ScriptedEngine"]

_LONGEST_STALL = 600.0
"""Seconds after which a server that was never stopped lets a stalled request go."""


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """What one request is answered with.

    Attributes:
        text: The text of the answer.
        reasoning: The thinking before it.
        calls: Tool calls: names with their arguments as text, which need not be JSON.
        refusal: An error in its place: HTTP status, Cloudflare's code, and message.
        stalls_after: After how many tokens nothing more comes; `None` never stalls.
        stops_after: After how many tokens a stream ends without a word; `None` never does.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    refusal: tuple[int, int, str] | None = None
    stalls_after: int | None = None
    stops_after: int | None = None


class ScriptedEngine(EchoEngine):
    """Answers chats as a test prepared them; vectors and scores are those of `echo`.

    Attributes:
        prepared: The answers that are left, the next one first.
    """

    name = "scripted"
    blocking = True  # a stalled answer holds a thread, not the server

    def __init__(self) -> None:
        self.prepared: deque[PreparedAnswer] = deque()
        self._released = threading.Event()

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        """Give the next prepared answer, or that of `echo`.

        Raises:
            EngineRefused: If it is a refusal.
        """
        try:
            answer = self.prepared.popleft()
        except IndexError:
            yield from super().chat(job)
            return
        if answer.refusal is not None:
            raise EngineRefused(*answer.refusal)
        yield from self._pieces(answer, job)

    def _pieces(self, answer: PreparedAnswer, job: ChatJob) -> Iterator[Piece]:
        pieces = list(_all_pieces(answer))
        for place, piece in enumerate(pieces):
            self._interfere(answer, place)
            yield piece
        self._interfere(answer, len(pieces))
        used = sum(piece.tokens for piece in pieces)
        reason = "tool_calls" if answer.calls else "stop"
        yield FinishPiece(reason, self.prompt_tokens(job), used)  # type: ignore[arg-type]

    def _interfere(self, answer: PreparedAnswer, place: int) -> None:
        if answer.stalls_after is not None and place >= answer.stalls_after:
            self._released.wait(_LONGEST_STALL)
            raise StreamStopped
        if answer.stops_after is not None and place >= answer.stops_after:
            raise StreamStopped

    def reset(self) -> None:
        """Forget the answers that are left, and let stalled requests go."""
        self.prepared.clear()
        self._released.set()
        self._released = threading.Event()

    def close(self) -> None:
        """Let stalled requests go."""
        self._released.set()


def _all_pieces(answer: PreparedAnswer) -> Iterator[ReasoningPiece | TextPiece | CallPiece]:
    yield from map(ReasoningPiece, tokens_of(answer.reasoning))
    yield from map(TextPiece, tokens_of(answer.text))
    for name, arguments in answer.calls:
        yield CallPiece(name, arguments, tokens=count_tokens((name, arguments)))
