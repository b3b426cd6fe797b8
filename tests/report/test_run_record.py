"""Assumptions: the sentences are those of the account that was used, whatever it is."""

import re
from dataclasses import fields, replace

import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.costs import SPREADS
from dipfolio.engine.ledger import replay
from dipfolio.engine.metrics import measure
from dipfolio.engine.panel import build_panel
from dipfolio.engine.simulation import run_simulation, simulate
from dipfolio.report.run_record import provenance_rows, record_section, state_assumptions, template_environment
from dipfolio.report.run_summary import summary_rows
from tests.support.markets import make_bars
from tests.support.strategies import script

CHANGED = {
    "cash": (437_000.0, "$437,000.00 at the start"),
    "commission_per_share": (0.0125, "$0.0125 a share"),
    "commission_minimum": (7_000.5, "at least $7,000.50"),
    "commission_maximum": (0.00001, "at most 0.001% of an order"),
    "commission_tiers": (True, "$0.002857142857 above 300,000"),
    "exchange_fee_per_share": (0.0032, "Exchange and clearing: $0.0032 a share"),
    "sec_taf": (False, "no SEC or FINRA fees"),
    "slippage_bps": (3.25, "3.25 basis points"),
    "borrow_rate": (0.05125, "borrowed at 5.125% a year"),
    "debit_rate": (0.0725, "pays 7.25% a year"),
    "credit_spread": (0.00625, "a positive balance earns it less 0.625%"),
    "rebate_spread": (0.00925, "(their value at that close) earns it less 0.925%"),
    "debit_spread": (0.0175, "a negative balance pays it and 1.75%"),
    "max_leverage": (1.55, "at most 1.55 x equity"),
    "maintenance_long": (0.655, "under 65.5% of longs"),
    "maintenance_short": (0.905, "the larger of 90.5% and $5.00 a share of shorts"),
    "maintenance_short_per_share": (30.0, "shares under $30.00 the larger of $15.00 a share and their value"),
    "max_volume_share": (0.00125, "0.125% of the volume"),
    "fractional": (True, "exact fractions of a share"),
}
"""Another value of each field of the account, and the words in which the page has to give it."""

CHEAP = make_bars({"A": [0.9, 0.91, 0.92, 0.89, 0.93, 0.94], "B": [21.0, 20, 19, 20, 18, 19]}, volumes={"A": [1e9] * 6})


@pytest.fixture(scope="module")
def bars():
    return make_bars({"A": [90.0, 91, 92, 89, 93, 94], "B": [21.0, 20, 19, 20, 18, 19]})


def run(bars, account):
    # a long on credit and a short: 2.0 times the equity
    return simulate(script({0: {"A": 1.7, "B": -0.3}, 4: {"A": 0.0}}, universe="A,B", unit="weight"), bars, account)


@pytest.mark.parametrize("name", [field.name for field in fields(Account)])
def test_each_field_of_the_account_changes_the_sentences_and_the_numbers_of_the_page(name, bars):
    assert name in CHANGED, f"no sentence of the assumptions is tested for Account.{name}; add it to its rule in dipfolio.engine"
    value, words = CHANGED[name]
    market = CHEAP if name == "commission_tiers" else bars  # more than 300,000 shares
    market = market.with_cash_rate(0.04) if name in SPREADS else market
    usual, changed = (run(market, account) for account in (Account(), replace(Account(), **{name: value})))
    before, after = (dict(state_assumptions(result)) for result in (usual, changed))
    assert words in " ".join(after.values())
    assert words not in " ".join(before.values())
    assert words in record_section(changed, measure(changed))
    assert summary_rows(changed, measure(changed)) != summary_rows(usual, measure(usual))


def test_a_small_change_of_a_rate_is_not_rounded_away(bars):
    rates = {
        "borrow_rate": 1e-5,
        "debit_rate": 1e-5,
        "commission_maximum": 1e-6,
        "max_volume_share": 1e-4,
        "maintenance_long": 1e-4,
    }
    for name, step in rates.items():
        account = replace(Account(), **{name: getattr(Account(), name) + step})
        assert state_assumptions(run(bars, account)) != state_assumptions(run(bars, Account())), name


