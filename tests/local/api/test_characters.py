"""The characters of the local server, which differ where no source states the facts."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from workersai import ConfigurationError
from workersai.local import LocalServer
from workersai.local.api.characters import CHARACTERS, character_named
from workersai.local.run.server import CharacterName


def test_every_character_can_be_named() -> None:
    """The type of the argument `character` lists the characters that exist."""
    assert set(get_args(CharacterName)) == set(CHARACTERS)
    assert all(character_named(name).name == name for name in CHARACTERS)


def test_an_unknown_character_is_refused() -> None:
    """The server refuses an unknown character before it opens a port, and lists the known ones."""
    name: Any = "kind"
    with pytest.raises(ConfigurationError, match="documented, strict, vllm"):
        LocalServer(character=name)
