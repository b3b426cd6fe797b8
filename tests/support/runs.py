"""Small runs for tests: what an account did in a market of a few bars, without costs."""

from dataclasses import replace

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.report.comparison.series import track_of
from tests.support.markets import make_bars
from tests.support.strategies import script

FREE = Account(cash=1000.0, fractional=True, max_volume_share=1.0).without_costs()
WAVES = [100, 110, 99, 108.9, 120, 114, 102.6, 107.73, 113, 116.39, 122.21, 110]
MARKET = [50, 51, 50, 52, 53, 52, 51, 52, 54, 55, 56, 55]


def run(rows=None, *, closes=WAVES, market=MARKET, benchmark="B", account=FREE, since="2025-01-02", **window):
    """A run of shares of A by the script, ``{row: {symbol: shares}}``; bought and held from the first close on by default."""
    bars = make_bars({"A": closes, "B": market}, start=since)
    made = simulate(script({0: {"A": 10}} if rows is None else rows), bars, account, benchmark=benchmark, **window)
    return replace(made, changed={})


def track(rows=None, *, label="", folder=None, **options):
    """The track of such a run."""
    made = track_of(run(rows, **options), folder)
    return replace(made, label=label) if label else made


def save(reports, name, result, *, sheet="<!DOCTYPE html><title>sheet</title><p>sheet"):
    """A saved run, with a page in the place of its tear sheet."""
    folder = reports / name
    folder.mkdir(parents=True)
    result.save(folder)
    if sheet:
        (folder / "tearsheet.html").write_text(sheet, encoding="utf-8")
    return folder


WITHOUT_COSTS = Account().without_costs()
ENTER = {0: {"A": 100}}


def leaving(exits, rows=ENTER, fill="open", account=WITHOUT_COSTS, **market):
    """The fills after the first as (session number, price, moment, reason)."""
    bars = make_bars(**market)
    result = simulate(script(rows, exits=exits, fill=fill), bars, account)
    fills = result.fills.iloc[1:]
    return [(bars.sessions.get_loc(row.session), row.price, row.at, row.reason) for row in fills.itertuples()]
