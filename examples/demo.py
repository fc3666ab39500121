"""The main job, live: a LangChain agent and a LlamaIndex RAG on Workers AI, and what they cost.

Without an account it starts a local Workers AI with small real models. With
CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN set it runs on Cloudflare.

    pip install "workersai[all]" "langchain>=1.4,<2"
    python examples/demo.py --help
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module

from demo_parts import Connection, Models, Outcome
from demo_screen import Screen

from workersai import Usage, WorkersAIError, get_profile
from workersai.local import EngineUnavailable, LocalServer
from workersai.local.engines.choice import EngineName
from workersai.local.engines.preflight import missing
from workersai.local.engines.weights import have_weights, pull

CREDENTIALS = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")
CLOUDFLARE = "https://api.cloudflare.com/client/v4"
PARTS = {
    "agent": ("LangChain: an agent with two tools", "demo_agent"),
    "rag": ("LlamaIndex: answers from text files", "demo_rag"),
}
ROUGHLY = Usage(prompt_tokens=3000, completion_tokens=1000, total_tokens=4000)
"""What both parts take together, rounded up; models that reason write more."""

STAND_IN = {
    "smol": "This is a stand-in for Workers AI on this machine. SmolLM2-135M-Instruct writes the "
    "answers and all-MiniLM-L6-v2 compares texts, whatever model is asked for. They are tiny: "
    "the answers are real but not of Workers AI's quality, and may be wrong.",
    "echo": "This is a stand-in for Workers AI on this machine, and no model at all: the echo "
    "engine repeats the request by rules. It shows the calls, not intelligence.",
    "upstream": "This is a stand-in for Workers AI on this machine; another server's model "
    "answers, whatever model is asked for.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit status says how it went: 0 well, 1 a part failed, 2 it cannot run."""
    options = parsed(arguments)
    screen = Screen()
    models = Models(options.model, options.embedding_model, options.rerank_model)
    started = time.perf_counter()
    with ExitStack() as stack:
        try:
            connection = connected(screen, options, stack)
        except EngineUnavailable as error:
            screen.say("failed", f"{error}\nWith --fallback the echo engine answers instead.")
            return 2
        outcomes = [performed(screen, name, models, connection) for name in options.parts]
    costs(screen, options.model, outcomes)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    for failure in failures:
        screen.say("failed", failure)
    ending = f"{len(failures)} failed" if failures else "everything worked"
    screen.say("note", f"{ending}, {time.perf_counter() - started:.1f} s")
    return 1 if failures else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="@cf/ibm-granite/granite-4.0-h-micro")
    parser.add_argument("--embedding-model", default="@cf/baai/bge-small-en-v1.5")
    parser.add_argument("--rerank-model", default="@cf/baai/bge-reranker-base")
    parser.add_argument(
        "--engine",
        choices=("smol", "echo", "upstream"),
        help="what answers locally, even with credentials set; smol, or else echo, by default",
    )
    parser.add_argument("--upstream", metavar="URL", help="OpenAI-compatible server to answer")
    parser.add_argument("--upstream-model", metavar="ID", help="model to ask that server for")
    parser.add_argument(
        "--fallback", action="store_true", help="let echo answer if the engine cannot start"
    )
    only = parser.add_mutually_exclusive_group()
    for name in PARTS:
        only.add_argument(
            f"--{name}-only", dest="parts", action="store_const", const=[name], default=list(PARTS)
        )
    options = parser.parse_args(arguments)
    if options.upstream and options.engine is None:
        options.engine = "upstream"
    return options


def connected(screen: Screen, options: argparse.Namespace, stack: ExitStack) -> Connection:
    """Say where Workers AI is, and start it if it is to be here.

    Raises:
        EngineUnavailable: The chosen engine cannot start, and no other was allowed.
    """
    screen.heading("Workers AI")
    if options.engine is None and all(os.environ.get(name) for name in CREDENTIALS):
        return on_cloudflare(screen, options.model)
    server = stack.enter_context(local_server(screen, options))
    screen.say("warning", STAND_IN[server.engine.name])
    screen.say("note", f"{server.base_url}, engine {server.engine.name}")
    return Connection(
        account_id=server.account_id, api_token=server.api_token, base_url=server.base_url
    )


