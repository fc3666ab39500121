"""Make calls for some time, a fifth of which fail; run with `make soak`.

For the client and each face, the program prints calls, errors of each kind, memory and descriptors.
It checks every answer. After the first quarter, memory may grow by no more than a few MiB.

    python -m benchmarks.soak [seconds a face]
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.faults.crowd import FACES, Caller, descriptors, quick_retries, server_in_a_process
from workersai import WorkersAIError

SECONDS = 60.0
TASKS = 16
FAULTS = ("busy", "cut", "junk", "drop")
FAULT_SHARE = 0.2
GROWTH_MIB = 8.0


def memory_mib() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def call(caller: Caller, number: int, chance: random.Random) -> str:
    """Make a call of a random kind; return how it ended."""
    if chance.random() < FAULT_SHARE:
        prompt, wanted = chance.choice(FAULTS), ""
    else:
        prompt, wanted = f"count {number} 20", "".join(f"{number}.{i} " for i in range(20))
    try:
        text = await caller.read(prompt)
    except WorkersAIError as error:
        return type(error).__name__ if not wanted else f"UNEXPECTED {type(error).__name__}"
    return "right" if text == wanted else "WRONG"


async def soak(face: str, port: int, seconds: float) -> bool:
    """Make calls for some seconds; print and judge the memory and descriptors of this process."""
    caller, ends, chance = Caller(face, port), Counter[str](), random.Random(1)
    began, warm, files = time.monotonic(), 0.0, 0

    async def work() -> None:
        while time.monotonic() - began < seconds:
            ends[await call(caller, ends.total(), chance)] += 1

    async def watch() -> None:
        nonlocal warm, files
        await asyncio.sleep(seconds / 4)
        gc.collect()
        warm, files = memory_mib(), descriptors()

    await asyncio.gather(watch(), *(work() for _ in range(TASKS)))
    gc.collect()
    growth = memory_mib() - warm
    more = descriptors() - files
    await caller.aclose()
    kinds = ", ".join(f"{count:,} {name}" for name, count in ends.most_common())
    print(f"{face:12}{ends.total():,} calls in {seconds:.0f} s: {kinds}")
    print(f"{'':12}memory {growth:+.1f} MiB, descriptors {more:+d} since the first quarter")
    is_right = not any(name.isupper() or name.startswith("UNEXP") for name in ends)
    return is_right and growth < GROWTH_MIB and more <= TASKS


if __name__ == "__main__":
    duration = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with server_in_a_process() as server_port, quick_retries():
        clean = [asyncio.run(soak(face, server_port, duration)) for face in FACES]
    sys.exit(not all(clean))
