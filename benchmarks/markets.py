"""Markets: made-up bars of any size, the same ones for the same size."""

import numpy as np
import pandas as pd

from dipfolio.data import calendar
from dipfolio.data.bars import Bars

FIRST = "2010-01-04"


def random_bars(symbols: int, count: int) -> Bars:
    """Random walks with a daily deviation of 2 %, ``count`` sessions long."""
    rng = np.random.default_rng(20250127)
    days = calendar.between(FIRST, calendar.offset(FIRST, count))[:count]
    close = 100 * np.exp(rng.normal(0.0003, 0.02, (count, symbols)).cumsum(axis=0))
    opened = close * np.exp(rng.normal(0, 0.005, close.shape))
    names = [f"S{number}" for number in range(symbols)]

    def frame(values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, index=days, columns=names)

    return Bars(
        open=frame(opened),
        high=frame(np.maximum(opened, close) * 1.01),
        low=frame(np.minimum(opened, close) * 0.99),
        close=frame(close),
        volume=frame(np.full(close.shape, 1e7)),
        dividends=frame(np.zeros(close.shape)),
    )
