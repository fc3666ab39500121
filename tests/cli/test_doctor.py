"""`workersai doctor`: the account and one request."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from workersai.cli.account import Finding, check_account
from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()


def findings(**options: Any) -> dict[str, Finding]:
    """Return the findings of `check_account` by name."""
    return {finding.name: finding for finding in check_account(**options)}


def test_an_account_that_works(account: LocalServer) -> None:
    """`doctor` sends one request and prints each value's source, but not the token."""
    before = len(account.requests)
    checks = findings()
    assert [finding.ok for finding in checks.values()] == [True, True, None, None, True]
    assert "CLOUDFLARE_API_TOKEN" in checks["API token"].detail
    assert "WORKERSAI_BASE_URL" in checks["API root"].detail
    assert len(account.requests) == before + 1
    outcome = RUN.invoke(app, ["doctor"])
    assert outcome.exit_code == 0
    assert account.api_token not in outcome.output


@pytest.mark.parametrize(
    "model",
    ["@cf/ibm-granite/granite-4.0-h-micro", "@cf/baai/bge-reranker-base", "@cf/baai/bge-m3"],
)
def test_a_model_of_any_task(account: LocalServer, model: str) -> None:
    """`doctor` sends a request that fits the task of the named model."""
    assert findings(model=model)["one request"].ok


def test_nothing_is_sent_without_credentials() -> None:
    """Without credentials `doctor` names the variables to set and sends no request."""
    checks = findings()
    assert "one request" not in checks
    assert "CLOUDFLARE_API_TOKEN" in checks["API token"].remedy
    assert "CLOUDFLARE_ACCOUNT_ID" in checks["account id"].remedy


def test_two_variables_that_disagree(account: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` names a second variable that has another value and is not used."""
    monkeypatch.setenv("CF_API_TOKEN", "another-token")
    detail = findings()["API token"].detail
    assert "CF_API_TOKEN" in detail
    assert "another-token" not in detail


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("CLOUDFLARE_API_TOKEN", "a-token-that-is-not-valid", "create one"),
        ("CLOUDFLARE_ACCOUNT_ID", "f" * 32, "account"),
        ("CLOUDFLARE_ACCOUNT_ID", "mine", "correct the variable"),
        ("WORKERSAI_BASE_URL", "http://127.0.0.1:1/client/v4", "check the network"),
        ("WORKERSAI_BASE_URL", "ftp://nowhere", "correct the variable"),
    ],
)
def test_a_failed_request_names_its_remedy(
    account: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    remedy: str,
) -> None:
    """`doctor` prints a remedy for a request that fails, and exits with 1."""
    monkeypatch.setenv(variable, value)
    finding = findings()["one request"]
    assert finding.ok is False
    assert remedy in finding.remedy
    outcome = RUN.invoke(app, ["doctor"])
    assert outcome.exit_code == 1
    if variable == "CLOUDFLARE_API_TOKEN":
        assert value not in outcome.output
