"""The command line: what asks Workers AI, and the local server's `serve` and `pull`."""

from __future__ import annotations

import typer

from workersai.cli.bulk import embed, map_rows
from workersai.cli.chat import chat
from workersai.cli.doctor import doctor
from workersai.cli.models import models
from workersai.cli.probe import probe
from workersai.cli.refresh import refresh
from workersai.local.run.commands import pull, serve

__all__ = ["app"]

app = typer.Typer(
    name="workersai",
    help="Cloudflare Workers AI in the terminal, and a local stand-in for it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (serve, pull, doctor, models, chat, probe, refresh):
    app.command()(command)
app.command()(embed)
app.command("map")(map_rows)
