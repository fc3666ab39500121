"""Make `benchmarks/RESULTS.md` and the table in README.md from the JSON files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.contestants.registry import (
    CHAT_OPENAI,
    LANGCHAIN,
    LANGCHAIN_CLOUDFLARE,
    LLAMAINDEX,
    OPENAI_LIKE,
)
from benchmarks.report import tables
from benchmarks.report.results import HERE
from benchmarks.scenarios.curves import CURVES

PAGE = HERE / "RESULTS.md"
NOTES = HERE / "NOTES.md"
"""What is written by hand about the figures, such as why a target is missed; may be absent."""
README = HERE.parent / "README.md"
BEGIN = "<!-- made by `make benchmark` from benchmarks/results/main.json -->"
END = "<!-- end of what was made -->"
IN_README = (
    "call", "call-async", "stream", "stream-async", "stream-one-by-one", "at-once",
    "streams-at-once", "history", "agent", "embeddings", "first-answer", "memory",
)  # fmt: skip

INTRODUCTION = """# What the adapters cost

Made by `{command}`, not written by hand: {system}, {processor}, {cores} cores, {python},
{date}; load average at the end {load}.

Every contestant asks the same server on loopback, which answers at once with bytes made
beforehand and runs in a process of its own: CPU time is the contestant's alone. Contestants take
turns in one process, in an order that rotates, and each ratio is the median over the rounds of the
ratio within a round. Every answer is checked, outside the clock; one wrong answer disqualifies.
Read the ratios: absolute figures are this machine's.

*raw* is httpx with `iter_lines` and `json.loads` and nothing made of the result; *floor* is the
framework's own base class with answers from memory, without network and JSON, and with as many
settings as a chat model on Workers AI has. `{langchain}` and `{llamaindex}` are this
project's faces, `workersai` its client; a face's target is in brackets, and a figure that meets it
is bold. Peers are set up as their documentation does: langchain-cloudflare and CloudflareEmbedding
(llama-index-embeddings-cloudflare-workersai) on `/ai/run`, ChatOpenAI (langchain-openai),
OpenAILike (llama-index-llms-openai-like) and openai on `/ai/v1`. Where the server takes 50 ms a
batch, LlamaIndex's classes are asked by `aget_text_embedding_batch`, because LlamaIndex's sync
method has one request under way at a time. `make benchmark` leaves the slowest peers out of long
rows, `make benchmark-all` does not.
"""

CURVE_INTRODUCTION = """## As there is more to do

Made by `make benchmark-all`: {processor}, {cores} cores, {python}, {date}; load average at the
end {load}. Each point is the least of up to ten runs. A contestant that took long at one size was
left out beyond it.
"""


def page(main: dict[str, Any], curves: dict[str, Any] | None) -> str:
    """Return the whole text of RESULTS.md."""
    machine, scenarios = main["machine"], main["scenarios"]
    about = {"command": main["command"], "langchain": LANGCHAIN, "llamaindex": LLAMAINDEX}
    parts = [
        INTRODUCTION.format(**about, **machine),
        "## CPU, as ratios, and memory\n\n" + tables.main_table(scenarios),
        *([NOTES.read_text()] if NOTES.exists() else []),
        "## CPU, in microseconds\n\n" + tables.absolute_table(scenarios, "cpu_us"),
        "## Wall time, in microseconds\n\n" + tables.absolute_table(scenarios, "wall_us"),
        *(_curves(curves) if curves else []),
        "## Versions\n\n" + ", ".join(f"{k} {v}" for k, v in machine["versions"].items()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _curves(results: dict[str, Any]) -> list[str]:
    parts = [CURVE_INTRODUCTION.format(**results["machine"])]
    for curve in CURVES:
        points = results["curves"].get(curve.key)
        if points:
            plot = f"![{curve.title}](results/{curve.key}.svg)"
            shown = tables.curve_table(points, curve.sizes)
            title = f"### {curve.title}: CPU microseconds a {curve.unit}, by {curve.across}"
            parts.append(f"{title}\n\n{plot}\n\n{shown}")
    return parts


def readme_table(main: dict[str, Any]) -> str:
    """The table in README.md, with the markers around it."""
    names = (LANGCHAIN, LLAMAINDEX, LANGCHAIN_CLOUDFLARE, CHAT_OPENAI, OPENAI_LIKE)
    head = ["", "`ChatWorkersAI`", "LlamaIndex `WorkersAI`", LANGCHAIN_CLOUDFLARE,
            "`ChatOpenAI`", "`OpenAILike`"]  # fmt: skip
    rows = []
    for row in tables.ROWS:
        if row.key in IN_README and row.key in main["scenarios"]:
            found = main["scenarios"][row.key]
            rows.append([row.title, *(tables.figure(row, found.get(name)) for name in names)])
    machine = main["machine"]
    about = f"{machine['cores']} cores, {machine['python']}, {machine['date']}"
    return f"{BEGIN}\n{tables.table(head, rows)}\n\n{about}.\n{END}"


def with_table(readme: str, shown: str) -> str:
    """Return README.md with a new table between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + shown + after


def write(main: dict[str, Any], curves: dict[str, Any] | None, readme: Path = README) -> None:
    """Write RESULTS.md and README.md."""
    PAGE.write_text(page(main, curves))
    readme.write_text(with_table(readme.read_text(), readme_table(main)))
