"""A cassette file: its form on disk, the parts of a message in it, the comparison of requests.

JSON bodies are written as YAML where that keeps every byte, streams as literal blocks, so that a
diff reads like what was said. Headers are kept by an allow-list; the account is always zeros.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.request import Request

ROOT = Path(__file__).parent.parent.parent
CASSETTES = ROOT / "cassettes"
LIVE_CASSETTES = CASSETTES / "live"
"""Recordings from Cloudflare, beside those of the stand-in."""
ACCOUNT = "0" * 32
MATCH_ON = ("method", "uri", "exact_body")

REQUEST_HEADERS = frozenset({"content-type"})
RESPONSE_HEADERS = frozenset({"content-type", "retry-after"})

_ACCOUNT = re.compile(r"/accounts/[^/?#]+")
_RANDOM_ID = re.compile(
    rb"\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"
)


@dataclass(frozen=True)
class Provenance:
    """Where a recording comes from, as its file says.

    Attributes:
        recorded_from: `workersai-local` or `api.cloudflare.com`.
        engine: The engine that answered.
        note: What a reader must know about it.
    """

    recorded_from: str
    engine: str
    note: str


@dataclass(frozen=True)
class Message:
    """A request or an answer: its headers, and its body in one of three forms."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Interaction:
    """One request and its answer."""

    method: str
    uri: str
    request: Message
    status: int
    answer: Message

    @property
    def is_stream(self) -> bool:
        return self.answer.headers.get("content-type", "").startswith("text/event-stream")


@dataclass(frozen=True)
class Recording:
    """The content of a cassette file."""

    provenance: Provenance
    interactions: tuple[Interaction, ...]


# ---------------------------------------------------------------------------- one message


def body_document(body: bytes) -> dict[str, Any]:
    """Return a body for the file: `json` if that keeps every byte, else `text`."""
    text = body.decode("utf-8")
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return {"json": value} if _compact(value) == text else {"text": text}


