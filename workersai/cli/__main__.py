"""The entry point of the `workersai` command; it needs none of the server's packages."""

from __future__ import annotations

import sys

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
    app()


if __name__ == "__main__":
    main()
