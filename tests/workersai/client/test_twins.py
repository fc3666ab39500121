"""The sync and async halves of the clients are the same code, except for a list of words."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path

import pytest

import workersai

CLIENT = Path(workersai.__file__).parent / "client"

TWINS = [
    ("sending.py", "SyncSender", "sending.py", "AsyncSender"),
    ("streaming.py", "SyncStream", "streaming.py", "AsyncStream"),
    ("reading.py", "read_whole", "reading.py", "read_whole_async"),
    ("batches.py", "SyncBatches", "batches.py", "AsyncBatches"),
    ("sync.py", "Client", "aio.py", "AsyncClient"),
]

WORDS = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsyncGenerator\[(.*), None\]", r"Generator[\1, None, None]"),
    (r"\bAwaitable\[T\]", "T"),
    (r" \| AsyncIterable\[str\]", ""),
    (r"\bAsync(ExitStack|HTTPClient|Client|EmbeddingStream)\b", r"\1"),
    (r"\bAsyncChatStream\b", "ChatStream"),
    (r"\bAsync(\w+)\b", r"Sync\1"),
    (r"\bpush_async_callback\b", "callback"),
    (r"\b(\w+)_async\b", r"\1"),
    (r"\ba(close|next)\b", r"\1"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"for (events?) in ([\w.]+):\n\s+yield \1\b", r"yield from \2"),
]


def half(file: str, name: str) -> str:
    """Return the source of one class or function, without comments and docstrings."""
    tree = ast.parse((CLIENT / file).read_text())
    (found,) = (n for n in ast.walk(tree) if getattr(n, "name", None) == name)
    for node in ast.walk(found):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(found)


def in_sync_words(text: str) -> str:
    for word, other in WORDS:
        text = re.sub(word, other, text)
    return text


@pytest.mark.parametrize(("file", "name", "other_file", "other_name"), TWINS)
def test_both_halves_are_the_same_code(
    file: str, name: str, other_file: str, other_name: str
) -> None:
    """A change in one half must be made in the other half too."""
    sync, other = half(file, name), in_sync_words(half(other_file, other_name))
    difference = "\n".join(difflib.unified_diff(sync.splitlines(), other.splitlines(), lineterm=""))
    assert not difference, difference
