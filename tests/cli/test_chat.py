"""`workersai chat`."""

from __future__ import annotations

import io
import sys

import pytest
from typer.testing import CliRunner

from workersai import ConfigurationError
from workersai.cli.__main__ import main
from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"


def test_one_question(account: LocalServer) -> None:
    """`chat` answers a prompt from the command line once, then prints usage and cost."""
    outcome = RUN.invoke(app, ["chat", GRANITE, "Name a prime."])
    assert outcome.exit_code == 0, outcome.output
    assert "Name a prime." in outcome.output
    assert "1 answer," in outcome.output
    assert "$0.0000" in outcome.output


def test_a_conversation_keeps_its_turns(account: LocalServer) -> None:
    """`chat` sends each turn with the earlier ones, skips blank lines, and ends at /quit."""
    before = len(account.requests)
    outcome = RUN.invoke(
        app, ["chat", GRANITE, "--system", "Be brief."], input="One\n\nTwo\n/quit\nx"
    )
    assert outcome.exit_code == 0, outcome.output
    histories = [request.json["messages"] for request in account.requests[before:]]
    assert [len(messages) for messages in histories] == [2, 4]
    assert histories[0][0] == {"role": "system", "content": "Be brief."}
    assert [message["role"] for message in histories[1]] == ["system", "user", "assistant", "user"]
    assert "2 answers" in outcome.output


def test_options_are_sent(account: LocalServer) -> None:
    """`chat` sends temperature and token cap, and says when the cap cut the answer."""
    outcome = RUN.invoke(app, ["chat", GRANITE, "x y z", "--temperature", "0", "--max-tokens", "1"])
    assert outcome.exit_code == 0, outcome.output
    body = account.requests[-1].json
    assert (body["temperature"], body["max_tokens"]) == (0, 1)
    assert "cut at the token cap" in outcome.output


def test_reasoning_is_shown_unless_it_is_switched_off(account: LocalServer) -> None:
    """`chat` prints a model's reasoning, unless `--no-reasoning` is set."""
    with_reasoning = RUN.invoke(app, ["chat", GLM, "Name a river."]).output
    without_reasoning = RUN.invoke(app, ["chat", GLM, "Name a river.", "--no-reasoning"]).output
    assert len(with_reasoning) > len(without_reasoning)
    assert "Name a river." in without_reasoning


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("CLOUDFLARE_API_TOKEN", "not-my-token", "10000"), ("CLOUDFLARE_API_TOKEN", "", "api_token")],
)
def test_an_error_prints_one_sentence(
    account: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    expected: str,
) -> None:
    """`chat` prints an error in one line without traceback and token, and exits with 1."""
    monkeypatch.setenv(variable, value)
    outcome = RUN.invoke(app, ["chat", GRANITE, "x"])
    assert outcome.exit_code == 1
    assert expected in outcome.output
    assert "Traceback" not in outcome.output
    assert "not-my-token" not in outcome.output


def test_a_character_that_the_output_lacks_is_escaped(
    account: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer is printed whole where the output has an old code page."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252", write_through=True))
    monkeypatch.setattr(sys, "argv", ["workersai", "chat", GRANITE, "\u00fcber \N{HONEYBEE}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "\u00fcber \\U0001f41d" in written.getvalue().decode("cp1252")
    assert "1 answer," in written.getvalue().decode("cp1252")


def test_a_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command prints facts that cannot be read as one line, and not as a traceback."""

    def refuse() -> None:
        raise ConfigurationError("WORKERSAI_FACTS='/missing' cannot be read")

    monkeypatch.setattr("workersai.cli.models.known_profiles", refuse)
    monkeypatch.setattr(sys, "argv", ["workersai", "models", "--offline"])
    with pytest.raises(SystemExit, match="WORKERSAI_FACTS"):
        main()
