"""A LangGraph agent with tools: its words, its calls and their results show as they come.

python examples/langgraph_agent.py "What does the kiln cost for 3 hours?"
"""

from __future__ import annotations

import sys

from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from where import workers_ai

from langchain_workersai import ChatWorkersAI, get_workersai_callback

TASK = SystemMessage("You answer visitors of a workshop. Look prices and hours up with your tools.")
PRICES = {"laser cutter": 12.0, "kiln": 9.5, "3d printer": 2.0}
OPEN = {"saturday": "10:00 to 16:00", "sunday": "closed"}


@tool
def machine_price(machine: str, hours: float) -> str:
    """Get the price of using a machine of the workshop, such as kiln, for some hours."""
    if machine.lower() not in PRICES:
        return f"There is no machine {machine!r}, only: {', '.join(PRICES)}"
    return f"{PRICES[machine.lower()] * hours:.2f} euros"


@tool
def opening_hours(day: str) -> str:
    """Get the opening hours of the workshop on a day of the week, such as Monday."""
    return OPEN.get(day.lower(), "14:00 to 22:00")


def agent() -> CompiledStateGraph:
    """Two nodes: the model, and the tools that it calls until it has its answer."""
    tools = [machine_price, opening_hours]
    model = ChatWorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0).bind_tools(tools)

    def ask(state: MessagesState) -> MessagesState:
        return {"messages": [model.invoke([TASK, *state["messages"]])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", ask)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


def shown(piece: object) -> str:
    """Return the text of a piece of the stream: words, parts of a call, or a tool's result."""
    if isinstance(piece, ToolMessage):
        return f"\n[{piece.name} returned] {piece.text}\n"
    if not isinstance(piece, AIMessageChunk):
        return ""
    begun = "".join(f"\n[call] {call['name']} " for call in piece.tool_call_chunks if call["name"])
    return piece.text + begun + "".join(call["args"] or "" for call in piece.tool_call_chunks)


def main(question: str) -> None:
    with workers_ai(), get_workersai_callback() as costs:
        inputs = {"messages": [HumanMessage(question)]}
        for piece, _ in agent().stream(inputs, stream_mode="messages"):
            print(shown(piece), end="", flush=True)
        print(f"\n{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "What is the price of the kiln for 3 hours?")
