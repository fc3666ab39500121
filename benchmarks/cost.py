"""What the adapters cost, as ratios of CPU time; run with `make benchmark`.

Two figures, each against the same bytes from the same loopback server, the contestants in turn so
that a machine that changes its speed changes it for all:

1. CPU of this process per streamed event, against raw httpx with `iter_lines` and `json.loads`.
   `ChatWorkersAI.stream` is to stay below 1.5. The figure to judge by is the one in bursts; where
   events come one at a time, waking up for each costs more than anything an adapter does.
2. CPU of 256 concurrent calls, against langchain-cloudflare. `ChatWorkersAI.ainvoke` is to stay
   below 0.2.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
import warnings
from collections.abc import Callable

import httpx
from loopback import EVENTS, IN_BURSTS, MODEL, ONE_BY_ONE, loopback

TOKEN = "benchmark-token"
QUESTION = "What is the answer?"
MESSAGES = [{"role": "user", "content": QUESTION}]
ROUNDS = 9
CONCURRENT = 256

Contestants = dict[str, Callable[[], None]]


def streaming(root: str, account: str) -> Contestants:
    """One whole stream a call, by each contestant."""
    from langchain_cloudflare import ChatCloudflareWorkersAI  # noqa: PLC0415 - imports are slow
    from llama_index.core.llms import ChatMessage  # noqa: PLC0415

    from langchain_workersai import ChatWorkersAI  # noqa: PLC0415
    from llamaindex_workersai import WorkersAI  # noqa: PLC0415
    from workersai import Client  # noqa: PLC0415

    connection = {"account_id": account, "api_token": TOKEN}
    url = f"{root}/accounts/{account}/ai/run/{MODEL}"
    raw = httpx.Client()
    bare = Client(MODEL, base_url=root, **connection)
    ours = ChatWorkersAI(MODEL, base_url=root, **connection)
    theirs = ChatCloudflareWorkersAI(model=MODEL, base_url=root, **connection)
    llama = WorkersAI(MODEL, base_url=root, **connection)
    history = [ChatMessage(role="user", content=QUESTION)]

    def raw_httpx() -> None:
        body = {"messages": MESSAGES, "stream": True}
        events = 0
        with raw.stream("POST", url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    json.loads(line[6:])
                    events += 1
        assert events > EVENTS

    def consume(stream: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            count = sum(1 for _ in stream())  # type: ignore[attr-defined]  # all are iterators
            assert count > EVENTS - 2, count

        return run

    return {
        "raw httpx, iter_lines + json.loads": raw_httpx,
        "workersai.Client.stream_chat": consume(lambda: bare.stream_chat(MESSAGES)),
        "ChatWorkersAI.stream": consume(lambda: ours.stream(QUESTION)),
        "WorkersAI.stream_chat (LlamaIndex)": consume(lambda: llama.stream_chat(history)),
        "langchain-cloudflare stream": consume(lambda: theirs.stream(QUESTION)),
    }


def concurrent(root: str) -> Contestants:
    """256 calls at once in one event loop, by each contestant."""
    from langchain_cloudflare import ChatCloudflareWorkersAI  # noqa: PLC0415

    from langchain_workersai import ChatWorkersAI  # noqa: PLC0415

    connection = {"account_id": IN_BURSTS, "api_token": TOKEN}

    def gather(make: Callable[[], object]) -> Callable[[], None]:
        async def main() -> None:
            model = make()
            calls = [model.ainvoke(QUESTION) for _ in range(CONCURRENT)]  # type: ignore[attr-defined]
            answers = await asyncio.gather(*calls)
            assert all("Forty-two" in answer.text for answer in answers)

        return lambda: asyncio.run(main())

    return {
        "langchain-cloudflare ainvoke": gather(
            lambda: ChatCloudflareWorkersAI(model=MODEL, base_url=root, **connection)
        ),
        "ChatWorkersAI.ainvoke": gather(lambda: ChatWorkersAI(MODEL, base_url=root, **connection)),
    }


def compare(title: str, contestants: Contestants, per: int, rounds: int) -> None:
    """Time the contestants in turn; print CPU and the ratio to the first, round by round."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for _ in range(rounds):
        for name, run in contestants.items():
            gc.collect()
            begin = time.process_time()
            run()
            times[name].append(time.process_time() - begin)
    base = next(iter(times.values()))
    print(f"\n{title}")
    for name, spent in times.items():
        ratio = statistics.median(own / other for own, other in zip(spent, base, strict=True))
        print(f"  {name:<38} {statistics.median(spent) / per * 1e6:8.2f} us   x {ratio:.2f}")


def main() -> None:
    warnings.simplefilter("ignore")
    with loopback() as root:
        for how, account in (("one at a time", ONE_BY_ONE), ("in bursts", IN_BURSTS)):
            title = f"CPU per streamed event, events {how}"
            compare(title, streaming(root, account), EVENTS, ROUNDS)
        compare(f"CPU per call, {CONCURRENT} at once", concurrent(root), CONCURRENT, 5)


if __name__ == "__main__":
    main()
