"""`make pictures`: run `workersai` and the demo in a terminal, and draw what they write as SVG.

The demo starts a local server of its own, with small real models. The commands talk to one in
this process, whose engine goes by rules. Both are stand-ins for Workers AI: answers, times and
tokens are their own, and nothing of them comes from Cloudflare.
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
from workersai.local.engines.weights import cache_dir

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
PORT = 8787
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_UP, _ERASE = "\x1b[1A", "\x1b[2K"
_UNSEEN = re.compile(r"\r|\x1b\[\?25[lh]")
"""To the line's beginning, which is always erased then; hide and show the cursor."""
_CONTROL = re.compile(r"(\n|\r|\x1b\[1A|\x1b\[2K|\x1b\[\?25[lh])")
_PROMPT = b"you> "


@dataclass(frozen=True)
class Picture:
    """One picture: a command, what is typed into it, and the width of its terminal.

    `program` is how Python runs the command, and `shown` how a reader calls it.
    """

    name: str
    arguments: tuple[str, ...]
    typed: tuple[str, ...] = ()
    width: int = 100
    program: tuple[str, ...] = ("-m", "workersai.cli")
    shown: str = "workersai"


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
DEMO = Picture("demo", (), program=(str(EXAMPLES / "demo.py"),), shown="make demo")


def environment(server: LocalServer | None, home: str, width: int) -> Mapping[str, str]:
    """Return an environment with a server's account, if any, and the model's weights.

    It has nothing else of this machine's own.
    """
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": home,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "COLUMNS": str(width),
        "WORKERSAI_CACHE_DIR": str(cache_dir()),
        **({} if server is None else account_of(server)),
    }


def account_of(server: LocalServer) -> Mapping[str, str]:
    """Return the variables that point `workersai` to a local server."""
    return {
        "CLOUDFLARE_ACCOUNT_ID": server.account_id,
        "CLOUDFLARE_API_TOKEN": server.api_token,
        "WORKERSAI_BASE_URL": server.base_url,
    }


def written(picture: Picture, env: Mapping[str, str]) -> str:
    """Run a command in a terminal, type into it when it asks, and return what the screen shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, picture.width, 0, 0))
    command = [sys.executable, *picture.program, *picture.arguments]
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**env})
    os.close(theirs)
    shown, lines = b"", list(picture.typed)
    for piece in _read(ours):
        shown += piece
        if lines and shown.endswith((_PROMPT, _PROMPT + b"\x1b[0m")):
            os.write(ours, lines.pop(0).encode() + b"\n")
    os.close(ours)
    running.wait()
    return settled(shown.decode())


def settled(written: str) -> str:
    """Return what a screen shows at the end: lines that Rich drew again stand there once."""
    lines = [""]
    for piece in _CONTROL.split(written.replace("\r\n", "\n")):
        if piece == "\n":
            lines.append("")
        elif piece == _UP:
            lines.pop()
        elif piece == _ERASE:
            lines[-1] = ""
        elif not _UNSEEN.fullmatch(piece):
            lines[-1] += piece
    return "\n".join(lines)


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
    command = " ".join((picture.shown, *picture.arguments))
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
    console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=False)
    svg = console.export_svg(title=command, theme=MONOKAI, unique_id=picture.name)
    return _FONT.sub("", svg).replace("Fira Code, monospace", _FONTS)


def main() -> None:
    """Draw all pictures anew, or those whose names are passed."""
    chosen = [one for one in (*PICTURES, DEMO) if one.name in sys.argv[1:] or not sys.argv[1:]]
    with LocalServer(engine="echo", port=PORT) as server, tempfile.TemporaryDirectory() as home:
        for picture in chosen:
            env = environment(None if picture is DEMO else server, home, picture.width)
            text = written(picture, env).replace(home, "/home/you")
            (HERE / f"{picture.name}.svg").write_text(draw(picture, text) + "\n")


if __name__ == "__main__":
    main()
