"""A run of a probe: what it sends, what it keeps, and that it always ends with a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scripts import (
    CUTS,
    NOT_HTTP,
    WHOLE,
    endless,
    hang,
    refuse,
    short_length,
    stall,
    well,
)
from tests.workersai.conftest import Serve
from tests.workersai.loopback import Peer, Script, Seen
from tests.workersai.probe.conftest import Run, connection_to
from workersai import ConfigurationError, Timeout
from workersai.local import LocalServer
from workersai.probe.plan import SEED_MODELS, plan_probe, worst_cost
from workersai.probe.report import Report
from workersai.probe.running import Probe

GRANITE = SEED_MODELS[0]
BGE = "@cf/baai/bge-m3"
RERANKER = "@cf/baai/bge-reranker-base"
ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "a-token-that-must-not-show"


def probe_of(server: Any, report: Report, **settings: Any) -> Probe:
    connection = {
        "base_url": server.base_url,
        "account_id": ACCOUNT,
        "api_token": TOKEN,
        "max_retries": 0,
        "timeout": Timeout(total=0.3),
    }
    return Probe(report, **{"max_cost": 1.0, "connection": connection, **settings})


def no_http(data: bytes) -> Script:
    def script(peer: Peer, seen: Seen) -> None:
        peer.send(data)
        peer.hang_up()

    return script


FAULTS: dict[str, Script] = {
    "401": refuse("401 Unauthorized", 10000),
    "403": refuse("403 Forbidden", 5018),
    "404": refuse("404 Not Found", 7000),
    "408": refuse("408 Request Timeout", 3046),
    "413": refuse("413 Too Large", 3006),
    "429": refuse("429 Too Many Requests", 3021),
    "429 used up": refuse("429 Too Many Requests", 4006),
    "500": refuse("500 Internal Server Error", 8005),
    "524": lambda peer, _: peer.answer(b"<html>a timeout</html>", "524 A Timeout", "text/html"),
    "redirect": lambda peer, _: peer.answer(b"", "302 Found", "text/html", "location: /elsewhere"),
    "no JSON": lambda peer, _: peer.answer(b"{"),
    "not UTF-8": lambda peer, _: peer.answer(b'{"result": "\xff\xfe"}'),
    "nothing": lambda peer, _: peer.answer(b""),
    "null": lambda peer, _: peer.answer(b"null"),
    "a list": lambda peer, _: peer.answer(b"[1, 2]"),
    "false success": lambda peer, _: peer.answer(b'{"success": false, "errors": [{"code": 1}]}'),
    "hang": hang,
    "stall": stall,
    "endless": endless(),
    "short length": short_length,
    "hang up": lambda peer, _: peer.hang_up(reset=True),
    **{f"cut {name}": script for name, script in CUTS.items()},
    **{f"no HTTP, {name}": no_http(data) for name, data in NOT_HTTP.items()},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_ends_with_a_report_whatever_the_server_does(serve: Serve, fault: str) -> None:
    """The probe reports a fault as a verdict or as an undecided question, and never crashes."""
    report = Report()
    probe = probe_of(serve(FAULTS[fault]), report)
    planned = plan_probe([GRANITE])[:2]
    answers = [answer for _, answer in probe.run(planned)]
    assert all(answer is not None for answer in answers)
    verdicts = {one.question: one.verdict for one in report.findings()}
    assert verdicts["native-answer"] in ("no", "differs", "could not tell")
    assert "native-stream" in verdicts
    probe.close()


@pytest.mark.parametrize("fault", ["401", "408", "429", "500", "hang", "hang up", "524"])
def test_what_is_about_the_moment_settles_nothing(serve: Serve, fault: str) -> None:
    """Limits, outages and refused tokens decide no field of a profile."""
    report = Report()
    probe = probe_of(serve(FAULTS[fault]), report)
    for _ in probe.run(plan_probe([GRANITE])[:2]):
        pass
    assert not any(one.sets for one in report.findings())
    of_chats = [one for one in report.findings() if one.question.startswith("native")]
    assert {one.verdict for one in of_chats} == {"could not tell"}
    probe.close()


def test_an_answer_that_its_cap_cut_off_settles_nothing(serve: Serve) -> None:
    """A model that thinks for too long may have been about to call the tool."""
    message = {"role": "assistant", "content": "hm"}
    result = {"choices": [{"message": message, "finish_reason": "length"}]}
    body = json.dumps({"result": result, "success": True}).encode()
    report = Report()
    probe = probe_of(serve(lambda peer, _: peer.answer(body)), report)
    for _ in probe.run([one for one in plan_probe([GRANITE]) if one.ask.id == "tool"]):
        pass
    (found,) = [one for one in report.findings() if one.question == "tools"]
    assert (found.verdict, found.detail) == ("could not tell", "tool: the token cap cut it off")
    probe.close()


def test_a_report_holds_no_secret(serve: Serve, tmp_path: Path) -> None:
    """Token, account and ray are taken out of bodies and headers, wherever a server puts them."""

    def tell(peer: Peer, seen: Seen) -> None:
        said = {"error": f"{seen.header('authorization')} of {ACCOUNT}, ray 0123456789abcdef"}
        peer.answer(
            json.dumps(said).encode(),
            "400 Bad Request",
            "application/json",
            "cf-ray: 0123456789abcdef-FRA",
            f"cf-ai-note: {TOKEN}",
            f"x-account: {ACCOUNT}",
            "set-cookie: session=1",
        )

    path = tmp_path / "probe.json"
    report = Report(path)
    probe = probe_of(serve(tell), report)
    for _ in probe.run(plan_probe([GRANITE])[:1]):
        pass
    probe.close()
    text = path.read_text()
    assert TOKEN not in text
    assert ACCOUNT not in text
    assert "0123456789abcdef" not in text
    assert "set-cookie" not in text
    answer = json.loads(text)["answers"][GRANITE]["hello"]
    assert answer["headers"] == {"content-type": "application/json", "cf-ai-note": "***"}
    assert answer["sent"]["path"] == f"/run/{GRANITE}"
    assert answer["sent"]["body"]["messages"][0]["role"] == "user"


def test_a_stopped_run_goes_on_where_it_was(
    serving: Callable[[str], LocalServer], tmp_path: Path
) -> None:
    """A second run of the probe asks only the questions that the report does not answer."""
    server = serving("documented")
    connection: Any = connection_to(server)
    path = tmp_path / "probe.json"
    before = len(server.requests)
    planned = plan_probe([GRANITE])
    first = Probe(Report.load(path), max_cost=1, wait=lambda _: None, connection=connection)
    for count, _ in enumerate(first.run(planned), 1):
        if count == 5:
            break
    second = Probe(Report.load(path), max_cost=1, wait=lambda _: None, connection=connection)
    answers = [answer for _, answer in second.run(planned)]
    assert answers[:5] == [None] * 5
    sent = [
        (request.path, json.dumps(request.json))
        for request in server.requests[before:]
        if "request_id" not in request.json  # the batch is asked about until it is done
    ]
    assert len(sent) == len(set(sent)) == len(planned) - 1
    for probe in (first, second):
        probe.close()


def test_a_report_reads_back_as_it_was_written(run: Run, tmp_path: Path) -> None:
    """The verdicts of a loaded report are those of the run."""
    path = tmp_path / "probe.json"
    report = run(models=(GRANITE,), report=Report(path))
    again = Report.load(path)
    assert again.findings() == report.findings()
    assert (again.server, again.date) == ("workersai-local", report.date)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"answers": {"m": {"no-ask": {}}}, "server": 1}']
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    """Another file is not overwritten."""
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="not a report"):
        Report.load(path)


def test_a_run_stops_before_it_costs_too_much(serve: Serve) -> None:
    """A request whose worst cost does not fit is not sent."""
    server = serve(lambda peer, _: peer.answer(WHOLE))
    report = Report()
    planned = plan_probe([GRANITE])
    costs = [one.cost or 0.0 for one in planned]
    probe = probe_of(server, report, max_cost=sum(costs[:3]))
    for _ in probe.run(planned):
        pass
    assert 0 < probe.spent <= sum(costs[:3])
    assert 0 < len(server.requests) < len(planned)
    probe.close()


def test_what_could_not_be_told_can_be_asked_again(serve: Serve, tmp_path: Path) -> None:
    """Only the answers that settle nothing are forgotten."""
    path = tmp_path / "probe.json"
    busy = {"hello": True}

    def script(peer: Peer, seen: Seen) -> None:
        is_first = busy.pop("hello", False)
        (refuse("429 Too Many Requests", 3040) if is_first else well)(peer, seen)

    server, planned = serve(script), plan_probe([GRANITE])[:2]
    report = Report(path)
    probe = probe_of(server, report)
    assert [answer is not None for _, answer in probe.run(planned)] == [True, True]
    report.forget_unsettled()
    assert [answer is not None for _, answer in probe.run(planned)] == [True, False]
    verdicts = {one.question: one.verdict for one in report.findings()}
    assert verdicts["native-answer"] == "yes"
    probe.close()


def test_a_batch_is_waited_for(serve: Serve) -> None:
    """The batch is asked about until it is done; one that never is settles nothing."""
    waited: list[float] = []
    states = ["queued", "running", None]

    def script(peer: Peer, seen: Seen) -> None:
        if "request_id" in seen.json:
            state = states.pop(0) if states else "queued"
            done = {"responses": [{"id": 0, "success": True, "result": {"response": "ok"}}]}
            found = done if state is None else {"status": state, "request_id": "b1"}
        else:
            found = {"status": "queued", "request_id": "b1", "model": GRANITE}
        peer.answer(json.dumps({"result": found, "success": True}).encode())

    planned = [one for one in plan_probe([GRANITE]) if one.ask.id.startswith("batch")]
    for verdict in ("yes", "could not tell"):
        report = Report()
        probe = probe_of(serve(script), report, wait=waited.append)
        for _ in probe.run(planned):
            pass
        found = {one.question: one.verdict for one in report.findings()}
        assert found["batch"] == "yes"
        assert found["batch-result"] == verdict
        probe.close()
    assert len(waited) == 2 + 20


def test_vectors_and_scores_are_probed_as_well(run: Run) -> None:
    """Embedding models and rerankers have questions of their own."""
    found = {one.question: one.verdict for one in run(models=(BGE, RERANKER)).findings()}
    assert found["scores-in-the-unit-interval"] == "yes"
    assert found["vectors-usage-on-v1"] == "yes"
    assert found["vectors-in-base64"] == "yes"
    assert found["vectors-of-another-length"] == "no"
    assert "native-answer" not in found


def test_a_whole_run_is_cheap() -> None:
    """The three models together cost less than five cents at the most, by their pages' prices."""
    planned = plan_probe(SEED_MODELS)
    assert all(one.cost is not None for one in planned)
    assert worst_cost(planned) < 0.05


def test_a_plan_needs_a_model() -> None:
    """An empty list of models is an error, not an empty run."""
    with pytest.raises(ConfigurationError, match="pass at least one"):
        plan_probe([])
