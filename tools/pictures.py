"""Make the pictures of the README from real runs: ``python tools/pictures.py`` (needs Chromium and playwright)."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    """Run strategies and the thesis into a temporary folder; photograph the first screens of their pages."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        for names in (["buy-the-dip"], ["thesis"], ["buy-the-dip", "short-nvda-friday", "equal-weight", "dip-rule"]):
            subprocess.run([sys.executable, ROOT / "backtest.py", *names, "--reports", folder], check=True)  # noqa: S603
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        for file, name, chart, height in (
            ("buy-the-dip/tearsheet.html", "tear-sheet.png", ".main-svg", 940),
            ("thesis.html", "thesis.png", "#opening svg", 940),
            ("comparison.html", "comparison.png", "#drawdown .main-svg", 1180),
        ):
            page.set_viewport_size({"width": 1240, "height": height})
            page.goto((Path(folder) / file).as_uri())
            page.wait_for_selector(chart)
            page.screenshot(path=IMAGES / name)
        browser.close()


if __name__ == "__main__":
    main()
