"""The opening: five sentences with the numbers of the prices, and a picture each."""

import io
import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.evidence.estimates import Estimate
from dipfolio.report.study.opening import TITLES, bars_picture, intervals_picture, lines_picture, money_picture, opening_panels
from dipfolio.report.terminal import print_thesis
from dipfolio.study.claims import CLAIMS
from dipfolio.study.outcomes import Holding, MoneyPath, find_outcomes
from dipfolio.study.verdicts import Thesis, Verdict

ROOT = Path(__file__).parents[3]
STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}


def rule_estimate(**terms):
    numbers = {
        "label": "as stated", "horizon": 5, "sample": "design", "observed": 0.0296, "usual": 0.0078, "effect": 0.0218,
        "low": -0.013, "high": 0.0714, "p_value": 0.126, "smallest": 0.004, "observations": 8, "clusters": 4,
        "detectable": 0.0528,
    }  # fmt: skip
    return Estimate(**(numbers | terms))


def thesis_of(bars, rule=None):
    """What happened in these bars, and one verdict on the rule."""
    found = (rule or rule_estimate(), rule_estimate(sample="confirmation", observations=11, observed=0.0379, usual=0.0094))
    verdict = Verdict(
        claim=BY_ID["G1"], word="undecided", reason="", primary=found[0], corrected=0.885, family=8, estimates=found
    )
    window = tuple(str(bars.sessions[place].date()) for place in (0, -1))
    return Thesis(verdicts=(verdict,), window=window, figures="", happened=find_outcomes(CLAIMS, bars, STRATEGIES))


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def thesis(bars):
    return thesis_of(bars)


@pytest.fixture(scope="module")
def panels(thesis):
    return {panel.title: panel for panel in opening_panels(thesis)}


def test_the_five_sentences_stand_in_their_order(panels):
    assert tuple(panels) == TITLES == ("The day", "The article", "The commenter", "The bear", "The rule")


def test_the_day_says_what_fell_and_what_did_not(panels):
    day = panels["The day"]
    # -16.97, -17.40, -13.33, -10.19 of the chipmakers; -2.14, +1.91, -4.03, +0.24 of the hyperscalers
    assert "the four chipmakers lost 14.5 % on average and the four hyperscalers lost 1.0 %" in day.sentence
    assert "3 of the twelve shares rose (META, AAPL, AMZN)" in day.sentence
    assert "NVDA -17.0 %, AVGO -17.4 %" in day.detail
    assert "SPY -1.4 %, QQQ -2.9 %" in day.detail


def prices(symbol):
    return pd.read_csv(ROOT / "data" / "prices" / f"{symbol}.csv", index_col="date")["2025-01-27":]


def earned(symbol, sessions):
    """Total return from Monday's open by two lines of pandas."""
    own, paid = prices(symbol).iloc[: sessions + 1], pd.read_csv(ROOT / "data" / "dividends.csv")
    got = paid[(paid.symbol == symbol) & (paid.ex_date > "2025-01-27") & (paid.ex_date <= own.index[-1])].amount.sum()
    return (own.close.iloc[-1] + got) / own.open.iloc[0] - 1


def test_the_article_says_what_buying_the_twelve_did_beside_the_funds(panels):
    article = panels["The article"]
    twelve = ["META", "NVDA", "AAPL", "TSLA", "GOOG", "AMZN", "MSFT", "SMH", "TSM", "AVGO", "ARM", "ORCL"]
    for sessions in (5, 20, 60, 234):
        mean = np.mean([earned(symbol, sessions) for symbol in twelve])
        assert f"${100_000 * (1 + mean):,.0f} ({100 * mean:+.2f} %) after {sessions}" in article.sentence
    for fund in ("SPY", "QQQ", "SMH"):
        assert f"{fund} {', '.join(f'{100 * earned(fund, h):+.2f} %' for h in (5, 20, 60, 234))}" in article.detail
    assert "after 234, the last session of the data" in article.sentence
    assert "250" not in article.sentence
    chips = "chipmakers ARM 7, AVGO 87 (-28 %), NVDA 92 (-20 %), TSM 103 (-26 %)"
    assert f"hyperscalers AMZN 0, META 0, MSFT 1, GOOG 3; {chips}." in article.detail


