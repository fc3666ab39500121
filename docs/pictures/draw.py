"""`make pictures`: run the command `workersai` in a terminal, and draw what it writes as SVG.

The commands talk to the local server, a stand-in for Workers AI that runs in this process: answers,
times and tokens are its own, and nothing of them comes from Cloudflare.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from workersai.local import LocalServer

HERE = Path(__file__).parent
PORT = 8787
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_PROMPT = b"you> "


@dataclass(frozen=True)
class Picture:
    """One picture: a command, what is typed into it, and the width of its terminal."""

    name: str
    arguments: tuple[str, ...]
    typed: tuple[str, ...] = ()
    width: int = 100


PICTURES = (
    Picture("models", ("models", "--tools")),
    Picture(
        "chat",
        ("chat", "@cf/zai-org/glm-4.7-flash"),
        ("What can you tell me about rivers?", "And about the Aare?", "/quit"),
        80,
    ),
    Picture("doctor", ("doctor",), width=110),
)


def environment(server: LocalServer, home: str, width: int) -> Mapping[str, str]:
    """Return an environment with the local server's account and nothing of this machine's own."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": home,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "COLUMNS": str(width),
        "CLOUDFLARE_ACCOUNT_ID": server.account_id,
        "CLOUDFLARE_API_TOKEN": server.api_token,
        "WORKERSAI_BASE_URL": server.base_url,
    }


def written(picture: Picture, env: Mapping[str, str]) -> str:
    """Run a command in a terminal, type into it when it asks, and return what the screen shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, picture.width, 0, 0))
    command = [sys.executable, "-m", "workersai.cli", *picture.arguments]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**env})
    os.close(theirs)
    shown, lines = b"", list(picture.typed)
    for piece in _read(ours):
        shown += piece
        if lines and shown.endswith((_PROMPT, _PROMPT + b"\x1b[0m")):
            os.write(ours, lines.pop(0).encode() + b"\n")
    os.close(ours)
    running.wait()
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> Iterator[bytes]:
    """Read a terminal until the program at its other end has gone."""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux's way to end a terminal
            return
        if not piece:
            return
        yield piece


def draw(picture: Picture, text: str) -> str:
    """Draw a terminal. Its SVG loads no font from the network: any fixed-width one will do."""
    console = Console(record=True, width=picture.width, file=io.StringIO())
    command = " ".join(("workersai", *picture.arguments))
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
    console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=False)
    svg = console.export_svg(title=command, theme=MONOKAI, unique_id=picture.name)
    return _FONT.sub("", svg).replace("Fira Code, monospace", _FONTS)


def main() -> None:
    """Draw all pictures anew."""
    with LocalServer(engine="echo", port=PORT) as server, tempfile.TemporaryDirectory() as home:
        for picture in PICTURES:
            env = environment(server, home, picture.width)
            text = written(picture, env).replace(home, "/home/you")
            (HERE / f"{picture.name}.svg").write_text(draw(picture, text) + "\n")


if __name__ == "__main__":
    main()
