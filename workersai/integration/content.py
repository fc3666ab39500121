"""Convert files and arbitrary values to content parts; shared by all adapters."""

from __future__ import annotations

import base64
import codecs
import re
from typing import Any

from workersai._jsonable import brief_json

__all__ = ["document_part", "image_type", "text_of_any"]

_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
)
"""The positions at which the first bytes of an image identify its type."""

_TEXT_TYPES = frozenset(
    {
        "csv", "ecmascript", "graphql", "javascript", "json", "json5", "jsonl", "ndjson", "sql",
        "toml", "typescript", "x-httpd-php", "x-javascript", "x-ndjson", "x-python", "x-sh",
        "x-toml", "x-yaml", "xhtml+xml", "xml", "yaml",
    }
)  # fmt: skip
"""Subtypes of `application` that are text."""

_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BINARY = (b"%PDF-", b"%!PS", b"{\\rtf")
"""First bytes of documents that decode as text but are not text (PDF, PostScript, ...)."""


def text_of_any(value: Any) -> str:
    """Write any value as text for a model: its JSON, without the bytes of files.

    It is for results of tools, which are never rejected. Sets, dates, arrays and the like get
    a JSON form; half a surrogate pair becomes U+FFFD; base64 is replaced by a note of its size.
    """
    return brief_json(value)


def image_type(data: bytes) -> str | None:
    """Return the MIME type that the first bytes of an image show; `None` if it is unknown."""
    found = (kind for at, mark, kind in _SIGNATURES if data[at : at + len(mark)] == mark)
    return next(found, None)


def document_part(data: bytes, *, mime_type: str | None, name: str | None) -> dict[str, Any]:
    """Write a document as a content part: as text if it is text, else as a file.

    Args:
        data: The document's bytes.
        mime_type: Its type; `None` to detect from the bytes whether it is text.
        name: Its name; text gets it as a first line.
    """
    kind = (mime_type or "").partition(";")[0].strip().lower()
    if (text := _text_in(data, kind)) is not None:
        return {"type": "text", "text": f"{name}:\n{text}" if name else text}
    if kind in _UNKNOWN_TYPES:
        mime_type = "application/pdf" if data.startswith(b"%PDF-") else "application/octet-stream"
    file = {"file_data": f"data:{mime_type};base64,{base64.b64encode(data).decode('ascii')}"}
    return {"type": "file", "file": {"filename": name, **file} if name else file}


def _text_in(data: bytes, kind: str) -> str | None:
    """Decode a document that is text by its type, or by its bytes if the type is unknown."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if _is_text_type(kind):
        return data.decode(encoding, errors="replace")
    if kind not in _UNKNOWN_TYPES or data.startswith(_BINARY):
        return None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _is_text_type(kind: str) -> bool:
    family, _, subtype = kind.partition("/")
    if family == "text":
        return True
    return family == "application" and (
        subtype in _TEXT_TYPES or subtype.endswith(("+json", "+xml", "+yaml"))
    )
