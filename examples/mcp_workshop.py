"""An MCP server with two tools, which the other mcp_*.py start and ask over stdio."""

from __future__ import annotations

from mcp.server.fastmcp import FastMCP

PRICES = {"laser cutter": 12.0, "kiln": 9.5, "3d printer": 2.0}
OPEN = {"saturday": "10:00 to 16:00", "sunday": "closed"}

server = FastMCP("workshop", log_level="WARNING")


@server.tool()
def machine_price(machine: str, hours: float) -> str:
    """Get the price of using a machine of the workshop, such as kiln, for some hours."""
    if machine.lower() not in PRICES:
        return f"There is no machine {machine!r}, only: {', '.join(PRICES)}"
    return f"{PRICES[machine.lower()] * hours:.2f} euros"


@server.tool()
def opening_hours(day: str) -> str:
    """Get the opening hours of the workshop on a day of the week, such as Monday."""
    return OPEN.get(day.lower(), "14:00 to 22:00")


if __name__ == "__main__":
    server.run("stdio")
