"""Traps B1 to B4: what plain backtrader does to short sellers, and what our account does."""

import backtrader as bt
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.ledger import replay
from dipfolio.engine.panel import build_panel
from tests.support.markets import make_bars
from tests.support.plain_backtrader import EagerScript, fills, kinds, run_ours, run_plain

FREE = Account(cash=10_000.0).without_costs()
SHORT_100 = {0: lambda s: s.sell(size=100)}


# ---- B1: a losing short cannot be covered ----


def test_plain_backtrader_refuses_to_cover_a_losing_short_and_trades_on():
    bars = make_bars({"A": [100, 100, 250, 250, 250]})

    plain = run_plain(bars, EagerScript, acts={**SHORT_100, 2: lambda s: s.close()})

    assert plain.ended == ["Completed", "Margin"]
    assert plain.held[-1] == [-100]
    assert plain.worth[-1] == -5_000  # 10,000 + 100 x 100 - 100 x 250


def test_a_losing_short_that_ruins_the_account_ends_the_run_in_ours():
    bars = make_bars({"A": [100, 100, 250, 250, 250]})

    run_log = run_ours(bars, FREE, acts={**SHORT_100, 2: lambda s: s.close()})

    assert run_log.equity[: run_log.last + 1].tolist() == [10_000, 10_000, -5_000]
    assert kinds(run_log) == [(2, "bankrupt")]


def test_a_losing_short_can_always_be_covered():
    # Short 100 A and long 90 B at 100: cash 10,000 + 10,000 - 9,000 = 11,000. A rises to 120, the cover costs 12,000.
    bars = make_bars({"A": [100, 100, 120, 120, 120], "B": [100.0] * 5})

    def open_both(s):
        s.sell(s.datas[0], size=100)
        s.buy(s.datas[1], size=90)

    acts = {0: open_both, 2: lambda s: s.close(s.datas[0])}
    plain, ours = run_plain(bars, EagerScript, acts=acts), run_ours(bars, FREE, acts=acts)

    assert plain.ended == ["Completed", "Completed", "Margin"]
    assert plain.held[-1] == [-100, 90]
    assert fills(ours)[-1] == (3, 0, 100, 120)
    assert ours.cash[-1] == -1_000
    assert ours.equity[-1] == 8_000  # the short has lost 100 x 20
    assert kinds(ours) == []


def test_a_margin_call_covers_a_short_even_where_the_open_takes_more_than_the_account_has():
    # At 160 the equity is 20,000 - 16,000 = 4,000, under 30 % of 16,000; the next open is 250.
    bars = make_bars({"A": [100, 100, 160, 250, 100]})

    plain = run_plain(bars, EagerScript, acts={**SHORT_100, 3: lambda s: s.close()})
    run_log = run_ours(bars, FREE, acts=SHORT_100)

    assert plain.ended == ["Completed", "Margin"]
    assert plain.worth[-1] == 10_000  # risen from the dead
    assert fills(run_log) == [(1, 0, -100, 100), (3, 0, 100, 250)]
    assert kinds(run_log) == [(2, "margin call"), (3, "bankrupt")]
    assert run_log.cash[3] == run_log.equity[3] == -5_000
    assert run_log.last == 3


# ---- B2: no margin on shorts ----


def test_plain_backtrader_lets_ten_thousand_dollars_short_a_million():
    bars = make_bars({"A": [100, 100, 101, 102, 100]})

    plain = run_plain(bars, EagerScript, acts={0: lambda s: s.sell(size=10_000)})

    assert plain.worth == [10_000, 10_000, 0, -10_000, 10_000]


def test_a_short_is_cut_to_the_buying_power_of_regulation_t():
    bars = make_bars({"A": [100, 100, 101, 102, 100]})

    run_log = run_ours(bars, FREE, acts={0: lambda s: s.sell(size=10_000)})

    assert fills(run_log) == [(1, 0, -200, 100)]  # 2 x 10,000 / 100
    assert [(e.session, e.kind, e.detail) for e in run_log.events] == [(0, "scaled", "-10,000 to -200 shares")]
    assert run_log.equity.tolist() == [10_000, 10_000, 9_800, 9_600, 10_000]


