"""Change pages for the documentation site.

The site gets a page for each model and the project's own pages (SECURITY.md and others). A link
to one of the latter leads to its page; a link to another file outside of `docs` becomes the name
of the file.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File

sys.path.append(str(Path(__file__).parent))

from model_pages import file_name, pages

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]+)(?:#[^)]*)?\)")
_RELATIVE = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#]+)(#[^)]*)?\)")
_MODEL_ROW = re.compile(r"^\| `(@[^`]+)` \|", re.MULTILINE)

_ROOT = Path(__file__).parents[1]
_PROJECT = {
    "project/changelog.md": "CHANGELOG.md",
    "project/contributing.md": "CONTRIBUTING.md",
    "project/releasing.md": "RELEASING.md",
    "project/security.md": "SECURITY.md",
}
_PLACES = {name: PurePosixPath(path).name for path, name in _PROJECT.items()}


def on_files(files: Any, config: Any) -> Any:
    """Add the page of each model, and the project's own pages."""
    project = {path: _project_page(name) for path, name in _PROJECT.items()}
    for path, markdown in (pages() | project).items():
        files.append(File.generated(config, path, content=markdown))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace links that leave the folder of the documentation, and link models to their pages."""
    depth = len(PurePosixPath(page.file.src_uri).parts) - 1

    def replaced(link: re.Match[str]) -> str:
        levels = link[2].count("../")
        path = link[2].replace("../", "")
        if levels > depth and path in _PLACES:
            return f"[{link[1]}]({'../' * depth}project/{_PLACES[path]})"
        return link[0] if levels <= depth else f"{link[1]} (`{path}`)"

    if page.file.src_uri == "models.md":
        markdown = _MODEL_ROW.sub(_linked_row, markdown)
    return _LINK.sub(replaced, markdown)


def _project_page(name: str) -> str:
    """Return a page of the repository's root, with links as seen from the folder `project`."""

    def seen_from_site(link: re.Match[str]) -> str:
        text, path, anchor = link.groups(default="")
        if path in _PLACES:
            return f"[{text}]({_PLACES[path]}{anchor})"
        if path.startswith("docs/") and path.endswith(".md"):
            return f"[{text}](../{path.removeprefix('docs/')}{anchor})"
        return f"{text} (`{path}`)"

    return _RELATIVE.sub(seen_from_site, (_ROOT / name).read_text(encoding="utf-8"))


def _linked_row(row: re.Match[str]) -> str:
    return f"| [`{row[1]}`](models/{file_name(row[1])}) |"
