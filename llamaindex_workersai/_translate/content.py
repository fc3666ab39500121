"""Convert LlamaIndex content blocks to the content of wire messages.

The core rejects content that a model does not accept (an image, for a text model).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from io import IOBase
from pathlib import Path
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from workersai import ConfigurationError
from workersai.integration import document_part, text_of_any

BlockT = TypeVar("BlockT", ImageBlock, AudioBlock, DocumentBlock)
Parts = list[dict[str, Any]]

_REMOTE = ("http://", "https://", "data:")
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}
_UNTITLED = "input_document"
"""The title that LlamaIndex gives to a document without one."""


def to_wire_content(message: ChatMessage) -> str | Parts:
    """Convert a user's content.

    Raises:
        ConfigurationError: For a block that no Workers AI model accepts.
    """
    if (text := only_text(message)) is not None:
        return text
    return _join([part for block in message.blocks for part in to_wire_parts(block)])


def to_wire_result(message: ChatMessage) -> str | Parts:
    """Convert a tool's result; a value that cannot be sent is written as text."""
    if (text := only_text(message)) is not None:
        return text
    return _join([part for block in message.blocks for part in _result_parts(block)])


@dataclass(frozen=True, slots=True)
class AnswerBlocks:
    """The blocks of an assistant's message that are sent to Workers AI, by kind."""

    text: list[TextBlock | CitableBlock]
    thought: list[ThinkingBlock]
    calls: list[ToolCallBlock]

    @classmethod
    def of(cls, message: ChatMessage) -> AnswerBlocks:
        """Sort the blocks of a message.

        Exact classes are compared first, because `isinstance` with pydantic's classes takes most of
        the time for a long history.
        """
        found = cls([], [], [])
        block: Any
        for block in message.blocks:
            kind = block.__class__
            if kind is TextBlock or kind is CitableBlock:
                found.text.append(block)
            elif kind is ToolCallBlock:
                found.calls.append(block)
            elif kind is ThinkingBlock:
                found.thought.append(block)
            elif isinstance(block, (TextBlock, CitableBlock)):
                found.text.append(block)
            elif isinstance(block, ToolCallBlock):
                found.calls.append(block)
            elif isinstance(block, ThinkingBlock):
                found.thought.append(block)
        return found


def to_wire_answer(blocks: Sequence[TextBlock | CitableBlock]) -> str | Parts:
    """Convert an assistant's content to its text.

    Calls and reasoning are sent beside the content; other blocks (another provider's citations,
    images) are left out, because Workers AI cannot use them.

    Args:
        blocks: The blocks of an answer that contain text.
    """
    parts = [part for block in blocks for part in _result_parts(block)]
    return _join([part for part in parts if part["type"] == "text" and part["text"]])


def only_text(message: ChatMessage) -> str | None:
    """Return the text of a message that is a single text."""
    blocks = message.blocks
    if len(blocks) != 1:
        return None
    block = blocks[0]
    return block.text if block.__class__ is TextBlock else None


def _join(parts: Parts) -> str | Parts:
    """Join text as `ChatMessage.content` does; other content stays a list of parts."""
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _result_parts(block: ContentBlock) -> Parts:
    if isinstance(block, CitationBlock):
        # Keep all of a tool's result; a citation may be all of it.
        return [_text(f"{block.title} ({block.source}):"), *_result_parts(block.cited_content)]
    try:
        return to_wire_parts(block)
    except ConfigurationError:
        held = {name: value for name, value in block if not isinstance(value, IOBase)}
        known = {name: value for name, value in held.items() if value is not None}
        return [_text(text_of_any(known))]


# -------------------------------------------------------------------------------- blocks


@singledispatch
def to_wire_parts(block: object) -> Parts:
    """Convert one block to parts: `text`, `image_url`, `input_audio` or `file`.

    A block that only another provider can use (cache points, citations) has no parts. Nor have
    reasoning and tool calls, which a message carries beside its content.

    Raises:
        ConfigurationError: No Workers AI chat model accepts such content, for example video.
    """
    raise ConfigurationError(
        f"Workers AI chat models do not accept {type(block).__name__}; "
        "send text, images, audio or documents.",
        parameter="messages",
    )


