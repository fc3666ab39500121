"""Embed many short texts with the local server: rows a second, CPU and memory, beside raw httpx.

The server and each contestant run in processes of their own. Each contestant sends 100 texts a
request, 8 requests at once, and drops the vectors; `embed_file` writes them as Parquet. CPU is the
contestant's time only; a busy machine changes it least.

    python -m benchmarks.bulk --rows 100000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx

from workersai import AsyncClient, Client
from workersai.bulk import aembed_file
from workersai.local import LocalServer

MODEL = "@cf/baai/bge-small-en-v1.5"
AT_ONCE, BATCH = 8, 100


def texts(rows: int) -> Iterator[str]:
    return (f"short text number {number}" for number in range(rows))


def serve(pipe: Connection) -> None:
    with LocalServer(engine="echo") as server:
        pipe.send(
            {
                "account_id": server.account_id,
                "api_token": server.api_token,
                "base_url": server.base_url,
            }
        )
        pipe.recv()


def raw_httpx(rows: int, own: dict[str, str]) -> None:
    url = f"{own['base_url']}/accounts/{own['account_id']}/ai/run/{MODEL}"

    async def run() -> None:
        turns, source = asyncio.Semaphore(AT_ONCE), texts(rows)
        headers = {"authorization": f"Bearer {own['api_token']}"}
        async with httpx.AsyncClient(headers=headers, timeout=120) as client:

            async def send(batch: list[str]) -> int:
                async with turns:
                    answer = await client.post(url, json={"text": batch})
                return len(json.loads(answer.content)["result"]["data"])

            batches = [[next(source) for _ in range(BATCH)] for _ in range(rows // BATCH)]
            assert sum(await asyncio.gather(*map(send, batches))) == rows

    asyncio.run(run())


def embed_iter(rows: int, own: dict[str, str]) -> None:
    with Client(MODEL, **own) as client:  # type: ignore[arg-type]  # all are texts
        run = client.embed_iter(texts(rows), max_concurrency=AT_ONCE)
        assert sum(1 for _ in run) == rows


def embed_iter_async(rows: int, own: dict[str, str]) -> None:
    async def run() -> None:
        async with AsyncClient(MODEL, **own) as client:  # type: ignore[arg-type]  # as above
            count = 0
            async for _ in client.embed_iter(texts(rows), max_concurrency=AT_ONCE):
                count += 1
            assert count == rows

    asyncio.run(run())


def embed_list(rows: int, own: dict[str, str]) -> None:
    with Client(MODEL, **own) as client:  # type: ignore[arg-type]  # as above
        found = client.embed(list(texts(rows)), max_concurrency=AT_ONCE)
        assert len(found.vectors) == rows


def embed_to_parquet(rows: int, own: dict[str, str]) -> None:
    async def run(folder: Path) -> None:
        source = folder / "in.jsonl"
        source.write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts(rows)))
        async with AsyncClient(MODEL, **own) as client:  # type: ignore[arg-type]  # as above
            report = await aembed_file(
                source,
                folder / "out",
                model=MODEL,
                column="text",
                client=client,
                max_concurrency=AT_ONCE,
            )
        assert report.is_done

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


CONTESTANTS: dict[str, Callable[[int, dict[str, str]], None]] = {
    "raw httpx, async": raw_httpx,
    "embed_iter": embed_iter,
    "embed_iter, async": embed_iter_async,
    "embed, a whole list": embed_list,
    "embed_file, to Parquet": embed_to_parquet,
}


def measure(pipe: Connection, name: str, rows: int, own: dict[str, str]) -> None:
    contestant = CONTESTANTS[name]
    contestant(BATCH, own)  # imports, the first connection
    before = peak()
    began, cpu = time.perf_counter(), time.process_time()
    contestant(rows, own)
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    pipe.send({"rate": rows / seconds, "cpu": 1e6 * spent / rows, "memory": peak() - before})


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_process(target: Any, *args: Any) -> tuple[Any, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args))
    process.start()
    return process, ours


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    counts = parser.parse_args().rows
    server, line = in_process(serve)
    own = line.recv()
    print(f"{'':24} {'rows':>8} {'rows/s':>8} {'CPU us/row':>11} {'memory MB':>10}")
    try:
        for name in CONTESTANTS:
            for rows in counts:
                process, pipe = in_process(measure, name, rows, own)
                found: dict[str, float] = pipe.recv()
                process.join()
                print(
                    f"{name:24} {rows:8,} {found['rate']:8,.0f} {found['cpu']:11.1f} "
                    f"{found['memory']:10.1f}",
                    flush=True,
                )
    finally:
        line.send(None)
        server.join()


if __name__ == "__main__":
    main()
