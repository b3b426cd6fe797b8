"""Fetching: a store that grows through the real yfinance, from a local server, whatever that answers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.errors import DataError, ParameterError
from dipfolio.market import fetching
from dipfolio.market.fetching import Wish, fetch, rebuild
from dipfolio.market.folder import load_bars
from dipfolio.market.note import file_of
from dipfolio.market.store import read_entry, write_entry
from tests.yahoo import Detour, chart

A = [138.31, 144.47, 149.43, 140.14, 140.11, 135.91]
DAYS = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08", "2025-01-10"]
DIVIDEND = {"2025-01-06": 0.04}


def wish(end="2025-01-10", **changes):
    return Wish(start=date(2025, 1, 2), end=date.fromisoformat(end), pause=0, wait=0, **changes)


def run(folder, *symbols, sleep=lambda _: None, **changes):
    """The outcomes as (kind, text)."""
    return [(outcome.kind, outcome.text) for outcome in fetch(folder, symbols, wish(**changes), sleep)]


def contents(folder):
    """Every file of a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def store(tmp_path, yahoo):
    """A store that has NVDA up to 8 January 2025."""
    yahoo.charts["NVDA"] = chart(A, dividends=DIVIDEND)
    assert run(tmp_path / "cache", "NVDA", end="2025-01-08") == [("new", "5 sessions, 2025-01-02 to 2025-01-08, 1 dividend")]
    return tmp_path / "cache"


def test_what_is_fetched_is_a_data_folder(store):
    assert sorted(contents(store)) == ["dividends.csv", "prices/NVDA.parquet", "source.json", "splits.csv"]
    bars = load_bars(store)
    assert [str(day.date()) for day in bars.sessions] == DAYS[:5]
    assert bars.close["NVDA"].tolist() == A[:5]
    assert bars.high["NVDA"].tolist() == pytest.approx([close + 1 for close in A[:5]], abs=1e-9)
    assert bars.dividends["NVDA"].tolist() == [0, 0, 0.04, 0, 0]
    assert bars.warnings == ()
    assert bars.origin.source.startswith("Yahoo Finance through yfinance 1.")
    assert bars.origin.retrieved == str(pd.Timestamp.now("UTC").date())
    assert bars.origin.adjustment == "split-adjusted, not dividend-adjusted"


def test_a_symbol_that_is_complete_is_not_asked_for_again(store, yahoo):
    before, asked = contents(store), len(yahoo.asked)
    assert run(store, "NVDA", end="2025-01-08") == [("complete", "complete, to 2025-01-08")]
    assert len(yahoo.asked) == asked
    assert contents(store) == before


def test_refresh_asks_anew_and_changes_nothing_where_nothing_changed(store, yahoo):
    asked = yahoo.requests("NVDA")
    assert run(store, "NVDA", end="2025-01-08", refresh=True) == [("updated", "nothing new, to 2025-01-08")]
    assert yahoo.requests("NVDA") == asked + 1
    assert load_bars(store).close["NVDA"].tolist() == A[:5]


def test_later_sessions_are_added(store):
    assert run(store, "NVDA") == [("updated", "+1 session, to 2025-01-10")]
    assert load_bars(store).close["NVDA"].tolist() == A


def test_an_earlier_start_fetches_what_is_missing_in_front(store, yahoo):
    yahoo.charts["NVDA"] = chart([134.29, *A], "2024-12-31", dividends=DIVIDEND)
    early = Wish(start=date(2024, 12, 31), end=date(2025, 1, 8), pause=0)
    assert [o.text for o in fetch(store, ("NVDA",), early)] == ["+1 session, to 2025-01-08"]
    assert load_bars(store).close["NVDA"].tolist() == [134.29, *A[:5]]
    assert [o.kind for o in fetch(store, ("NVDA",), early)] == ["complete"]


