"""Convert LangChain content blocks to wire content parts.

The core rejects content that a model does not accept (an image, for a text model).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from workersai import ConfigurationError
from workersai.integration import document_part, image_type, text_of_any

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
"""MIME type -> `input_audio.format`; for other types, the subtype is the format."""

SPOKEN = (None, "text", "output_text", "text-plain")
"""The types of an assistant's text blocks, in the forms of all providers."""


def to_wire_content(content: Any) -> str | list[Part]:
    """Convert a user's content: text unchanged, blocks to parts.

    Raises:
        ConfigurationError: For a block that cannot be sent to Workers AI.
    """
    return content if isinstance(content, str) else [to_wire_part(b) for b in _blocks(content)]


def to_wire_result(content: Any) -> str | list[Part]:
    """Convert a tool's result; a value that cannot be sent is written as text."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, Mapping) or not isinstance(content, Sequence):
        return text_of_any(content)
    return [_result_part(block) for block in content]


def to_wire_answer(content: Any) -> str | list[Part]:
    """Convert an assistant's content to its text.

    Calls and reasoning are sent beside the content; other blocks (another provider's searches,
    references, signatures, images) are left out, because Workers AI cannot use them.
    """
    if isinstance(content, str):
        return content
    texts = [text for block in blocks_of(content) if (text := _answer_text(block))]
    return texts[0] if len(texts) == 1 else [_text(text) for text in texts]


def blocks_of(content: Any) -> Sequence[Any]:
    """Return unchecked content as blocks."""
    return content if isinstance(content, Sequence) else [content]


def with_image_types(content: Any) -> Any:
    """Add the missing types of images.

    For an image without a type, LangChain's tracing ends a call with a `ValueError` before any code
    of this package runs, and an image in a tool's result would do so in every later turn.

    Args:
        content: A message's content; it is returned unchanged if no type is missing.
    """
    if not isinstance(content, list) or not any(map(_lacks_type, content)):
        return content
    return [_with_type(block) if _lacks_type(block) else block for block in content]


def _lacks_type(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") != "image" or "url" in block:
        return False
    has_data = "base64" in block or block.get("source_type") == "base64"
    return has_data and "mime_type" not in block


def _with_type(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "mime_type": _type_of_image(block.get("base64") or block.get("data"))}


def to_wire_part(block: Any) -> Part:
    """Convert one block of LangChain's v0 or v1 form, OpenAI's or Anthropic's.

    Raises:
        ConfigurationError: For a block that cannot be sent to Workers AI.
    """
    if isinstance(block, str):
        return _text(block)
    kind = _type_of(block)
    translate = _PARTS.get(kind) if isinstance(kind, str) else None
    if translate is None:
        raise ConfigurationError(
            f"messages: a content block of type {kind!r} cannot be sent to Workers AI; "
            f"pass one of {', '.join(_PARTS)}",
            parameter="messages",
        )
    try:
        return translate(block)
    except ConfigurationError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        reason = f"{type(wrong).__name__}: {wrong}"
    raise ConfigurationError(
        f"messages: a content block of type {kind!r} cannot be read: it has keys "
        f"{_keys(block)} ({reason})",
        parameter="messages",
    )


# --------------------------------------------------------------------------- the three roles


def _blocks(content: Any) -> Sequence[Any]:
    if isinstance(content, Sequence):
        return content
    raise ConfigurationError(
        f"messages: the content of a message is {type(content).__name__}; "
        "pass a string or a list of content blocks",
        parameter="messages",
    )


def _result_part(block: Any) -> Part:
    try:
        return to_wire_part(block)
    except ConfigurationError:
        return _text(text_of_any(block))


def _answer_text(block: Any) -> str:
    if isinstance(block, str):
        return block
    if not isinstance(block, Mapping) or block.get("type") not in SPOKEN:
        return ""
    text = block.get("text")
    return text if isinstance(text, str) else ""


def _type_of(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return type(block).__name__
    return block.get("type") or ("text" if "text" in block else "")


def _keys(block: Block) -> list[str]:
    return sorted(map(str, block))


# -------------------------------------------------------------------------------- the parts


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _text_part(block: Block) -> Part:
    # Only these two keys: `cache_control`, `annotations` and the like are for other providers.
    if not isinstance(text := block.get("text"), str):
        raise ConfigurationError(
            f"messages: a text block has keys {_keys(block)}; its `text` must be a string",
            parameter="messages",
        )
    return _text(text)


def _plain_text_part(block: Block) -> Part:
    text = block.get("text")
    if not isinstance(text, str):
        data = _decode(_base64(block, "text"))
        text = document_part(data, mime_type="text/plain", name=None)["text"]
    name, context = _file_name(block), block.get("context")
    lines = [f"{name}:" if name else None, context if isinstance(context, str) else None, text]
    return _text("\n".join(line for line in lines if line is not None))


def _image_url_part(block: Block) -> Part:
    image = block["image_url"]
    return _image_part({"url": image} if isinstance(image, str) else dict(image))


def _image_block_part(block: Block) -> Part:
    if isinstance(source := block.get("source"), Mapping):
        if source.get("type") == "url":
            return _image_part({"url": str(source["url"])})
        return _image_part({"url": _image_data(source, source.get("media_type"))})
    if url := block.get("url"):
        return _image_part({"url": str(url)})
    return _image_part({"url": _image_data(block, block.get("mime_type"))})


def _image_data(block: Block, mime_type: str | None) -> str:
    data = _base64(block, "image")
    return f"data:{mime_type or _type_of_image(data)};base64,{data}"


def _type_of_image(data: Any) -> str:
    """Detect an image's type from its first bytes; data that is not an image fails later."""
    try:
        found = image_type(base64.b64decode(data[:64]))
    except (TypeError, ValueError):
        found = None
    return found or "image/jpeg"


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
    if block.get("source_type") == "text":
        return _plain_text_part(block)
    data = _decode(_base64(block, "file"))
    return document_part(data, mime_type=block.get("mime_type"), name=_file_name(block))


