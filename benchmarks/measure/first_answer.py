"""Import one contestant, construct it and ask once, in an interpreter that has imported nothing.

    python -m benchmarks.measure.first_answer CONTESTANT ROOT ACCOUNT_ID

Prints the answer's text and the CPU seconds since the interpreter began, its own start included.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    from benchmarks.contestants.base import Place  # noqa: PLC0415 - imports are what is timed
    from benchmarks.contestants.registry import BY_NAME  # noqa: PLC0415
    from benchmarks.server.accounts import Account  # noqa: PLC0415

    name, root, account_id = sys.argv[1:]
    contestant = BY_NAME[name].load()(Place(root, Account.of(account_id)))
    text = contestant.text_of(contestant.ask())  # type: ignore[attr-defined]  # the caller asked
    print(json.dumps({"text": text, "cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()
