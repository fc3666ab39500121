"""Record the cassettes of the scenario table: `python -m tests.cassettes.recording [--live]`.

Without options the local Workers AI answers, under Cloudflare's host name: requests are addressed
to `api.cloudflare.com` and an HTTP transport carries them to this machine. With `--live` they go
to Cloudflare, with the account and token of the environment, after the likely cost was printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from vcr import VCR

from tests.cassettes import probing
from tests.cassettes.chats import Caller
from tests.cassettes.faces import FACES, RECORDER
from tests.cassettes.format import (
    ACCOUNT,
    CASSETTES,
    LIVE_CASSETTES,
    MATCH_ON,
    CassetteFiles,
    Interaction,
    Provenance,
    exact_body,
    read,
    scrub_request,
)
from tests.cassettes.scenarios import CASES, Case, Refusal
from workersai import WorkersAIError, get_profile
from workersai.local import LocalServer
from workersai.local.api.errors import ApiFailure
from workersai.local.engines.base import ChatJob
from workersai.local.engines.echo import EchoEngine

LOCAL = Provenance(
    "workersai-local",
    "echo",
    "The rule-based engine of this project's stand-in answered; nothing here was captured from "
    "Cloudflare.",
)
LIVE = Provenance("api.cloudflare.com", "Workers AI", "Captured from Cloudflare.")
_UPPER_BOUND_TOKENS = 2000
_LETTERS_PER_TOKEN = 3


class RefusingEngine(EchoEngine):
    """The rule-based engine, which first refuses a set number of requests."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def prompt_tokens(self, job: ChatJob) -> int:
        if self.refusals:
            raise ApiFailure(*self.refusals.pop(0))
        return super().prompt_tokens(job)


def recorder(
    provenance: Provenance | None = None,
    secrets: Sequence[str] = (),
    folder: Path = CASSETTES,
) -> VCR:
    """Return a VCR for this format; without a provenance it only replays."""
    made = VCR(
        cassette_library_dir=str(folder),
        path_transformer=VCR.ensure_suffix(".yaml"),
        record_mode="none" if provenance is None else "all",
        match_on=MATCH_ON,
        before_record_request=scrub_request,
        decode_compressed_response=True,
        ignore_localhost=True,
    )
    made.register_matcher("exact_body", exact_body)
    made.register_persister(CassetteFiles(provenance, secrets))
    return made


def prepare(tape: VCR, *, recording: bool) -> None:
    """Teach this format to a VCR that pytest-recording made."""
    live = os.environ.get("WORKERSAI_RECORD") == "live"
    secrets = astuple(credentials()) if recording and live else ()
    provenance = (LIVE if live else LOCAL) if recording else None
    tape.register_matcher("exact_body", exact_body)
    tape.register_persister(CassetteFiles(provenance, secrets, is_sorted=True))


# ------------------------------------------------------------------------------------- local


def _carried(server: LocalServer, request: httpx.Request) -> httpx.Request:
    url = request.url.copy_with(scheme="http", host="127.0.0.1", port=server.port)
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    return httpx.Request(request.method, url, headers=headers, content=request.content)


def _answered(response: httpx.Response) -> httpx.Response:
    return httpx.Response(response.status_code, headers=response.headers, content=response.content)


def route(server: LocalServer, inner: httpx.Client) -> httpx.Client:
    """Return a client that sends requests for any host to a server on this machine."""

    def carry(request: httpx.Request) -> httpx.Response:
        return _answered(inner.send(_carried(server, request)))

    return httpx.Client(transport=httpx.MockTransport(carry))


