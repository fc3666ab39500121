"""The program that runs inside Pyodide, in Node: the core on a binding that is a JavaScript object.

`main` returns a report as JSON text; `test_pyodide.py` reads it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

Results = dict[str, str | None]

UNWANTED = ("aiohappyeyeballs", "aiohttp", "certifi", "httpcore", "httptools", "httpx",
            "http.client", "urllib.request", "workersai._http")  # fmt: skip


async def main(*where: str) -> str:
    """Run everything.

    Args:
        *where: The root of a server's REST API, down to the account, and its token.
    """
    imported = imports()
    inside = importlib.import_module("tests.workers.checks")
    results: Results = await inside.table()
    results |= await inside.traps()
    if where:
        results |= await inside.served(*where)
    return json.dumps({"imports": imported, "results": results})


def imports() -> dict[str, Any]:
    """Import the core, and measure the import."""
    import pydantic

    before, start = set(sys.modules), time.perf_counter()
    package = importlib.import_module("workersai")
    for name in package.__all__:  # each is imported when it is first used
        getattr(package, name)
    seconds = time.perf_counter() - start
    new = set(sys.modules) - before
    return {
        "python": sys.version.split()[0],
        "pydantic": pydantic.VERSION,
        "seconds": seconds,
        "modules": len(new),
        "own": len([name for name in new if name.startswith("workersai")]),
        "unwanted": sorted(set(UNWANTED) & set(sys.modules)),
    }
