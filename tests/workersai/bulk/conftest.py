"""A server that counts what it is asked, and the environment of a job that asks it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, TOKEN
from workersai.bulk.packages import package

EMBEDDER = "@cf/baai/bge-base-en-v1.5"
CHAT = "@cf/zai-org/glm-4.7-flash"


def vector(text: str) -> list[float]:
    return [float(len(text)), float(sum(map(ord, text)) % 1000)]


class Counting:
    """Answers embeddings and chats; counts each text and question.

    Attributes:
        seen: How often each text was answered.
        headers: The headers of each chat, by its question.
        holds_after: Answers before it keeps every further request waiting; `None` for never.
        held: Set when the first request waits.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.heads: dict[str, Seen] = {}
        self.holds_after: int | None = None
        self.held = threading.Event()
        self.failing: dict[str, tuple[str, int]] = {}
        self.has_usage = True
        self._answered = 0
        self._lock = threading.Lock()
        self.server = Loopback(self)

    def __call__(self, peer: Peer, seen: Seen) -> None:
        with self._lock:
            self._answered += 1
            is_held = self.holds_after is not None and self._answered > self.holds_after
        if is_held:
            self.held.set()
            peer.wait_for_hang_up()
            return
        body = seen.json
        texts = body["text"] if "text" in body else [body["messages"][-1]["content"]]
        for text in texts:
            if text in self.failing:
                status, code = self.failing[text]
                errors = [{"code": code, "message": "no"}]
                peer.answer(json.dumps({"success": False, "errors": errors}).encode(), status)
                return
        self.seen.update(texts)
        result = self._vectors(texts) if "text" in body else self._answer(texts[0], seen)
        extra = ("cf-aig-cache-status: MISS", "cf-aig-log-id: log-1")
        whole = json.dumps({"success": True, "result": result}).encode()
        peer.answer(whole, "200 OK", "application/json", *extra)

    def _vectors(self, texts: list[str]) -> dict[str, Any]:
        usage = {"prompt_tokens": 10 * len(texts), "total_tokens": 10 * len(texts)}
        return {"data": list(map(vector, texts)), **({"usage": usage} if self.has_usage else {})}

    def _answer(self, question: str, seen: Seen) -> dict[str, Any]:
        self.heads[question] = seen
        message = {"role": "assistant", "content": json.dumps({"about": question})}
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return {"choices": choices, "model": "answering", "usage": usage}


@pytest.fixture
def counting(loopback: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    made = Counting()
    monkeypatch.setenv("WORKERSAI_BASE_URL", made.server.base_url)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setattr("workersai.client.retries._FIRST_DELAY", 0.0)
    yield made
    made.server.close()


def texts_of(count: int) -> list[str]:
    return [f"text number {n}" for n in range(count)]


def parquet(path: Path, count: int, **columns: list[Any]) -> Path:
    """Write a file with the columns `id` and `text`."""
    arrow = package("pyarrow")
    table = arrow.table({"id": list(range(100, 100 + count)), "text": texts_of(count), **columns})
    package("pyarrow.parquet").write_table(table, path, row_group_size=37)
    return path


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def read(folder: Path) -> list[dict[str, Any]]:
    """All rows of a job's folder, in the order of its parts."""
    arrow, reader = package("pyarrow"), package("pyarrow.parquet")
    parts = sorted(folder.glob("part-*.parquet"))
    tables = [reader.read_table(part) for part in parts]
    found: list[dict[str, Any]] = arrow.concat_tables(tables).to_pylist() if tables else []
    return found
