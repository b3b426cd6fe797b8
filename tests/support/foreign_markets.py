"""Data folders of made-up markets abroad: London in pence, cryptocurrencies, weekly bars, several markets at once."""

import numpy as np
import pandas as pd

from dipfolio.data.calendar import ExchangeCalendar

HEAD = "date,open,high,low,close,volume"


def write_market(folder, symbols, settings="", *, code="XNYS", frequency="daily", start="2023-01-02", sessions=300, price=600.0):
    """A folder with a random walk for each symbol on the sessions of a calendar, and its ``dataset.toml``.

    A folder that is there keeps its other files, so that a second call adds symbols of another market.
    """
    exchange = ExchangeCalendar(code, frequency)
    days = exchange.between(start, exchange.offset(pd.Timestamp(start), sessions + 1))[:sessions]
    (folder / "prices").mkdir(parents=True, exist_ok=True)
    for symbol in symbols:
        random = np.random.default_rng(sum(map(ord, symbol)))
        close = price * np.exp(np.cumsum(random.normal(0.0004, 0.015, sessions)))
        opened = np.concatenate([[price], close[:-1]]) * np.exp(random.normal(0, 0.004, sessions))
        table = pd.DataFrame(
            {
                "date": days.strftime("%Y-%m-%d"), "open": opened, "high": np.maximum(opened, close) * 1.004,
                "low": np.minimum(opened, close) * 0.996, "close": close, "volume": random.integers(5e6, 9e6, sessions),
            }
        ).round(4)  # fmt: skip
        table.to_csv(folder / "prices" / f"{symbol}.csv", index=False)
    if not (folder / "dividends.csv").exists():
        (folder / "dividends.csv").write_text("symbol,ex_date,amount\n", encoding="utf-8")
    if settings:
        (folder / "dataset.toml").write_text(settings, encoding="utf-8")
    return folder


def closes_of(folder, symbol):
    """The closes of a file, by date, read without dipfolio."""
    return pd.read_csv(folder / "prices" / f"{symbol}.csv", index_col="date", parse_dates=True)["close"]
