"""The charts of the tear sheet: five bars worked out by hand, what is left out, and hostile words."""

import gzip
import json
import math
import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dipfolio.report.tearsheet_charts as tearsheet_charts_module
from dipfolio.data.currency import shown_in
from dipfolio.data.factor_returns import FactorReturns
from dipfolio.engine.account import Account
from dipfolio.engine.allocation import allocation_of
from dipfolio.engine.exits import StopLoss
from dipfolio.engine.factor_regression import factor_models
from dipfolio.engine.holding_paths import holding_paths
from dipfolio.engine.simulation import simulate
from dipfolio.engine.subperiods import rolling_metrics, start_dates
from dipfolio.evidence.robustness import MarketTimes, ProfitBand, Robustness, RobustnessCase
from dipfolio.report.format import percent, ratio, unsigned_percent
from dipfolio.report.html import page_policy, plotly_source
from dipfolio.report.tearsheet_charts import (
    EMPTY_LIBRARY,
    MAX_LINES,
    MAX_POINTS,
    OTHERS,
    chart_policy,
    chart_scripts,
    describe_robustness,
    drawdown_charts,
    exposure_chart,
    held_chart,
    numbers,
    path_chart,
    price_charts,
    robustness_charts,
    rolling_charts,
    sheet_for_frame,
    source_charts,
    start_date_chart,
    tearsheet_charts,
)
from tests.support.markets import make_bars, random_market
from tests.support.strategies import rebalanced, script
from tests.support.tear_sheets import without_plotly

FREE = Account(cash=10_000.0, max_volume_share=1.0).without_costs()
A, B, M = [100.0, 101, 104, 108, 103], [50.0, 49, 47, 48, 48], [50.0, 51, 52, 54, 56]
DAYS = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08"]


def traded(rows, *, account=FREE, closes=None, dividends=None, benchmark="M", **facts):
    bars = make_bars({"A": A, "B": B, "M": M} if closes is None else closes, dividends=dividends)
    return simulate(script(rows, **{"universe": "A,B", **facts}), bars, account, benchmark=benchmark)


def test_the_marks_of_a_symbol_say_when_what_and_how_much_it_made():
    """A bought at 101 and sold at 108, B sold short at 49 and covered at 48; 1 dollar for each order."""
    account = replace(FREE, commission_minimum=1.0)
    result = traded({0: {"A": 10, "B": -10}, 2: {"A": 0, "B": 0}}, account=account, dividends={"B": {2: 0.5}})
    first, second = price_charts(result)
    assert (first["name"], first["profit"], first["trades"], first["days"]) == ("A", 68.0, 1, DAYS)
    assert first["marks"] == [
        [1, "bought", 10.0, 101.0, "open", 1.0, 68.0, "target"],
        [3, "exit", -10.0, 108.0, "open", 1.0, 68.0, "target 0"],
    ]
    assert first["close"] == A
    assert (second["name"], second["profit"], second["dividends"]) == ("B", 3.0, [[2, 0.5]])
    assert [mark[1] for mark in second["marks"]] == ["sold short", "exit"]


def test_a_stop_and_a_margin_call_have_marks_of_their_own():
    result = traded({0: {"A": 10}}, closes={"A": [100.0, 100, 80, 80, 80], "M": M}, universe="A", exits=(StopLoss(0.1),))
    (chart,) = price_charts(result)
    assert [mark[1] for mark in chart["marks"]] == ["bought", "stop"]
    assert chart["marks"][1][-1] == "stop loss 0.1"
    called = traded({0: {"A": -1.0}}, closes={"A": [100.0, 100, 170, 170, 170], "M": M}, universe="A", unit="weight")
    assert "margin call" in set(called.events["kind"])
    (chart,) = price_charts(called)
    assert [mark[1] for mark in chart["marks"]][-1] == "margin call"
    assert [chart["days"][row] for row in chart["calls"]] == [
        str(day.date()) for day in called.events.loc[called.events["kind"] == "margin call", "session"]
    ]