def test_an_account_without_costs_has_no_commission(bars):
    said = dict(state_assumptions(run(bars, Account().without_costs())))
    assert said["Commission"] == "None."
    assert said["Sale fees"] == "None: no SEC or FINRA fees are charged."
    assert "0.00% a year" in said["Short sales"]


def test_an_account_without_a_minimum_a_share_has_no_rule_for_low_priced_shares(bars):
    said = dict(state_assumptions(run(bars, Account(maintenance_short_per_share=0.0))))
    assert "plus 30% of shorts closes everything" in said["Margin"]


def by_hand():
    """The books of 1,700 A on credit and 1,000 B short, in plain floats: costs by name, then cash and equity by session."""
    # filled at the opens of Friday 3 January and of Wednesday the 8th; the weekend between is three days
    slip, days, a, b = 2 / 1e4, [0, 1, 3, 1, 1], [90.0, 91.0, 92.0, 89.0, 93.0], [21.0, 20.0, 19.5, 20.25, 18.0]
    bought, sold = 91.0 * (1 + slip), 93.0 * (1 - slip)
    shorted, covered = 20.0 * (1 - slip), 18.0 * (1 + slip)
    commission = [0, 1_700 * 0.005 + 1_000 * 0.005, 0, 0, 1_700 * 0.005 + 1_000 * 0.005]
    fees = [0, 1_000 * shorted * 27.80e-6 + 1_000 * 0.000166, 0, 0, 1_700 * sold * 27.80e-6 + 1_700 * 0.000166]
    slippage = [0, 1_700 * (bought - 91.0) + 1_000 * (20.0 - shorted), 0, 0, 1_700 * (93.0 - sold) + 1_000 * (covered - 18.0)]
    borrow = [0, 0, 1_000 * 21 * 0.003 * 3 / 360, 1_000 * 20 * 0.003 / 360, 1_000 * 21 * 0.003 / 360]  # 102 % of 20, 19.50, 20.25
    traded = [0, -1_700 * bought + 1_000 * shorted, 0, 0, 1_700 * sold - 1_000 * covered]
    cash, interest = [100_000.0], [0.0]
    for row in range(1, 5):
        interest.append(max(-cash[-1], 0.0) * 0.06 * days[row] / 360)
        cash.append(cash[-1] - interest[row] - borrow[row] + traded[row] - commission[row] - fees[row])
    held = [0, 1, 1, 1, 0]
    equity = [cash[row] + held[row] * (1_700 * a[row] - 1_000 * b[row]) for row in range(5)]
    costs = {"commission": commission, "fees": fees, "slippage": slippage, "borrow": borrow, "interest": interest}
    return costs, cash, equity


@pytest.fixture(scope="module")
def mixed():
    """A run with every cost of an account: a long on credit and a short, over a weekend, both closed at the end."""
    bars = make_bars({"A": [90.0, 91, 92, 89, 93], "B": [21.0, 20, 19.5, 20.25, 18]})
    rows = {0: {"A": 1_700.0, "B": -1_000.0}, 3: {"A": 0.0, "B": 0.0}}
    return bars, simulate(script(rows, universe="A,B"), bars, Account(cash=100_000.0))


@pytest.mark.parametrize("name", by_hand()[0])
def test_the_run_and_its_page_show_each_cost_as_computed_by_hand(name, mixed):
    _, result = mixed
    costs = by_hand()[0][name]
    assert result.equity[name].tolist() == pytest.approx(costs, abs=1e-9)
    assert sum(costs) > 0.1
    metrics, label = measure(result), {
        "commission": "Commission", "fees": "SEC and FINRA fees", "slippage": "Slippage (in the prices)", "borrow": "Borrow fees",
        "interest": "Interest on negative cash",
    }[name]  # fmt: skip
    cells = f'<th scope="row">{label}</th><td class="number">-${sum(costs):,.2f}</td>'
    assert cells in record_section(result, metrics)


