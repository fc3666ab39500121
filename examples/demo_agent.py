"""A LangChain agent on Workers AI: it answers by calling tools, and everything streams."""

from __future__ import annotations

from demo_parts import Clock, Connection, Models, Outcome
from demo_screen import Growing, Screen
from langchain.agents import create_agent
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool

from langchain_workersai import ChatWorkersAI
from workersai import Usage

PRICES = {"laser cutter": 12.0, "kiln": 9.5, "3d printer": 2.0}
OPEN = {"saturday": "10:00 to 16:00", "sunday": "closed"}
WEEKDAY = "14:00 to 22:00"

QUESTIONS = (
    "What is the price of the laser cutter for 3 hours?",
    "What are the opening hours on Saturday?",
)
TASK = "You answer visitors of a workshop. Look prices and hours up with your tools."


@tool
def machine_price(machine: str, hours: float) -> str:
    """Get the price of using a machine of the workshop for some hours.

    Args:
        machine: Name of the machine, such as kiln.
        hours: For how many hours.
    """
    for name, price in PRICES.items():
        if machine.lower() in name:
            return f"{price * hours:.2f} euros for {hours:g} hours"
    return f"There is no machine {machine!r}, only: {', '.join(PRICES)}"


@tool
def opening_hours(day: str) -> str:
    """Get the opening hours of the workshop on a day of the week.

    Args:
        day: The day, such as Monday.
    """
    return f"{day}: {OPEN.get(day.lower(), WEEKDAY)}"


def run(screen: Screen, models: Models, connection: Connection) -> Outcome:
    """Ask the agent each question; show tokens, calls and results as they come."""
    llm = ChatWorkersAI(models.chat, temperature=0, **connection)
    agent = create_agent(llm, [machine_price, opening_hours], system_prompt=TASK)
    counter = UsageMetadataCallbackHandler()
    outcome = Outcome("agent")
    for question in QUESTIONS:
        screen.say("question", question)
        clock = Clock()
        stream = agent.stream(
            {"messages": [HumanMessage(question)]},
            RunnableConfig(callbacks=[counter]),
            stream_mode="messages",
        )
        with screen.growing() as lines:
            seen = [shown(message, lines, clock) for message, _ in stream]
        screen.say("note", clock.summary())
        outcome.require("result" in seen, f"no tool was called for: {question}")
        outcome.require("answer" in seen, f"no answer to: {question}")
    for counts in counter.usage_metadata.values():
        outcome.usage = Usage(
            outcome.usage.prompt_tokens + counts["input_tokens"],
            outcome.usage.completion_tokens + counts["output_tokens"],
            outcome.usage.total_tokens + counts["total_tokens"],
        )
    return outcome


def shown(message: object, lines: Growing, clock: Clock) -> str:
    """Show a piece of the stream; return its kind."""
    if isinstance(message, ToolMessage):
        lines.feed("result", message.text)
        return "result"
    if not isinstance(message, AIMessageChunk):
        return ""
    for call in message.tool_call_chunks:
        clock.tick()
        name = f"{call['name']} " if call["name"] else ""
        lines.feed("call", name + (call["args"] or ""), call["index"] or 0)
    if message.additional_kwargs.get("reasoning_content"):
        lines.feed("thinking", message.additional_kwargs["reasoning_content"])
    if not message.text:
        return ""
    clock.tick()
    lines.feed("answer", message.text)
    return "answer"