def test_prices_are_shown_from_twenty_sessions_before_to_forty_after():
    rise = [100.0 + k for k in range(200)]
    result = traded({99: {"A": 1}, 109: {"A": 0}}, closes={"A": rise, "M": rise}, universe="A")
    (chart,) = price_charts(result)
    assert (chart["close"][0], chart["close"][-1]) == (180.0, 250.0)
    assert [chart["close"][mark[0]] for mark in chart["marks"]] == [200.0, 210.0]


def test_of_very_many_fills_of_a_symbol_the_last_are_marked(monkeypatch):
    monkeypatch.setattr(tearsheet_charts_module, "MAX_MARKS_PER_SYMBOL", 3)
    monkeypatch.setattr(tearsheet_charts_module, "SESSIONS_BEFORE", 1)
    rise = [100.0 + k for k in range(30)]
    rows = {k: {"A": float(k % 2 + 1)} for k in range(0, 20, 4)} | {k: {"A": 0.0} for k in range(2, 20, 4)}
    (chart,) = price_charts(traded(rows, closes={"A": rise, "M": rise}, universe="A"))
    assert (chart["trades"], chart["fills"]) == (5, 10)
    assert [chart["close"][mark[0]] for mark in chart["marks"]] == [115.0, 117.0, 119.0]
    assert chart["close"][0] == 114.0


def test_symbols_without_prices_are_counted_in_the_sentences():
    result = traded({0: {"A": 10, "B": -20}, 2: {"A": 0, "B": 0}})
    section = tearsheet_charts(replace(result, prices=result.prices[result.prices["symbol"] != "B"])).section
    assert "The first 1 symbol can be shown here" in section
    assert "The trades in 1 of 2 symbols, those with the largest profit or loss whose prices the run keeps, made +$70" in section


def test_the_path_and_what_holding_on_would_have_made():
    paths = holding_paths(traded({0: {"A": 10, "B": -10}, 2: {"A": 0, "B": 0}}))
    path, held = path_chart(paths, "M"), held_chart(paths, "M")
    assert path["sessions"] == [0, 1, 2]
    assert path["lines"] == [{"name": "A", "values": [0, 30, 70]}, {"name": "B", "values": [0, 20, 10]}]
    assert path["together"] == [0, 50, 80]
    assert held["lines"][0] == {"name": "A", "values": [0, 30, 70, 20], "exit": [2.0, 70.0]}
    assert held["lines"][1] == {"name": "B", "values": [0, 20, 10, 10], "exit": [2.0, 10.0]}
    assert (held["together"], held["exit"]) == ([0, 50, 80, 30], [2.0, 80.0])
    units = (1010 - 490) / 51
    assert held["benchmark"]["values"] == pytest.approx([0, units, units * 3, units * 5], rel=1e-5)


def test_names_beyond_the_twelfth_are_added_up():
    names = [chr(65 + k) for k in range(MAX_LINES + 2)]
    closes = {name: [100.0, 100, 110 + k, 110 + k, 110 + k] for k, name in enumerate(names)}
    result = traded({0: dict.fromkeys(names, 1.0)}, closes=closes, universe=",".join(names), benchmark="")
    path = path_chart(holding_paths(result), "")
    assert [line["name"] for line in path["lines"]] == [*names[:1:-1], OTHERS]
    assert path["lines"][-1]["values"][-1] == 10 + 11
    assert path["benchmark"] is None


def test_a_long_path_is_thinned_and_keeps_its_end():
    rise = [100.0 + k for k in range(MAX_POINTS * 2)]
    path = path_chart(holding_paths(traded({0: {"A": 1}}, closes={"A": rise, "M": rise}, universe="A")), "M")
    assert len(path["sessions"]) <= MAX_POINTS + 1
    assert path["lines"][0]["values"][-1] == rise[-1] - rise[1]
    assert path["lines"][0]["values"] == [float(k) for k in path["sessions"]]


def test_exposure_is_of_the_equity_on_each_close():
    """10 shares of A and 10 of B short; the equity is 10,000 dollars and what they made."""
    chart = exposure_chart(traded({0: {"A": 10, "B": -10}, 2: {"A": 0, "B": 0}}))
    assert chart["days"] == DAYS
    assert chart["positions"] == [0, 2, 2, 0, 0]
    assert chart["gross"] == pytest.approx([0, 1500 / 10_000, 1510 / 10_050, 0, 0], abs=1e-5)
    assert chart["net"] == pytest.approx([0, 520 / 10_000, 570 / 10_050, 0, 0], abs=1e-5)