@to_wire_parts.register
def _(block: TextBlock) -> Parts:
    return [_text(block.text)]


@to_wire_parts.register
def _(block: ImageBlock) -> Parts:
    image = {"url": _link(block) or _image_data(block)}
    if block.detail:
        image["detail"] = block.detail
    return [{"type": "image_url", "image_url": image}]


@to_wire_parts.register
def _(block: AudioBlock) -> Parts:
    data = _bytes_of(block)
    # LlamaIndex detects the format from the bytes; for a path, it reads only the suffix.
    audio_format = block.format or AudioBlock(audio=data).format
    if not audio_format:
        raise ConfigurationError(
            "The format of an AudioBlock is unknown; set format='wav' or format='mp3'.",
            parameter="messages",
        )
    audio = {"data": _base64(data), "format": _AUDIO_FORMATS.get(audio_format, audio_format)}
    return [{"type": "input_audio", "input_audio": audio}]


@to_wire_parts.register
def _(block: DocumentBlock) -> Parts:
    part = document_part(
        _bytes_of(block), mime_type=block.document_mimetype, name=_document_name(block)
    )
    return [part]


@to_wire_parts.register
def _(block: CitableBlock) -> Parts:
    parts = [part for inner in block.content for part in to_wire_parts(inner)]
    return [_text(f"{block.title} ({block.source}):"), *parts]


@to_wire_parts.register(CachePoint)
@to_wire_parts.register(CitationBlock)
@to_wire_parts.register(ThinkingBlock)
@to_wire_parts.register(ToolCallBlock)
def _(block: object) -> Parts:  # noqa: ARG001 - one signature for all
    return []


@to_wire_parts.register
def _(block: VideoBlock) -> Parts:  # noqa: ARG001 - one signature for all
    raise ConfigurationError(
        "Workers AI chat models do not accept video; send frames as ImageBlocks.",
        parameter="messages",
    )


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _link(block: ImageBlock) -> str | None:
    """Return the block's link, which is sent to the model without a download."""
    url = str(block.url) if block.url else ""
    return url if url.startswith(_REMOTE) else None


def _image_data(block: ImageBlock) -> str:
    data = _bytes_of(block)
    # A file's suffix may be missing or wrong, and LlamaIndex does not know the type of a stream;
    # so it detects the type from the bytes.
    reads = block.path or not block.image_mimetype
    kind = ImageBlock(image=data).image_mimetype if reads else None
    return f"data:{kind or block.image_mimetype or 'image/jpeg'};base64,{_base64(data)}"


def _document_name(block: DocumentBlock) -> str | None:
    if block.title and block.title != _UNTITLED:
        return block.title
    return Path(block.path).name if block.path else None


def _bytes_of(block: ImageBlock | AudioBlock | DocumentBlock) -> bytes:
    """Read the data of a block; a link is not fetched, because LlamaIndex would fetch any address.

    Raises:
        ConfigurationError: If there is only a link, no data at all, or a missing file.
    """
    kind = type(block).__name__
    has_link = block.url is not None and not str(block.url).startswith("data:")
    held = getattr(block, _FIELDS[kind])
    if has_link and not (held or block.path):
        raise ConfigurationError(
            f"The {kind} contains a link, which is not fetched here; download it if the "
            "address is safe, and pass the content.",
            parameter="messages",
        )
    try:
        return _read(_resolve(block))
    except (OSError, ValueError) as error:
        reason = str(error)
    raise ConfigurationError(f"The {kind} cannot be read: {reason}", parameter="messages")


_FIELDS = {"ImageBlock": "image", "AudioBlock": "audio", "DocumentBlock": "data"}


def _resolve(block: ImageBlock | AudioBlock | DocumentBlock) -> IOBase:
    if isinstance(block, ImageBlock):
        return block.resolve_image()
    if isinstance(block, AudioBlock):
        return block.resolve_audio()
    # The block has base64 data; reading through `resolve_document` decodes it.
    return block.resolve_document()


def _read(source: IOBase) -> bytes:
    source.seek(0)
    content = source.read()
    return content.encode() if isinstance(content, str) else bytes(content)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
