"""The pictures of the command in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from docs.pictures import draw
from workersai.local import LocalServer

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def text_of(svg: str) -> str:
    """Return the text of a picture without line breaks and styles."""
    return "".join(ET.fromstring(svg).itertext()).replace("\xa0", " ")


@pytest.mark.parametrize("name", ["models", "chat", "doctor"])
def test_a_picture_is_in_the_docs(name: str) -> None:
    """A page of the docs has the picture and its command; the picture loads no other file."""
    svg = (PICTURES / f"{name}.svg").read_text()

    assert f"$ workersai {name}" in text_of(svg)
    assert f"({name}.svg)" in (PICTURES / "README.md").read_text()
    assert not re.search(r"(?:href|src)=|url\((?!#)|@font-face|@import", svg)


def test_a_picture_shows_the_command_and_its_output(account: LocalServer, tmp_path: Path) -> None:
    """A picture shows a command from a terminal, with the typed input and the output."""
    picture = draw.Picture("chat", ("chat", "@cf/zai-org/glm-4.7-flash"), ("Hello", "/quit"))

    env = draw.environment(account, str(tmp_path), picture.width)
    output = text_of(draw.draw(picture, draw.written(picture, env)))

    assert "you> Hello" in output
    assert "You said: Hello" in output
    assert "1 answer," in output
    assert account.api_token not in output
