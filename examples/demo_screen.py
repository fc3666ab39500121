"""The terminal of the demo: headings, lines that grow while they stream, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from rich import box
from rich.console import Console
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from typing_extensions import Self

LABELS = {
    "question": "bold cyan",
    "call": "bold magenta",
    "result": "magenta",
    "found": "blue",
    "reranked": "blue",
    "thinking": "dim italic",
    "answer": "bold green",
    "sources": "blue",
    "note": "dim",
    "warning": "bold yellow",
    "failed": "bold red",
}
QUIET = {"thinking", "note"}
WIDTH = max(map(len, LABELS))


class Screen:
    """What the demo says, with color and live lines in a terminal and as plain text elsewhere."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            # A model may write what an old code page cannot show; that must not end the demo.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        # Without a terminal Rich assumes 80 columns, too few for long model names.
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)

    def heading(self, text: str) -> None:
        self.console.print()
        if self.console.is_terminal:
            self.console.rule(Text(text, "bold"), style="yellow", align="left")
        else:
            self.console.print(f"== {text} ==", markup=False)

    def say(self, label: str, text: str) -> None:
        """Print one whole line under a label."""
        if self.console.is_terminal:
            self.console.print(_line(label, text))
        else:
            self.console.print(_plain(label, text), markup=False, soft_wrap=True)

    def growing(self) -> Growing:
        return Growing(self)

    def working(self, text: str) -> AbstractContextManager[object]:
        """Show a line with a clock while the block runs."""
        if not self.console.is_terminal:
            self.say("note", text)
            return nullcontext()
        columns = (SpinnerColumn(), TextColumn(text), TimeElapsedColumn())
        progress = Progress(*columns, console=self.console, transient=True)
        progress.add_task(text, total=None)
        return progress

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        style = box.SIMPLE_HEAD if self.console.is_terminal else box.MARKDOWN
        table = Table(box=style, header_style="bold")
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number < 2 else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(table)


class Growing:
    """Labelled lines; the last one grows until a new label begins a line.

    Where lines cannot grow, each line is printed once it is complete.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._key: tuple[str, int] | None = None
        self._text = ""
        self._live: Live | None = None

    def feed(self, label: str, text: str, part: int = 0) -> None:
        """Add text to the line of this label and part, or begin that line."""
        if self._key != (label, part):
            self.close()
            self._key = (label, part)
            if self._screen.console.is_terminal:
                self._live = Live(console=self._screen.console, refresh_per_second=30)
                self._live.start()
        self._text += text
        if self._live is not None:
            self._live.update(_line(label, self._text))

    def close(self) -> None:
        """End the last line, so that the next text begins a new one."""
        if self._live is not None:
            self._live.stop()
        elif self._key is not None:
            self._screen.say(self._key[0], self._text)
        self._live, self._key, self._text = None, None, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _plain(label: str, text: str) -> str:
    """Print without a terminal: one line for each line of text, without wrapping."""
    first, *rest = text.strip().splitlines() or [""]
    indent = " " * (WIDTH + 2)
    return "\n".join([f"{label:>{WIDTH}}  {first}", *(indent + line for line in rest)])


def _line(label: str, text: str) -> Table:
    """Return a label in its column and a text that wraps beside it."""
    line = Table.grid(padding=(0, 2))
    line.add_column(width=WIDTH, justify="right", no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(label, LABELS[label]), Text(text.strip(), "dim" if label in QUIET else ""))
    return line