def test_every_cut_of_the_profit_sums_to_it():
    result = traded({0: {"A": 10, "B": -10}, 2: {"A": 0, "B": 0}})
    charts = {chart["by"]: dict(zip(chart["labels"], chart["values"], strict=True)) for chart in source_charts(result)}
    assert charts["name"] == {"A": 70.0, "B": 10.0}
    assert charts["side"] == {"long": 70.0, "short": 10.0}
    assert charts["month"] == {"2025-01": 80.0}
    assert {by: sum(values.values()) for by, values in charts.items()} == dict.fromkeys(charts, 80.0)


def test_the_names_of_a_drawdown_sum_to_its_loss():
    """10 of A and 10 of B, bought at 101 and 49: the account falls twice, the second time by more."""
    closes = {"A": [100.0, 101, 104, 108, 103, 110, 90], "B": [50.0, 49, 47, 48, 48, 48, 49], "M": [50.0] * 7}
    result = traded({0: {"A": 10, "B": 10}}, closes=closes)
    assert result.equity["equity"].tolist() == [10_000, 10_000, 10_010, 10_060, 10_010, 10_080, 9_890]
    first, second = drawdown_charts(result)
    assert first == {"by": "2025-01-10 to 2025-01-13: -$190", "labels": ["A", "B"], "values": [-200.0, 10.0]}
    assert second == {"by": "2025-01-07 to 2025-01-08: -$50", "labels": ["A"], "values": [-50.0]}


def test_a_drawdown_from_the_starting_cash_begins_with_the_window_and_names_what_is_not_known():
    result = traded({0: {"A": -10, "B": 10}})
    (chart,) = drawdown_charts(replace(result, prices=result.prices[result.prices["symbol"] != "B"]))
    # A rises by 7 to 108 and B falls by 1 to 48 until 7 January
    assert chart["labels"] == ["A", "names without prices in the record"]
    assert chart["values"] == [-70.0, -10.0]
    assert drawdown_charts(traded({0: {"A": 10}}, closes={"A": [100.0, 101, 102], "M": [50.0] * 3}, universe="A")) == []


def data_of(charts):
    packed = re.search(r'<script type="text/plain" id="chart-data">([^<]+)</script>', charts.foot)[1]
    return json.loads(gzip.decompress(b64decode(packed)))


def test_the_benchmark_of_a_short_is_sold_short():
    charts = tearsheet_charts(traded({0: {"A": -10}, 2: {"A": 0}}))
    assert "M sold short at the same times with the same dollars -$59." in charts.section
    assert data_of(charts)["path"]["benchmark"]["name"] == data_of(charts)["held"]["benchmark"]["name"] == "M sold short"


def test_the_sentences_stand_above_the_charts():
    section = tearsheet_charts(traded({0: {"A": 10}, 2: {"A": 0}})).section
    assert "1 trade in 1 symbol." in section
    assert "The trade made +$70; M at the same times with the same dollars +$59." in section  # 1,010 dollars from 51 to 54
    assert "The same entry, on the close 1 session later +$30, 3 sessions later +$20." in section
    assert "At most 10 % of the equity and 1 position at one time; invested on 2 closes of 5." in section
    assert "exit by a stop" not in section


def test_a_run_without_trades_has_no_charts_and_no_script():
    charts = tearsheet_charts(traded({}))
    assert (charts.section, charts.foot) == ("", "")
    assert "script-src " in charts.head


def test_the_same_run_gives_the_same_bytes():
    made = [tearsheet_charts(traded({0: {"A": 10}, 2: {"A": 0}})) for _ in range(2)]
    assert made[0] == made[1]


HOSTILE = "</script><img src=x onerror=alert(1)><!-- end of the charts -->%{y}\u202e"


def test_hostile_words_are_data_and_text():
    result = traded({0: {"A": 10}, 2: {"A": 0}}, universe="A")
    tables = {name: getattr(result, name).assign(symbol=HOSTILE) for name in ("fills", "trades", "open_positions")}
    own = result.prices.assign(symbol=result.prices["symbol"].replace({"A": HOSTILE}))
    charts = tearsheet_charts(replace(result, **tables, prices=own))
    assert "<img" not in charts.section
    assert charts.section.count("<!-- end of the charts -->") == 1
    (chart,) = data_of(charts)["prices"]
    assert chart["name"].startswith("</script><img src=x")
    assert "\u202e" not in chart["name"]


