"""Every class that takes a token, with one call for each, so that one test covers all nine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode

from tests.faults import scripts
from tests.faults.speakers import CLASSES, HISTORY
from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import ACCOUNT, HELLO, TOKEN, UNKNOWN

DOCUMENTS = [Document(page_content="one"), Document(page_content="two")]
NODES = [NodeWithScore(node=TextNode(text=text), score=0.1) for text in ("one", "two")]

Ask = Callable[[Any], Any]
ASKED: Mapping[tuple[str, str], Ask] = {
    ("Client", "sync"): lambda it: it.chat(HELLO),
    ("AsyncClient", "async"): lambda it: it.chat(HELLO),
    ("ChatWorkersAI", "sync"): lambda it: it.invoke("Hello"),
    ("ChatWorkersAI", "async"): lambda it: it.ainvoke("Hello"),
    ("WorkersAILLM", "sync"): lambda it: it.invoke("Hello"),
    ("WorkersAILLM", "async"): lambda it: it.ainvoke("Hello"),
    ("WorkersAIEmbeddings", "sync"): lambda it: it.embed_query("Hello"),
    ("WorkersAIEmbeddings", "async"): lambda it: it.aembed_query("Hello"),
    ("langchain's WorkersAIRerank", "sync"): lambda it: it.compress_documents(DOCUMENTS, "Hello"),
    ("langchain's WorkersAIRerank", "async"): lambda it: it.acompress_documents(DOCUMENTS, "Hello"),
    ("WorkersAI", "sync"): lambda it: it.chat(HISTORY),
    ("WorkersAI", "async"): lambda it: it.achat(HISTORY),
    ("WorkersAIEmbedding", "sync"): lambda it: it.get_query_embedding("Hello"),
    ("WorkersAIEmbedding", "async"): lambda it: it.aget_query_embedding("Hello"),
    ("llamaindex's WorkersAIRerank", "sync"): lambda it: it.postprocess_nodes(
        NODES, query_str="Hello"
    ),
    ("llamaindex's WorkersAIRerank", "async"): lambda it: it.apostprocess_nodes(
        NODES, query_str="Hello"
    ),
}
"""By class, and by sync or async."""

OF_CLASSES = tuple(ASKED)
OF_FACES = tuple(way for way in OF_CLASSES if "Client" not in way[0])


def make(name: str, server: Loopback | None = None, **settings: Any) -> Any:
    """Make an object of a class, for a server or for the URL in *settings*."""
    arguments = {"account_id": ACCOUNT, "api_token": TOKEN, "max_retries": 0, **settings}
    if server is not None:
        arguments.setdefault("base_url", server.base_url)
    return CLASSES[name](UNKNOWN, **arguments)


async def answered(way: tuple[str, str], it: Any) -> Any:
    """Call an object, and wait for the result if it is awaitable."""
    result = ASKED[way](it)
    return await result if isinstance(result, Awaitable) else result


def run(main: Callable[[], Any], call_style: str) -> Any:
    """Run an async function in an event loop, and a sync one without a loop."""
    if call_style == "async":
        return asyncio.run(main())
    try:
        main().send(None)  # a sync function awaits nothing
    except StopIteration as done:
        return done.value
    raise AssertionError("a sync call waited for an event loop")


def well(peer: Peer, seen: Seen) -> None:
    """Answer any request with success."""
    if b'"contexts"' in seen.body:
        scores = {"response": [{"id": 0, "score": 0.9}, {"id": 1, "score": 0.1}]}
        peer.answer(json.dumps({"result": scores, "success": True, "errors": []}).encode())
    else:
        scripts.well(peer, seen)
