"""Taxes: every cent by hand, on fills and dividends that are written down here."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.result import load
from dipfolio.engine.simulation import simulate
from dipfolio.engine.taxes import TaxRule, is_long_term, realised_gains, tax_result
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars, random_market
from tests.support.strategies import script

RULE = TaxRule(short=0.37, long=0.20)


def fill(day, shares, price, symbol="A", charge=0.0):
    return {
        "session": pd.Timestamp(day), "symbol": symbol, "shares": float(shares), "price": float(price), "commission": charge,
        "fees": 0.0,
    }  # fmt: skip


FILLS = pd.DataFrame(
    [
        fill("2023-03-01", 100, 10.0, charge=1.0),  # 10.01 a share
        fill("2023-06-01", 100, 14.0, charge=1.0),  # 14.01
        fill("2024-05-01", -150, 12.0, charge=3.0),  # 11.98
        fill("2024-06-03", -100, 12.0),  # the last 50, and 50 sold short at 12
        fill("2025-07-01", 50, 9.0),
    ]
)


def gains(lots):
    return [(row.shares, round(row.gain, 2), bool(row.is_long_term)) for row in realised_gains(FILLS, lots).itertuples()]


def test_lots_are_closed_first_in_first_out():
    # 100 x (11.98 - 10.01) after 14 months; 50 x (11.98 - 14.01) after 11; 50 x (12 - 14.01) after a year and two days; then the
    # short, 50 x (12 - 9)
    assert gains("fifo") == [(100, 197.0, True), (50, -101.5, False), (50, -100.5, True), (-50, 150.0, False)]


def test_lots_are_closed_from_the_highest_cost_down():
    # 100 x (11.98 - 14.01) after 11 months; 50 x (11.98 - 10.01) after 14; 50 x (12 - 10.01); the short alike
    assert gains("highest-cost") == [(100, -203.0, False), (50, 98.5, True), (50, 99.5, True), (-50, 150.0, False)]


def test_of_several_shorts_the_one_with_the_least_gain_is_covered_first_by_cost():
    table = pd.DataFrame([fill("2024-01-02", -10, 9.0), fill("2024-01-03", -10, 7.0), fill("2024-01-04", 10, 8.0)])
    assert [realised_gains(table, lots)["gain"].tolist() for lots in ("fifo", "highest-cost")] == [[10.0], [-10.0]]


@pytest.mark.parametrize(
    ("acquired", "closed", "long_term"),
    [
        (date(2023, 6, 1), date(2024, 6, 1), False), (date(2023, 6, 1), date(2024, 6, 2), True),
        (date(2024, 2, 29), date(2025, 2, 28), False), (date(2024, 2, 29), date(2025, 3, 1), True),
    ],
)  # fmt: skip
def test_more_than_a_year_is_long_term(acquired, closed, long_term):
    assert is_long_term(acquired, closed) is long_term


@pytest.fixture(scope="module")
def run():
    result = simulate(script({0: {"A": 10}}), make_bars({"A": [100.0] * 5}), Account(cash=10_000).without_costs())
    days = pd.DatetimeIndex(["2023-03-01", "2023-12-29", "2024-06-28", "2025-08-01", "2026-01-02"])
    table = pd.DataFrame({"equity": 10_000.0, "dividends": [0.0, 40.0, 0.0, -20.0, 0.0]}, index=days)
    table.loc[days[-1], "equity"] = 10_500.0
    return replace(result, fills=FILLS, equity=table, window=(days[0].date(), days[-1].date()))


def test_each_year_by_hand(run):
    # 2023: 40 of dividends at 37 %: 14.80. 2024, first in, first out: long 197.00 - 100.50 = 96.50, short -101.50; the 5.00 that
    # are left are carried. 2025: 150.00 of the short, less 20.00 owed on it, less 5.00: 125.00 at 37 %: 46.25. 2026: nothing.
    found = tax_result(run, RULE)
    assert found.years["tax"].round(9).tolist() == [14.8, 0.0, 46.25, 0.0]
    assert found.years["carried_out"].round(9).tolist() == [0.0, -5.0, 0.0, 0.0]
    assert found.years["taxed_short"].round(9).tolist() == [0.0, 0.0, 125.0, 0.0]
    assert (round(found.tax, 9), round(found.final_equity, 9)) == (61.05, 10_438.95)
    assert found.total_return == pytest.approx(0.043895, abs=1e-12)


def test_each_year_by_hand_with_the_highest_cost_and_a_rate_for_dividends(run):
    # 2023: 40 at 15 %: 6.00. 2024: short -203.00, long 198.00: -5.00 is carried. The rest as before.
    found = tax_result(run, TaxRule(short=0.37, long=0.20, dividends=0.15, lots="highest-cost"))
    assert found.years["tax"].round(9).tolist() == [6.0, 0.0, 46.25, 0.0]


def test_a_long_term_loss_is_carried_and_offsets_a_short_term_gain_of_a_later_year(run):
    fills = pd.DataFrame(
        [
            fill("2023-03-01", 10, 100.0),
            fill("2024-03-04", -10, 40.0),
            fill("2025-02-03", 10, 50.0),
            fill("2025-03-03", -10, 130.0),
        ]
    )
    found = tax_result(replace(run, fills=fills, equity=run.equity.assign(dividends=0.0)), RULE)
    assert found.years["carried_out"].tolist() == [0.0, -600.0, 0.0, 0.0]
    assert found.years["tax"].tolist() == pytest.approx([0.0, 0.0, 200 * 0.37, 0.0])  # 800 less 600


MARKET = make_bars(**random_market(sessions=300, symbols="AB"))
ROWS = {row: {"A": (-1) ** row * 0.4, "B": 0.3 + row % 3 / 10} for row in range(0, 290, 17)}


@pytest.mark.parametrize("lots", ["fifo", "highest-cost"])
def test_without_rates_the_result_after_tax_is_the_result(lots):
    result = simulate(script(ROWS, universe="A,B", unit="weight", resize=True), MARKET)
    found = tax_result(result, TaxRule(short=0.0, long=0.0, lots=lots))
    final = result.equity["equity"].iloc[-1]
    assert (found.tax, found.final_equity, found.total_return) == (0.0, final, final / result.account.cash - 1)


@pytest.mark.parametrize("lots", ["fifo", "highest-cost"])
def test_the_gains_of_all_lots_are_the_profit_of_all_trades_without_dividends_and_borrow(lots):
    result = simulate(script({**ROWS, 292: {"A": 0.0, "B": 0.0}}, universe="A,B", unit="weight", resize=True), MARKET)
    assert result.open_positions.empty
    profit = (result.trades["profit"] + result.trades["borrow"] - result.trades["dividends"]).sum()
    assert realised_gains(result.fills, lots)["gain"].sum() == pytest.approx(profit, abs=1e-6)


def test_a_saved_run_keeps_its_taxes_and_one_without_has_none(run, tmp_path):
    result = simulate(script({0: {"A": 10}}), make_bars({"A": [100.0] * 5}))
    for rule in (None, RULE):
        folder = tmp_path / str(bool(rule))
        folder.mkdir()
        replace(result, taxes=rule).save(folder)
        assert load(folder).taxes == rule
        assert ("taxes" in (folder / "run.json").read_text()) == bool(rule)


@pytest.mark.parametrize("wrong", [{"short": 1.0}, {"long": -0.1}, {"dividends": float("nan")}, {"lots": "lifo"}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ParameterError):
        TaxRule(**{"short": 0.3, "long": 0.2, **wrong})
