"""Both faces in a real Ray cluster of two nodes, against the local server (`make test-ray`)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import langchain_workersai
import langchain_workersai.ray_data
import llamaindex_workersai
import llamaindex_workersai.ray_data
from tests.ray.conftest import TOKEN
from workersai import RateLimits
from workersai.local import LocalServer

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(300),
]

BGE = "@cf/baai/bge-small-en-v1.5"
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
RERANKER = "@cf/baai/bge-reranker-base"
ROWS = 5_000
LIMITS = RateLimits(requests_per_minute=600_000, share=1 / 2)
FACES: dict[str, tuple[Any, Any]] = {
    "langchain": (
        langchain_workersai.ray_data.WorkersAIEmbedder,
        langchain_workersai.WorkersAIEmbeddings,
    ),
    "llamaindex": (
        llamaindex_workersai.ray_data.WorkersAIEmbedder,
        llamaindex_workersai.WorkersAIEmbedding,
    ),
}


def workers() -> list[int]:
    """Return the processes of Ray that run the classes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::") and b"Map" in command:
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("face", FACES)
def test_every_row_once_and_in_order_although_a_worker_is_killed(
    cluster: Any, server: LocalServer, face: str
) -> None:
    """Each of 5,000 rows has its own vector once and in order, although a worker is killed."""
    embedder, make = FACES[face]
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    rows = ray.data.range(ROWS, override_num_blocks=50)
    rows = rows.map(lambda row: {"id": row["id"], "text": f"row number {row['id']}"})
    rows = rows.map_batches(
        embedder,
        fn_constructor_args=(make(BGE, limits=LIMITS),),
        batch_size=100,
        compute=ray.data.ActorPoolStrategy(size=2),
        max_restarts=-1,
        max_task_retries=-1,
    )
    before = len(server.requests)
    killed: list[int] = []

    def kill() -> None:
        while len(server.requests) - before < 10:
            time.sleep(0.01)
        killed.extend(workers()[:1])
        for process in killed:
            os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = rows.take_all()
    killer.join()

    assert killed
    assert [row["id"] for row in found] == list(range(ROWS))
    assert [row["text"] for row in found] == [f"row number {n}" for n in range(ROWS)]
    own = {"account_id": server.account_id, "api_token": TOKEN, "base_url": server.base_url}
    expected = list(make(BGE, **own).embed_iter(["row number 0", "row number 4999"]))
    assert list(found[0]["embedding"]) == pytest.approx(expected[0], abs=1e-6)
    assert list(found[-1]["embedding"]) == pytest.approx(expected[1], abs=1e-6)
    sent = sum(len(request.json["text"]) for request in server.requests[before:])
    sys.stdout.write(f"{face}: {sent - 2 - ROWS} texts were embedded twice after the kill\n")


def test_the_token_is_nowhere_in_ray(cluster: Any) -> None:
    """After these runs, neither the object stores nor Ray's logs and files hold the token."""
    planted = b"a text that does travel " * 20_000  # it is found, so the search can find
    reference = ray.put(planted)
    folder = Path(cluster.head_node.get_session_dir_path())
    searched = 0
    for path in [*files_below(folder), *stores(cluster)]:
        searched += 1
        assert TOKEN.encode() not in contents(path), path
    assert searched > 10
    assert any(planted in contents(path) for path in stores(cluster))
    del reference


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def stores(cluster: Any) -> list[Path]:
    """Return the shared memory of each node's object store, by the raylet that holds it open."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"raylet" not in (path / "cmdline").read_bytes().split(b"\0")[0]:
                continue
            links = list((path / "fd").iterdir())
        except OSError:
            continue
        found += [link for link in links if "plasma" in target_of(link)]
    return found


def target_of(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_what_is_sent_to_workers_holds_no_token(cluster: Any) -> None:
    """The arguments of tasks, as Ray serialises them, hold no token, even if the object has one."""
    for make in (langchain_workersai.ChatWorkersAI, llamaindex_workersai.WorkersAI):
        model = make(GRANITE, api_token=TOKEN)
        assert TOKEN.encode() not in ray.cloudpickle.dumps(model)


def test_answers_and_rankings(cluster: Any, server: LocalServer) -> None:
    """The classes for chats and rerankers of both faces run in workers."""
    for package, answerer, ranker in (
        (langchain_workersai, "ChatWorkersAI", "WorkersAIRerank"),
        (llamaindex_workersai, "WorkersAI", "WorkersAIRerank"),
    ):
        classes = __import__(f"{package.__name__}.ray_data", fromlist=["x"])
        model = getattr(package, answerer)(GRANITE)
        asked = ray.data.from_items([{"text": f"row {n}"} for n in range(20)]).map_batches(
            classes.WorkersAIAnswerer,
            fn_constructor_args=(model, "Say {text}"),
            batch_size=5,
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        answers = asked.take_all()
        assert len(answers) == 20
        assert all(row["answer"] for row in answers)
        rerank = getattr(package, ranker)(RERANKER, top_n=1)
        rows = [{"query": "river", "documents": ["bread", "a river"]}]
        ranked = ray.data.from_items(rows).map_batches(
            classes.WorkersAIRanker,
            fn_constructor_args=(rerank,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        assert list(ranked.take_all()[0]["ranking"]) == [1]


def test_a_langchain_chain_in_tasks(cluster: Any) -> None:
    """A runnable works as an argument of Ray tasks; each task reads the environment of its node."""
    from langchain_core.output_parsers import StrOutputParser

    chain = langchain_workersai.ChatWorkersAI(GRANITE) | StrOutputParser()

    @ray.remote  # type: ignore[untyped-decorator]  # Ray may not be installed
    def ask(runnable: Any, text: str) -> str:
        answer: str = runnable.invoke(text)
        return answer

    found = ray.get([ask.remote(chain, f"question {n}") for n in range(8)])
    assert len(found) == 8
    assert all(found)


def test_llamaindexs_own_ingestion(cluster: Any) -> None:
    """`llama-index-ingestion-ray` builds the embedding in its workers from class and settings."""
    ingestion = pytest.importorskip("llama_index.ingestion.ray")
    from llama_index.core.schema import TextNode

    embedding = ingestion.RayTransformComponent(
        transform_class=llamaindex_workersai.WorkersAIEmbedding,
        transform_kwargs={"model": BGE},
        map_batches_kwargs={"batch_size": 25, "compute": ray.data.ActorPoolStrategy(size=2)},
    )
    nodes = [TextNode(text=f"text {n}", id_=str(n)) for n in range(100)]
    found = ingestion.RayIngestionPipeline(transformations=[embedding]).run(nodes=nodes)
    assert {node.node_id for node in found} == {node.node_id for node in nodes}
    assert all(node.embedding for node in found)
