"""The unit of an external series: from the word of the user, the heading, or the values; and its returns."""

import re

import numpy as np
import pandas as pd
import pytest

from dipfolio.errors import AmbiguousFileError, DataError
from dipfolio.report.comparison.series import read_external_series
from dipfolio.report.comparison.series_units import VALUE_KINDS, ValueMeaning, heading_words, interpret_values, simple_returns

DAYS = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07"]


@pytest.fixture
def file(tmp_path):
    def write(text, name="other.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def lines(values, days=DAYS, head="date,value"):
    return "\n".join([*([head] if head else []), *(f"{day},{value}" for day, value in zip(days, values, strict=True))])


def test_an_equity_series_becomes_returns_from_its_second_day(file):
    track = read_external_series(file(lines([100, 110, 99, 99])))
    assert track.returns.tolist() == pytest.approx([0.1, -0.1, 0])
    assert (track.base, track.first) == (pd.Timestamp("2025-01-02"), pd.Timestamp("2025-01-03"))
    assert track.origin == "other.csv, taken for an equity series (judged by its values)"
    assert (track.label, track.result) == ("other", None)


def test_a_return_series_keeps_its_first_day_and_starts_from_the_session_before(file):
    track = read_external_series(file(lines([0.01, -0.02, 0, 0.03])))
    assert track.returns.tolist() == [0.01, -0.02, 0, 0.03]
    assert track.base == pd.Timestamp("2024-12-31")
    assert "taken for a return series" in track.origin


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ([1.0, 1.01, 0.99, 1.02], "an equity series"),
        ([1_000_000, 1_010_000, 990_000, 990_000], "an equity series"),
        ([0.5, 0.51, 0.49, 0.5], "an equity series"),
        ([0.0, 0.0, 0.0, 0.0], "a return series"),
        (["1.5%", "-0.5%", "0.2%", "0%"], "a return series"),
    ],
)
def test_the_values_tell_what_they_are(file, values, taken):
    assert f"taken for {taken}" in read_external_series(file(lines(values))).origin


@pytest.mark.parametrize(("head", "taken"), [("day,daily return", "a return series"), ("day,NAV", "an equity series")])
def test_the_name_of_the_column_decides_where_the_values_do_not(file, head, taken):
    assert f"taken for {taken}" in read_external_series(file(lines([0.01, 0.02, 0.005, 0.03], head=head))).origin


def test_what_nobody_can_tell_is_asked_for(file):
    path = file(lines([0.01, 0.02, 0.005, 0.03], head="a,b"))
    with pytest.raises(DataError, match="could hold equity or returns; say which with --kind"):
        read_external_series(path)
    assert read_external_series(path, "returns").origin.endswith("taken for a return series (as told)")
    assert len(read_external_series(path, "equity").returns) == 3


def test_an_equity_of_nothing_is_refused(file):
    with pytest.raises(DataError, match="an equity of 0 on 2025-01-03 has no returns after it"):
        read_external_series(file(lines([1, 0, 1, 1])), "equity")


STEPS = [0.012, -0.004, 0.007, -0.011, 0.003, 0.009, -0.002, 0.001] * 8
WEEKDAYS = [str(day.date()) for day in pd.bdate_range("2025-01-02", periods=len(STEPS))]
TOTAL = float(np.prod(1 + np.array(STEPS)) - 1)


@pytest.mark.parametrize(
    ("head", "values", "said"),
    [
        ("return_pct", [100 * r for r in STEPS], "a return series in per cent (by its heading 'return_pct')"),
        ("Return [%]", [100 * r for r in STEPS], "a return series in per cent (by its heading 'Return [%]')"),
        ("Daily return in percent", [100 * r for r in STEPS], "a return series in per cent"),
        ("return (bps)", [10_000 * r for r in STEPS], "a return series in basis points"),
        ("log_return", np.log1p(STEPS), "a series of log returns (by its heading 'log_return')"),
        ("cum_returns", np.cumprod(1 + np.array(STEPS)) - 1, "a series of cumulative returns (by its heading 'cum_returns')"),
        ("cumulative return %", 100 * (np.cumprod(1 + np.array(STEPS)) - 1), "a series of cumulative returns in per cent"),
    ],
)
def test_the_heading_says_the_unit(file, head, values, said):
    track = read_external_series(file(lines(values, WEEKDAYS, f"date,{head}")))
    assert (1 + track.returns).prod() - 1 == pytest.approx(TOTAL)
    assert f"taken for {said}" in track.origin