def test_the_commenter_has_dollars_a_margin_call_and_no_test(panels):
    said = f"{panels['The commenter'].sentence} {panels['The commenter'].detail}"
    for number in ("$142.62", "$53,460 at Monday's open", "$72,600 at Monday's close", "on 4 April 2025 at best", "15 July 2025"):
        assert number in said
    assert "is an illustration and no test" in said
    assert "testable" not in said


def test_the_bear_has_the_short_and_the_pair(panels):
    bear = panels["The bear"]
    for sessions in (5, 20, 60):
        dollars = -100_000 * earned("NVDA", sessions)
        assert f"{'-' if dollars < 0 else '+'}${abs(dollars):,.0f} after {sessions}" in bear.sentence
        pair = np.mean([earned(name, sessions) for name in ("MSFT", "META", "GOOG", "AMZN")]) - earned("NVDA", sessions)
        assert f"{100 * pair:+.2f} % after {sessions}" in bear.detail


def test_the_rule_has_its_p_value_and_what_could_have_been_found(panels, bars):
    rule = panels["The rule"]
    assert "held for 5 sessions gained +2.96 % on average (8 trades up to 24 January 2025)" in rule.sentence
    assert rule.sentence.endswith("against +0.78 % on all dates: p 0.126, not statistically significant.")
    assert "could have found a difference of +5.28 %" in rule.detail
    assert "on 11 trades: +3.79 % against +0.94 %" in rule.detail
    without = {panel.title: panel for panel in opening_panels(thesis_of(bars, rule_estimate(detectable=math.nan)))}
    assert "could not have found a difference of any size" in without["The rule"].detail


def test_a_session_that_is_there_needs_no_end_of_the_data(bars):
    short = bars.until("2025-04-23")  # 60 sessions after Monday
    article = next(panel for panel in opening_panels(thesis_of(short)) if panel.title == "The article")
    assert "after 60." in article.sentence
    assert "ARM 7, AVGO not yet (-28 %), NVDA not yet (-20 %)" in article.detail
    assert "last session" not in article.sentence


def test_without_the_event_only_the_rule_is_left(bars):
    assert [panel.title for panel in opening_panels(thesis_of(bars.until("2025-01-24")))] == ["The rule"]
    assert opening_panels(Thesis(verdicts=(), window=("", ""), figures="")) == ()


def test_the_terminal_says_the_same_sentences_first(thesis, panels):
    for columns in (80, None):
        stream = io.StringIO()
        print_thesis(thesis, stream, columns)
        text = " ".join(stream.getvalue().split())
        places = [text.index(f"{title} {panel.sentence}") for title, panel in panels.items()]
        assert places == sorted(places)
        assert places[-1] < text.index("Did it come true?")


def test_no_private_words(panels):
    said = " ".join(f"{panel.sentence} {panel.detail}" for panel in panels.values())
    assert not re.search(r"\b(told|made good|figures|Mind|thrown)\b", said)


# -- the pictures --------------------------------------------------------------


def parsed(picture):
    return ET.fromstring(picture)  # noqa: S314 - our own picture


def elements(picture, name):
    return parsed(picture).iter(name)


def holding(label, returns):
    return Holding(label=label, bought=(label,), sold=(), returns=np.array(returns))


def test_a_picture_has_words_and_no_script(panels):
    for panel in panels.values():
        root = parsed(panel.picture)
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert {one.tag for one in root.iter()} <= {"svg", "line", "text", "rect", "path", "circle"}


