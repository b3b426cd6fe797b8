"""docs/assumptions.md: its table is the account, its topics are the report's, and what no other test holds it to."""

from dataclasses import replace

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.costs import SPREADS
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.simulation import simulate
from dipfolio.report.run_record import state_assumptions
from tests.support.documents import page, part, table
from tests.support.markets import make_bars
from tests.support.runs import run
from tests.support.strategies import script

FREE = Account(cash=1_000_000.0).without_costs()
TEXT = page("docs/assumptions.md")
OPTIONS = table(part(TEXT, "The account"))


def held(rows, bars, account=FREE, **how):
    return simulate(script(rows, universe=",".join(bars.symbols), **how), bars, account)


def test_the_table_has_every_field_of_the_account_in_its_order():
    assert [option for option, *_ in OPTIONS] == [f"`--{item.flag}`" for item in list_parameters(Account)]


@pytest.mark.parametrize("item", list_parameters(Account), ids=lambda item: item.name)
def test_each_default_in_the_table_is_that_of_the_code(item):
    (default,) = [default for option, default, _ in OPTIONS if option == f"`--{item.flag}`"]
    assert item.default == ({"yes": True, "no": False}[default] if item.kind is bool else float(default))


@pytest.mark.parametrize("topic", [topic for topic, _ in state_assumptions(run())])
def test_each_topic_of_the_report_is_explained(topic):
    assert f"* **{topic}.** " in TEXT


def test_the_figures_in_the_sentences_are_those_of_the_default_account():
    said, account = " ".join(TEXT.split()), Account()
    assert f"at most {account.max_volume_share:.0%}".replace("%", " %") in said
    assert (account.max_leverage, "Gross exposure of at most twice the equity" in said) == (2.0, True)
    longs, shorts = (f"{part:.0%}".replace("%", " %") for part in (account.maintenance_long, account.maintenance_short))
    assert f"below {longs} of longs plus {shorts} (or ${account.maintenance_short_per_share:g} a share, if more)" in said


def test_without_costs_means_what_the_document_lists():
    changed = {item.name for item in list_parameters(Account) if getattr(Account(), item.name) != getattr(FREE, item.name)}
    assert changed == {
        "commission_per_share", "commission_minimum", "sec_taf", "slippage_bps", "borrow_rate", "debit_rate", *SPREADS
    }  # fmt: skip


def test_what_was_cut_is_not_sent_again():
    bars = make_bars({"A": [100.0] * 6})
    result = held({0: {"A": 3.0}}, bars, unit="weight")
    assert result.positions["A"].tolist() == [0, *[20_000] * 5]  # twice the equity
    assert result.events[["kind", "detail"]].to_numpy().tolist() == [["scaled", "+30,000 to +20,000 shares"]]


def test_a_short_is_filled_after_a_fall_of_ten_percent():
    bars = make_bars({"A": [100, 88, 86]}, opens={"A": [100, 99, 87]})
    assert held({1: {"A": -100}}, bars).fills[["shares", "price"]].to_numpy().tolist() == [[-100, 87]]


def test_dividends_stay_in_cash():
    bars = make_bars({"A": [100, 100, 98, 98]}, dividends={"A": {2: 2.0}})
    result = held({0: {"A": 100}}, bars)
    assert result.positions["A"].tolist() == [0, 100, 100, 100]
    assert result.equity["cash"].tolist() == [1_000_000, 990_000, 990_200, 990_200]


def test_idle_cash_earns_nothing():
    assert held({}, make_bars({"A": [100.0, 90, 120, 80]}), Account()).equity["equity"].tolist() == [1_000_000] * 4


def test_short_proceeds_pay_for_longs_without_interest():
    bars = make_bars({"A": [100.0] * 10, "B": [100.0] * 10})
    account = replace(FREE, debit_rate=0.06)
    both = held({0: {"A": 1.5, "B": -0.5}}, bars, account, unit="weight").equity
    assert both["cash"].iloc[1:].eq(0).all()
    assert both["interest"].sum() == 0
    alone = held({0: {"A": 1.5}}, bars, account, unit="weight").equity
    days = (alone.index[-1] - alone.index[1]).days
    assert alone["interest"].sum() == pytest.approx(500_000 * 0.06 * days / 360, rel=1e-3)


def test_margin_is_looked_at_on_the_close_alone():
    # 10,000 short at 100: 2,000,000 in cash. At a high of 400 the account would be lost, at the close it is whole.
    closes = {"A": [100.0, 100, 100, 100]}
    assert held({0: {"A": -10_000}}, make_bars(closes, highs={"A": [100, 100, 400, 100]})).events.empty
    called = held({0: {"A": -10_000}}, make_bars({"A": [100.0, 100, 160, 160]}))
    assert called.events["kind"].tolist() == ["margin call"]
