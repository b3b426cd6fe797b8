"""Folders of other markets on the command line: a run, a sweep, the evidence, a comparison, and the checks of the data."""

import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, enter
from dipfolio.errors import ParameterError
from tests.support.foreign_markets import closes_of, write_market

ROOT = Path(__file__).parents[1]
MARKETS = {
    "london": ({"symbols": ["ISF.L", "BARC.L"], "code": "XLON"}, 'calendar = "XLON"\ncurrency = "GBp"\n', 252),
    "crypto": ({"symbols": ["BTC-USD", "ETH-USD"], "code": "24/7", "price": 900.0}, 'calendar = "24/7"\n', 365),
    "weekly": ({"symbols": ["AAA", "BBB"], "frequency": "weekly"}, 'frequency = "weekly"\n', 52),
    "monthly": (
        {"symbols": ["AAA", "BBB"], "frequency": "monthly", "sessions": 90, "start": "2010-01-04"}, 'frequency = "monthly"\n', 12
    ),
}  # fmt: skip


@pytest.fixture(params=MARKETS)
def market(request, tmp_path):
    """A folder, its symbols, and the sessions of a year."""
    given, settings, a_year = MARKETS[request.param]
    return write_market(tmp_path / "market", settings=settings, **given), given["symbols"], a_year


@pytest.fixture
def ask(program, tmp_path):
    """The program in this repository, with a folder of reports of its own."""
    return lambda *words: program(ROOT, *words, "--reports", tmp_path / "reports")


def terms(folder, symbols):
    """The options of a run on a folder."""
    return ("--data", folder, "--universe", ",".join(symbols), "--benchmark", symbols[0])


def annual(returns, a_year, rate=0.0):
    """Volatility and Sharpe ratio a year, in three lines of numpy."""
    excess = returns - ((1 + rate) ** (1 / a_year) - 1)
    return returns.std(ddof=1) * math.sqrt(a_year), excess.mean() / excess.std(ddof=1) * math.sqrt(a_year)


def test_annual_numbers_of_a_run_are_by_the_sessions_of_the_market(ask, market, tmp_path):
    folder, symbols, a_year = market
    words = (*terms(folder, symbols), "--json", "--no-robustness", "--risk-free", "4%", "--also", "none")
    code, out, err = ask("equal-weight", *words)
    assert (code, err) == (0, "")
    said, (saved,) = json.loads(out), (tmp_path / "reports").glob("equal-weight*/equity.csv")
    table = pd.read_csv(saved)
    assert table["benchmark"].to_numpy()[1:] == pytest.approx(closes_of(folder, symbols[0]).pct_change().to_numpy()[1:])
    volatility, sharpe = annual(table["return"].to_numpy(), a_year, 0.04)
    assert said["volatility"] == pytest.approx(volatility, rel=1e-9)
    assert said["sharpe"] == pytest.approx(sharpe, rel=1e-9)
    page = saved.with_name("tearsheet.html").read_text(encoding="utf-8")
    assert ("bars: a session, and a day in the names of the charts, is one " in page) == (a_year < 200)
    assert "annual values are an extrapolation" not in page
    assert f"A year has {a_year} {'sessions' if a_year > 200 else 'bars'}" in page


def test_an_account_in_pounds_is_said_to_be_one_and_pays_no_american_fees(ask, tmp_path):
    folder = write_market(tmp_path / "london", ["ISF.L", "BARC.L"], 'calendar = "XLON"\ncurrency = "GBp"\n', code="XLON")
    words = ("--data", folder, "--universe", "BARC.L", "--benchmark", "ISF.L", "--no-robustness", "--also", "none")
    code, out, err = ask("short-every-friday", *words, "--all")
    assert (code, err) == (0, "")
    assert "£" in out
    assert "$" not in out
    run = next((tmp_path / "reports").glob("short-every-friday*"))
    fills = pd.read_csv(run / "fills.csv")
    assert (fills["shares"] < 0).any()
    assert (fills["fees"] == 0).all()
    first, bars = fills.iloc[0], pd.read_csv(folder / "prices" / "BARC.L.csv", index_col="date")
    assert first["price"] == pytest.approx(bars.loc[first["session"], first["at"]] / 100 * 0.9998, rel=1e-12)
    page = (run / "tearsheet.html").read_text(encoding="utf-8")
    assert "BARC.L, ISF.L from GBp to GBP by a hundred of them for one." in page
    assert "no SEC or FINRA fees are charged" in page


def test_an_account_in_dollars_holds_london_by_the_rates_of_the_folder(ask, tmp_path):
    folder = write_market(tmp_path / "london", ["ISF.L", "BARC.L"], 'calendar = "XLON"\ncurrency = "GBp"\n', code="XLON")
    days = closes_of(folder, "ISF.L").index
    (folder / "fx").mkdir()
    rates = pd.Series(np.linspace(1.2, 1.3, len(days)), index=days, name="Close").rename_axis("Date")
    rates.to_csv(folder / "fx" / "GBPUSD.csv")
    words = (*terms(folder, ["ISF.L", "BARC.L"]), "--currency", "usd", "--no-robustness", "--also", "none")
    assert ask("equal-weight", *words)[0] == 0
    run = next((tmp_path / "reports").glob("equal-weight*"))
    in_dollars = closes_of(folder, "ISF.L") / 100 * rates
    market = pd.read_csv(run / "equity.csv")["benchmark"].to_numpy()[1:]
    assert market == pytest.approx(in_dollars.pct_change().to_numpy()[1:], rel=1e-12)
    provenance = json.loads((run / "run.json").read_text(encoding="utf-8"))["provenance"]
    assert provenance["conversions"][0].startswith("ISF.L, BARC.L from GBp to USD by fx/GBPUSD.csv, 1.2 on 2023-01-03")
    assert ask("sweep", "equal-weight", *words[:-3], "--fill", "open,close", "--verify", "2")[0] == 0
    code, _, err = ask("equal-weight", *words[:6], "--currency", "EUR")
    assert code == 2
    assert "fx/GBPEUR.csv" in err.replace(str(folder), "")
    code, _, err = ask("equal-weight", *words[:6], "--currency", "pounds")
    assert (code, "a code of three letters" in err) == (2, True)


