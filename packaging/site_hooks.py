"""Change pages for the documentation site: links to files outside of `docs` become their names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace links that leave the folder of the documentation."""
    depth = len(PurePosixPath(page.file.src_uri).parts) - 1

    def replaced(link: re.Match[str]) -> str:
        levels = link[2].count("../")
        path = link[2].replace("../", "")
        return link[0] if levels <= depth else f"{link[1]} (`{path}`)"

    return _LINK.sub(replaced, markdown)