def on_cloudflare(screen: Screen, model: str) -> Connection:
    """Say what a run on the account costs; the clients read credentials themselves."""
    where = os.environ.get("WORKERSAI_BASE_URL") or CLOUDFLARE
    screen.say("note", f"{where}, with your account. No local server is started.")
    paid = dollars(get_profile(model).cost(ROUGHLY))
    screen.say(
        "warning",
        f"This costs money or free allocation: estimated {paid} for about "
        f"{ROUGHLY.prompt_tokens:,} tokens read and {ROUGHLY.completion_tokens:,} written by "
        f"{model}, embedding and rerank not counted.",
    )
    return Connection()


def local_server(
    screen: Screen, options: argparse.Namespace
) -> AbstractContextManager[LocalServer]:
    """The local Workers AI with the chosen engine or, where that is allowed, with echo."""
    engine: EngineName = options.engine or "smol"
    try:
        if engine == "smol":
            fetch_weights(screen)
        with screen.working(f"Starting the local Workers AI with the engine {engine}"):
            return LocalServer(
                engine, upstream=options.upstream, upstream_model=options.upstream_model
            )
    except EngineUnavailable as error:
        # The user named no engine: fall back to echo if smol cannot start.
        if options.engine is not None and not options.fallback:
            raise
        screen.say("warning", f"{error}\nThe echo engine answers instead: rules, no model.")
        return LocalServer("echo")


def fetch_weights(screen: Screen) -> None:
    """Download the chat model's weights on the first run, where they could be used at all.

    Raises:
        EngineUnavailable: They could not be had.
    """
    if have_weights() or missing():
        return
    with screen.working("Downloading the model weights (93 MB, once)"):
        path = pull()
    screen.say("note", f"model weights: {path}")


def performed(screen: Screen, name: str, models: Models, connection: Connection) -> Outcome:
    """Run one part; an error of Workers AI is that part's failure, not the end of the demo."""
    title, module = PARTS[name]
    screen.heading(title)
    with screen.working("Importing the framework"):
        # Each framework takes a second to import: only when its turn comes.
        part = import_module(module)
    try:
        outcome: Outcome = part.run(screen, models, connection)
    except (WorkersAIError, RecursionError) as error:
        # The second is what LangGraph raises when an agent does not come to an end.
        return Outcome(name, failures=[f"{name}: {type(error).__name__}: {error}"])
    return outcome


def costs(screen: Screen, model: str, outcomes: Sequence[Outcome]) -> None:
    """Show tokens and cost of every part by the prices of the model's page."""
    screen.heading("Tokens and cost")
    profile = get_profile(model)
    total = Outcome(
        "both",
        Usage(
            sum(outcome.usage.prompt_tokens for outcome in outcomes),
            sum(outcome.usage.completion_tokens for outcome in outcomes),
            sum(outcome.usage.total_tokens for outcome in outcomes),
        ),
    )
    rows = [*outcomes, total] if len(outcomes) > 1 else outcomes
    screen.table(
        ("part", "model", "read", "written", "cost"),
        (
            (
                row.part,
                model,
                f"{row.usage.prompt_tokens:,}",
                f"{row.usage.completion_tokens:,}",
                dollars(profile.cost(row.usage)),
            )
            for row in rows
        ),
    )
    if profile.input_price is None:
        screen.say("note", f"No prices are known for {model}.")
    else:
        prices = f"${profile.input_price:g} in and ${profile.output_price or 0:g} out"
        screen.say("note", f"By the model page's prices, {prices} per million tokens.")
    screen.say("note", "Embedding and rerank are not counted.")


def dollars(amount: float | None) -> str:
    return "unknown" if amount is None else f"${amount:.6f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
