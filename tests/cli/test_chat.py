"""`workersai chat`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"


def test_one_question(account: LocalServer) -> None:
    """`chat` answers a prompt from the command line once, then prints usage and cost."""
    done = RUN.invoke(app, ["chat", GRANITE, "Name a prime."])
    assert done.exit_code == 0, done.output
    assert "Name a prime." in done.output
    assert "1 answer," in done.output
    assert "$0.0000" in done.output


def test_a_conversation_keeps_its_turns(account: LocalServer) -> None:
    """`chat` sends each turn with the earlier ones, skips blank lines, and ends at /quit."""
    before = len(account.requests)
    done = RUN.invoke(app, ["chat", GRANITE, "--system", "Be brief."], input="One\n\nTwo\n/quit\nx")
    assert done.exit_code == 0, done.output
    sent = [request.json["messages"] for request in account.requests[before:]]
    assert [len(messages) for messages in sent] == [2, 4]
    assert sent[0][0] == {"role": "system", "content": "Be brief."}
    assert [message["role"] for message in sent[1]] == ["system", "user", "assistant", "user"]
    assert "2 answers" in done.output


def test_options_reach_the_wire(account: LocalServer) -> None:
    """`chat` sends temperature and token cap, and reports an answer that was cut."""
    done = RUN.invoke(app, ["chat", GRANITE, "x y z", "--temperature", "0", "--max-tokens", "1"])
    assert done.exit_code == 0, done.output
    sent = account.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"]) == (0, 1)


def test_reasoning_is_shown_unless_it_is_switched_off(account: LocalServer) -> None:
    """`chat` prints a model's reasoning, unless `--no-reasoning` is set."""
    shown = RUN.invoke(app, ["chat", GLM, "Name a river."]).output
    hidden = RUN.invoke(app, ["chat", GLM, "Name a river.", "--no-reasoning"]).output
    assert len(shown) > len(hidden)
    assert "Name a river." in hidden


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("CLOUDFLARE_API_TOKEN", "not-my-token", "10000"), ("CLOUDFLARE_API_TOKEN", "", "api_token")],
)
def test_an_error_is_one_sentence(
    account: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    expected: str,
) -> None:
    """An error is one line without traceback and token; the exit status is 1."""
    monkeypatch.setenv(variable, value)
    done = RUN.invoke(app, ["chat", GRANITE, "x"])
    assert done.exit_code == 1
    assert expected in done.output
    assert "Traceback" not in done.output
    assert "not-my-token" not in done.output
