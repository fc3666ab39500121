"""Parts: content blocks -> the content parts of a wire message."""

from __future__ import annotations

import base64
from functools import singledispatch
from io import IOBase
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from workersai import ConfigurationError

BlockT = TypeVar("BlockT", ImageBlock, AudioBlock, DocumentBlock)

_REMOTE = ("http://", "https://", "data:")
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}


@singledispatch
def to_wire_parts(block: object) -> list[dict[str, Any]]:
    """Write one block as parts: `text`, `image_url`, `input_audio` or `file`.

    A block that only another provider can use (cache points, citations) has no parts, and
    neither have reasoning and tool calls, which a message carries beside its content.

    Raises:
        ConfigurationError: No Workers AI chat model takes such content, for example video.
    """
    raise ConfigurationError(
        f"Workers AI chat models take no {type(block).__name__}; "
        "send text, images, audio or documents.",
        parameter="messages",
    )


@to_wire_parts.register
def _(block: TextBlock) -> list[dict[str, Any]]:
    return [_text(block.text)]


@to_wire_parts.register
def _(block: ImageBlock) -> list[dict[str, Any]]:
    link = _link(block)
    image = {"url": link or _data_uri(_here(block).resolve_image(), block.image_mimetype)}
    if block.detail:
        image["detail"] = block.detail
    return [{"type": "image_url", "image_url": image}]


@to_wire_parts.register
def _(block: AudioBlock) -> list[dict[str, Any]]:
    if not block.format:
        raise ConfigurationError(
            "The format of an AudioBlock is not known; set format='wav' or format='mp3'.",
            parameter="messages",
        )
    data = _base64(_here(block).resolve_audio())
    audio = {"data": data, "format": _AUDIO_FORMATS.get(block.format, block.format)}
    return [{"type": "input_audio", "input_audio": audio}]


@to_wire_parts.register
def _(block: DocumentBlock) -> list[dict[str, Any]]:
    mime = block.document_mimetype or "application/octet-stream"
    # The block keeps its data in base64; reading through `resolve_document` decodes it.
    document = _here(block).resolve_document()
    if mime.startswith("text/") or mime == "application/json":
        return [_text(f"{block.title}:\n{_read(document).decode('utf-8', errors='replace')}")]
    file = {"filename": block.title, "file_data": _data_uri(document, mime)}
    return [{"type": "file", "file": file}]


@to_wire_parts.register
def _(block: CitableBlock) -> list[dict[str, Any]]:
    parts = [part for inner in block.content for part in to_wire_parts(inner)]
    return [_text(f"{block.title} ({block.source}):"), *parts]


@to_wire_parts.register(CachePoint)
@to_wire_parts.register(CitationBlock)
@to_wire_parts.register(ThinkingBlock)
@to_wire_parts.register(ToolCallBlock)
def _(block: object) -> list[dict[str, Any]]:  # noqa: ARG001 - one signature for all
    return []


@to_wire_parts.register
def _(block: VideoBlock) -> list[dict[str, Any]]:  # noqa: ARG001 - one signature for all
    raise ConfigurationError(
        "Workers AI chat models take no video; send frames as ImageBlocks.", parameter="messages"
    )


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _link(block: ImageBlock) -> str | None:
    """A link goes to the model as it is: nothing is downloaded here."""
    url = str(block.url) if block.url else ""
    return url if url.startswith(_REMOTE) else None


def _here(block: BlockT) -> BlockT:
    """Let pass what has its content here; LlamaIndex would fetch a link, from any address.

    Raises:
        ConfigurationError: If there is only a link.
    """
    has_link = block.url is not None and not str(block.url).startswith("data:")
    content = getattr(block, type(block).__name__.removesuffix("Block").lower(), None)
    if has_link and not (content or getattr(block, "data", None) or block.path):
        raise ConfigurationError(
            f"The link of a {type(block).__name__} is not fetched here; download it where that is "
            "safe, and pass the content.",
            parameter="messages",
        )
    return block


def _read(source: IOBase) -> bytes:
    source.seek(0)
    content = source.read()
    return content if isinstance(content, bytes) else bytes(content)


def _base64(source: IOBase) -> str:
    return base64.b64encode(_read(source)).decode("ascii")


def _data_uri(source: IOBase, mime: str | None) -> str:
    return f"data:{mime or 'image/jpeg'};base64,{_base64(source)}"
