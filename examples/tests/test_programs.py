"""Each example program, run as its reader would run it, against the local server."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, Run

PROGRAMS = sorted(path for path in EXAMPLES.glob("*.py") if not path.name.startswith("demo"))
CHAT = "/ai/run/@cf/zai-org/glm-4.7-flash"


def tool_results(server: Any) -> list[str]:
    """The tool results in the last request."""
    messages = server.requests[-1].json["messages"]
    return [str(message["content"]) for message in messages if message["role"] == "tool"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_a_program_is_short(program: Path) -> None:
    """A complete example has less than 80 lines."""
    assert len(program.read_text("utf-8").splitlines()) < 80


def test_a_program_needs_no_account(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an account an example starts the local server and prints that no model answers."""
    for name in ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "WORKERSAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    ended = run("langgraph_agent.py")
    assert "28.50 euros" in ended.stdout
    assert "no model" in ended.stderr


def test_an_agent_calls_a_tool_and_streams(run: Run, workersai_server: Any) -> None:
    """The tool that the model calls runs, and its result goes back to the model."""
    workersai_server.calls("machine_price", {"machine": "kiln", "hours": 4})
    workersai_server.answers("It costs 38 euros.")
    shown = run("langgraph_agent.py", "What do four hours of kiln cost?").stdout
    assert '[call] machine_price {"machine":"kiln","hours":4}' in shown
    assert "[machine_price returned] 38.00 euros" in shown
    assert "It costs 38 euros." in shown
    assert tool_results(workersai_server) == ["38.00 euros"]
    assert all(request.json["stream"] for request in workersai_server.requests)


def test_a_supervisor_resumes_after_approval(run: Run, workersai_server: Any) -> None:
    """A second process resumes the run and repeats no request."""
    stopped = run("langgraph_supervisor.py").stdout
    assert "Stopped: Book the Kiln on Friday?" in stopped
    assert "is booked" not in stopped
    assert len(workersai_server.requests) == 4  # supervisor, cashier twice, steward
    workersai_server.requests.clear()
    assert "Kiln is booked for Friday." in run("langgraph_supervisor.py", "--approve").stdout
    assert len(workersai_server.requests) == 2  # steward and supervisor, after the tool
    cashier, steward = tool_results(workersai_server)
    assert "9.5 euros" in cashier
    assert "booked for Friday" in steward


def test_a_rag_on_qdrant_cites_its_files(run: Run, workersai_server: Any) -> None:
    """The program prints a citation's file, and reports a citation without a source."""
    workersai_server.answers("It reaches 1,260 degrees [1]. Mugs are free [7].")
    shown = run("langchain_rag_qdrant.py", "Which temperature does the kiln reach?").stdout
    assert "[1] kiln.txt" in shown
    assert "[7] made up" in shown
    assert "1,260 degrees" in workersai_server.requests[-1].json["messages"][-1]["content"]
    assert any("bge-reranker" in request.path for request in workersai_server.requests)


def test_a_rag_on_chroma_streams_with_sources(run: Run, workersai_server: Any) -> None:
    """The model gets the file with the answer, which the reranker puts first."""
    workersai_server.answers("Twenty-eight euros a month.")
    shown = run("llamaindex_rag_chroma.py", "What does membership cost a month?").stdout
    answer, source, *_ = shown.splitlines()
    assert answer == "Twenty-eight euros a month."
    assert "membership.txt" in source
    last = workersai_server.requests[-1].json
    assert last["stream"]
    assert "28 euros" in last["messages"][-1]["content"]
    assert any("bge-reranker" in request.path for request in workersai_server.requests)


def test_agents_hand_over(run: Run, workersai_server: Any) -> None:
    """After the handoff the second agent answers with its own tool and task."""
    workersai_server.calls("handoff", {"to_agent": "steward", "reason": "a booking"})
    workersai_server.calls("book_machine", {"machine": "kiln", "day": "Monday"})
    workersai_server.answers("The kiln is yours on Monday.")
    shown = run("llamaindex_handoff.py", "Book me the kiln for Monday.").stdout
    assert "kiln is booked for Monday." in shown
    assert "[steward has ended its turn]" in shown
    tools = [
        {tool["function"]["name"] for tool in request.json["tools"]}
        for request in workersai_server.requests
    ]
    assert tools == [{"opening_hours", "handoff"}, {"book_machine"}, {"book_machine"}]


@pytest.mark.parametrize("program", ["mcp_langchain.py", "mcp_llamaindex.py"])
def test_tools_come_from_an_mcp_server(run: Run, workersai_server: Any, program: str) -> None:
    """The model gets the MCP server's tools, and calls run on that server."""
    shown = run(program, "What is the price of the kiln for 3 hours?").stdout
    assert "The server has: machine_price, opening_hours" in shown
    offered = workersai_server.requests[0].json["tools"]
    assert [tool["function"]["name"] for tool in offered] == ["machine_price", "opening_hours"]
    (result,) = tool_results(workersai_server)
    assert "28.50 euros" in result


@pytest.mark.usefixtures("workersai_server")
def test_a_folder_is_extracted(run: Run, tmp_path: Path) -> None:
    """The program writes a row for each file and shows its progress."""
    ended = run("extract.py", "--out", "rows.csv")
    rows = {row["file"]: row for row in csv.DictReader((tmp_path / "rows.csv").open())}
    assert sorted(rows) == sorted(path.name for path in (EXAMPLES / "texts").glob("*.txt"))
    assert rows["membership.txt"]["numbers"].startswith("[28.0, 15.0")
    assert "5/5" in ended.stderr


def test_a_file_that_fails_is_named(run: Run, workersai_server: Any, tmp_path: Path) -> None:
    """The program reports a refused file with its reason and writes rows for the others."""
    workersai_server.fails(5006)
    ended = run("extract.py", "--out", "rows.csv", status=1)
    assert len(list(csv.DictReader((tmp_path / "rows.csv").open()))) == 4
    assert "failed: InvalidRequestError" in ended.stderr
