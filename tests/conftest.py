"""What tests of several rooms share: the command line in this process, Yahoo's stand-in, and the browsers that open the pages."""

import os
import shutil
from collections import Counter

import pytest
from hypothesis import settings

from dipfolio.cli.app import main

settings.register_profile("without a clock", deadline=None)  # no test measures time; the benchmarks do
settings.load_profile("without a clock")

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
def program(capsys):
    """The command line, started in a home, in this process: exit code, standard output, standard error."""

    def start(home, *words):
        with pytest.raises(SystemExit) as left:
            main(home, [str(word) for word in words])
        return left.value.code or 0, *capsys.readouterr()

    return start


@pytest.fixture
def yahoo(tmp_path_factory):
    """A local server that yfinance takes for Yahoo Finance."""
    import yfinance

    from tests.support.yahoo import Yahoo

    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))
    server = Yahoo()
    server.connect()
    yield server
    server.close()


@pytest.fixture(scope="module")
def chromium():
    """Chromium, driven by playwright; without either the tests that ask for it are skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.skip("no chromium found; apt-get install chromium, or say where in CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    """One Firefox for the module; without it the tests that ask for it are skipped."""
    from tests.support.firefox import started

    program = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        pytest.skip("no firefox found; apt-get install firefox-esr, or say where in FIREFOX")
    with started(program, tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


def pytest_terminal_summary(terminalreporter):
    """How many tests were skipped and why, one line for each reason, and one for the long reference whatever is missing of it."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {number}: {reason}")


def _reason(report):
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return "the long reference is not here" if "shared/reference" in text else text.removeprefix("Skipped: ")
