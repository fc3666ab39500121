"""Two LlamaIndex agents in one workflow: the first hands over to the one whose work it is.

python examples/llamaindex_handoff.py "Please book the kiln for Friday."
"""

from __future__ import annotations

import asyncio
import sys

from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    FunctionAgent,
    ToolCallResult,
)
from where import workers_ai

from llamaindex_workersai import WorkersAI, count_workersai_costs

OPEN = {"saturday": "10:00 to 16:00", "sunday": "closed"}


def opening_hours(day: str) -> str:
    """Get the opening hours of the workshop on a day of the week, such as Monday."""
    return OPEN.get(day.lower(), "14:00 to 22:00")


def book_machine(machine: str, day: str) -> str:
    """Book a machine of the workshop, such as the kiln, for a day of the week."""
    return f"{machine} is booked for {day}."


def workflow() -> AgentWorkflow:
    """The desk answers everyone first; it may hand over to the steward, who books."""
    model = WorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0)
    desk = FunctionAgent(
        name="desk",
        description="Answers questions about opening hours.",
        system_prompt="You answer questions about opening hours. Hand bookings to the steward.",
        tools=[opening_hours],
        llm=model,
        can_handoff_to=["steward"],
    )
    steward = FunctionAgent(
        name="steward",
        description="Books machines.",
        system_prompt="You book machines with your tool, then say what is booked.",
        tools=[book_machine],
        llm=model,
        can_handoff_to=[],
    )
    return AgentWorkflow(agents=[desk, steward], root_agent="desk")


async def main(question: str) -> None:
    with count_workersai_costs() as costs:
        run = workflow().run(user_msg=question)
        async for event in run.stream_events():
            if isinstance(event, AgentStream):
                print(event.delta, end="", flush=True)
            elif isinstance(event, ToolCallResult):
                print(f"[{event.tool_name} {event.tool_kwargs} returned] {event.tool_output}")
            elif isinstance(event, AgentOutput):
                print(f"\n[{event.current_agent_name} has ended its turn]")
        await run
        print(f"{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


# What the local server calls: its rules would not call a second tool after the handoff.
CALLS = (
    ("handoff", {"to_agent": "steward", "reason": "It is a booking."}),
    ("book_machine", {"machine": "kiln", "day": "Friday"}),
)

if __name__ == "__main__":
    with workers_ai(*CALLS):
        asyncio.run(main(" ".join(sys.argv[1:]) or "Please book the kiln for Friday."))