def body_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the bytes from which `body_document` made a document."""
    if "json" in document:
        return _compact(document["json"]).encode()
    return str(document.get("text", "")).encode()


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def kept(headers: Mapping[str, Any], names: frozenset[str]) -> dict[str, str]:
    """Return the headers on an allow-list, in lower case and sorted."""
    found = {name.lower(): value for name, value in headers.items() if name.lower() in names}
    return {
        name: value if isinstance(value, str) else ", ".join(value)
        for name, value in sorted(found.items())
    }


def scrub_request(request: Request) -> Request:
    """Leave in a request only what a cassette may contain; applied to recordings and replays."""
    request.uri = _ACCOUNT.sub(f"/accounts/{ACCOUNT}", request.uri, count=1)
    request.headers = kept(request.headers, REQUEST_HEADERS)
    return request


def scrub_varying(request: Request) -> Request:
    """Scrub a request, and replace what differs from run to run or from Python to Python.

    UUIDs that a test makes afresh each time become their place, and descriptions that were
    docstrings lose the indentation that Python 3.13 takes away.
    """
    places: dict[bytes, int] = {}

    def place(found: re.Match[bytes]) -> bytes:
        number = places.setdefault(found.group(), len(places))
        return b"00000000-0000-4000-8000-%012d" % number

    if request.body:
        body = json.loads(_RANDOM_ID.sub(place, request.body))
        request.body = _compact(_without_indentation(body)).encode()
    return scrub_request(request)


def _without_indentation(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_indentation(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inspect.cleandoc(entry)
        if key == "description" and isinstance(entry, str)
        else _without_indentation(entry)
        for key, entry in value.items()
    }


def exact_body(one: Request, other: Request) -> None:
    """Compare bodies as JSON; `1`, `1.0` and `true` are three different values."""
    ours, theirs = _canonical(one.body), _canonical(other.body)
    assert ours == theirs, f"\nsent:     {ours}\nrecorded: {theirs}"


def _canonical(body: bytes | None) -> str:
    return json.dumps(json.loads(body), sort_keys=True, ensure_ascii=False) if body else ""


# -------------------------------------------------------------------------------- the file


class _Dumper(yaml.SafeDumper):
    """Write YAML for readers: block texts, numbers in one row, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(dumper: yaml.SafeDumper, value: Sequence[Any]) -> yaml.Node:
    in_a_row = bool(value) and all(isinstance(entry, (int, float)) for entry in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=in_a_row)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def dump(recording: Recording) -> str:
    """Return the text of a file for a recording."""
    document = {
        **asdict(recording.provenance),
        "interactions": [
            {
                "request": {
                    "method": entry.method,
                    "uri": entry.uri,
                    "headers": dict(entry.request.headers),
                    **body_document(entry.request.body),
                },
                "response": {
                    "status": entry.status,
                    "headers": dict(entry.answer.headers),
                    **body_document(entry.answer.body),
                },
            }
            for entry in recording.interactions
        ],
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def parse(text: str) -> Recording:
    """Return the recording that a file's text contains."""
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = []
    for entry in document["interactions"]:
        sent, received = entry["request"], entry["response"]
        request = Message(sent["headers"], body_bytes(sent))
        answer = Message(received["headers"], body_bytes(received))
        found.append(Interaction(sent["method"], sent["uri"], request, received["status"], answer))
    names = ("recorded_from", "engine", "note")
    return Recording(Provenance(*(document[name] for name in names)), tuple(found))


def read(path: Path) -> Recording:
    """Return the recording in a file."""
    about = path.stat()
    return _read(path, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=512)
def _read(path: Path, _changed: int, _size: int) -> Recording:
    """Parse a file once until it changes; many faces replay the same recording."""
    return parse(path.read_text("utf-8"))


class CassetteFiles:
    """Loads and saves cassettes for vcrpy, in this format.

    Args:
        provenance: Of what is saved.
        secrets: Texts that no file may hold; an account id among them becomes zeros.
        is_sorted: Whether short requests come first, for tests whose threads ask in any order;
            a conversation, which grows, stays in order.
    """

    def __init__(
        self,
        provenance: Provenance | None = None,
        secrets: Sequence[str] = (),
        *,
        is_sorted: bool = False,
    ) -> None:
        self._provenance = provenance
        self._secrets = secrets
        self._is_sorted = is_sorted

    def load_cassette(self, cassette_path: Any, serializer: Any) -> tuple[list[Request], list[Any]]:
        """Read a file and return it in vcrpy's types."""
        try:
            entries = read(Path(cassette_path)).interactions
        except FileNotFoundError as error:
            raise CassetteNotFoundError from error
        requests = [
            Request(e.method, e.uri, e.request.body, dict(e.request.headers)) for e in entries
        ]
        return requests, [_for_vcr(entry) for entry in entries]

    def save_cassette(
        self, cassette_path: Any, cassette_dict: Mapping[str, Any], serializer: Any
    ) -> None:
        """Write what vcrpy recorded."""
        assert self._provenance is not None, "only `make record` writes cassettes"
        pairs = zip(cassette_dict["requests"], cassette_dict["responses"], strict=True)
        entries = tuple(self._entry(request, response) for request, response in pairs)
        if self._is_sorted:
            entries = tuple(sorted(entries, key=lambda e: (len(e.request.body), e.request.body)))
        text = dump(Recording(self._provenance, entries))
        assert parse(text).interactions == entries
        path = Path(cassette_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def _entry(self, request: Request, response: Mapping[str, Any]) -> Interaction:
        return Interaction(
            request.method,
            request.uri,
            Message(request.headers, self._without_secrets(request.body or b"")),
            response["status"]["code"],
            Message(
                kept(response["headers"], RESPONSE_HEADERS),
                self._without_secrets(response["body"].get("string") or b""),
            ),
        )

    def _without_secrets(self, body: bytes) -> bytes:
        for secret in self._secrets:
            stand_in = ACCOUNT if len(secret) == len(ACCOUNT) else ""
            body = body.replace(secret.encode(), stand_in.encode())
        return body


def _for_vcr(entry: Interaction) -> dict[str, Any]:
    return {
        "status": {"code": entry.status, "message": ""},
        "headers": {name: [value] for name, value in entry.answer.headers.items()},
        "body": {"string": entry.answer.body},
    }
