"""What reading streams adds to the memory of a new interpreter with one contestant.

    python -m benchmarks.measure.memory_of CONTESTANT ROOT ACCOUNT_ID STREAMS

Prints the most bytes that Python held at once while it read, less what it held before, and how many
characters came. A short stream is read first, so that imports and connections are not counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tracemalloc
import warnings
from typing import Any

from benchmarks.contestants.base import Place
from benchmarks.contestants.registry import BY_NAME
from benchmarks.server.accounts import Account

SHORT = Account("words", 20)


def main() -> None:
    warnings.simplefilter("ignore")
    name, root, account_id, streams = sys.argv[1:]
    loop = asyncio.new_event_loop()
    kind = BY_NAME[name].load()
    read(kind(Place(root, SHORT, loop)), int(streams))
    contestant = kind(Place(root, Account.of(account_id), loop))
    read(contestant, 0)
    tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    length = read(contestant, int(streams))
    peak = tracemalloc.get_traced_memory()[1]
    print(json.dumps({"bytes": peak - before, "length": length}), flush=True)


def read(contestant: Any, streams: int) -> int:
    """Read one stream synchronously, or several at once; keep the number of characters."""
    if streams == 1:
        return int(contestant.drain())

    async def together() -> int:
        return sum(await asyncio.gather(*(contestant.adrain() for _ in range(streams))))

    return int(contestant.wait_for(together()))


if __name__ == "__main__":
    main()
