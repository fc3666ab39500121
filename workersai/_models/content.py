"""Which content a model accepts in messages, and the text that replaces other content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from workersai._jsonable import brief_json, byte_count, clean_text, is_base64
from workersai._models.profile import ModelProfile

__all__ = ["Parts", "produced_text", "refusal_of", "split_result"]

Parts = list[dict[str, Any]]

_NOUNS = {"image_url": "image", "input_audio": "audio", "file": "file"}
"""Content parts that only a user's message may contain -> what they are called in messages."""

_DATA_URI = "pass 'data:image/png;base64,...'"


class Refusal(NamedTuple):
    """Why a model does not accept a content part, and what to do instead."""

    reason: str
    advice: str


def refusal_of(part: Mapping[str, Any], profile: ModelProfile) -> Refusal | None:
    """Return why a model does not accept a content part; `None` if it may accept it."""
    kind = str(part.get("type"))
    known = {"image_url": profile.vision, "input_audio": profile.audio, "file": profile.files}
    takes = known.get(kind)
    if takes is False or (profile.text_only_content and not takes):
        reason = f"{profile.name} takes {_takes(profile)}"
        return Refusal(reason, "choose a model that takes it, or send text")
    return _image_refusal(_address(part), profile) if kind == "image_url" else None


def _image_refusal(url: str | None, profile: ModelProfile) -> Refusal | None:
    if url is None:
        return Refusal("it has no url", "pass {'image_url': {'url': ...}}")
    if url.strip()[:5].lower() != "data:":
        if profile.image_urls is not False:
            return None
        reason = f"{profile.name} takes images as data URIs only"
        return Refusal(reason, "download it and send its bytes")
    head, _, data = url.partition(";base64,")
    if not data.strip() or not is_base64(data):
        return Refusal("its data is not base64, or is empty", _DATA_URI)
    if not head.startswith("data:image/"):
        return Refusal("its data URI has no image type", _DATA_URI)
    return None


def _takes(profile: ModelProfile) -> str:
    kinds = {"images": profile.vision, "audio": profile.audio, "files": profile.files}
    return " and ".join(["text", *(name for name, takes in kinds.items() if takes)]) + " only"


def split_result(content: Any, profile: ModelProfile) -> tuple[str, Parts]:
    """Split a tool's result into text, and media to send in a user's message after it.

    Only a user's message may contain media (page: the roles of the OpenAI schema). Media that the
    model does not accept is described in the text instead. A value that is not a content part is
    written as JSON.

    Args:
        content: Text, content parts, or any value.
        profile: The model's profile.
    """
    if content is None or isinstance(content, str):
        return produced_text(content or "", profile), []
    if isinstance(content, Mapping) or not isinstance(content, Iterable):
        return produced_text(brief_json(content), profile), []
    texts: list[str] = []
    media: Parts = []
    for part in content:
        if is_media(part) and refusal_of(part, profile) is None:
            media.append(dict(part))
        else:
            texts.append(_text_of(part, profile))
    return produced_text("\n".join(texts), profile), media


def produced_text(text: str, profile: ModelProfile) -> str:
    """Rewrite text of a tool or a model so that the model's server accepts it.

    Half a surrogate pair becomes U+FFFD. Some servers look for images inside texts: there, the
    bytes of an image are replaced by a note, and a space is put into any other text that begins
    like an image.
    """
    text = clean_text(text)
    if not profile.images_in_text or _IMAGE not in text:
        return text
    text = _IMAGE_IN_TEXT.sub(lambda found: f"[image left out: {_describe(found[0])}]", text)
    return text.replace(_IMAGE, "data: image/")


_IMAGE = "data:image/"
_IMAGE_IN_TEXT = re.compile(r"data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=]+")


def is_media(part: Any) -> bool:
    """Return whether this is a complete content part with an image, audio or a file."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(kind, str) or kind not in _NOUNS:
        return False
    return bool(_address(part)) if kind == "image_url" else isinstance(part.get(kind), Mapping)


def _text_of(part: Any, profile: ModelProfile) -> str:
    if isinstance(part, str):
        return part
    if is_media(part) and (refusal := refusal_of(part, profile)):
        return f"[{_NOUNS[part['type']]} left out: {_facts(part)}; {refusal.reason}]"
    if isinstance(part, Mapping) and part.get("type") == "text":
        text = part.get("text")
        return text if isinstance(text, str) else brief_json(part)
    return brief_json(part)


def _address(part: Mapping[str, Any]) -> str | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    return url if isinstance(url, str) and url else None


def _facts(part: Mapping[str, Any]) -> str:
    """Describe media in a few words: name, type and size, or the URL."""
    if part["type"] == "image_url":
        return _describe(_address(part) or "")
    inner = part[part["type"]]
    if part["type"] == "input_audio":
        return f"{inner.get('format')}, {byte_count(str(inner.get('data') or '')):,} bytes"
    name = inner.get("filename") or inner.get("file_id")
    data = inner.get("file_data")
    known = [str(name)[:_LONGEST]] if name else []
    return ", ".join([*known, *([_describe(str(data))] if data else [])])


_LONGEST = 300


def _describe(url: str) -> str:
    if not url.startswith("data:"):
        return url[:_LONGEST]
    head, _, data = url.partition(",")
    kind = head[len("data:") : _LONGEST].removesuffix(";base64")
    return f"{kind}, {byte_count(data):,} bytes"
