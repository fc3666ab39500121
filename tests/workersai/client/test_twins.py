"""The sync and async halves of the clients are the same code, except for a list of words."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path

import pytest

import workersai

CLIENT = Path(workersai.__file__).parent / "client"
HTTP = Path(workersai.__file__).parent / "_http"

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


POOL_TWINS = [
    ("Connection", "close"),
    ("Pool", "leave"),
    ("Pool", "is_forgotten"),
    ("Pool", "_connect"),
    ("Response", "_own_connection"),
    ("Response", "_send"),
    ("Response", "_receive"),
    ("Response", "_feed"),
    ("Response", "close"),
    ("Response", "_drain"),
    ("Response", "break_off"),
]
"""The methods that do the same in both pools; the other methods differ in what they do."""


def half(file: str, name: str) -> str:
    """Return the source of one class or function, without comments and docstrings."""
    return ast.unparse(bare(ast.parse((CLIENT / file).read_text()), name))


def method(file: str, of: str, name: str) -> str:
    """Return the source of one method of a pool module, without comments and docstrings."""
    return ast.unparse(bare(bare(ast.parse((HTTP / file).read_text()), of), name))


def bare(tree: ast.AST, name: str) -> ast.AST:
    (found,) = (n for n in ast.walk(tree) if getattr(n, "name", None) == name)
    for node in ast.walk(found):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return found


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


@pytest.mark.parametrize(("of", "name"), POOL_TWINS)
def test_the_pools_have_methods_with_the_same_code(of: str, name: str) -> None:
    """A change in a method of one pool must be made in that of the other pool too."""
    sync = method(f"sync_{of.lower()}.py", f"Sync{of}", name)
    other_name = "aclose" if (of, name) == ("Response", "close") else name
    other = in_sync_words(method(f"aio_{of.lower()}.py", f"Async{of}", other_name))
    assert sync == ast.unparse(ast.parse(other.replace("_LATE", "TimeoutError")))