def test_the_sheet_of_a_frame_leaves_plotly_to_the_page_around_it():
    charts = tearsheet_charts(long_run())
    page = f"{charts.head}<p>before</p>{charts.section}{charts.subperiods}{charts.foot}"
    framed = sheet_for_frame(page, chart_policy())
    assert framed.count(EMPTY_LIBRARY) == 1
    assert framed.replace(EMPTY_LIBRARY, "") == without_plotly(page)
    assert len(framed) < 0.3 * len(page)
    assert data_of(charts._replace(foot=framed))["prices"]


def test_the_scripts_speak_of_the_currency_that_is_shown():
    assert any("same dollars" in script for script in chart_scripts())
    with shown_in("GBP"):
        scripts = "".join(chart_scripts())
        assert chart_policy() == page_policy([plotly_source(), *chart_scripts()])
    assert "same dollars" not in scripts
    assert 'tickprefix: "£"' in scripts


def test_the_sheet_of_another_version_is_framed_without_its_charts_and_scripts():
    charts = tearsheet_charts(long_run())
    older = charts.head.replace("script-src 'sha256-", "script-src 'sha256-A")
    page = f"{older}<p>before</p>{charts.section}{charts.subperiods}<p>between</p>{charts.foot}<p>after</p>"
    assert sheet_for_frame(page, chart_policy()).removeprefix(older).split() == [
        "<p>before</p>",
        "<p>between</p>",
        "<p>after</p>",
    ]
    assert sheet_for_frame("<p>plain</p>", chart_policy()) == "<p>plain</p>"


def test_numbers_have_six_digits_and_what_is_not_known_is_null():
    assert numbers([1 / 3, float("nan"), 123456.789, float("inf")]) == [0.333333, None, 123457.0, None]


def long_run(**facts):
    """A thousand dollars in A throughout, beside a market; A rises by 1 % and falls by 0.5 % in turn, M by half of it."""
    steps = [1.01, 0.995] * 60
    closes = {"A": [100 * math.prod(steps[:k]) for k in range(121)], "M": [50 * math.prod(steps[:k]) ** 0.5 for k in range(121)]}
    return traded({0: {"A": 10.0}}, closes=closes, universe="A", **facts)


def test_the_rolling_metrics_and_start_dates_of_a_chart_are_those_of_the_engine():
    result = long_run()
    rolling, starts = rolling_metrics(result), start_dates(result)
    charts = rolling_charts(rolling, "M")
    assert [chart["by"] for chart in charts] == ["Return", "Volatility", "Sharpe ratio", "Beta"]
    assert len(charts[0]["days"]) == 121 - 20
    assert charts[0]["values"] == pytest.approx(rolling.own["return"].tolist(), rel=1e-4)
    assert charts[2]["benchmark"]["values"] == pytest.approx(rolling.benchmark["sharpe"].tolist(), rel=1e-4)
    assert charts[3]["benchmark"] is None
    (chart,) = map(start_date_chart, starts)
    assert (chart["by"], chart["unit"]) == ("21 sessions", "%")
    assert chart["values"] == pytest.approx(starts[0].ahead.tolist(), rel=1e-4)
    assert chart["days"][0] == DAYS[0]


def test_a_rolling_metric_without_a_value_has_no_chart():
    result = long_run(benchmark="")
    assert [chart["by"] for chart in rolling_charts(rolling_metrics(result), "")] == ["Return", "Volatility", "Sharpe ratio"]
    section = tearsheet_charts(result).subperiods
    assert "The run has no benchmark to compare start dates with." in section
    assert "The run has no benchmark." in section