def test_a_symbol_that_was_listed_later_is_complete_too(tmp_path, yahoo):
    yahoo.charts["NEW"] = chart(A[2:], "2025-01-06")
    assert run(tmp_path, "NEW")[0][0] == "new"
    assert run(tmp_path, "NEW") == [("complete", "complete, to 2025-01-10")]


def test_a_split_since_the_last_fetch_rewrites_the_history_consistently(store, yahoo):
    tenth = [close / 10 for close in A]
    made = chart(tenth, dividends={"2025-01-06": 0.004}, splits={"2025-01-10": (10, 1)})
    quote = made["indicators"]["quote"][0]
    for field, shift in (("high", 0.1), ("low", -0.1)):
        quote[field] = [float(np.float32(close + shift)) for close in tenth]
    quote["volume"] = [10 * (1000 + i) for i in range(6)]
    yahoo.charts["NVDA"] = made
    ((kind, text),) = run(store, "NVDA")
    assert (kind, text) == ("updated", "10 for 1 split on 2025-01-10: the whole history rewritten; +1 session, to 2025-01-10")
    bars = load_bars(store)
    assert bars.close["NVDA"].tolist() == pytest.approx(tenth, rel=1e-7)
    assert bars.volume["NVDA"].iloc[0] == 10_000
    assert bars.dividends["NVDA"].max() == 0.004
    assert [(split.symbol, str(split.day), split.ratio) for split in bars.splits] == [("NVDA", "2025-01-10", 10.0)]
    assert run(store, "NVDA", refresh=True) == [("updated", "nothing new, to 2025-01-10")]


def test_a_split_that_is_named_but_not_yet_applied_changes_nothing(store, yahoo):
    before = contents(store)
    yahoo.charts["NVDA"] = chart(A, dividends=DIVIDEND, splits={"2025-01-10": (10, 1)})
    ((kind, text),) = run(store, "NVDA")
    assert kind == "differs"
    assert "the stored figures stay and nothing is added, as the two do not join" in text
    assert contents(store) == before


def test_a_dividend_that_was_announced_late_is_added_and_said(store, yahoo):
    yahoo.charts["NVDA"] = chart(A, dividends={**DIVIDEND, "2025-01-08": 0.5})
    assert run(store, "NVDA") == [("updated", "dividend of $0.5 on 2025-01-08 added; +1 session, to 2025-01-10")]
    assert load_bars(store).dividends["NVDA"].tolist() == [0, 0, 0.04, 0, 0.5, 0]


def test_figures_that_differ_are_named_with_date_and_size_and_the_old_stay(store, yahoo):
    other = [*A[:1], 145.00, *A[2:]]
    yahoo.charts["NVDA"] = chart(other, dividends=DIVIDEND)
    ((kind, text),) = run(store, "NVDA")
    assert kind == "differs"
    assert text == (
        "+1 session, to 2025-01-10; 4 figures differ on 2025-01-03, by up to 0.0037 of it (low of 2025-01-03: stored 143.47, "
        "now 144); the stored figures stay; --refresh --accept takes the new"
    )
    assert load_bars(store).close["NVDA"].tolist() == A


def test_accept_takes_the_new_figures_and_says_so(store, yahoo):
    other = [*A[:1], 145.00, *A[2:]]
    yahoo.charts["NVDA"] = chart(other, dividends={"2025-01-06": 0.05})
    ((kind, text),) = run(store, "NVDA", accept=True, refresh=True)
    assert kind == "differs"
    assert (
        "5 figures differ on 2 days from 2025-01-03 to 2025-01-06, by up to 0.25 of it (dividend of 2025-01-06: stored 0.04"
        in text
    )
    assert text.endswith("the new figures are taken")
    assert load_bars(store).close["NVDA"].tolist() == other
    assert load_bars(store).dividends["NVDA"].max() == 0.05


