"""A supervisor with two workers that stops for your approval; SQLite keeps its state.

python examples/langgraph_supervisor.py
python examples/langgraph_supervisor.py --approve
"""

from __future__ import annotations

import argparse

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt
from where import workers_ai

from langchain_workersai import ChatWorkersAI

QUESTION = "Ask the cashier for the price of the Kiln, and the steward to book the Kiln on Friday."


@tool
def machine_price(machine: str) -> str:
    """Get the price of a machine for an hour, such as the kiln."""
    return f"{machine}: {9.5 if machine.lower() == 'kiln' else 12.0} euros an hour"


@tool
def book_machine(machine: str, day: str) -> str:
    """Book a machine, such as the kiln, for a day of the week, such as Monday."""
    approved = interrupt(f"Book the {machine} on {day}?")
    return f"{machine} is booked for {day}." if approved else "The visitor does not want it."


@tool
def cashier(request: str) -> str:
    """Let the cashier answer a question about prices."""
    return answer_of(agent("You look prices up.", [machine_price]), request)


@tool
def steward(request: str) -> str:
    """Let the steward book a machine; name the machine and the day."""
    return answer_of(agent("You book machines.", [book_machine]), request)


def agent(task: str, tools: list[BaseTool], saver: SqliteSaver | None = None) -> CompiledStateGraph:
    """An agent with tools; a worker's state is saved with that of its supervisor."""
    model = ChatWorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0)
    return create_agent(model, tools, system_prompt=task, checkpointer=saver)


def answer_of(worker: CompiledStateGraph, request: str) -> str:
    return worker.invoke({"messages": [HumanMessage(request)]})["messages"][-1].text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--approve", action="store_true", help="take the last run up again")
    options = parser.parse_args()
    visitor = RunnableConfig(configurable={"thread_id": "visitor-1"})
    with workers_ai(), SqliteSaver.from_conn_string("supervisor.sqlite") as saver:
        supervisor = agent(
            "Hand each request to those whose work it is.", [cashier, steward], saver
        )
        begun = {"messages": [HumanMessage(options.question)]}
        state = supervisor.invoke(Command(resume=True) if options.approve else begun, visitor)
    for message in state["messages"]:
        message.pretty_print()
    for stop in state.get("__interrupt__", ()):
        print(f"Stopped: {stop.value} Run again with --approve.")


if __name__ == "__main__":
    main()
