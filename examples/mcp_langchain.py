"""A LangChain agent whose tools come from an MCP server, mcp_workshop.py.

python examples/mcp_langchain.py "What is the price of the kiln for 3 hours?"
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from where import workers_ai

from langchain_workersai import ChatWorkersAI, get_workersai_callback

SERVER = Path(__file__).with_name("mcp_workshop.py")


async def main(question: str) -> None:
    client = MultiServerMCPClient(
        {"workshop": {"transport": "stdio", "command": sys.executable, "args": [str(SERVER)]}}
    )
    tools = await client.get_tools()
    print(f"The server has: {', '.join(tool.name for tool in tools)}")
    agent = create_agent(ChatWorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0), tools)
    with get_workersai_callback() as costs:
        state = await agent.ainvoke({"messages": [HumanMessage(question)]})
        for message in state["messages"]:
            message.pretty_print()
        print(f"{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


if __name__ == "__main__":
    with workers_ai():
        asyncio.run(main(" ".join(sys.argv[1:]) or "What is the price of the kiln for 3 hours?"))
