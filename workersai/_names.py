"""Names of tools and schemas -> names that models accept, and the way back.

OpenAI's rule, which vLLM and the pages with OpenAI's schema share: ASCII letters, digits, `_` and
`-`, 64 at the most. Names of tools from MCP servers, of generic classes (`Box[int]`) and of
schemas with a title often break it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

__all__ = ["acceptable_name", "is_acceptable_name", "wire_names"]

_LONGEST = 64
_ACCEPTABLE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHERS = re.compile(r"[^A-Za-z0-9_-]")


def is_acceptable_name(name: str) -> bool:
    """Say whether models accept a name as it is."""
    return _ACCEPTABLE.fullmatch(name) is not None


def acceptable_name(name: str, *, default: str = "tool") -> str:
    """Write a name with the characters that models accept: `Box[int]` becomes `Box_int_`.

    Args:
        name: Any text.
        default: What to return for a name without any letter or digit of ASCII.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    written = _OTHERS.sub("_", plain)[:_LONGEST]
    return written if written.strip("_-") else default


def wire_names(names: Iterable[str]) -> dict[str, str]:
    """Map names to acceptable ones, each of which belongs to one name only.

    A name that is acceptable stays what it is, wherever it stands in the list.
    """
    listed = list(dict.fromkeys(names))
    found = {name: name for name in listed if is_acceptable_name(name)}
    for name in listed:
        if name not in found:
            found[name] = _unused(acceptable_name(name), set(found.values()))
    return {name: found[name] for name in listed}


def _unused(base: str, taken: Collection[str]) -> str:
    written, count = base, 1
    while written in taken:
        count += 1
        ending = f"_{count}"
        written = base[: _LONGEST - len(ending)] + ending
    return written