def _input_image_part(block: Block) -> Part:
    kept = {"detail": block["detail"]} if isinstance(block.get("detail"), str) else {}
    return _image_part({"url": block["image_url"], **kept})


def _input_file_part(block: Block) -> Part:
    file = {key: block[key] for key in ("filename", "file_data", "file_id") if block.get(key)}
    if "file_data" in file or "file_id" in file:
        return {"type": "file", "file": file}
    return _file_part(block)  # its error says what to pass


def _document_part(block: Block) -> Part:
    """Convert Anthropic's document: to text, or to a file with its bytes."""
    source = block["source"]
    beside = {key: block[key] for key in ("title", "context") if block.get(key)}
    kind, data = source["type"], source.get("data")
    if kind == "content":
        parts = [to_wire_part(part) for part in _content_of(source["content"])]
        kind, data = "text", "\n".join(part["text"] for part in parts)
    if kind == "text" and isinstance(data, str):
        return _plain_text_part({"text": data, **beside})
    if kind == "base64" and isinstance(data, str):
        return _file_part({"base64": data, "mime_type": source.get("media_type"), **beside})
    raise ConfigurationError(
        f"messages: a document block has a source of type {kind!r}; Workers AI takes the "
        "document's data, as text or as base64",
        parameter="messages",
    )


def _content_of(content: Any) -> Sequence[Any]:
    return [content] if isinstance(content, str) else content


def _non_standard_part(block: Block) -> Part:
    return to_wire_part(block["value"])


def _file_name(block: Block) -> str | None:
    """Find a file's name in LangChain's blocks: beside the data, or among the extras."""
    places = (block, block.get("extras") or {}, block.get("metadata") or {})
    names = (place.get(key) for place in places for key in ("filename", "name", "title"))
    return next((name for name in names if isinstance(name, str) and name), None)


def _decode(data: str) -> bytes:
    return base64.b64decode("".join(data.split()), validate=True)


def _base64(block: Block, kind: str) -> str:
    # `base64` is the v1 block's key, `data` the older one's.
    data = block.get("base64") or block.get("data")
    if isinstance(data, str):
        return data
    raise ConfigurationError(
        f"messages: the {kind} block has keys {_keys(block)}; Workers AI takes {kind} "
        "as base64" + (" or by URL" if kind == "image" else ""),
        parameter="messages",
    )


_PARTS: Mapping[str, Callable[[Block], Part]] = MappingProxyType(
    {
        "text": _text_part,
        "text-plain": _plain_text_part,
        "image_url": _image_url_part,
        "image": _image_block_part,
        "audio": _audio_part,
        "input_audio": _input_audio_part,
        "file": _file_part,
        "document": _document_part,
        "input_text": _text_part,
        "output_text": _text_part,
        "input_image": _input_image_part,
        "input_file": _input_file_part,
        "non_standard": _non_standard_part,
    }
)