def async_route(server: LocalServer) -> httpx.AsyncClient:
    """Return an async client like that of `route`, with a new connection for each request."""

    async def carry(request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as inner:
            return _answered(await inner.send(_carried(server, request)))

    return httpx.AsyncClient(transport=httpx.MockTransport(carry))


@contextlib.contextmanager
def local_settings() -> Iterator[dict[str, Any]]:
    """Connection settings, sync and async, that reach a local server under Cloudflare's name.

    It is not strict: LangChain's tests offer tools with optional arguments, which have no single
    type to send, and the published schema wants one on each.
    """
    with (
        LocalServer(account_id=ACCOUNT, repeatable=True) as server,
        httpx.Client(trust_env=False) as inner,
        route(server, inner) as client,
    ):
        yield {
            "account_id": ACCOUNT,
            "api_token": server.api_token,
            "http_client": client,
            "http_async_client": async_route(server),
        }


Ready = Callable[[Case], dict[str, Any]]


@contextlib.contextmanager
def locally() -> Iterator[Ready]:
    """Start a local server for a case and return the settings that reach it."""
    engine = RefusingEngine()
    with (
        LocalServer(engine, account_id=ACCOUNT, repeatable=True, strict=True) as server,
        httpx.Client(trust_env=False) as inner,
        route(server, inner) as client,
    ):

        def ready(case: Case) -> dict[str, Any]:
            engine.refusals = list(case.refusals)
            return {"api_token": server.api_token, "http_client": client}

        yield ready


def provenance_of(case: Case) -> Provenance:
    """Return the source of a local recording."""
    if not case.refusals:
        return LOCAL
    codes = ", ".join(f"{status}/{code}" for status, code, _ in case.refusals)
    note = f"{LOCAL.note} It was told to refuse first: {codes}, after Cloudflare's list of errors."
    return Provenance(LOCAL.recorded_from, LOCAL.engine, note)


# -------------------------------------------------------------------------------------- live


@dataclass(frozen=True)
class Credentials:
    """Account and token for recordings from Cloudflare."""

    account_id: str
    api_token: str = field(repr=False)


@functools.cache
def credentials() -> Credentials:
    """Read the credentials from the environment, or exit and name what is missing."""
    names = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.exit(f"make record-live needs {' and '.join(missing)} in the environment")
    return Credentials(*(os.environ[name] for name in names))


def likely_cost(cases: Sequence[Case]) -> float:
    """Return the highest cost of recording cases, in USD, if answers end at their caps."""
    return sum(_cost(case) for case in cases if case.error is None)


def _cost(case: Case) -> float:
    scenario, rounds = case.scenario, 1 + bool(case.results)
    said = [turn.text for turn in scenario.turns], scenario.tools, dict(case.arguments)
    answers = len(case.arguments["texts"]) if case.kind == "batch" else 1
    written = _UPPER_BOUND_TOKENS * rounds * answers * int(scenario.options.get("n", 1))
    return _price(scenario.model, len(str(said)) * rounds, written)


def standard_cost(folder: Path = CASSETTES / "langchain_standard") -> float:
    """Return the highest cost of LangChain's suite, in USD, from its recorded requests."""
    entries = [entry for path in folder.glob("*.yaml") for entry in read(path).interactions]
    return sum(_cost_again(entry) for entry in entries)


def _cost_again(entry: Interaction) -> float:
    body = json.loads(entry.request.body)
    model = body.get("model") or entry.uri.partition("/ai/run/")[2]
    return _price(model, len(entry.request.body), body.get("max_tokens", _UPPER_BOUND_TOKENS))


def _price(model: str, letters: float, written: float) -> float:
    profile = get_profile(model)
    if profile.task != "text-generation":
        written = 0
    read_price, written_price = profile.input_price or 0, profile.output_price or 0
    return (letters / _LETTERS_PER_TOKEN * read_price + written * written_price) / 1e6


# -------------------------------------------------------------------------------------- both


def record(case: Case, connection: Mapping[str, Any], tape: VCR) -> None:
    """Record one case through the recording face.

    Raises:
        RuntimeError: The answer is not what any sensible model answers.
    """
    caller = Caller(case, **connection)
    with tape.use_cassette(case.path):
        found = asyncio.run(_send(caller))
    wanted = isinstance(found, case.error) if case.error else case.check(found)
    if not wanted:
        raise RuntimeError(f"{case.path}: unexpected answer {found!r}")


async def _send(caller: Caller) -> Any:
    try:
        return await FACES[caller.case.kind][RECORDER](caller)
    except WorkersAIError as error:
        return error


def record_locally(cases: Sequence[Case], folder: Path = CASSETTES) -> None:
    """Record cases from the local Workers AI."""
    with locally() as ready:
        for case in cases:
            _file(case, folder).unlink(missing_ok=True)
            record(case, ready(case), recorder(provenance_of(case), folder=folder))


def record_probe_locally(folder: Path = CASSETTES) -> None:
    """Record a run of the probe from the local Workers AI."""
    probing.remove(folder)
    with (
        probing.stand_in() as server,
        httpx.Client(trust_env=False) as inner,
        route(server, inner) as client,
    ):
        connection = {"account_id": ACCOUNT, "api_token": server.api_token}
        probing.probed(recorder(LOCAL, folder=folder), client, connection)


def record_live(cases: Sequence[Case]) -> None:
    """Record cases from Cloudflare; skip those that need more than an account."""
    found = credentials()
    askable = [case for case in cases if case.live]
    print(  # noqa: T201
        f"{len(askable)} recordings and a probe, at the most "
        f"{likely_cost(askable) + probing.most_it_costs():.2f} USD; LangChain's own "
        f"tests, which come after them, at the most {standard_cost():.2f} USD"
    )
    tape = recorder(LIVE, astuple(found), LIVE_CASSETTES)
    connection = {**asdict(found), "interval": 5.0}
    for case in askable:
        _file(case, LIVE_CASSETTES).unlink(missing_ok=True)
        record(case, connection, tape)
    probing.remove(LIVE_CASSETTES)
    probing.probed(tape, None, asdict(found))


def _file(case: Case, folder: Path = CASSETTES) -> Path:
    return folder / f"{case.path}.yaml"


def main(arguments: Sequence[str] | None = None) -> None:
    """Record all cases, or those whose path contains the argument."""
    parser = argparse.ArgumentParser(prog="python -m tests.cassettes.recording")
    parser.add_argument("--live", action="store_true", help="record from Cloudflare")
    parser.add_argument("--only", default="", help="record the paths that hold this text")
    given = parser.parse_args(arguments)
    cases = [case for case in CASES if given.only in case.path]
    (record_live if given.live else record_locally)(cases)
    if not given.live and given.only in probing.PATH:
        record_probe_locally()
    print(f"{len(cases)} recordings in {CASSETTES}")  # noqa: T201


if __name__ == "__main__":
    main()