def test_what_the_sections_above_the_record_say():
    result = long_run()
    section = text_of(tearsheet_charts(result).subperiods)
    last = rolling_metrics(result).own.iloc[-1]
    assert f"Over the last 21 sessions (a month): return {percent(last['return'], 1)}, volatility" in section
    assert "of 101 windows only 5 do not overlap" in section
    (found,) = start_dates(result)
    assert f"After 21 sessions the account was ahead of M from {unsigned_percent(found.share)} of 101 start dates" in section
    assert f"of the 5 periods without overlap it was ahead in {found.apart_beaten}." in section
    assert "Overlapping periods are no independent observations" in section
    assert "in cash" not in section
    model = factor_models(result).benchmark
    assert "120 of 121 sessions had a position." in section
    assert (
        f"Alpha against M: {percent(model.alpha, 3)} a session (t {ratio(model.alpha_t)}), beta {ratio(model.betas[0])}."
        in section
    )
    assert "Alpha has a t-statistic without a verdict. The test needs 250 invested sessions" in section
    assert "A p-value means nothing" not in section


def test_a_short_run_says_what_it_lacks_in_a_sentence_each():
    section = text_of(tearsheet_charts(traded({0: {"A": 10}, 2: {"A": 0}})).subperiods)
    assert "The run has 5 sessions, which is too short: three windows of 21 need 63." in section
    assert "The run has 5 sessions, which is too short: two periods of 21 need 42." in section
    assert "A regression on M needs 30 invested sessions with returns; there are 3." in section
    assert "<table" not in section


def test_a_significant_alpha_has_its_p_value_and_what_it_is_worth():
    random = np.random.default_rng(1)
    market = np.cumprod(1 + random.normal(0, 0.01, 300))
    own = market * np.cumprod(1 + random.normal(0.002, 0.002, 300))
    closes = {"A": (100 * own).tolist(), "M": (50 * market).tolist()}
    result = traded({0: {"A": 90.0}}, closes=closes, universe="A")
    found = factor_models(result).benchmark
    assert found.p_value < 0.05
    section = text_of(tearsheet_charts(result).subperiods)
    assert f"It is statistically significant (p {found.p_value:.3f}, two-sided)." in section
    assert "A p-value means nothing for a strategy or dates that were chosen after these returns were known." in section
    assert "without a verdict" not in section


def test_an_account_mostly_in_cash_is_said_to_be():
    rise = [100.0 + k for k in range(80)]
    section = text_of(
        tearsheet_charts(traded({0: {"A": 1}, 9: {"A": 0}}, closes={"A": rise, "M": rise}, universe="A")).subperiods
    )
    assert "The account was in cash in 87.5 % of the sessions and M never" in section


def test_factors_of_a_file_are_on_the_page_and_hostile_headings_are_text():
    result = long_run()
    table = pd.DataFrame({HOSTILE: np.random.default_rng(1).normal(0, 0.01, 121)}, index=pd.DatetimeIndex(result.equity.index))
    known = result.with_factors(FactorReturns(returns=table, description="How it was understood."))
    charts = tearsheet_charts(known)
    assert "<img" not in charts.subperiods
    assert charts.subperiods.count("<!-- end of the charts -->") == 1
    section = text_of(charts.subperiods)
    assert "How it was understood." in section
    assert "Beta to &lt;/script&gt;&lt;img" in section


def text_of(section):
    """The section with the spaces before per cent as they are written in Python."""
    return section.replace("\xa0", " ")


ROBUST = Robustness(
    profit=1000.0,
    cases=(
        RobustnessCase(kind="delay", label="one session later", profit=-250.0, trades=3),
        RobustnessCase(kind="costs", label="twice the costs on the same fills", profit=900.0, trades=-1),
        RobustnessCase(kind="parameter", label="hold 4 instead of 5", profit=1300.0, trades=3),
        RobustnessCase(kind="parameter", label="hold 6 instead of 5", profit=-40.0, trades=3),
    ),
    costs=100.0,
    breakeven_costs=11.0,
    times=(
        MarketTimes(label="calm", sessions=6, invested=1, profit=300.0),
        MarketTimes(label="nervous", sessions=5, invested=4, profit=700.0),
    ),
    band=ProfitBand(unit="groups of trades", count=9, block=0, low=-500.0, median=980.0, high=2100.0, loss_share=0.125),
    without_band="",
    left_out="",
)