def test_a_dividend_that_has_gone_stays_until_accepted(store, yahoo):
    yahoo.charts["NVDA"] = chart(A)
    ((kind, text),) = run(store, "NVDA")
    assert kind == "differs"
    assert "(dividend of 2025-01-06: stored 0.04, now none)" in text
    assert load_bars(store).dividends["NVDA"].max() == 0.04
    run(store, "NVDA", accept=True, refresh=True)
    assert load_bars(store).dividends["NVDA"].max() == 0


def test_nothing_is_joined_on_where_the_last_close_is_in_doubt(store, yahoo):
    before = contents(store)
    yahoo.charts["NVDA"] = chart([close * 1.1 for close in A], dividends=DIVIDEND)
    ((kind, text),) = run(store, "NVDA")
    assert kind == "differs"
    assert "20 figures differ on 5 days from 2025-01-02 to 2025-01-08, by up to 0.1 of it" in text
    assert "the stored figures stay and nothing is added" in text
    assert contents(store) == before


def test_the_last_digits_of_a_figure_are_no_difference_and_stay_as_they_were(store, yahoo):
    yahoo.charts["NVDA"] = chart([close * (1 + 2e-6) for close in A], dividends=DIVIDEND)
    assert run(store, "NVDA") == [("updated", "+1 session, to 2025-01-10")]
    assert load_bars(store).close["NVDA"].iloc[:5].tolist() == A[:5]


