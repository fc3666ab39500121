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


@pytest.mark.parametrize("picture", [*draw.PICTURES, draw.DEMO], ids=lambda one: one.name)
def test_a_picture_is_in_the_docs(picture: draw.Picture) -> None:
    """A page of the docs has the picture and its command; the picture loads no other file."""
    svg = (PICTURES / f"{picture.name}.svg").read_text()

    assert " ".join(("$", picture.shown, *picture.arguments)) in text_of(svg)
    assert f"({picture.name}.svg)" in (PICTURES / "README.md").read_text()
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


def test_the_picture_of_the_demo_is_of_a_whole_run() -> None:
    """It shows both parts and their costs, and names the local models that answered."""
    output = text_of((PICTURES / "demo.svg").read_text())

    assert "SmolLM2-135M-Instruct writes the answers" in " ".join(output.split())
    assert "LangChain: an agent with two tools" in output
    assert "LlamaIndex: answers from text files" in output
    assert "Tokens and cost" in output
    assert "everything worked" in output


def test_lines_that_were_drawn_again_are_shown_once() -> None:
    """Rich draws growing lines by going up and erasing; a picture shows what stands there last."""
    growing = (
        "\x1b[?25lone\r\x1b[2Kone two\r\nthree\r\x1b[2K\x1b[1A\x1b[2Kone two three\r\n\x1b[?25h"
    )

    assert draw.settled(growing) == "one two three\n"
