"""Outcomes: what happened to each claim about 2025, against values by hand, by two lines of pandas, and published ones."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.events import MarketEvent
from dipfolio.data.folder import load_bars
from dipfolio.study.claims import CLAIMS, OUTCOME_HORIZONS, Criterion
from dipfolio.study.outcomes import (
    Part,
    claim_outcome,
    find_outcomes,
    follow_short,
    hold_from_monday,
    word_of,
)
from tests.support.markets import make_bars

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}
THURSDAY = "2025-01-23"
"""First session of the markets by hand; Friday 24 January is row 1 and Monday row 2."""


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def happened(bars):
    return find_outcomes(CLAIMS, bars, STRATEGIES)


def prices(symbol):
    """The file of a symbol, as pandas reads it."""
    return pd.read_csv(ROOT / "data" / "prices" / f"{symbol}.csv", index_col="date")


def asks(measure, **terms):
    """A claim with this criterion and nothing else."""
    return replace(BY_ID["A1"], criterion=Criterion(rule="By hand.", measure=measure, **terms))


MARKET = {
    "closes": {"AAA": [100, 100, 80, 90, 100, 110], "BBB": [50, 50, 45, 48, 44, 40], "SPY": [10, 10, 9, 9, 9, 9]},
    "opens": {"AAA": [100, 100, 90, 80, 90, 100], "BBB": [50, 50, 50, 45, 48, 44], "SPY": [10, 10, 10, 9, 9, 9]},
    "start": THURSDAY,
}


def test_a_holding_by_hand_counts_from_mondays_open_and_adds_dividends_after_it():
    market = make_bars(**MARKET, dividends={"AAA": {2: 5.0, 3: 0.9, 4: 0.9}})
    own = hold_from_monday(market, "AAA", ("AAA",))
    # bought at 90; the dividend of Monday itself belongs to Friday's holders
    assert own.returns == pytest.approx([80 / 90 - 1, 90.9 / 90 - 1, 101.8 / 90 - 1, 111.8 / 90 - 1])
    both = hold_from_monday(market, "both", ("AAA", "BBB"))
    assert both.after(1) == pytest.approx((90.9 / 90 - 1 + 48 / 50 - 1) / 2)
    pair = hold_from_monday(market, "pair", ("BBB",), ("AAA",))
    assert pair.after(3) == pytest.approx((40 / 50 - 1) - (111.8 / 90 - 1))
    assert hold_from_monday(market, "short", (), ("BBB",)).after(2) == pytest.approx(1 - 44 / 50)
    assert math.isnan(own.after(4))


def test_a_holding_ends_with_the_first_of_its_symbols():
    market = make_bars(**{**MARKET, "closes": {**MARKET["closes"], "BBB": [50, 50, 45, 48, np.nan, np.nan]},
                          "opens": {**MARKET["opens"], "BBB": [50, 50, 50, 45, np.nan, np.nan]}})  # fmt: skip
    pair = hold_from_monday(market, "pair", ("AAA",), ("BBB",))
    assert len(pair.returns) == 2
    assert math.isnan(pair.after(2))


@pytest.mark.parametrize(("holds", "word"), [
    ((True, True), "came true"), ((True, False), "partly"), ((False, False), "did not come true"), ((True, None), "not yet"),
    ((None, None), "not yet"), ((False, None), "not yet"), ((True, False, None), "partly"),
])  # fmt: skip
def test_all_some_or_none_of_the_parts(holds, word):
    assert word_of(Part(label=str(n), value=0.0, holds=one) for n, one in enumerate(holds)) == word


def test_a_gain_is_looked_at_after_each_horizon():
    market = make_bars(**MARKET)
    found = claim_outcome(asks("gain", bought="AAA", horizons=(1, 2, 3)), market, STRATEGIES)
    assert (found.word, [part.holds for part in found.parts]) == ("partly", [False, True, True])  # 90, 100, 110 for 90
    assert found.says == (
        "+0.00 % ($0) after 1, +11.11 % (+$11,111) after 2, +22.22 % (+$22,222) after 3 sessions, of $100,000 bought."
    )
    assert claim_outcome(asks("gain", bought="AAA", horizons=(2, 3)), market, STRATEGIES).word == "came true"
    later = claim_outcome(asks("gain", bought="AAA", horizons=(2, 250)), market, STRATEGIES)
    assert later.word == "not yet"
    assert "not yet after 250" in later.says
    short = claim_outcome(asks("gain", sold="BBB", horizons=(2, 3)), market, STRATEGIES)
    assert (short.word, [h.label for h in short.holdings]) == ("came true", ["BBB sold short", "SPY"])


def test_a_level_has_to_be_regained_in_time():
    market = make_bars(**MARKET)
    found = claim_outcome(asks("recovery", bought="AAA,BBB", within=2), market, STRATEGIES)
    assert (found.word, [(part.label, part.holds) for part in found.parts]) == ("partly", [("AAA", True), ("BBB", False)])
    assert found.parts[0].value == 2  # 100 again two sessions after Monday
    assert "BBB not yet (-11 %)" in found.says  # 40 for 45
    assert claim_outcome(asks("recovery", bought="AAA", within=1), market, STRATEGIES).word == "did not come true"
    assert claim_outcome(asks("recovery", bought="BBB", within=20), market, STRATEGIES).word == "not yet"


def test_an_open_at_fridays_close_is_not_below_it():
    found = claim_outcome(asks("open", bought="AAA,BBB"), make_bars(**MARKET), STRATEGIES)
    assert (found.word, found.says) == ("partly", "1 of 2 opened below Friday's close: AAA -10.00 %, BBB +0.00 %.")


def test_moves_over_results_are_from_the_last_close_before_to_the_next():
    day = pd.Timestamp("2025-01-28").date()
    events = tuple(
        MarketEvent(day=day, time=time, kind=kind, symbols=symbols, text="")
        for time, kind, symbols in (
            ("after close", "earnings", ("AAA",)), ("after close", "earnings", ("ZZZ",)), ("", "capex", ("BBB",)),
        )
    )  # fmt: skip
    market = replace(make_bars(**MARKET), events=events)
    own = claim_outcome(asks("results", bought="AAA,BBB"), market, STRATEGIES)
    assert [(part.label, part.value) for part in own.parts] == [("AAA", pytest.approx(100 / 90 - 1))]
    other = claim_outcome(asks("results", bought="BBB", reporters="AAA,CCC"), market, STRATEGIES)
    assert (other.word, other.says) == ("did not come true", "0 of 1 rose: BBB after AAA -8.33 %.")


def test_what_these_data_lack_is_said_at_its_claim():
    market = make_bars(**MARKET)
    lacking = find_outcomes(CLAIMS, market, STRATEGIES)
    assert {one.word for one in lacking.outcomes} <= {"not in these data", "prices cannot say", "a rule"}
    assert "NVDA" in lacking.of("B1").says
    assert lacking.commenter is None
    early = make_bars({"NVDA": [100.0, 101.0]}, start=THURSDAY)
    assert "lack 2025-01-27" in claim_outcome(BY_ID["B1"], early, STRATEGIES).says


# -- the embedded prices -------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_about_2025_has_an_answer(happened, claim):
    found = happened.of(claim.id)
    assert found.says.endswith(".")
    assert (found.word == "a rule") == (claim.id[0] in "GD")
    if claim.criterion:
        assert (found.word == "prices cannot say") == (claim.criterion.measure == "none")
        assert found.word != "not in these data"
        assert bool(found.parts) == (claim.criterion.measure != "none")


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        ("A0", "came true"), ("A1", "partly"), ("A2", "partly"), ("A3", "came true"), ("A4a", "partly"), ("A4b", "partly"),
        ("A5", "partly"), ("A6", "partly"), ("A7", "partly"), ("A8", "not yet"), ("A9", "prices cannot say"), ("B1", "partly"),
        ("B2", "partly"), ("B3", "prices cannot say"), ("K1", "came true"), ("K2", "came true"), ("K3", "did not come true"),
        ("K4", "came true"), ("K5", "prices cannot say"),
    ],
)  # fmt: skip
def test_the_answers_of_2025(happened, claim, word):
    assert happened.of(claim).word == word


@pytest.mark.parametrize(
    ("symbol", "day", "regained", "worst"),
    [  # published moves and recoveries of that day, of prices with their dividends reinvested
        ("NVDA", -16.97, "2025-06-09", -20.4), ("AVGO", -17.40, "2025-06-02", -27.4), ("TSM", -13.33, "2025-06-25", -26.2),
        ("ORCL", -13.79, "2025-06-12", -22.1), ("ARM", -10.19, "2025-02-05", 0.0), ("SMH", -9.83, "2025-06-10", -23.7),
        ("TSLA", -2.32, "2025-09-15", -44.1), ("MSFT", -2.14, "2025-01-28", 0.0), ("AMZN", 0.24, "2025-01-27", None),
        ("META", 1.91, "2025-01-27", None), ("AAPL", 3.18, "2025-01-27", None), ("SPY", -1.41, "2025-02-13", None),
        ("QQQ", -2.91, "2025-02-13", None),
    ],
)  # fmt: skip
def test_the_day_and_the_way_back_by_name(happened, bars, symbol, day, regained, worst):
    found = happened.recoveries[symbol]
    assert 100 * happened.day[symbol] == pytest.approx(day, abs=0.006)
    assert str(found.regained.date()) == regained
    close = prices(symbol)["close"]
    way = close["2025-01-27":regained]
    assert found.sessions == len(way) - 1
    assert (way.iloc[:-1] < close["2025-01-24"]).all()
    assert found.worst == pytest.approx(min(way.min() / close["2025-01-27"] - 1, 0.0))
    grown = (1 + bars.returns[symbol]["2025-01-28":regained]).cumprod()  # as those who reinvest see it
    assert worst is None or 100 * min(grown.min() - 1, 0.0) == pytest.approx(worst, abs=0.06)


def test_short_lived_was_true_of_the_hyperscalers_and_not_of_the_chipmakers(happened):
    hyperscalers = {part.label: part.value for part in happened.of("A3").parts}
    assert hyperscalers == {"META": 0, "AMZN": 0, "MSFT": 1, "GOOG": 3}
    late = {part.label: part.value for part in happened.of("A2").parts if not part.holds}
    assert late == {"AVGO": 87, "NVDA": 92, "SMH": 93, "ORCL": 95, "TSM": 103, "TSLA": 159}
    says = happened.of("A2").says
    assert says.startswith("Hyperscalers: came true (0 to 3 sessions). Chipmakers: partly (7 to 103 sessions). 6 of 12 were back")
    assert "AVGO 87 (-28 %), NVDA 92 (-20 %), SMH 93 (-24 %), ORCL 95 (-22 %), TSM 103 (-26 %)" in says


def test_a_basket_that_is_not_back_within_the_data_is_not_there_yet(bars):
    found = claim_outcome(BY_ID["A2"], bars.until("2025-03-31"), STRATEGIES)
    assert found.says.startswith("Hyperscalers: came true (0 to 3 sessions). Chipmakers: partly (not all yet).")
    assert "NVDA not yet (-" in found.says


@pytest.mark.parametrize("symbol", ["NVDA", "META", "SPY", "QQQ", "SMH", "ORCL"])
def test_the_return_from_mondays_open_by_two_lines_of_pandas(happened, symbol):
    table, paid = prices(symbol), pd.read_csv(ROOT / "data" / "dividends.csv")
    for sessions in OUTCOME_HORIZONS:
        own = table["2025-01-27":].iloc[: sessions + 1]
        got = paid[(paid.symbol == symbol) & (paid.ex_date > "2025-01-27") & (paid.ex_date <= own.index[-1])].amount.sum()
        expected = (own.close.iloc[-1] + got) / own.open.iloc[0] - 1 if len(own) > sessions else math.nan
        assert happened.holdings[symbol].after(sessions) == pytest.approx(expected, nan_ok=True)


def test_the_baskets_are_the_means_of_their_names(happened):
    names = ["NVDA", "AVGO", "TSM", "ARM"]
    for sessions in (0, 5, 20, 60, 234):
        mean = np.mean([happened.holdings[name].after(sessions) for name in names])
        assert happened.holdings["chipmakers"].after(sessions) == pytest.approx(mean)


def test_monday_from_its_open_to_its_close_is_as_published(happened):
    published = {
        "NVDA": -5.11, "AVGO": -5.28, "TSM": -2.40, "ORCL": -6.29, "ARM": -1.97, "SMH": -2.75, "TSLA": 0.60, "MSFT": 2.49,
        "AMZN": 4.07, "META": 5.31, "AAPL": 2.61, "SPY": 0.77, "QQQ": 0.63, "chipmakers": -3.69,
    }  # fmt: skip
    assert {name: 100 * happened.holdings[name].after(0) for name in published} == pytest.approx(published, abs=0.006)


def test_two_hundred_and_fifty_sessions_are_not_yet_there(happened):
    assert all(math.isnan(held.after(250)) for held in happened.holdings.values())
    assert "not yet after 250" in happened.of("A5").says


# -- the commenter -------------------------------------------------------------


def test_the_dollars_of_the_commenter_are_those_of_the_prices(happened):
    paid = {claim: happened.of(claim).parts[0].value for claim in ("K1", "K2", "K3", "K4")}
    assert paid == pytest.approx({"K1": 53_460, "K2": 72_600, "K3": -89_370, "K4": 70_710})
    assert "$53,460" in happened.of("K1").says


@pytest.mark.parametrize(
    ("day", "profit"),
    [  # thousands of dollars before costs
        ("2025-01-27", 72.6), ("2025-01-28", 40.9), ("2025-01-31", 67.7), ("2025-02-24", 37.0), ("2025-04-22", 131.2),
        ("2025-07-18", -89.4),
    ],
)  # fmt: skip
def test_the_money_path_at_chosen_sessions(happened, day, profit):
    path = happened.commenter
    assert path.table.loc[day, "price_profit"] / 1000 == pytest.approx(profit, abs=0.05)
    assert path.table.loc[day, "price_profit"] == pytest.approx(3000 * (142.62 - prices("NVDA").close[day]))
    assert path.open_profit == pytest.approx(53_460)


def test_the_short_owes_dividends_and_a_borrow_fee(happened):
    table = happened.commenter.table
    paid = pd.read_csv(ROOT / "data" / "dividends.csv")
    owed = paid[(paid.symbol == "NVDA") & (paid.ex_date > "2025-01-24") & (paid.ex_date <= "2025-12-31")].amount.sum()
    assert table["dividends"].iloc[-1] == pytest.approx(-3000 * owed)
    assert table["costs"].iloc[0] == pytest.approx(-(3000 * 0.005 + 3000 * 142.62 * 0.0002 + 12.39), abs=0.01)
    assert (table["borrow"].diff().dropna() <= 0).all()
    assert table["profit"].sub(table[["price_profit", "costs", "borrow", "dividends"]].sum(axis=1)).abs().max() < 1e-9
    assert (str(happened.commenter.best.date()), str(happened.commenter.worst.date())) == ("2025-04-04", "2025-10-29")


def test_a_small_account_is_called_when_its_equity_falls_under_the_maintenance_margin(happened):
    path, close = happened.commenter, prices("NVDA").close
    assert path.margin_cash == pytest.approx(3000 * close["2025-01-23"] / 2)  # half of the price of the decision
    equity = path.margin_cash + path.table["profit"]
    under = equity < 0.30 * 3000 * path.table["close"]
    assert path.call == under.index[under][0] == pd.Timestamp("2025-07-15")
    opened = prices("NVDA").open["2025-07-16"]
    assert path.covered == pd.Timestamp("2025-07-16")
    # slippage and commission of the cover
    assert path.call_profit == pytest.approx(
        path.table.loc["2025-07-15", "profit"] + 3000 * (close["2025-07-15"] - opened) - 3000 * opened * 0.0002 - 15, abs=10
    )


def test_a_short_that_never_falls_under_the_margin_is_not_called():
    falling = make_bars({"NVDA": [100.0, 100.0, 90.0, 80.0, 70.0]}, volumes={"NVDA": [1e6] * 5}, start=THURSDAY)
    path = follow_short(BY_ID["K1"], falling, STRATEGIES)
    assert (path.call, path.covered) == (None, None)
    assert math.isnan(path.call_profit)
    assert path.table["price_profit"].tolist() == pytest.approx([0, 30_000, 60_000, 90_000])
    assert (path.best, path.worst) == (falling.sessions[4], falling.sessions[1])
    assert path.open_profit == pytest.approx(30_000)