BAD = {
    "half a history": (lambda y: y.charts.update(NVDA=chart(A[2:], "2025-01-06")), "only a part: 2025-01-06 to 2025-01-10"),
    "a history that ends": (lambda y: y.charts.update(NVDA=chart(A[:3])), "only a part: 2025-01-02 to 2025-01-06"),
    "a hole": (lambda y: y.charts.update(NVDA=chart([*A[:2], None, *A[3:]])), "NVDA has no bar on 2025-01-06"),
    "delisted": (lambda y: y.charts.pop("NVDA"), "Yahoo has no figures for NVDA"),
    "rate limit": (lambda y: y.faults.update(NVDA=[429] * 20), "asks for a pause"),
    "torn": (lambda y: y.faults.update(NVDA=["break"] * 20), "broke off"),
    "no JSON": (lambda y: y.faults.update(NVDA=["<html>"] * 20), "torn or no JSON"),
    "empty": (lambda y: y.faults.update(NVDA=["{}"] * 20), "empty answer"),
    "down": (lambda y: y.faults.update(NVDA=[503] * 20), "torn or no JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_whatever_goes_wrong_what_was_stored_stays_byte_by_byte_and_usable(store, yahoo, name):
    before = contents(store)
    spoil, expected = BAD[name]
    spoil(yahoo)
    ((kind, text),) = run(store, "NVDA")
    assert kind == "failed"
    assert expected in text
    assert "\n" not in text
    assert contents(store) == before
    assert load_bars(store).close["NVDA"].tolist() == A[:5]


def test_one_symbol_that_fails_does_not_keep_the_others_from_coming(tmp_path, yahoo):
    yahoo.charts.update(AAA=chart(A), CCC=chart(A))
    assert [kind for kind, _ in run(tmp_path, "AAA", "BBB", "CCC")] == ["new", "failed", "new"]
    assert load_bars(tmp_path).symbols == ("AAA", "CCC")


def test_where_nobody_can_be_reached_the_rest_is_not_asked_for(store):
    from yfinance.data import YfData

    YfData(session=Detour(9))  # the discard port, closed
    outcomes = run(store, "AMD", "INTC", "MU")
    assert [kind for kind, _ in outcomes] == ["failed"] * 3
    assert outcomes[0][1].startswith("Yahoo cannot be reached")
    assert outcomes[1][1] == outcomes[2][1] == "not asked for, as it would be the same."
    assert load_bars(store).symbols == ("NVDA",)


def test_a_fetch_that_was_stopped_goes_on_where_it_was(tmp_path, yahoo):
    yahoo.charts.update({symbol: chart(A) for symbol in ("AAA", "BBB", "CCC")})
    outcomes = fetch(tmp_path, ("AAA", "BBB", "CCC"), wish(), lambda _: None)
    next(outcomes)
    outcomes.close()
    assert [kind for kind, _ in run(tmp_path, "AAA", "BBB", "CCC")] == ["complete", "new", "new"]
    assert yahoo.requests("AAA") == 1


def test_it_pauses_between_two_questions_and_not_for_what_is_complete(store, yahoo):
    yahoo.charts.update({symbol: chart(A) for symbol in ("AAA", "BBB")})
    pauses = []
    polite = Wish(start=date(2025, 1, 2), end=date(2025, 1, 8), pause=0.25)
    list(fetch(store, ("AAA", "NVDA", "BBB"), polite, pauses.append))
    assert pauses == [0.25]


def test_a_write_that_fails_half_way_leaves_the_old_file(store, yahoo, monkeypatch):
    import pyarrow.parquet as pq

    before = contents(store)

    def full(table, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    ((kind, text),) = run(store, "NVDA")
    assert kind == "failed"
    assert "cannot be written: No space left on device" in text
    assert contents(store) == before


def test_a_damaged_file_is_kept_aside_and_its_symbol_fetched_anew(store, yahoo):
    file_of(store, "NVDA").write_bytes(b"hello")
    ((kind, text),) = run(store, "NVDA", end="2025-01-08")
    assert kind == "rebuilt"
    assert text == (
        "NVDA.parquet was damaged and is kept as NVDA.parquet.damaged; anew: 5 sessions, 2025-01-02 to 2025-01-08, 1 dividend"
    )
    assert load_bars(store).close["NVDA"].tolist() == A[:5]
    assert (store / "prices" / "NVDA.parquet.damaged").read_bytes() == b"hello"
    assert load_bars(store).symbols == ("NVDA",)


def test_a_damaged_file_stays_where_nothing_takes_its_place(store, yahoo):
    file_of(store, "NVDA").write_bytes(b"hello")
    before = contents(store)
    yahoo.faults["NVDA"] = [503] * 20
    ((kind, text),) = run(store, "NVDA")
    assert kind == "failed"
    assert text.startswith("NVDA.parquet is damaged, but: ")
    assert contents(store) == before


@pytest.mark.parametrize(
    ("others", "first"),
    [((), "2025-01-06"), (("2025-01-03",), "2025-01-03"), (("0025-01-03", "soon", None, "2025-01-07"), "2025-01-06")],
)
def test_a_damaged_file_is_fetched_from_where_the_others_begin(store, yahoo, others, first):
    """Without another file from the day asked for; what a file says that is no day of the calendar is passed over."""
    yahoo.charts["NVDA"] = chart(A)
    good = read_entry(store, "NVDA")
    for number, asked_from in enumerate(others):
        write_entry(store, f"X{number}", replace(good, asked_from=asked_from))
    file_of(store, "NVDA").write_bytes(b"hello")
    late = Wish(start=date(2025, 1, 6), end=date(2025, 1, 8), pause=0, wait=0)
    (outcome,) = fetch(store, ("NVDA",), late, lambda _: None)
    assert outcome.kind == "rebuilt"
    assert read_entry(store, "NVDA").asked_from == first


def test_a_rebuilt_file_ends_where_the_others_end(store, yahoo):
    yahoo.charts["AMD"] = chart(A)
    run(store, "AMD", end="2025-01-08")
    before = file_of(store, "AMD").read_bytes()
    file_of(store, "NVDA").write_bytes(b"hello")
    assert [(one.symbol, one.kind) for one in rebuild(store, ("AMD", "NVDA"), date(2025, 1, 6))] == [("NVDA", "rebuilt")]
    assert load_bars(store).close["NVDA"].tolist() == A[:5]
    assert file_of(store, "AMD").read_bytes() == before
    assert list(rebuild(store, ("AMD", "NVDA"), date(2025, 1, 6))) == []


def test_figures_that_somebody_else_wrote_are_left_alone(tmp_path, yahoo):
    yahoo.charts["NVDA"] = chart(A)
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "NVDA.csv").write_text("date,open,high,low,close,volume\n2025-01-02,1,1,1,1,1\n", encoding="utf-8")
    before = contents(tmp_path)
    ((kind, text),) = run(tmp_path, "NVDA", refresh=True, accept=True)
    assert kind == "failed"
    assert "NVDA.csv is not ours to change" in text
    assert contents(tmp_path) == before


def test_parquet_that_somebody_else_wrote_is_replaced_only_when_that_is_asked_for(tmp_path, yahoo):
    yahoo.charts["NVDA"] = chart(A)
    (tmp_path / "prices").mkdir()
    figures = {field: [1.0] for field in ("open", "high", "low", "close", "volume")}
    pd.DataFrame({"date": ["2025-01-02"], **figures}).to_parquet(file_of(tmp_path, "NVDA"))
    before = contents(tmp_path)
    ((kind, text),) = run(tmp_path, "NVDA", refresh=True)
    assert kind == "failed"
    assert text.endswith("does not say when and from where it was fetched. --refresh --accept replaces it.")
    assert contents(tmp_path) == before
    assert run(tmp_path, "NVDA", refresh=True, accept=True)[0][0] == "new"


def test_dividends_and_splits_of_other_symbols_are_kept(store, yahoo):
    with (store / "dividends.csv").open("a", encoding="utf-8") as stream:
        stream.write("MINE,2025-01-03,0.25\n")
    yahoo.charts["AMD"] = chart(A, dividends={"2025-01-07": 0.1}, splits={"2025-01-03": (2, 1)})
    run(store, "AMD")
    assert (store / "dividends.csv").read_text(encoding="utf-8").splitlines() == [
        "symbol,ex_date,amount", "AMD,2025-01-07,0.1", "MINE,2025-01-03,0.25", "NVDA,2025-01-06,0.04",
    ]  # fmt: skip
    assert (store / "splits.csv").read_text(encoding="utf-8").splitlines() == ["symbol,ex_date,ratio", "AMD,2025-01-03,2.0"]


def test_the_days_of_retrieval_are_told_as_first_and_last(store, yahoo, monkeypatch):
    monkeypatch.setattr(fetching.pd.Timestamp, "now", lambda *_: pd.Timestamp("2031-05-05", tz="UTC"), raising=False)
    yahoo.charts["AMD"] = chart(A)
    run(store, "AMD")
    first = read_entry(store, "NVDA").retrieved
    assert load_bars(store).origin.retrieved == f"{first} to 2031-05-05"


@pytest.mark.parametrize("symbol", ["../x", "a b", "", ".hidden", "-rf"])
def test_a_hostile_symbol_is_refused_before_anything_is_asked(tmp_path, yahoo, symbol):
    with pytest.raises(ParameterError, match="cannot be the name of a symbol"):
        run(tmp_path, "NVDA", symbol)
    assert yahoo.asked == []
    assert contents(tmp_path) == {}


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ParameterError, match="The start, 2025-01-02, is after the end, 2024-01-02"):
        wish("2024-01-02")


def test_a_window_without_a_session_of_the_symbol_is_one_clear_line(tmp_path, yahoo):
    yahoo.charts["NEW"] = chart(A[2:], "2025-01-06")
    ((kind, text),) = run(tmp_path, "NEW", end="2025-01-03")
    assert (kind, text) == ("failed", "Yahoo has no session of NEW up to 2025-01-03; its first is 2025-01-06.")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, yahoo):
    yahoo.charts["NVDA"] = chart(A)
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    ((kind, text),) = run(tmp_path / "file" / "cache", "NVDA")
    assert kind == "failed"
    assert "cannot be written" in text
    with pytest.raises(DataError):
        load_bars(tmp_path / "file" / "cache")
