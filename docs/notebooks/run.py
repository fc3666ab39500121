"""Run the notebooks against the local stand-in and keep their outputs: `make notebooks`.

The outputs are made comparable: no ids, no addresses, no time. Cells that install packages are
tagged and skipped.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from workersai.local import LocalServer

FOLDER = Path(__file__).parent
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+")


def main() -> None:
    """Run all notebooks, one after the other."""
    with LocalServer(engine="echo") as server:
        os.environ.update(
            WORKERSAI_BASE_URL=server.base_url,
            CLOUDFLARE_ACCOUNT_ID=server.account_id,
            CLOUDFLARE_API_TOKEN=server.api_token,
        )
        for path in sorted(FOLDER.glob("*.ipynb")):
            run(path)
            sys.stdout.write(f"{path.name}\n")


def run(path: Path) -> None:
    """Run one notebook, and write its outputs into it."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("language_info", None)
    text = nbformat.writes(notebook, indent=1, ensure_ascii=False)
    path.write_text(_VARYING.sub("ID", text) + "\n", "utf-8")


if __name__ == "__main__":
    main()
