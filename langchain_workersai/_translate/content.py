"""LangChain content blocks -> the wire's content parts.

What a model cannot take (an image, for a model that reads text) is the core's to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage

from workersai import ConfigurationError

Block: TypeAlias = Mapping[str, Any]
Part: TypeAlias = dict[str, Any]

AUDIO_FORMATS = MappingProxyType(
    {
        "audio/mp3": "mp3",
        "audio/mpeg": "mp3",
        "audio/vnd.wave": "wav",
        "audio/wav": "wav",
        "audio/wave": "wav",
        "audio/x-wav": "wav",
    }
)
"""MIME type -> `input_audio.format`; another type's own subtype is its format."""


def to_wire_content(message: BaseMessage) -> str | list[Part]:
    """Write a message's content: text as it is, blocks as parts.

    Raises:
        ConfigurationError: For a block that Workers AI has no form for.
    """
    if isinstance(message.content, str):
        return message.content
    return [to_wire_part(block) for block in message.content]


def to_wire_part(block: str | Block) -> Part:
    """Write one block of LangChain's v0 or v1 form, OpenAI's or Anthropic's."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    translate = _PARTS.get(block.get("type") or ("text" if "text" in block else ""))
    if translate is None:
        raise ConfigurationError(
            f"messages: a content block of type {block.get('type')!r} has no form on Workers AI; "
            f"it knows {', '.join(_PARTS)}",
            parameter="messages",
        )
    try:
        return translate(block)
    except (KeyError, TypeError) as wrong:
        raise ConfigurationError(
            f"messages: a content block of type {block.get('type')!r} cannot be read: it has keys "
            f"{sorted(block)} ({type(wrong).__name__}: {wrong})",
            parameter="messages",
        ) from None


def _text_part(block: Block) -> Part:
    # Only these two keys: `cache_control`, `annotations` and the like belong to others.
    return {"type": "text", "text": block.get("text") or ""}


def _image_url_part(block: Block) -> Part:
    image = block["image_url"]
    return _image_part({"url": image} if isinstance(image, str) else dict(image))


def _image_block_part(block: Block) -> Part:
    if isinstance(block.get("source"), Mapping):
        return _image_part({"url": _anthropic_url(block["source"])})
    return _image_part({"url": _url(block, "image", "image/jpeg")})


def _image_part(image: dict[str, Any]) -> Part:
    return {"type": "image_url", "image_url": image}


def _audio_part(block: Block) -> Part:
    data, mime_type = _base64(block, "audio"), block.get("mime_type") or "audio/wav"
    audio_format = AUDIO_FORMATS.get(mime_type, mime_type.partition("/")[2])
    return {"type": "input_audio", "input_audio": {"data": data, "format": audio_format}}


def _input_audio_part(block: Block) -> Part:
    return {"type": "input_audio", "input_audio": dict(block["input_audio"])}


def _file_part(block: Block) -> Part:
    if isinstance(block.get("file"), Mapping):
        return {"type": "file", "file": dict(block["file"])}
    if file_id := block.get("file_id"):
        return {"type": "file", "file": {"file_id": file_id}}
    mime_type = block.get("mime_type") or "application/pdf"
    file: dict[str, Any] = {"file_data": f"data:{mime_type};base64,{_base64(block, 'file')}"}
    if name := _file_name(block):
        file["filename"] = name
    return {"type": "file", "file": file}


def _file_name(block: Block) -> str | None:
    """Where LangChain's blocks keep a file's name: beside the data, or among the extras."""
    places = (block, block.get("extras") or {}, block.get("metadata") or {})
    names = (place.get(key) for place in places for key in ("filename", "name", "title"))
    return next((name for name in names if isinstance(name, str) and name), None)


def _plain_text_part(block: Block) -> Part:
    return {"type": "text", "text": block.get("text") or ""}


def _url(block: Block, kind: str, default_type: str) -> str:
    if url := block.get("url"):
        return str(url)
    return f"data:{block.get('mime_type') or default_type};base64,{_base64(block, kind)}"


def _base64(block: Block, kind: str) -> str:
    # `base64` is the v1 block's key, `data` the older one's.
    data = block.get("base64") or block.get("data")
    if not isinstance(data, str):
        raise ConfigurationError(
            f"messages: the {kind} block has keys {sorted(block)}; Workers AI takes {kind} "
            "as base64" + (" or by URL" if kind == "image" else ""),
            parameter="messages",
        )
    return data


def _anthropic_url(source: Block) -> str:
    if source.get("type") == "url":
        return str(source["url"])
    return f"data:{source.get('media_type') or 'image/jpeg'};base64,{_base64(source, 'image')}"


_PARTS: Mapping[str, Callable[[Block], Part]] = MappingProxyType(
    {
        "text": _text_part,
        "text-plain": _plain_text_part,
        "image_url": _image_url_part,
        "image": _image_block_part,
        "audio": _audio_part,
        "input_audio": _input_audio_part,
        "file": _file_part,
    }
)
