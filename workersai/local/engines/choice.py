"""Create an engine from the user's options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from typing_extensions import assert_never

from workersai import ConfigurationError
from workersai.local.engines.base import Engine, EngineUnavailable
from workersai.local.engines.echo import EchoEngine

__all__ = ["EngineName", "EngineOptions", "create_engine"]

EngineName = Literal["smol", "echo", "upstream"]


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """The engine that answers, and its settings.

    Attributes:
        engine: `smol` (small real models), `echo` (rules) or `upstream` (another server).
        fallback: The engine to use if `engine` cannot start; none by default.
        gguf: Another GGUF model file for the `smol` engine.
        upstream: Root of an OpenAI-compatible server, such as `http://127.0.0.1:11434/v1`.
        upstream_model: The model id to request from that server.

    Raises:
        ConfigurationError: The engine or the fallback is unknown.
    """

    engine: EngineName = "echo"
    fallback: Literal["echo"] | None = None
    gguf: Path | str | None = None
    upstream: str | None = None
    upstream_model: str | None = None

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise ConfigurationError(
                f"engine must be 'smol', 'echo' or 'upstream', or an engine of your own, "
                f"not {self.engine!r}"
            )
        if self.fallback not in (None, "echo"):
            raise ConfigurationError(f"fallback must be 'echo' or None, not {self.fallback!r}")


def create_engine(options: EngineOptions) -> Engine:
    """Build the chosen engine, or the fallback if the chosen one cannot start.

    Raises:
        EngineUnavailable: The engine cannot start here; the message names what is missing.
    """
    try:
        return _create(options)
    except EngineUnavailable:
        if options.fallback is None:
            raise
        return EchoEngine()


def _create(options: EngineOptions) -> Engine:
    if options.engine == "echo":
        return EchoEngine()
    if options.engine == "smol":
        # Import an engine's modules only when that engine is chosen.
        from workersai.local.engines.smol import SmolEngine  # noqa: PLC0415

        return SmolEngine(Path(options.gguf) if options.gguf else None)
    if options.engine == "upstream":
        from workersai.local.engines.upstream import UpstreamEngine  # noqa: PLC0415

        if options.upstream is None:
            raise EngineUnavailable("The upstream engine needs the address of a server: --upstream")
        return UpstreamEngine(options.upstream, options.upstream_model)
    assert_never(options.engine)
