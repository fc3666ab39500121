"""Take the picture of the page of examples/service.py, in headless Chromium.

Needs what `make examples` installs: `.venv-examples/bin/python docs/pictures/photograph.py`.
"""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
QUESTION = "What is the price of the kiln for 3 hours?"


def main() -> int:
    """Ask the page a question, and take its picture when the answer is complete."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("there is no Chromium on the PATH", file=sys.stderr)  # noqa: T201 - a command
        return 1
    sys.path.append(str(ROOT / "examples"))
    from service import app  # noqa: PLC0415 - examples are no package
    from where import workers_ai  # noqa: PLC0415

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    listening = server.config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    with workers_ai(), sync_playwright() as playwright:
        thread.start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 760, "height": 460}, device_scale_factor=2)
        page.goto("http://{}:{}".format(*listening.getsockname()))
        page.fill("#question", QUESTION)
        page.click("#send")
        page.wait_for_selector("#cost:not(:empty)")
        page.screenshot(path=str(Path(__file__).with_name("service.png")))
        browser.close()
        server.should_exit = True
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