def test_accounts_in_two_currencies_are_not_compared(ask, tmp_path):
    for name, settings in (("AAA", ""), ("BBB", 'currency = "EUR"\n')):
        folder = write_market(tmp_path / name, [name], settings, sessions=60)
        words = ("--data", folder, "--universe", name, "--benchmark", "none", "--no-robustness", "--also", "none")
        assert ask("equal-weight", *words)[0] == 0
    names = sorted(path.name for path in (tmp_path / "reports").glob("equal-weight*"))
    code, _, err = ask("compare", *names)
    assert (code, "is in EUR where" in err) == (2, True)


def test_a_sweep_and_the_evidence_count_the_same_year(ask, market, tmp_path):
    folder, symbols, a_year = market
    assert ask("sweep", "equal-weight", *terms(folder, symbols), "--fill", "open,close", "--verify", "2")[0] == 0
    table = pd.read_parquet(next((tmp_path / "reports").glob("sweep-*/sweep.parquet")))
    assert ask("equal-weight", *terms(folder, symbols), "--fill", "close", "--no-robustness", "--also", "none")[0] == 0
    returns = pd.read_csv(next((tmp_path / "reports").glob("equal-weight*/equity.csv")))["return"].to_numpy()
    row = table[table["fill"] == "close"].iloc[0]
    assert (row["volatility"], row["sharpe"]) == pytest.approx(annual(returns, a_year), rel=1e-9)
    code, out, _ = ask("evidence", "equal-weight", *terms(folder, symbols))
    assert code == 0
    assert "equal-weight" in out


def test_the_data_are_checked_by_their_own_calendar(program, market):
    folder, _, a_year = market
    assert program(ROOT, "data", "check", folder)[0] == 0
    assert f"{a_year} in a year" in program(ROOT, "data", "status", folder)[1]


def test_runs_of_two_calendars_are_compared_on_their_common_sessions(ask, tmp_path):
    crypto = write_market(tmp_path / "crypto", ["AAA"], 'calendar = "24/7"', code="24/7", sessions=400)
    shares = write_market(tmp_path / "shares", ["BBB"], sessions=200)
    folders = {}
    for folder, symbol in ((crypto, "AAA"), (shares, "BBB")):
        words = ("--data", folder, "--universe", symbol, "--benchmark", "none", "--no-robustness", "--also", "none")
        assert ask("equal-weight", *words)[0] == 0
        folders[symbol] = next((tmp_path / "reports").glob(f"equal-weight--*{symbol}*"))
    code, out, _ = ask("compare", *(folder.name for folder in folders.values()), "--json")
    assert code == 0
    said = json.loads(out)
    (note,) = [note["text"] for note in said["notes"] if note["text"].startswith("The calendars differ")]
    assert "a year has 252 of them" in note
    always, weekdays = (pd.read_csv(f / "equity.csv", index_col="session", parse_dates=True) for f in folders.values())
    common = weekdays.index[weekdays.index <= always.index[-1]]
    wealth = (1 + always["return"]).cumprod()[common]
    returns = (wealth / wealth.shift()).to_numpy()[1:] - 1  # of the weekend on Monday
    first = wealth.iloc[0] - 1
    volatility, _ = annual(np.concatenate([[first], returns]), 252)
    assert said["sessions"][2] == len(common)
    assert said["runs"][0]["volatility"] == pytest.approx(volatility, rel=1e-6)


def test_a_date_is_a_session_of_the_market_of_the_bars(tmp_path):
    bars = load_bars(write_market(tmp_path, ["AAA"], 'calendar = "XLON"\n', code="XLON"))
    decided = enter(bars, on=date(2023, 7, 4), weight=1.0)["AAA"].dropna()  # a holiday in New York
    assert decided.index.tolist() == [pd.Timestamp("2023-07-03")]
    with pytest.raises(ParameterError, match=r"2023-04-10 is no session of XLON; the next one is 2023-04-11"):
        enter(bars, on=date(2023, 4, 10), weight=1.0)  # Easter Monday


def test_a_holding_period_counts_the_bars_of_the_market(tmp_path):
    bars = load_bars(write_market(tmp_path, ["AAA"], 'calendar = "24/7"\n', code="24/7", sessions=30))

    class Held(Strategy):
        """Bought on a Friday and held for three sessions."""

        universe: str = "AAA"
        exits = (HoldFor(3),)

        def targets(self, bars):
            return enter(bars, on=date(2023, 1, 6), weight=0.5)

    (trade,) = simulate(Held(), bars).trades.itertuples()
    assert (trade.entry_session, trade.exit_session) == (pd.Timestamp("2023-01-06"), pd.Timestamp("2023-01-09"))


def test_short_every_friday_sells_one_day_a_week_where_every_day_is_a_session(ask, tmp_path):
    folder = write_market(tmp_path / "crypto", ["AAA"], 'calendar = "24/7"\n', code="24/7", sessions=60)
    words = ("--data", folder, "--universe", "AAA", "--benchmark", "none", "--no-robustness", "--also", "none")
    assert ask("short-every-friday", *words)[0] == 0
    trades = pd.read_csv(next((tmp_path / "reports").glob("short-every-friday*/trades.csv")), parse_dates=["entry_session"])
    assert set(trades["entry_session"].dt.day_name()) == {"Friday"}
