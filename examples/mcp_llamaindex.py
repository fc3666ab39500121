"""A LlamaIndex agent whose tools come from an MCP server, mcp_workshop.py.

python examples/mcp_llamaindex.py "What is the price of the kiln for 3 hours?"
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from where import workers_ai

from llamaindex_workersai import WorkersAI, count_workersai_costs

SERVER = Path(__file__).with_name("mcp_workshop.py")


async def main(question: str) -> None:
    client = BasicMCPClient(sys.executable, args=[str(SERVER)])
    tools = await McpToolSpec(client).to_tool_list_async()
    print(f"The server has: {', '.join(str(tool.metadata.name) for tool in tools)}")
    model = WorkersAI("@cf/zai-org/glm-4.7-flash", temperature=0)
    with count_workersai_costs() as costs:
        run = FunctionAgent(tools=tools, llm=model).run(question)
        async for event in run.stream_events():
            if isinstance(event, ToolCallResult):
                print(f"[{event.tool_name} {event.tool_kwargs} returned] {event.tool_output}")
        print(await run)
        print(f"{costs.total.calls} calls, {costs.total.cost_usd:.6f} USD")


if __name__ == "__main__":
    with workers_ai():
        asyncio.run(main(" ".join(sys.argv[1:]) or "What is the price of the kiln for 3 hours?"))
