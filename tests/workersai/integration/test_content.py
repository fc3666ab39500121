"""Files in messages: text documents become text, and the bytes decide an unknown type."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from workersai.integration import document_part, image_type, text_of_any


@pytest.mark.parametrize(
    ("data", "mime_type", "text"),
    [
        (b"a,b\n1,2", "text/csv", "a,b\n1,2"),
        (b"a,b\n1,2", None, "a,b\n1,2"),
        (b"a: 1", "application/octet-stream", "a: 1"),
        (b'{"a": 1}', "application/json; charset=utf-8", '{"a": 1}'),
        (b"<a/>", "application/atom+xml", "<a/>"),
        ("\ufeffüber".encode(), None, "über"),
        ("über".encode("utf-16"), None, "über"),
        ("über".encode("latin-1"), "text/plain", "\ufffdber"),
        (b"", "text/plain", ""),
    ],
    ids=str,
)
def test_a_document_that_is_text_is_written_as_text(
    data: bytes, mime_type: str | None, text: str
) -> None:
    """A document becomes text if its type is text, or if its bytes are and the type is unknown."""
    part = document_part(data, mime_type=mime_type, name=None)
    assert part == {"type": "text", "text": text}
    named = document_part(data, mime_type=mime_type, name="n")
    assert named == {"type": "text", "text": f"n:\n{text}"}


@pytest.mark.parametrize(
    ("data", "mime_type", "kind"),
    [
        (b"%PDF-1.7 all letters", None, "application/pdf"),
        (b"%PDF-1.7 all letters", "application/pdf", "application/pdf"),
        (b"{\\rtf1 letters}", None, "application/octet-stream"),
        (b"PK\x03\x04", None, "application/octet-stream"),
        (b"\xff\xfe\x00", None, "application/octet-stream"),
        (b"letters", "application/zip", "application/zip"),
    ],
    ids=str,
)
def test_any_other_document_is_a_file(data: bytes, mime_type: str | None, kind: str) -> None:
    """Any other document is sent as a file with its bytes unchanged."""
    part = document_part(data, mime_type=mime_type, name="n")
    encoded = base64.b64encode(data).decode()
    file = {"filename": "n", "file_data": f"data:{kind};base64,{encoded}"}
    assert part == {"type": "file", "file": file}
    del file["filename"]
    assert document_part(data, mime_type=mime_type, name=None)["file"] == file


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"BM......", "image/bmp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"", None),
    ],
    ids=str,
)
def test_the_bytes_of_an_image_decide_its_type(data: bytes, kind: str | None) -> None:
    """An image without a type gets the type that its first bytes show."""
    assert image_type(data) == kind


@pytest.mark.parametrize("value", [{1, 2}, {"a": b"x"}, "\ud83d", object()])
def test_any_value_has_a_text(value: Any) -> None:
    """Any value that a tool returned has a text."""
    text_of_any(value).encode()