def test_the_simulation_and_the_ledger_have_the_cash_and_equity_computed_by_hand(mixed):
    bars, result = mixed
    _, cash, equity = by_hand()
    run_log = run_simulation(
        script({0: {"A": 1_700.0, "B": -1_000.0}, 3: {"A": 0.0, "B": 0.0}}, universe="A,B"), bars, result.account
    )
    ledger = replay(build_panel(bars, 0), result.account, run_log.fills)
    for computed in (
        result.equity,
        {"cash": ledger.cash, "equity": ledger.equity},
        {"cash": run_log.cash, "equity": run_log.equity},
    ):
        assert list(computed["cash"]) == pytest.approx(cash, abs=1e-6)
        assert list(computed["equity"]) == pytest.approx(equity, abs=1e-6)


def test_the_page_lists_what_the_limits_of_an_account_have_cut():
    # buying power: 200,000 of 100,000; volume: a tenth of 10,000 shares; lots: 55.55 shares of 90 dollars
    bars = make_bars({"A": [90.0, 90, 90], "B": [20.0, 20, 20]}, volumes={"B": [10_000.0] * 3})
    for rows, unit, held in (
        ({"A": 3_000.0}, "shares", {"A": 2_222}), ({"B": 1_500.0}, "shares", {"B": 1_000}), ({"A": 0.05}, "weight", {"A": 55}),
    ):  # fmt: skip
        result = simulate(script({0: rows}, universe="A,B", unit=unit), bars, Account(cash=100_000.0).without_costs())
        ((symbol, shares),) = held.items()
        assert result.positions[symbol].tolist() == [0, shares, shares]
        if unit == "shares":
            assert f"{rows[symbol]:+,.0f} to {shares:+,} shares" in record_section(result, measure(result))


def test_the_page_names_the_margin_call_computed_by_hand():
    # 1,000 A short at 100 with 100,000: equity 200,000 - 160,000 = 40,000 under 30 % of 160,000
    bars = make_bars({"A": [100.0, 100, 160, 150, 150]})
    result = simulate(script({0: {"A": -1_000.0}}), bars, Account(cash=100_000.0).without_costs())
    assert result.positions["A"].tolist() == [0, -1_000, -1_000, 0, 0]
    assert "equity 40,000.00 under the 48,000.00 required" in record_section(result, measure(result))
    assert result.equity["cash"].tolist() == [100_000, 200_000, 200_000, 50_000, 50_000]


def test_the_price_test_is_stated_in_general_terms(bars):
    stated = dict(state_assumptions(run(bars, Account())))["Short-sale price test"]
    assert stated.startswith("Not enforced.")
    assert "10% from the last close" in stated
    assert "the rest of that session and the next" in stated
    assert "17 CFR 242.201" in stated


@pytest.fixture
def busy(monkeypatch):
    """Seven trades of one share each, which gain 1, -2, 3, -4, ... dollars, and the page that has room for three."""
    monkeypatch.setattr("dipfolio.report.run_record.MAX_TABLE_ROWS", 3)
    gains = [1, -2, 3, -4, 5, -6, 7]
    closes = {f"S{number}": [100.0, 100, 100 + gain, 100] for number, gain in enumerate(gains)}
    rows = {0: dict.fromkeys(closes, 1), 1: dict.fromkeys(closes, 0)}
    return simulate(script(rows, universe=",".join(closes)), make_bars(closes), Account(max_volume_share=1.0).without_costs())


def rows_of(page, table):
    """The first cells of a table of the record, and its last but one sum."""
    body = page.partition(f'<table id="{table}">')[2].partition("</table>")[0]
    return re.findall(r'<th scope="row">([^<]*)</th>', body)


def test_a_long_table_of_trades_has_the_largest_first_and_says_where_all_are(busy):
    page = record_section(busy, measure(busy))
    assert rows_of(page, "trades") == ["S6", "S5", "S4", "Sum of all 7"]
    said = "These are the 3 of 7 with the largest profit or loss, the largest first. All rows are in "
    assert f'{said}<a href="trades.csv">trades.csv</a>.' in page
    assert page.count("$4.00</td>") == 2  # gross and profit of all seven, in the sum
    assert len(busy.trades) == 7


