"""The commands `serve` and `pull`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from workersai import ConfigurationError
from workersai.local.api.access import Access
from workersai.local.api.app import create_app
from workersai.local.api.characters import CHARACTERS, character_named
from workersai.local.engines import Engine, EngineOptions, create_engine, weights
from workersai.local.engines.base import EngineUnavailable
from workersai.local.run.listening import (
    TOKEN_VARIABLE,
    Addresses,
    listening,
    resolved,
    token_for,
)
from workersai.local.run.server import serving

__all__ = ["pull", "serve"]

_out = Console()
_err = Console(stderr=True)


class EngineChoice(str, Enum):
    """The engines by the name the command line gives them."""

    smol = "smol"
    echo = "echo"
    upstream = "upstream"


class FallbackChoice(str, Enum):
    """The engines that can stand in for one that cannot start."""

    echo = "echo"


_Engine = Annotated[EngineChoice, typer.Option(help="What answers.")]
_Host = Annotated[str, typer.Option(help="Address to listen on.")]
_Port = Annotated[
    int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
]
_Token = Annotated[
    str | None,
    typer.Option(
        envvar=TOKEN_VARIABLE,
        help="Accept this API token only; any well-formed one if unset, on loopback alone. "
        "Other users of this machine can read a command line: prefer the variable.",
    ),
]
_Account = Annotated[
    str | None, typer.Option(help="Accept this account id only; any 32 hex digits if unset.")
]
_Fallback = Annotated[
    FallbackChoice | None, typer.Option(help="Engine to use if the chosen one cannot start.")
]
_Gguf = Annotated[Path | None, typer.Option(help="Another GGUF chat model for the smol engine.")]
_Upstream = Annotated[
    str | None, typer.Option(help="Root of an OpenAI-compatible server; implies that engine.")
]
_UpstreamModel = Annotated[str | None, typer.Option(help="Model id to ask that server for.")]
_Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Enforce every rule of the published schemas, those included that Cloudflare's own "
        "TypeScript client breaks.",
    ),
]
_CharacterName = Annotated[
    str,
    typer.Option(
        help=f"How to behave where Cloudflare's behaviour is unknown: {', '.join(CHARACTERS)}."
    ),
]


def serve(
    *,
    engine: _Engine = EngineChoice.smol,
    host: _Host = "127.0.0.1",
    port: _Port = 8787,
    token: _Token = None,
    account: _Account = None,
    fallback: _Fallback = None,
    gguf: _Gguf = None,
    upstream: _Upstream = None,
    upstream_model: _UpstreamModel = None,
    strict: _Strict = False,
    character: _CharacterName = "documented",
) -> None:
    """Serve the Workers AI REST API on this machine."""
    options = EngineOptions(
        engine="upstream" if upstream else engine.value,
        fallback=fallback.value if fallback else None,
        gguf=gguf,
        upstream=upstream,
        upstream_model=upstream_model,
    )
    with _exit_on_errors():
        addresses = resolved(host, port)
        access = Access(account, _token_of(addresses, token))
        kept_to = character_named(character)
        chosen = _engine(options)
    with closing(chosen):
        with _exit_on_errors():
            sockets = listening(addresses)
        bound = sockets[0].getsockname()[1]
        application = create_app(chosen, access, strict=strict, character=kept_to)
        serving(application, lambda: _announce(chosen, options, addresses, bound)).run(sockets)


def pull() -> None:
    """Download the chat model's weights (93 MB, once) and check their hashes."""
    try:
        _out.print(f"[green]ready[/] {_download()}", soft_wrap=True)
    except EngineUnavailable as error:
        raise _exit_with(error) from error


@contextmanager
def _exit_on_errors() -> Iterator[None]:
    """Turn what keeps the server from starting into a line and exit status 1."""
    try:
        yield
    except EngineUnavailable as error:
        raise _exit_with(error) from error
    except (ConfigurationError, OSError) as error:
        _err.print(f"[red]cannot start:[/] {_escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error


def _token_of(addresses: Addresses, token: str | None) -> str | None:
    """Return the token that callers must send; ask for one where the server needs one."""
    if token is None and not addresses.are_loopback and sys.stdin.isatty():
        _err.print(f"Other machines can reach {addresses.host}: callers must send a token.")
        return str(typer.prompt("Token", hide_input=True, confirmation_prompt=True, err=True))

    return token_for(addresses, token)


def _engine(options: EngineOptions) -> Engine:
    needs_weights = options.engine == "smol" and options.gguf is None
    if needs_weights and not weights.have_weights():
        _out.print("The model weights are not here yet; they are downloaded once (93 MB).")
    return create_engine(options)


def _download() -> Path:
    with _out.status("Downloading the model weights (93 MB) …"):
        return weights.pull()


def _exit_with(error: EngineUnavailable) -> typer.Exit:
    _err.print(f"[red]cannot start:[/] {_escape(str(error))}", soft_wrap=True)
    _err.print("`workersai doctor` lists everything; `--fallback echo` serves rule-based answers.")
    return typer.Exit(1)


def _announce(engine: Engine, options: EngineOptions, addresses: Addresses, port: int) -> None:
    _out.print(f"[bold]workersai-local[/] engine [cyan]{engine.name}[/]")
    if engine.name != options.engine:
        _err.print(f"[yellow]{options.engine} cannot start here; {engine.name} answers instead[/]")
    url = f"http://{addresses.caller_host}:{port}/client/v4"
    _out.print(f"base_url  {url}", markup=False, soft_wrap=True)
    if not addresses.are_loopback:
        _err.print("[yellow]Other machines can reach it; the token travels unencrypted.[/]")


def _escape(text: str) -> str:
    """Square brackets as themselves, not as Rich's markup."""
    return text.replace("[", r"\[")