@pytest.mark.parametrize(
    ("head", "values", "said"),
    [
        ("return", [20 * r for r in STEPS], "The values look like percent; 1 % is 0.01. Say --kind percent"),
        ("return_pct", [r / 2 for r in STEPS], "Say --kind returns if 1 % is written as 0.01"),
        ("x", np.cumprod(1 + np.array(STEPS)) - 1.01, "look cumulative"),
        ("return", np.cumprod(1 + np.array(STEPS)), "says returns, but the values move as an equity does"),
        ("x", 1 + np.array(STEPS), "jump to and fro"),
    ],
)
def test_values_that_contradict_the_heading_or_belief_are_asked_about(file, head, values, said):
    with pytest.raises(AmbiguousFileError, match=re.escape(said)):
        read_external_series(file(lines(values, WEEKDAYS, f"date,{head}")))
    assert AmbiguousFileError.exit_code == 2


DAILY = pd.bdate_range("2025-01-02", periods=4)


def series(*values):
    return pd.Series(values, index=DAILY[: len(values)], dtype="float64")


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("dailyReturn [%]", ("daily", "return", "percent")), ("NAV", ("nav",)), ("", ()), ("log_return", ("log", "return")),
        ("Return per cent", ("return", "percent")), ("Netto-Rendite", ("netto", "rendite")),
    ],
)  # fmt: skip
def test_a_heading_is_split_into_words(heading, words):
    assert heading_words(heading) == words


@pytest.mark.parametrize("kind", VALUE_KINDS)
def test_the_word_of_the_user_is_taken_whatever_the_heading_says(kind):
    meaning = interpret_values("x.csv", "equity", series(0.01, 0.02, -0.01, 0.03), kind)
    assert meaning.why == "as told"
    assert (meaning.scale == 0.01) == kind.endswith("percent")
    assert meaning.log == (kind == "log")


def test_cells_with_per_cent_signs_are_fractions_already():
    values = series(0.01, -0.02, 0.01, 0.0)
    assert interpret_values("x.csv", "return %", values, "percent", signed=True).scale == 1.0
    assert interpret_values("x.csv", "return %", values, signed=True).scale == 1.0


@pytest.mark.parametrize(
    ("meaning", "values", "start"),
    [
        (ValueMeaning(form="equity"), (100, 110, 99), "2025-01-02"),
        (ValueMeaning(form="growth"), (1, 1.1, 0.99), "2025-01-02"),
        (ValueMeaning(form="returns"), (0.1, -0.1), "2024-12-31"),
        (ValueMeaning(form="returns", scale=0.01), (10, -10), "2024-12-31"),
        (ValueMeaning(form="returns", scale=0.0001), (1000, -1000), "2024-12-31"),
        (ValueMeaning(form="returns", log=True), (np.log(1.1), np.log(0.9)), "2024-12-31"),
        (ValueMeaning(form="cumulative"), (0.0, 0.1, -0.01), "2025-01-02"),
        (ValueMeaning(form="cumulative"), (0.1, -0.01), "2024-12-31"),
        (ValueMeaning(form="cumulative", scale=0.01), (10, -1), "2024-12-31"),
        (ValueMeaning(form="cumulative", log=True), (np.log(1.1), np.log(0.99)), "2024-12-31"),
    ],
)
def test_every_unit_gives_the_same_simple_returns(meaning, values, start):
    found, base = simple_returns("x.csv", series(*values), meaning, stated=True)
    assert found.tolist() == pytest.approx([0.1, -0.1], abs=1e-12)
    assert base == pd.Timestamp(start)


@pytest.mark.parametrize(
    ("meaning", "values", "said"),
    [
        (ValueMeaning(form="returns"), (0.1, -1.0), "a return of -1 on 2025-01-03 loses all money; 1 % is 0.01."),
        (ValueMeaning(form="returns", scale=0.01), (1.0, -120.0), "a return of -120 on 2025-01-03 loses all money."),
        (ValueMeaning(form="cumulative"), (0.1, -1.5), "a cumulative return of -1.5 on 2025-01-03 loses all money; 1 % is 0.01."),
        (ValueMeaning(form="equity"), (100, -1), "an equity of -1 on 2025-01-03 has no returns after it."),
        (ValueMeaning(form="equity"), (100, np.inf), "an equity of inf on 2025-01-03 is too large."),
    ],
)
def test_a_loss_of_everything_and_a_number_without_end_are_refused(meaning, values, said):
    with pytest.raises(DataError) as caught:
        simple_returns("x.csv", series(*values), meaning, stated=True)
    assert str(caught.value) == f"x.csv: {said}"


@pytest.mark.parametrize(("form", "kind"), [("returns", "percent"), ("cumulative", "cumulative-percent")])
def test_a_loss_of_everything_may_be_per_cent_where_the_user_has_not_said_the_unit(form, kind):
    with pytest.raises(AmbiguousFileError, match=rf"If the values are in per cent, say --kind {kind}\.$"):
        simple_returns("x.csv", series(0.5, -1.2), ValueMeaning(form=form), stated=False)
