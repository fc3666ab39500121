"""Cancel 10,000 tasks through the client and both faces; run with `make cancel`.

The client also runs over users' HTTP clients: httpx over aiohttp, and httpx2.

The program cancels tasks once or twice while they wait for a connection, send, stream, back off or
close, in a pool of four connections. Afterwards the pool must have all its places, no connection or
descriptor may be left open, and the next calls must succeed.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from tests.faults.crowd import STORMPROOF, quick_retries, server_in_a_thread, small_pool, storm

CANCELS = 10_000


def run(face: str) -> bool:
    """Cancel calls through a face; return whether all connections and descriptors were freed."""
    began = time.perf_counter()
    with server_in_a_thread() as server, small_pool(), quick_retries():
        found = asyncio.run(storm(face, server, CANCELS))
    print(
        f"{face:16}{found.cancels:,} cancels in {time.perf_counter() - began:.0f} s: "
        f"{found.lost_slots} lost slots, {found.orphans} orphan connections, "
        f"{max(found.descriptors, 0)} extra descriptors, next calls "
        f"{'succeed' if found.is_alive else 'FAIL'}",
        flush=True,
    )
    return found.is_clean


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # hides writes to closed connections
    clean = [run(face) for face in STORMPROOF]
    sys.exit(not all(clean))
