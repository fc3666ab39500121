"""A crowd of streams at once, through the client and both faces; run with `make load`.

1,000 streams of 100 tokens each from one loopback server in a process of its own. Every token
says which stream and which place it belongs to, so that one that is lost, doubled, out of order or
another stream's is seen.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time

from tests.faults.crowd import FACES, Caller, count_together, server_in_a_process

STREAMS = 1000
TOKENS = 100


def run(face: str, port: int) -> int:
    """Read the crowd's streams through a face; return how many were wrong."""

    async def main() -> int:
        caller = Caller(face, port)
        wrong = await count_together(caller, STREAMS, TOKENS)
        await caller.aclose()
        return wrong

    began = time.perf_counter()
    wrong = asyncio.run(main())
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{face:12}{STREAMS} streams x {TOKENS} tokens: {wrong} wrong, {seconds:5.1f} s, "
        f"{STREAMS * TOKENS / seconds:8,.0f} tokens/s, peak {peak:.0f} MiB",
        flush=True,
    )
    return wrong


if __name__ == "__main__":
    with server_in_a_process() as server_port:
        wrong = [run(face, server_port) for face in FACES]
    sys.exit(any(wrong))
