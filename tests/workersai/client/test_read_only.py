"""Users can read the settings of a client, but cannot change them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.workersai.conftest import Speaks
from tests.workersai.talking import ACCOUNT, GRANITE, TOKEN
from workersai import ConfigurationError, Timeout
from workersai.client.setup import ConnectionOptions

SETTINGS = ["model", "http_client", "batches", *ConnectionOptions.__annotations__]


def test_settings_can_be_read(speaks: Speaks) -> None:
    """Settings read back as they were passed; a number of seconds reads as a `Timeout`."""
    client = speaks(model=GRANITE, endpoint="openai", timeout=7, max_retries=5).client
    assert client.model == GRANITE
    assert client.endpoint == "openai"
    assert client.timeout == Timeout(first_byte=7, idle=7, total=7)
    assert client.max_retries == 5


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_cannot_be_assigned(speaks: Speaks, name: str) -> None:
    """Assigning raises an error with the name and the alternative; the client is unchanged."""
    client = speaks().client
    before = client.timeout, client.max_retries, client.model
    with pytest.raises(
        ConfigurationError, match=rf"create another client with .*\(\.\.\., {name}="
    ) as wrong:
        setattr(client, name, 5)
    assert wrong.value.parameter == name
    assert (client.timeout, client.max_retries, client.model) == before


@pytest.mark.parametrize(
    ("name", "words"), [("time_out", "did you mean timeout"), ("max_retry", "max_retries")]
)
def test_a_misspelt_setting_cannot_be_assigned(speaks: Speaks, name: str, words: str) -> None:
    """Assigning an unknown name raises, because it would have no effect."""
    with pytest.raises(ConfigurationError, match=words):
        setattr(speaks().client, name, 5)


def test_a_method_can_be_replaced(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users' tests can replace a method of a client and restore it."""
    client: Any = speaks().client
    monkeypatch.setattr(client, "chat", lambda *_: "a stand-in")
    assert client.chat([]) == "a stand-in"
    monkeypatch.undo()
    assert "chat" not in vars(client)


@pytest.mark.parametrize("part", ["client", "batches"])
@pytest.mark.parametrize("how", [pickle.dumps, copy.deepcopy])
def test_no_part_of_a_client_can_be_pickled(speaks: Speaks, part: str, how: Any) -> None:
    """Neither the client nor its batches can be pickled or copied, because they hold the token."""
    client = speaks().client
    with pytest.raises(TypeError) as refused:
        how(client if part == "client" else client.batches)
    assert TOKEN not in str(refused.value)


def test_no_part_of_a_client_shows_its_token(speaks: Speaks) -> None:
    """No repr of the client or of its parts shows the token."""
    client = speaks().client
    parts = [client, client.batches, *vars(client).values(), *vars(client._setup).values()]
    shown = " ".join([*map(repr, parts), repr(vars(client)), repr(vars(client._setup))])
    assert TOKEN not in shown
    assert ACCOUNT not in shown
