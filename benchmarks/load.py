"""Read 1,000 streams at once through the client and both faces; run with `make load`.

A loopback server in its own process sends 100 tokens in each stream. Every token names its stream
and its position, so that the program finds tokens that are lost, repeated, out of order or in
another stream.
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