def test_a_short_table_of_trades_stands_in_the_order_of_time(busy, monkeypatch):
    monkeypatch.setattr("dipfolio.report.run_record.MAX_TABLE_ROWS", 7)
    page = record_section(busy, measure(busy))
    assert rows_of(page, "trades") == [*(f"S{number}" for number in range(7)), "Sum"]
    assert "All rows are in" not in page


def test_a_long_list_of_events_has_the_gravest_first(busy):
    at = busy.equity.index[0]
    kinds = ["scaled", "unfilled", "margin call", "rounded", "bankrupt"]
    events = pd.DataFrame({"session": at, "kind": kinds, "symbol": "S0", "detail": kinds})
    page = record_section(replace(busy, events=events), measure(busy))
    told = re.findall(r"<td>(\w[\w ]*)</td><td>S0</td>", page)
    assert told == ["bankrupt", "margin call", "scaled"]
    assert 'All rows are in <a href="events.csv">events.csv</a>.' in page


def test_the_sources_of_many_symbols_are_the_first_and_a_number(busy):
    spans = {f"S{number}": ("2025-01-02", "2025-01-07") for number in range(3_000)}
    many = replace(busy, provenance=replace(busy.provenance, sessions=spans))
    said = dict(provenance_rows(many))["Sessions"]
    assert said == (
        "S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11 and 2,988 more: 2025-01-02 to 2025-01-07; run.json has all of them"
    )
    spans["S1"] = ("2025-01-03", "2025-01-07")
    said = dict(provenance_rows(replace(busy, provenance=replace(busy.provenance, sessions=spans))))["Sessions"]
    assert said.startswith("S0 2025-01-02 to 2025-01-07; S1 2025-01-03 to 2025-01-07; S2 ")
    assert len(said) < 600


def test_an_amount_stays_on_one_line():
    text = template_environment().from_string("{{ text | unbroken }}").render(text="NVDA -$4,790.50, (-6.6 %) & <b>+$12</b>.")
    whole = '<span style="white-space:nowrap">'
    assert text == f"NVDA {whole}-$4,790.50</span>, (-6.6\xa0%) &amp; &lt;b&gt;{whole}+$12</span>&lt;/b&gt;."
    assert template_environment().from_string("{{ text | unbroken }}").render(text="a\x1b[2J\u202e") == r"a\x1b[2J\u202e"
    others = template_environment().from_string("{{ text | unbroken }}").render(text="BP -£15,201, +CHF 7")
    assert others == f"BP {whole}-£15,201</span>, {whole}+CHF 7</span>"


def test_a_run_by_a_dated_rate_says_the_rate_the_spreads_and_above_what_its_ratios_are(bars):
    result = run(bars.with_cash_rate(0.04), Account(rebate_spread=0.02))
    said = dict(state_assumptions(result))
    assert said["Interest"].startswith("By 4.00% a year, at the last rate that was known on the close before: a positive balance")
    for part in (
        "earns it less 0.50%",
        "(their value at that close) earns it less 2.00%",
        "a negative balance pays it and 1.50%",
    ):
        assert part in said["Interest"]
    assert "no rebate" not in said["Short sales"]
    assert said["Riskless rate"] == (
        "Sharpe and Sortino ratios are of returns above what idle cash earns: 4.00% a year less 0.50%, by calendar days."
    )
    assert dict(state_assumptions(result, 0.01))["Riskless rate"].endswith("above 1.00% a year.")
    assert ("Cash rate", f"4.00% a year; SHA-256 {result.rates.cash_sha256}") in provenance_rows(result)
    metrics = measure(result)
    assert dict(summary_rows(result, metrics))["Interest earned"] == f"${metrics.interest_earned:,.2f}" != "$0.00"
    assert "Interest earned" in record_section(result, metrics)


def test_a_run_without_one_says_neither(bars):
    result = run(bars, Account())
    assert "Riskless rate" not in dict(state_assumptions(result))
    assert "Cash rate" not in dict(provenance_rows(result))
    assert "Interest earned" not in record_section(result, measure(result))
