"""The entry point of the `workersai` command; it needs none of the server's packages."""

from __future__ import annotations

import io
import sys

from workersai.errors import WorkersAIError
from workersai.local.packages import is_of_serve

__all__ = ["main"]


def main() -> None:
    """Run the command; if its packages are missing, print which extra to install."""
    try:
        from workersai.cli.app import app  # noqa: PLC0415 - may not be importable
    except ModuleNotFoundError as error:
        if not is_of_serve(error):
            raise
        sys.exit(
            f"The command needs the package {error.name}, which is not installed.\n"
            'Install it with:  pip install "workersai[serve]"\n'
            '             or:  pip install "workersai[local]"   (small local models as well)'
        )
    _write_every_character()
    try:
        app()
    except WorkersAIError as error:  # of a command that reads facts or settings at its beginning
        sys.exit(str(error))


def _write_every_character() -> None:
    """Write a character as an escape if the terminal or the pipe cannot take it.

    Otherwise such a character, for example an emoji in an old code page, would end the command in
    the middle of an answer that was paid for.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
