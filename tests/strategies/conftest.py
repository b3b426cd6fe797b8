"""What the tests of the strategies share: the real data, and the strategies by name."""

from pathlib import Path

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.loader import load_strategy

ROOT = Path(__file__).parents[2]
LONGER = ROOT.parent / "shared" / "reference"


@pytest.fixture(scope="session")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="session")
def longer():
    """More than eleven years of the same symbols."""
    if not LONGER.is_dir():
        pytest.skip(f"the longer history, {LONGER}, is not here")
    return load_bars(LONGER, events=ROOT / "data" / "events.csv")


@pytest.fixture(scope="session")
def strategy():
    """Makes a strategy from its name and parameters."""

    def make(name, **parameters):
        return load_strategy(ROOT / "strategies", name)(**parameters)

    return make
