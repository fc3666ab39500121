"""Map names of tools and schemas to names that models accept, and back.

The rule is OpenAI's, and vLLM and the model pages with OpenAI's schema use it too: ASCII letters,
digits, `_` and `-`, at most 64 characters. Tools from MCP servers, generic classes (`Box[int]`)
and schemas with a title often have other names.
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
    """Return whether models accept a name unchanged."""
    return _ACCEPTABLE.fullmatch(name) is not None


def acceptable_name(name: str, *, default: str = "tool") -> str:
    """Replace the characters that models refuse: `Box[int]` becomes `Box_int_`.

    Args:
        name: Any text.
        default: The result for a name without any ASCII letter or digit.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    written = _OTHERS.sub("_", plain)[:_LONGEST]
    return written if written.strip("_-") else default


def wire_names(names: Iterable[str]) -> dict[str, str]:
    """Map each name to an acceptable one; no two names share one.

    A name that is acceptable already maps to itself, wherever it is in the list.
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
