"""The page of `plumb view` in a browser, for tests: the command as a person starts it, and
Chromium.

A test file has a fixture `address`. It skips where there is no Chromium, unless
PLUMB_REQUIRE_BROWSER is set, as it is in CI.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 60_000  # milliseconds for anything to come true

needs_browser = pytest.mark.skipif(
    BROWSER is None and not os.environ.get("PLUMB_REQUIRE_BROWSER"),
    reason="there is no chromium here: apt install chromium",
)


def served(runs: Sequence[Path], cache: Path) -> Iterator[str]:
    """The address that the command prints, as a person starts it; Ctrl-C ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "launch.cli", "view", *map(str, runs)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    assert process.stdout is not None
    found = None
    for line in process.stdout:
        if found := re.match(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
            break
    assert found is not None
    yield found[0]
    process.send_signal(2)  # Ctrl-C
    process.stdout.close()
    assert process.wait(timeout=120) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert BROWSER is not None, "PLUMB_REQUIRE_BROWSER is set, and there is no chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox"], timeout=PATIENCE
        )
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened by its address; nothing may go wrong in it while a test looks."""
    expect.set_options(timeout=PATIENCE)
    context = browser.new_context(
        color_scheme="light", permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(PATIENCE)
    found = context.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    # What the policy of the page refuses is told here too.
    found.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    found.goto(address)
    expect(found.locator(".meter[data-loaded=true]")).to_be_attached()
    yield found
    context.close()
    assert not faults
