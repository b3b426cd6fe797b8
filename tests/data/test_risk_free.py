"""Rates: a figure or a file, aligned to sessions without looking ahead, and the misreadings that are refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dipfolio.data import calendar
from dipfolio.data.risk_free import CASH_RATE, RiskFree, parse_risk_free, read_rates
from dipfolio.errors import DataError, DipfolioError, ParameterError

WEEK = calendar.between("2025-01-06", "2025-01-13")  # 6 7 8 10 13


def write(tmp_path, *lines, name="rates.csv"):
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / name


def test_a_figure_holds_for_every_session():
    rate = parse_risk_free("0.043")
    assert rate.yearly(WEEK).tolist() == [0.043] * 5
    assert rate.daily(WEEK).tolist() == pytest.approx([1.043 ** (1 / 252) - 1] * 5, abs=1e-16)
    assert rate.scalar(WEEK) == pytest.approx(0.043, abs=1e-15)
    assert rate.description == "4.30% a year"


def test_a_rate_holds_from_its_day_until_the_next(tmp_path):
    rate = parse_risk_free(str(write(tmp_path, "date,rate", "2025-01-03,0.04", "2025-01-08,0.05", "2025-01-12,0.03")))
    assert rate.yearly(WEEK).tolist() == [0.04, 0.04, 0.05, 0.05, 0.03]
    assert rate.description == "rates.csv (rate)"


def test_the_scalar_earns_over_all_sessions_what_the_series_earns(tmp_path):
    rate = read_rates(write(tmp_path, "date,rate", "2025-01-03,0.04", "2025-01-08,0.05", "2025-01-12,-0.01"))
    earned = np.prod(1 + rate.daily(WEEK))
    assert (1 + rate.scalar(WEEK)) ** (5 / 252) == pytest.approx(earned, abs=1e-15)


@pytest.mark.parametrize("head", ["observation_date,DTB3", "DATE,DGS3MO", "date,FEDFUNDS", "date,rate_percent", "date,Rate (%)"])
def test_percent_is_known_by_its_heading_and_days_without_a_rate_are_left_out(tmp_path, head):
    rate = read_rates(write(tmp_path, head, "2025-01-06,4.20", "2025-01-07,.", "2025-01-08,4.30"))
    assert rate.yearly(WEEK).tolist() == pytest.approx([0.042, 0.042, 0.043, 0.043, 0.043], abs=1e-16)
    assert "percent" in rate.description


def test_another_rate_or_another_day_is_another_fingerprint(tmp_path):
    same = [parse_risk_free("0.04").fingerprint, parse_risk_free("0.040").fingerprint]
    rows = (["2025-01-03,0.04"], ["2025-01-03,0.05"], ["2025-01-06,0.04"], ["2025-01-03,0.04", "2025-01-06,0.04"])
    others = [read_rates(write(tmp_path, "date,rate", *lines)).fingerprint for lines in rows]
    assert same[0] == same[1]
    assert len({same[0], *others}) == 5


def test_lines_may_stand_in_any_order(tmp_path):
    rate = read_rates(write(tmp_path, "date,rate", "2025-01-08,0.05", "2025-01-03,0.04"))
    assert rate.yearly(WEEK).tolist() == [0.04, 0.04, 0.05, 0.05, 0.05]


def test_a_session_before_the_first_rate_is_named(tmp_path):
    rate = read_rates(write(tmp_path, "date,rate", "2025-01-07,0.04"))
    with pytest.raises(DataError, match="begins on 2025-01-07, after the first session, 2025-01-06; give earlier"):
        rate.daily(WEEK)


@pytest.mark.parametrize(("text", "hint"), [("4.3", "4.3 percent is 0.043"), ("-1", ""), ("nan", ""), ("inf", ""), ("100", "")])
def test_a_figure_that_is_no_rate_is_refused(text, hint):
    with pytest.raises(ParameterError, match=rf"A riskless rate is a fraction a year such as 0\.043, found {text}.*{hint}"):
        parse_risk_free(text)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["date,rate", "2025-01-06,4.2"], "has the rate 4.2 on 2025-01-06, .* If they are percent, head the column rate_percent"),
        (["date,rate", "2025-01-06,x"], "the rate of 2025-01-06 is 'x', expected a number"),
        (["date,rate", "06.01.2025,0.04"], "'06.01.2025' is no date"),
        (["date,rate", "2025-01-06,0.04", "2025-01-06,0.05"], "two rates for 2025-01-06"),
        (["date,rate"], "has no rate"),
        (["date,rate", "2025-01-06,"], "has no rate"),
        (["date", "2025-01-06"], "has 1 columns, expected two"),
        (["date,rate", "2025-01-06,0.04,1"], "has 3 cells, the header 2"),
        ([""], "cannot be read as date,rate: it is empty"),
    ],
)
def test_a_file_that_is_wrong_is_one_clear_line(tmp_path, lines, expected):
    with pytest.raises(DataError, match=expected) as caught:
        read_rates(write(tmp_path, *lines))
    assert "\n" not in str(caught.value)


def test_what_is_neither_a_figure_nor_a_file_is_refused():
    with pytest.raises(DataError, match=r"'four' is neither a fraction a year such as 0\.043 nor a CSV"):
        parse_risk_free("four")


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.text(max_size=60)
    | st.lists(st.sampled_from(["date,rate\n", "2025-01-06,", "0.04\n", "4\n", ".", ","])).map("".join)
)
def test_no_text_makes_a_traceback(tmp_path, content):
    path = tmp_path / "rates.csv"
    path.write_text(content, encoding="utf-8")
    try:
        rate = read_rates(path)
    except DipfolioError:
        return
    assert isinstance(rate.rates, pd.Series)
    assert (rate.rates.abs() < 0.5).all()


@pytest.mark.parametrize(("text", "expected"), [("0.35%", 0.0035), ("35%", 0.35), ("4.3 %", 0.043), ("-0.5%", -0.005)])
def test_a_rate_with_the_sign_of_per_cent_is_that(text, expected):
    rate = parse_risk_free(text)
    assert rate.rates.tolist() == [expected]
    assert rate.interpretation == ""


def test_a_fraction_says_how_it_was_understood_and_one_above_fifteen_per_cent_is_asked_for():
    assert parse_risk_free("0.05").interpretation == "The riskless rate 0.05 is taken as a fraction: 5% a year."
    assert parse_risk_free("0").interpretation == ""
    message = "0.35 as the riskless rate is a fraction, 35% a year; write 0.35% for 0.35 per cent, or 35% if that is meant."
    with pytest.raises(ParameterError, match=message):
        parse_risk_free("0.35")


def test_fractions_above_fifteen_per_cent_in_a_file_are_asked_for_and_both_remedies_work(tmp_path):
    with pytest.raises(DataError, match=r"the rate 0\.35 on 2025-01-06, as a fraction 35% a year.*head the column rate_percent"):
        read_rates(write(tmp_path, "date,rate", "2025-01-06,0.35"))
    low = read_rates(write(tmp_path, "date,rate_percent", "2025-01-06,0.35"))
    high = read_rates(write(tmp_path, "date,rate", "2025-01-06,35%"))
    assert (low.rates.iloc[0], high.rates.iloc[0]) == (pytest.approx(0.0035, abs=1e-16), 0.35)
    assert low.interpretation == "The rates of rates.csv are taken as per cent: 0.35% a year."


def test_a_file_with_the_sign_of_per_cent_in_some_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match="with and without the sign of per cent"):
        read_rates(write(tmp_path, "date,rate", "2025-01-06,4%", "2025-01-07,0.04"))


# ---- rates of cash balances ----


def test_a_rate_of_cash_is_named_so_and_described_with_all_of_its_places(tmp_path):
    assert [str(parse_risk_free(text, CASH_RATE)) for text in ("4.125%", "0.04", "4.3%")] == [
        "4.125% a year", "4.00% a year", "4.30% a year"
    ]  # fmt: skip
    with pytest.raises(ParameterError, match=r"^A cash rate is a fraction .*, found 4\.3; 4\.3 percent is 0\.043"):
        parse_risk_free("4.3", CASH_RATE)
    with pytest.raises(DataError, match=r"^The cash rate 'four' is neither"):
        parse_risk_free("four", CASH_RATE)
    rate = read_rates(write(tmp_path, "date,rate", "2025-01-07,0.04"), CASH_RATE)
    with pytest.raises(DataError, match=r"^The cash rate of rates\.csv"):
        rate.yearly(WEEK)


def test_by_calendar_days_a_session_earns_the_rate_of_the_close_before_for_the_days_since(tmp_path):
    rate = read_rates(write(tmp_path, "date,rate", "2024-12-31,0.036", "2025-01-07,0.072"))
    counted = replace(rate, day_count=360)
    assert counted.daily(WEEK).tolist() == pytest.approx([0.0003, 0.0001, 0.0002, 0.0004, 0.0006])  # weekends, a holiday
    assert counted.daily(WEEK, WEEK[0]).iloc[0] == 0.0
    assert counted.fingerprint != rate.fingerprint
    total = float((1 + counted.daily(WEEK)).prod())
    assert (1 + counted.scalar(WEEK)) ** (len(WEEK) / 252) == pytest.approx(total)


def test_before_the_first_rate_nothing_is_earned_where_no_close_before_is_named():
    rate = RiskFree(rates=pd.Series([0.036], index=WEEK[:1]), description="X", day_count=360)
    assert rate.daily(WEEK).tolist()[:2] == pytest.approx([0.0, 0.0001])
    with pytest.raises(DataError, match="begins on"):
        rate.daily(WEEK, WEEK[0] - pd.Timedelta(days=3))


def test_a_table_of_prices_that_is_named_after_a_rate_has_it_in_its_closes(tmp_path):
    for name in ("^IRX.csv", "IRX.csv"):
        (tmp_path / name).write_text("Date,Open,High,Low,Close,Volume\n2025-01-06,4.1,4.3,4.0,4.2,0\n", encoding="utf-8")
        rate = read_rates(tmp_path / name)
        assert rate.rates.tolist() == pytest.approx([0.042])
        assert str(rate) == f"{name} (Close, percent)"
    (tmp_path / "NVDA.csv").write_text("Date,Open,High,Low,Close,Volume\n2025-01-06,4.1,4.3,4.0,4.2,0\n", encoding="utf-8")
    with pytest.raises(DataError, match="has 6 columns, expected two"):
        read_rates(tmp_path / "NVDA.csv")
