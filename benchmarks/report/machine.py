"""The machine and versions of a measurement, without host names and paths."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.contestants.registry import versions


def machine() -> dict[str, Any]:
    """Describe the machine, Python and the versions of the contestants."""
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "system": f"{platform.system()}, {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": versions(),
        "load": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    """Return the processor's name; Linux only."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return "unknown"
    lines = information.read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
