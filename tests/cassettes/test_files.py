"""The files under `cassettes/` are complete, readable and free of secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from vcr.request import Request

from tests.cassettes import probing
from tests.cassettes.format import (
    ACCOUNT,
    CASSETTES,
    LIVE_CASSETTES,
    CassetteFiles,
    Interaction,
    Message,
    Provenance,
    Recording,
    body_bytes,
    body_document,
    dump,
    exact_body,
    parse,
    read,
    scrub_request,
    scrub_varying,
)
from tests.cassettes.recording import (
    record_locally,
)
from tests.cassettes.scenarios import CASES, Case

STANDARD = CASSETTES / "langchain_standard"
FILES = sorted(path for path in CASSETTES.rglob("*") if path.is_file())
COMMAND = "make record"


def path_of(case: Case) -> Path:
    return CASSETTES / f"{case.path}.yaml"


def test_every_case_has_a_recording_and_every_recording_a_case() -> None:
    """Every case has a recording and every recording has a case."""
    apart = (STANDARD, probing.FOLDER, LIVE_CASSETTES)
    found = {path for path in FILES if not any(map(path.is_relative_to, apart))}

    missing = sorted(case.path for case in CASES if path_of(case) not in found)
    left_over = sorted(str(path) for path in found - {path_of(case) for case in CASES})

    assert missing == [], f"`{COMMAND}` makes them"
    assert left_over == [], "no scenario replays them: delete them"
    assert len({case.path for case in CASES}) == len(CASES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_where_it_comes_from_and_is_written_in_our_form(path: Path) -> None:
    """A file names its source and engine; saving it again changes no byte."""
    recording = read(path)
    source = recording.provenance

    assert path.suffix == ".yaml"
    assert path.read_text("utf-8") == dump(recording)
    assert source.recorded_from in {"workersai-local", "api.cloudflare.com"}
    assert source.engine
    assert ("nothing here was captured" in source.note) == (
        source.recorded_from == "workersai-local"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_can_be_read_in_a_diff(path: Path) -> None:
    """Files hold JSON as YAML and streams as literal blocks, not encoded or compressed."""
    text = path.read_text("utf-8")
    entries = read(path).interactions

    assert "!!binary" not in text
    assert text.count("    json:\n") + text.count("    text: |") == sum(
        bool(message.body) for entry in entries for message in (entry.request, entry.answer)
    )


SECRETS = {
    "a bearer token": re.compile(r"bearer\s+\S", re.IGNORECASE),
    "a credential header": re.compile(
        r"^\s*(authorization|x-auth-\S+|cookie|set-cookie)\s*:", re.IGNORECASE | re.MULTILINE
    ),
    "an account id": re.compile(r"(?<![0-9a-f])(?!0{32})[0-9a-f]{32}(?![0-9a-f])"),
    "an account in an address": re.compile(rf"/accounts/(?!{ACCOUNT}/)"),
    "an API token": re.compile(r"(?<![\w@/-])(?=\S*\d)(?=\S*[A-Z])[\w-]{40}(?![\w-])"),
    "a ray id": re.compile(r"cf-ray|\b[0-9a-f]{16}-[A-Z]{3}\b", re.IGNORECASE),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"),
    "a cookie": re.compile(r"__cf|cf_clearance|cf_bm", re.IGNORECASE),
    "an address of this machine": re.compile(r"localhost|127\.0\.0\.1|/(?:home|root)/"),
}
# Ids of answers and calls look like account ids; their prefix tells them apart.
ANSWER_ID = re.compile(r"chatcmpl-(tool-)?[0-9a-f]{32}")


def leaks(text: str) -> list[str]:
    """Return the secrets and personal data in a file."""
    text = ANSWER_ID.sub("", text)
    return [what for what, pattern in SECRETS.items() if pattern.search(text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_no_secret(path: Path) -> None:
    """No file holds a token, an account id, a cookie, a ray id or an email address."""
    assert leaks(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("    Authorization: [x]", "a credential header"),
        ("Bearer abc", "a bearer token"),
        ("uri: https://api.cloudflare.com/client/v4/accounts/abc/ai", "an account in an address"),
        ("id: 0123456789abcdef0123456789abcdef", "an account id"),
        ("key: v1x0AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "an API token"),
        ("x: 8f1d2c3b4a596877-LIS", "a ray id"),
        ("CF-RAY: x", "a ray id"),
        ("mail keeper@example.org now", "an e-mail address"),
        ("set __cf_bm=1", "a cookie"),
    ],
)
def test_the_scanner_finds_each_kind_of_secret(text: str, what: str) -> None:
    """The scanner finds a planted secret of each kind."""
    assert what in leaks(text)


@pytest.mark.usefixtures("loopback")
def test_recording_again_brings_back_the_same_files(tmp_path: Path) -> None:
    """Recording again from the local server gives the same bytes."""
    local = [
        case for case in CASES if read(path_of(case)).provenance.recorded_from == "workersai-local"
    ]

    record_locally(local, tmp_path)

    changed = [
        case.path
        for case in local
        if (tmp_path / f"{case.path}.yaml").read_bytes() != path_of(case).read_bytes()
    ]
    assert changed == [], f"the local server answers anew: `{COMMAND}`"


# ---------------------------------------------------------------------- the format

SOURCE = Provenance("workersai-local", "echo", "nothing here was captured")
NASTY = [
    "a\u2028b",
    " x ",
    "yes",
    "2024-01-01",
    "~",
    "a\r\nb",
    "\x07",
    "😀\u200d",
    "- a: 1\n  b",
    "é\n",
]


@pytest.mark.parametrize("text", [*NASTY, *(json.dumps(text) for text in NASTY)])
def test_text_survives_the_file(text: str) -> None:
    """A body is the same bytes after writing and reading the file."""
    for body in (text.encode(), json.dumps({"a": [text, 1.0, 1, True, None]}).encode()):
        message = Message({}, body)
        recording = Recording(SOURCE, (Interaction("POST", "https://x", message, 200, message),))

        assert parse(dump(recording)) == recording


@pytest.mark.parametrize(
    "body", [b'{"a":1.50}', b'{"a": 1}', b'{"a":1,"a":2}', b'{"a":"\\u00e9"}', b"[1e2]"]
)
def test_json_that_would_change_stays_text(body: bytes) -> None:
    """A body is written as YAML only if reading it returns the same bytes."""
    document = body_document(body)

    assert set(document) == {"text"}
    assert body_bytes(document) == body


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (b'{"b": 2, "a": 1}', True),
        (b'{"a":1.0,"b":2}', False),
        (b'{"a":true,"b":2}', False),
        (b'{"a":1}', False),
        (b"", False),
    ],
)
def test_bodies_are_compared_as_json(other: bytes, same: bool) -> None:
    """Comparison ignores space and key order in bodies; it sees all else, types included."""
    ours = Request("POST", "https://x", b'{"a":1,"b":2}', {})
    theirs = Request("POST", "https://x", other, {})

    if same:
        exact_body(ours, theirs)
    else:
        with pytest.raises(AssertionError):
            exact_body(ours, theirs)


def test_a_request_is_scrubbed_by_what_it_may_hold() -> None:
    """Scrubbing writes the account as zeros and drops headers outside the list."""
    uri = "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef0123456789abcdef/ai/run/@cf/a"
    headers = {"Authorization": "Bearer x", "X-New": "y", "Content-Type": "application/json"}

    kept = scrub_request(Request("POST", uri, b"{}", headers))

    assert kept.uri == f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run/@cf/a"
    assert dict(kept.headers) == {"content-type": "application/json"}


def test_random_ids_of_a_request_become_their_place() -> None:
    """An id that changes with each run is replaced by the number of its first occurrence."""
    one, two = "8f0e7a52-6b1c-4f5e-9d3a-2b7c1d0e9f8a", "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
    request = Request("POST", "https://x/accounts/1/", f'["{one}","{two}","{one}"]'.encode(), {})

    first, second, third = json.loads(scrub_varying(request).body)

    assert first == third != second
    assert (first[-1], second[-1]) == ("0", "1")


def test_a_docstring_is_the_same_in_every_python() -> None:
    """Scrubbing removes indentation from descriptions and leaves other texts unchanged."""
    body = b'{"tools":[{"description":"One.\\n\\n    Two."}],"content":"a\\n    b"}'

    scrubbed = json.loads(scrub_varying(Request("POST", "https://x", body, {})).body)

    assert scrubbed == {"tools": [{"description": "One.\n\nTwo."}], "content": "a\n    b"}


def test_an_answer_keeps_no_header_and_no_secret_of_the_account(tmp_path: Path) -> None:
    """Saving keeps the listed headers of an answer and removes the account from its body."""
    account, token = "0123456789abcdef0123456789abcdef", "a-token"
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"CF-Ray": ["x"], "Set-Cookie": ["y"], "Retry-After": ["3"]},
        "body": {"string": f'{{"account":"{account}","token":"{token}"}}'.encode()},
    }
    request = scrub_request(Request("GET", f"https://x/accounts/{account}/ai", None, {}))

    files = CassetteFiles(SOURCE, (account, token))
    files.save_cassette(tmp_path / "x.yaml", {"requests": [request], "responses": [response]}, None)

    (entry,) = read(tmp_path / "x.yaml").interactions
    assert entry.answer.headers == {"retry-after": "3"}
    assert json.loads(entry.answer.body) == {"account": ACCOUNT, "token": ""}
