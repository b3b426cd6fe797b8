"""What tests of sweeps share: a market of two symbols, and a folder with two strategies."""

import numpy as np
import pytest

from tests.support.markets import make_bars
from tests.support.sweeps import PLAIN, SLOW


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(4)
    return make_bars({s: np.round(50 * np.exp(rng.normal(0, 0.03, 60).cumsum()), 2) for s in "AB"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ideas").mkdir()
    (tmp_path / "ideas" / "slow.py").write_text(SLOW)
    (tmp_path / "ideas" / "crossing.py").write_text(PLAIN)
    return tmp_path / "ideas"