def test_bars_are_ranked_and_as_long_as_their_values():
    boxes = list(elements(bars_picture({"A": 0.02, "B": -0.04, "C": -0.01}, "Words"), "rect"))
    assert [box.get("class") for box in boxes] == ["down", "down", "up"]
    heights = [float(box.get("height")) for box in boxes]
    assert heights == pytest.approx([4 * heights[1], heights[1], 2 * heights[1]], abs=0.3)


def test_a_line_ends_with_its_name_and_names_do_not_overlap():
    held = {"<A>": holding("A", [0.0, 0.01, 0.02]), "B": holding("B", [0.0, 0.01, 0.0201]), "C": holding("C", [0.0, 0.3, 0.0199])}
    picture = lines_picture(held, "Words")
    labels = {one.text: float(one.get("y")) for one in elements(picture, "text") if "+2 %" in one.text}
    assert set(labels) == {"<A> +2 %", "B +2 %", "C +2 %"}
    places = sorted(labels.values())
    assert min(np.diff(places)) >= 10.9
    assert len(list(elements(picture, "path"))) == 3


def money_path(profit, call=None):
    days = pd.bdate_range("2025-01-24", periods=len(profit))
    table = pd.DataFrame({"close": 1.0, "price_profit": profit, "profit": profit}, index=days)
    called = None if call is None else days[call]
    return MoneyPath(symbol="X", shares=1.0, entry_price=1.0, open_profit=0.0, table=table, margin_cash=1.0, call=called)


def test_the_money_path_breaks_at_the_margin_call():
    profit = [0.0, 50.0, 80.0, -20.0, -90.0, -60.0]
    whole, cut = money_picture(money_path(profit)), money_picture(money_path(profit, call=3))
    assert len(list(elements(whole, "path"))) == 1
    assert [one.get("class") for one in elements(cut, "path")] == ["line-0", "line-0 later"]
    assert "margin call" not in whole
    assert "margin call" in cut
    for label in ("Monday's close +$50", "best +$80", "worst -$90"):
        assert label in [one.text for one in elements(cut, "text")]


def test_an_interval_lies_left_and_right_of_its_effect():
    found = rule_estimate()
    rows = (("SMH before", found), ("SMH after", replace(found, effect=-0.0063, low=math.nan, high=math.nan)))
    picture = intervals_picture(rows)
    (interval,) = [one for one in elements(picture, "line") if one.get("class") == "line-0"]
    (dot,) = [one for one in elements(picture, "circle") if one.get("class") == "dot-0"]
    left, middle, right = float(interval.get("x1")), float(dot.get("cx")), float(interval.get("x2"))
    assert (middle - left) / (right - left) == pytest.approx((0.0218 + 0.013) / (0.0714 + 0.013), abs=0.01)
    assert not [one for one in elements(picture, "line") if one.get("class") == "line-1"]
    (axis,) = [one for one in elements(picture, "line") if one.get("class") == "axis"]
    assert (float(axis.get("x1")) - left) / (right - left) == pytest.approx(0.013 / (0.0714 + 0.013), abs=0.01)
    (other,) = [one for one in elements(picture, "circle") if one.get("class") == "dot-1"]
    assert float(other.get("cx")) < float(axis.get("x1")) < middle
    assert [one.text for one in elements(picture, "text")][1:] == ["SMH before: +2.2 %", "SMH after: -0.6 %"]


def test_the_picture_of_the_rule_has_the_decades(bars):
    thesis = thesis_of(bars)
    decades = replace(thesis.verdicts[0], claim=BY_ID["D1"], primary=rule_estimate(observations=108, effect=0.0063, sample="all"))
    (rule,) = [p for p in opening_panels(replace(thesis, verdicts=(*thesis.verdicts, decades))) if p.title == TITLES[4]]
    labels = [one.text for one in elements(rule.picture, "text")]
    assert labels[1:] == [
        "SMH to 24 Jan 2025, 8 trades: +2.2 %",
        "SMH from 28 Jan 2025, 11 trades: +2.2 %",
        "NASDAQ 1999 to 2018, 108 trades: +0.6 %",
    ]
