"""One scenario, one recording, all faces.

Method, address and body of each request are matched, so a face that sends anything else than the
one that recorded does not replay. What comes out is compared with the recording itself, read
without the package. `make record` makes all recordings anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.cassettes.chats import Caller
from tests.cassettes.faces import FACES
from tests.cassettes.format import (
    ACCOUNT,
    CASSETTES,
    LIVE_CASSETTES,
    CassetteFiles,
    Recording,
    read,
)
from tests.cassettes.reading import expected_error, expected_outcome
from tests.cassettes.recording import (
    LOCAL,
    likely_cost,
    main,
    recorder,
    standard_cost,
)
from tests.cassettes.scenarios import CASES, HELLO, Case, conversation
from tests.conftest import is_unrecorded
from workersai import APIStatusError
from workersai.client.retries import exchange
from workersai.local import LocalServer

COMMAND = "make record"


def path_of(case: Case, folder: Path = CASSETTES) -> Path:
    return folder / f"{case.path}.yaml"


def recording_of(case: Case, folder: Path = CASSETTES) -> Recording:
    path = path_of(case, folder)
    if not path.exists():
        pytest.fail(f"there is no {path.name}: `{COMMAND}` makes it")
    return read(path)


@contextmanager
def replayed(case: Case, folder: Path = CASSETTES) -> Iterator[Cassette]:
    """Replay a recording; the block must send every recorded request."""
    recording_of(case, folder)
    with recorder(folder=folder).use_cassette(case.path) as cassette:
        yield cassette
    played = f"{cassette.play_count} of {len(cassette)}"
    assert cassette.all_played, f"{case.path}: {played} recorded requests were made: `{COMMAND}`?"


# -------------------------------------------------------------------------------- the proof


def pairs() -> list[Any]:
    return [
        pytest.param(case, face, folder, id=f"{folder.name}/{case.path}-{face}")
        for folder in (CASSETTES, LIVE_CASSETTES)
        for case in CASES
        for face in FACES[case.kind]
        if folder == CASSETTES or path_of(case, folder).exists()
    ]


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without delay: set the random share of the delay to zero."""
    defaults = exchange.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "jitter", lambda: 0.0)


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize(("case", "face", "folder"), pairs())
async def test_every_face_sends_the_recorded_requests_and_reads_the_same(
    case: Case, face: str, folder: Path
) -> None:
    """Each face sends the recorded requests and returns the recorded outcome."""
    await check_face(case, face, folder)


async def check_face(case: Case, face: str, folder: Path) -> None:
    ask, caller = FACES[case.kind][face], Caller(case)

    with replayed(case, folder):
        if case.error is not None:
            with pytest.raises(case.error) as caught:
                await ask(caller)
        else:
            found = await ask(caller)

    if case.error is not None:
        error = caught.value
        assert isinstance(error, APIStatusError)
        assert (error.status_code, error.code) == expected_error(read(path_of(case, folder)))
    else:
        assert found == expected_outcome(case, read(path_of(case, folder)))
        assert case.check(found)


@pytest.mark.parametrize("face", FACES["chat"])
async def test_a_recording_in_another_folder_is_replayed_as_well(tmp_path: Path, face: str) -> None:
    """All faces also replay the live recordings, which have a folder of their own."""
    path_of(simple_case(), tmp_path).parent.mkdir()
    shutil.copy(path_of(simple_case()), path_of(simple_case(), tmp_path))
    await check_face(simple_case(), face, tmp_path)


def test_every_kind_of_call_has_all_its_faces() -> None:
    """Each kind of call runs through clients and frameworks, sync and async.

    No framework has a catalogue search.
    """
    everywhere = {
        f"{face}_{call_style}"
        for face in ("client", "langchain", "llamaindex")
        for call_style in ("sync", "async")
    }

    assert {kind: set(faces) for kind, faces in FACES.items() if kind != "models"} == {
        kind: everywhere for kind in FACES if kind != "models"
    }
    assert {case.kind for case in CASES} == set(FACES)


# ------------------------------------------------------------------------ replaying, closely


def simple_case() -> Case:
    return next(case for case in CASES if case.path == "chat/text_granite")


async def test_a_request_with_another_body_is_not_replayed() -> None:
    """The recorder raises for a request with another body, and shows the difference."""
    (turn,) = HELLO
    other = conversation(simple_case().scenario.model, options={"seed": 8})
    caller = Caller(simple_case())
    caller.scenario = other

    with (
        recorder().use_cassette(simple_case().path),
        pytest.raises(CannotOverwriteExistingCassetteException, match='"seed": 8') as caught,
    ):
        await FACES["chat"]["client_sync"](caller)
    assert turn.text in str(caught.value)
    assert is_unrecorded(RuntimeError()) is False
    assert is_unrecorded(caught.value)


def test_a_recorded_request_that_is_not_sent_fails_the_test() -> None:
    """`replayed` fails a test that leaves recorded requests unsent, and names the command."""
    with pytest.raises(AssertionError, match=f"0 of 1 .*{COMMAND}"), replayed(simple_case()):
        pass


@pytest.mark.usefixtures("loopback")
async def test_each_request_of_the_packages_own_engines_is_one_interaction(tmp_path: Path) -> None:
    """VCR records each request of the sync and the async client once."""
    tape = recorder(LOCAL, folder=tmp_path)
    tape.ignore_localhost = False

    with LocalServer(account_id=ACCOUNT, strict=True) as server:
        connection = {"base_url": server.base_url, "api_token": server.api_token}
        for face in ("client_sync", "client_async"):
            with tape.use_cassette(face):
                await FACES["chat"][face](Caller(simple_case(), **connection))
        count = len(server.requests)

    recorded = [read(tmp_path / f"{face}.yaml") for face in ("client_sync", "client_async")]
    assert [len(recording.interactions) for recording in recorded] == [1, 1]
    assert count == 2


def test_a_missing_recording_names_the_command() -> None:
    """`replayed` raises for a missing file, and names the command that records it."""
    missing = Case("chat/never_recorded", "chat", simple_case().scenario)

    with pytest.raises(pytest.fail.Exception, match=COMMAND), replayed(missing):
        pass


def test_replaying_never_records(tmp_path: Path) -> None:
    """`CassetteFiles` without a provenance raises when vcrpy asks it to save a recording."""
    with pytest.raises(AssertionError, match=COMMAND):
        CassetteFiles().save_cassette(tmp_path / "x.yaml", {"requests": [], "responses": []}, None)


def test_recording_live_needs_credentials() -> None:
    """Without credentials, live recording sends no request and names what is missing."""
    with pytest.raises(SystemExit, match="CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN"):
        main(["--live"])


def test_the_cost_of_recording_live_is_estimated() -> None:
    """The estimated cost is small and leaves out cases that Cloudflare refuses."""
    errors = [case for case in CASES if case.error is not None]

    assert 0 < likely_cost([case for case in CASES if case.live]) < 1
    assert likely_cost(errors) == 0
    assert 0 < standard_cost() < 1
