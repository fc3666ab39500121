"""Structured facts from a folder of texts, several at once, with a progress bar.

python examples/extract.py examples/texts --out rules.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, Field
from tqdm import tqdm
from where import workers_ai

from langchain_workersai import ChatWorkersAI, get_workersai_callback

TASK = "What does this notice of a workshop say?\n\n"


class Notice(BaseModel):
    """What one notice says."""

    subject: str = Field(description="what it is about, in one to three words")
    numbers: list[float] = Field(description="all numbers in it, such as prices and hours")
    forbids: bool = Field(description="whether it forbids something")


def extracted(files: list[Path]) -> tuple[dict[str, Notice], dict[str, str]]:
    """Ask about four files at a time; keep the reason of a failure and go on."""
    model = ChatWorkersAI("@cf/ibm-granite/granite-4.0-h-micro", temperature=0)
    asking = model.with_structured_output(Notice)
    found: dict[str, Notice] = {}
    failed: dict[str, str] = {}
    answers = asking.batch_as_completed(
        [TASK + path.read_text("utf-8") for path in files],
        RunnableConfig(max_concurrency=4),
        return_exceptions=True,
    )
    for place, answer in tqdm(answers, total=len(files), unit="file"):
        if isinstance(answer, Notice):
            found[files[place].name] = answer
        else:
            failed[files[place].name] = f"{type(answer).__name__}: {answer}"
    return found, failed


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "texts")
    parser.add_argument("--out", type=Path, default=Path("notices.csv"))
    options = parser.parse_args()
    with workers_ai(), get_workersai_callback() as costs:
        found, failed = extracted(sorted(options.folder.glob("*.txt")))
    with options.out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["file", *Notice.model_fields])
        table.writeheader()
        table.writerows({"file": name, **row.model_dump()} for name, row in sorted(found.items()))
    print(f"{len(found)} rows in {options.out}; {costs.total.cost_usd or 0:.6f} USD")
    for name, reason in sorted(failed.items()):
        print(f"{name} failed: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