def test_a_bankrupt_account_does_not_recover():
    bars = make_bars({"A": [100, 100, 101, 102, 100]})
    reckless = Account(cash=10_000.0, max_leverage=100.0, maintenance_short=0.0, maintenance_short_per_share=0.0).without_costs()

    run_log = run_ours(bars, reckless, acts={0: lambda s: s.sell(size=10_000)})

    assert fills(run_log) == [(1, 0, -10_000, 100)]
    assert kinds(run_log) == [(2, "bankrupt")]  # at 101, where the equity is exactly 0
    assert run_log.last == 2


# ---- B3: shortcash=False ----


def test_the_value_of_a_short_beyond_twice_its_entry_is_negative():
    bars = make_bars({"A": [100, 100, 199, 250]})
    lenient = Account(cash=10_000.0, maintenance_short=0.0, maintenance_short_per_share=0.0).without_costs()

    plain = run_plain(bars, EagerScript, prepare=lambda broker: broker.set_shortcash(False), acts=SHORT_100)
    run_log = run_ours(bars, lenient, acts=SHORT_100)
    ledger = replay(build_panel(bars, 0), lenient, run_log.fills)

    assert plain.worth == [10_000, 10_000, 100, 5_000]
    assert run_log.equity.tolist() == ledger.equity.tolist() == [10_000, 10_000, 100, -5_000]


# ---- B4: the borrow fee ----


def test_the_borrow_fee_is_charged_on_the_mark_and_not_on_the_entry_price():
    # Thursday to Wednesday: short on Friday, marked at 10 from Monday on; 36.5 % of 365 and 36 % of 360 are 0.1 % a day.
    bars = make_bars({"A": [100, 100, 10, 10, 10]})
    account = Account(
        cash=10_000.0, borrow_rate=0.36, commission_per_share=0.0, commission_minimum=0.0, sec_taf=False, slippage_bps=0.0
    )

    plain = run_plain(bars, EagerScript, prepare=lambda broker: broker.setcommission(interest=0.365), acts=SHORT_100)
    run_log = run_ours(bars, account, acts=SHORT_100)

    assert [a - b for a, b in zip(plain.cash[1:], plain.cash[2:], strict=False)] == pytest.approx([30, 10, 10])
    # 100 shares x ceil(102) x 3 days over the weekend at Friday's close, then 100 x ceil(10.2) a day
    assert run_log.borrow[:, 0].tolist() == pytest.approx([0, 0, 30.6, 1.1, 1.1])


def test_a_short_owes_the_dividend():
    bars = make_bars({"A": [100, 100, 99, 99]}, dividends={"A": {2: 1.0}})

    plain, run_log = run_plain(bars, EagerScript, acts=SHORT_100), run_ours(bars, FREE, acts=SHORT_100)

    assert plain.worth[2] == 10_100  # the price falls by the dividend and the short keeps it
    assert run_log.dividends[2, 0] == -100
    assert run_log.equity[2] == 10_000


def test_negative_cash_pays_interest():
    # 200 shares at 100 on 10,000: 10,000 borrowed from Friday to Monday at 6 % of a year of 360 days
    bars = make_bars({"A": [100.0] * 4})
    account = Account(cash=10_000.0, commission_per_share=0.0, commission_minimum=0.0, sec_taf=False, slippage_bps=0.0)
    levered = bt.CommInfoBase(leverage=2.0, commission=0.0)

    plain = run_plain(
        bars, EagerScript, prepare=lambda broker: broker.addcommissioninfo(levered), acts={0: lambda s: s.buy(size=200)}
    )
    run_log = run_ours(bars, account, acts={0: lambda s: s.buy(size=200)})

    assert plain.worth == [10_000] * 4
    assert run_log.interest[2] == pytest.approx(10_000 * 0.06 * 3 / 360)
    assert run_log.equity[2] == pytest.approx(9_995)
