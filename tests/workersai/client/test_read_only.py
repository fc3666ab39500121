"""The settings of a client can be read, and not changed."""

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
    """As they were passed; a number of seconds as the clocks it stands for."""
    client = speaks(model=GRANITE, endpoint="openai", timeout=7, max_retries=5).client
    assert client.model == GRANITE
    assert client.endpoint == "openai"
    assert client.timeout == Timeout(first_byte=7, idle=7, total=7)
    assert client.max_retries == 5


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_cannot_be_assigned(speaks: Speaks, name: str) -> None:
    """At once, by its name, with what to do; the client is as it was."""
    client = speaks().client
    before = client.timeout, client.max_retries, client.model
    with pytest.raises(
        ConfigurationError, match=rf"another client, with .*\(\.\.\., {name}="
    ) as wrong:
        setattr(client, name, 5)
    assert wrong.value.parameter == name
    assert (client.timeout, client.max_retries, client.model) == before


@pytest.mark.parametrize(
    ("name", "words"), [("time_out", "did you mean timeout"), ("max_retry", "max_retries")]
)
def test_a_misspelt_setting_cannot_be_assigned(speaks: Speaks, name: str, words: str) -> None:
    """It would have no effect, so it is refused as the constructor refuses it."""
    with pytest.raises(ConfigurationError, match=words):
        setattr(speaks().client, name, 5)


def test_a_method_can_be_stood_in_for(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of users replace methods, and put them back."""
    client: Any = speaks().client
    monkeypatch.setattr(client, "chat", lambda *_: "a stand-in")
    assert client.chat([]) == "a stand-in"
    monkeypatch.undo()
    assert "chat" not in vars(client)


@pytest.mark.parametrize("part", ["client", "batches"])
@pytest.mark.parametrize("how", [pickle.dumps, copy.deepcopy])
def test_no_part_of_a_client_carries_its_token_away(speaks: Speaks, part: str, how: Any) -> None:
    """Neither the client nor its batches can be pickled or copied."""
    client = speaks().client
    with pytest.raises(TypeError) as refused:
        how(client if part == "client" else client.batches)
    assert TOKEN not in str(refused.value)


def test_no_part_of_a_client_shows_its_token(speaks: Speaks) -> None:
    """Not in a repr, nor in that of what it is made of."""
    client = speaks().client
    parts = [client, client.batches, *vars(client).values(), *vars(client._setup).values()]
    shown = " ".join([*map(repr, parts), repr(vars(client)), repr(vars(client._setup))])
    assert TOKEN not in shown
    assert ACCOUNT not in shown
