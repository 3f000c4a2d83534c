"""Makes the pictures of the README out of finished runs, light and dark, with Debian's chromium.

    python -m tests.bench.pictures runs/quickstart runs/calculator

The first run's report, and an episode of the second run as `plumb view` shows it.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

FOLDER = Path(__file__).parents[2] / "launch" / "pages" / "pictures"
PATIENCE = 1_200_000  # milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="a run whose report is shown")
    parser.add_argument("view", type=Path, help="a run of several turns, shown by plumb view")
    options = parser.parse_args()
    plumb = [sys.executable, "-m", "launch.cli"]
    subprocess.run([*plumb, "report", str(options.report)], check=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as cache:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            picture_report(browser, options.report.resolve() / "report.html", scheme)
        viewer = subprocess.Popen(
            [*plumb, "view", str(options.view)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": cache},
        )
        try:
            assert viewer.stdout is not None
            address = next(line for line in viewer.stdout if line.startswith("http")).strip()
            for scheme in ("light", "dark"):
                picture_view(browser, address, scheme)
        finally:
            viewer.send_signal(signal.SIGINT)
            viewer.wait(timeout=60)
        browser.close()


def picture_report(browser: Browser, page: Path, scheme: str) -> None:
    """Headline numbers and the curve of accuracy."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 905})
    context.set_default_timeout(PATIENCE)
    shown = context.new_page()
    shown.goto(page.as_uri())
    expect(shown.locator(".plotly .main-svg").first).to_be_visible(timeout=PATIENCE)
    save(shown, f"report-{scheme}")


def picture_view(browser: Browser, address: str, scheme: str) -> None:
    """An episode, turn by turn, beside the list of answers."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 860})
    context.set_default_timeout(PATIENCE)
    shown = context.new_page()
    shown.goto(address)
    shown.get_by_role("link", name="Answers").first.click()
    shown.locator("[data-filter='task=two operations']").click()
    rows = shown.locator("[data-list] [role=option]")
    expect(rows.first).to_contain_text("two operations", timeout=PATIENCE)
    rows.first.click()
    expect(shown.locator(".turn.assistant").first).to_be_visible(timeout=PATIENCE)
    shown.mouse.move(0, 0)
    save(shown, f"view-{scheme}")


def save(shown: Page, name: str) -> None:
    """In few colours: a README is loaded by people on slow lines."""
    shown.wait_for_timeout(1000)  # transitions
    picture = Image.open(BytesIO(shown.screenshot())).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
