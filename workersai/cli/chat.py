"""`workersai chat`: a conversation in the terminal, streamed, with its usage and cost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console

from workersai import (
    ChatFinish,
    Client,
    ReasoningDelta,
    TextDelta,
    UsageUpdate,
    WorkersAIError,
)
from workersai.integration import CostMeter, call_cost

__all__ = ["Conversation", "chat"]

_LEAVE = frozenset({"/quit", "/exit", "/q"})
_PROMPT = "you> "


@dataclass
class Conversation:
    """A conversation with one model, and its cost so far.

    Attributes:
        client: The client to ask.
        console: Where to write.
        model: The model to ask.
        parameters: Text-generation parameters of every call.
        show_reasoning: Whether to write the model's reasoning, dimmed.
        messages: The conversation so far, in the wire's form.
    """

    client: Client
    console: Console
    model: str
    parameters: dict[str, Any] = field(default_factory=dict)
    show_reasoning: bool = True
    messages: list[Any] = field(default_factory=list)
    _costs: CostMeter = field(default_factory=CostMeter)

    def say(self, text: str) -> None:
        """Send the user's text, write the answer as it arrives, and remember both.

        Raises:
            WorkersAIError: If the call failed; the conversation is unchanged then.
        """
        messages = [*self.messages, {"role": "user", "content": text}]
        answer = "".join(self._answer(messages))
        self.console.print()
        self.messages = [*messages, {"role": "assistant", "content": answer}]

    def _answer(self, messages: list[Any]) -> Iterator[str]:
        usage, is_reasoning, finish = None, False, ChatFinish()
        for event in self.client.stream_chat(messages, include_usage=True, **self.parameters):
            if isinstance(event, TextDelta):
                if is_reasoning:
                    self.console.print()
                is_reasoning = False
                self._write(event.text)
                yield event.text
            elif isinstance(event, ReasoningDelta) and self.show_reasoning:
                is_reasoning = True
                self._write(event.text, style="dim")
            elif isinstance(event, UsageUpdate):
                usage = event.usage
            elif isinstance(event, ChatFinish):
                finish = event
        cost = call_cost(usage, self.model, finish.gateway)
        self._costs.add(self.model, usage, cost)
        if finish.finish_reason == "length":
            self._write("\n[cut at the token cap: raise --max-tokens]", style="yellow")

    def _write(self, text: str, style: str | None = None) -> None:
        self.console.print(text, end="", style=style, markup=False, highlight=False, soft_wrap=True)

    def summary(self) -> str:
        """Return the cost of the conversation: tokens, neurons, USD by the page's prices."""
        total = self._costs.total
        answers = f"{total.calls} answer{'' if total.calls == 1 else 's'}"
        parts = [
            answers,
            f"{total.input_tokens:,} tokens read",
            f"{total.output_tokens:,} written",
        ]
        if total.neurons is not None:
            parts.append(f"{total.neurons:,.2f} neurons")
        is_known = total.cost_usd is not None and not total.calls_without_cost
        parts.append(f"${total.cost_usd:.6f}" if is_known else "cost unknown")
        return ", ".join(parts)


def chat(
    model: Annotated[str, typer.Argument(help="The model id, @cf/author/name.")],
    prompt: Annotated[
        str | None, typer.Argument(help="Ask this one question instead of a conversation.")
    ] = None,
    *,
    system: Annotated[str | None, typer.Option(help="Instructions for the model.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Randomness.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Token limit of an answer.")] = None,
    reasoning: Annotated[
        bool, typer.Option("--reasoning/--no-reasoning", help="Show the model's reasoning.")
    ] = True,
    endpoint: Annotated[str, typer.Option(help="run or openai.")] = "run",
    gateway: Annotated[str | None, typer.Option(help="The id of an AI Gateway.")] = None,
) -> None:
    """Talk to a model: the answer streams; usage and cost follow at the end.

    The account and the token come from the environment. End a conversation with /quit, or with
    the end of the input.
    """
    console = Console()
    settings: dict[str, Any] = {"endpoint": endpoint, "gateway": gateway}
    parameters = {"temperature": temperature, "max_tokens": max_tokens}
    try:
        with Client(model, **settings) as client:
            conversation = Conversation(client, console, model, parameters, reasoning)
            if system:
                conversation.messages.append({"role": "system", "content": system})
            for text in [prompt] if prompt is not None else _lines(console):
                conversation.say(text)
            console.print(conversation.summary(), style="dim", highlight=False)
    except WorkersAIError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


def _lines(console: Console) -> Iterator[str]:
    """Read the user's turns, skipping blank lines."""
    is_terminal = sys.stdin.isatty()
    while True:
        if is_terminal:
            console.print(_PROMPT, end="", style="bold", markup=False)
        line = sys.stdin.readline()
        if not line or line.strip() in _LEAVE:
            return
        if line.strip():
            yield line.rstrip("\n")