def test_robustness_is_said_in_sentences():
    assert describe_robustness(ROBUST) == (
        "The run made +$1,000. With one of its parameters a fifth lower or higher it would have made between -$40 and +$1,300. "
        "With every order one session later it would have made -$250. "
        "Costs 11.0 times as high would have taken the whole profit. "
        "Of accounts put together at random from its 9 groups of trades whose times do not overlap, nine of ten made between "
        "-$500 and +$2,100, and 12 % lost."
    )


def test_what_there_is_no_robustness_of_is_left_out_or_said():
    bare = replace(
        ROBUST, cases=ROBUST.cases[1:2], breakeven_costs=float("nan"), band=None, without_band="Too few.", left_out="Large."
    )
    assert describe_robustness(bare) == "The run made +$1,000. Too few. Large."
    assert [chart["by"] for chart in robustness_charts(replace(bare, times=()))] == ["other details"]


def test_the_bars_of_robustness_are_the_profits():
    ways, times, drawn = robustness_charts(ROBUST)
    assert dict(zip(ways["labels"], ways["values"], strict=True)) == {
        "as it was run": 1000, "one session later": -250, "twice the costs on the same fills": 900, "hold 4 instead of 5": 1300,
        "hold 6 instead of 5": -40,
    }  # fmt: skip
    assert (times["labels"], times["values"]) == (["calm: 1 session invested", "nervous: 4 sessions invested"], [300, 700])
    assert (drawn["labels"], drawn["values"]) == (["5 % made less", "half made less", "5 % made more"], [-500, 980, 2100])


def test_a_sheet_without_robustness_has_no_section_of_it():
    result = traded({0: {"A": 10}, 2: {"A": 0}})
    assert "depends on the details" not in tearsheet_charts(result).section
    assert "depends on the details" in tearsheet_charts(result, robustness=ROBUST).section


def portfolio_run(symbols="ABC"):
    """Sixty sessions of equal parts, made equal every five."""
    bars = make_bars(**random_market(60, symbols))
    return simulate(rebalanced(dict.fromkeys(symbols, 1 / len(symbols)), 5, universe=",".join(symbols)), bars, FREE)


def test_the_charts_of_a_portfolio_have_its_weights_contributions_and_turnover():
    result = portfolio_run()
    found, charts = allocation_of(result), data_of(tearsheet_charts(result))["allocation"]
    assert [chart["by"] for chart in charts] == ["weights", "contributions to risk", "turnover"]
    assert set(charts[0]["names"]) == set("ABC")
    for name, values in zip(charts[0]["names"], charts[0]["values"], strict=True):
        np.testing.assert_allclose(values, found.weights[name], rtol=1e-3)
    np.testing.assert_allclose(charts[2]["values"][0], found.rebalances["turnover"], rtol=1e-3)
    np.testing.assert_allclose(np.sum(charts[1]["values"], axis=0), 1, atol=2e-3)


def test_the_names_of_a_large_portfolio_beyond_the_twelfth_are_added_up():
    symbols = "ABCDEFGHIJKLNO"
    result = portfolio_run(symbols)
    charts, cash = data_of(tearsheet_charts(result))["allocation"], allocation_of(result).weights["cash"]
    assert len(charts[0]["names"]) == 13
    assert charts[0]["names"][-1] == "all others"
    assert sum(values[-1] for values in charts[0]["values"]) == pytest.approx(1 - cash.iloc[-1], abs=1e-3)


def test_the_page_of_a_portfolio_speaks_of_orders_and_not_of_trades():
    result = portfolio_run()
    section = tearsheet_charts(result).section
    words, last = text_of(section), allocation_of(result).latest
    assert f"{len(result.fills)} orders in 3 symbols" in words
    assert f"At the last close the largest weight was {last.index[0]} with {last['weight'].iloc[0] * 100:.1f} %" in words.replace(
        "\u00a0", " "
    )
    assert "Had it been held" not in words
    assert "Best trade" not in words
    for name in "ABC":
        assert f'<tr><th scope="row">{name}</th>' in section


def test_a_run_that_is_no_portfolio_has_no_section_of_weights():
    charts = tearsheet_charts(traded({0: {"A": 10}, 3: {"A": 0}}))
    assert "Weights, risk and turnover" not in charts.section
    assert "allocation" not in data_of(charts)
