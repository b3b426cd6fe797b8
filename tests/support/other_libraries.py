"""Foreign tables: series written down as people write them, with the returns that pandas makes of them by hand."""

import numpy as np
import pandas as pd

EQUITY = ("equity", "Equity", "NAV", "portfolio_value", "Net Liquidation", "accountValue", "Equity [$]", "Total Equity (USD)")
RETURNS = ("returns", "return", "daily_return", "Daily Return", "dailyReturn", "strategy_returns")
PERCENT = ("return_pct", "Return [%]", "Daily return in percent", "daily return (%)", "pctReturn")
LOG = ("log_return", "logReturn", "Log Returns", "ln_return")
CUMULATIVE = ("cum_returns", "cumulative_return", "cumReturn", "Cumulative Returns")
BESIDE = ("cash", "drawdown", "n_positions", "benchmark", "exposure")
DATES = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d 16:00:00")


def foreign(rng):
    """Text of a table, its bytes, and the total return of it by pandas."""
    count = int(rng.integers(25, 80))
    days = pd.bdate_range("2024-03-01", periods=count)
    returns = pd.Series(rng.normal(0.0005, rng.uniform(0.006, 0.02), count), index=days)
    kind = str(rng.choice(["equity", "returns", "percent", "signs", "log", "cumulative"]))
    heads = {"equity": EQUITY, "returns": RETURNS, "percent": PERCENT, "signs": RETURNS, "log": LOG, "cumulative": CUMULATIVE}
    head = str(rng.choice(heads[kind]))
    growth = (1 + returns).cumprod()
    values = {
        "equity": growth * rng.choice([1.0, 100.0, 1e6]), "returns": returns, "percent": returns * 100, "signs": returns * 100,
        "log": np.log1p(returns), "cumulative": growth - 1,
    }[kind]  # fmt: skip
    values = values.round(8)
    if kind == "equity":
        total = values / values.iloc[0]
    elif kind == "cumulative":
        total = 1 + values
    elif kind == "log":
        total = np.exp(values.cumsum())
    else:
        total = (1 + values / (1 if kind == "returns" else 100)).cumprod()
    separator = str(rng.choice([",", ";", "\t"]))
    comma = separator != "," and rng.random() < 0.5
    form = str(rng.choice(DATES))
    cells = [f"{value:.8f}" + ("%" if kind == "signs" else "") for value in values]
    table = pd.DataFrame({"date": days.strftime(form), head: cells})
    for name in rng.choice(BESIDE, int(rng.integers(0, 4)), replace=False):
        table.insert(int(rng.integers(1, table.shape[1] + 1)), str(name), [f"{x:.3f}" for x in rng.normal(0, 10, count)])
    if comma:
        table.iloc[:, 1:] = table.iloc[:, 1:].map(lambda cell: cell.replace(".", ","))
    if kind == "returns" and rng.random() < 0.3:
        table.loc[0, head] = ""
        total = (1 + values.iloc[1:]).cumprod()
    if rng.random() < 0.2:
        table = table.iloc[::-1]
    text = table.to_csv(index=False, sep=separator)
    text = f"sep={separator}\n{text}" if rng.random() < 0.1 else text
    encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
    return text, text.encode(encoding), float(total.iloc[-1] - 1)


def spoiled(rng, text):
    """The text with something broken in it: cells emptied, doubled, replaced, or lines lost."""
    lines = text.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, len(lines)))
        line = lines[at]
        lines[at] = str(
            rng.choice([line[: len(line) // 2], line + ",1", line.replace("0", "x", 1), line.replace(".", ""), "", line * 2])
        )
    return "\n".join(lines).encode()
