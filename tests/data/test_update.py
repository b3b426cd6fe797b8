"""Merging: the laws that stored history is kept by, on histories that hypothesis makes up."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data import calendar, update
from dipfolio.data.cache import CachedSymbol, cache_path, read_cached_symbol, write_cached_symbol
from dipfolio.data.folder import load_bars
from dipfolio.data.schema import PriceTable
from dipfolio.data.update import FetchRequest, fetch, find_revisions, merge_provider_data, refetch_damaged
from dipfolio.data.yahoo import ProviderData
from dipfolio.errors import DataError, ParameterError
from tests.support.yahoo import Detour, chart

DAYS = calendar.between("2025-01-02", "2025-03-31").to_numpy().astype("datetime64[D]")


def prices(closes, first=0):
    close = np.array(closes, dtype="float64")
    cells = np.array([close, close + 1, close - 1, close, np.full(len(close), 1e6)])
    return PriceTable(days=DAYS[first : first + len(close)], cells=cells)


def entry(closes, **changes):
    made = CachedSymbol(prices=prices(closes), dividends={}, splits={}, asked_from="2025-01-02", retrieved="2025-01-31")
    return replace(made, **changes)


def joined(before, answer, accept=False):
    return merge_provider_data(before, answer, accept=accept, asked_from="2025-01-02", today="2025-04-01")


closes = st.lists(st.floats(10, 1000), min_size=2, max_size=20)


@given(old=closes, new=closes)
def test_without_accept_no_stored_figure_ever_changes(old, new):
    before = entry(old)
    merger = joined(before, ProviderData(prices=prices(new), dividends={}, splits={}))
    kept = merger.entry.prices
    assert (kept.days[: len(old)] == before.prices.days).all()
    assert (kept.cells[:, : len(old)] == before.prices.cells).all()


@given(old=closes, new=closes)
def test_with_accept_the_answer_is_what_is_kept(old, new):
    merger = joined(entry(old), ProviderData(prices=prices(new), dividends={}, splits={}), accept=True)
    assert (merger.entry.prices.cells == prices(new).cells).all()


@given(old=closes, shift=st.floats(1e-3, 0.5), row=st.integers(0, 19))
def test_every_figure_that_moved_is_told_with_its_day_and_size(old, shift, row):
    row %= len(old)
    moved = list(old)
    moved[row] *= 1 + shift
    differences = find_revisions(entry(old), ProviderData(prices=prices(moved), dividends={}, splits={}))
    (close,) = [d for d in differences if d.field == "close"]
    assert close.date == str(DAYS[row])
    assert close.size == pytest.approx(shift)
    assert {d.field for d in differences} == {"open", "high", "low", "close"}


@given(old=closes, ratio=st.sampled_from([2.0, 10.0, 0.1, 1.5]), more=st.lists(st.floats(10, 1000), min_size=1, max_size=5))
def test_a_split_leaves_every_return_and_every_dollar_traded_as_it_was(old, ratio, more):
    day = DAYS[len(old)]
    before = entry(old, dividends={str(DAYS[1]): 0.5})
    now = prices([*(close / ratio for close in old), *more])
    now.cells[1:3, : len(old)] = before.prices.cells[1:3] / ratio
    now.cells[4, : len(old)] *= ratio
    answer = ProviderData(prices=now, dividends={str(DAYS[1]): 0.5 / ratio}, splits={str(day): ratio})
    merger = joined(before, answer)
    assert (merger.differences, merger.added, merger.splits) == ((), len(more), {str(day): ratio})
    kept, was = merger.entry.prices.cells[:, : len(old)], before.prices.cells
    assert kept[3, 1:] / kept[3, :-1] == pytest.approx(was[3, 1:] / was[3, :-1])
    assert kept[3] * kept[4] == pytest.approx(was[3] * was[4])
    assert merger.entry.dividends[str(DAYS[1])] * ratio == 0.5


def test_a_session_that_is_gone_is_a_difference():
    answer = ProviderData(
        prices=PriceTable(days=DAYS[[0, 2]], cells=prices([10, 11, 12]).cells[:, [0, 2]]), dividends={}, splits={}
    )
    (difference,) = find_revisions(entry([10, 11, 12]), answer)
    assert (difference.field, difference.date, difference.size) == ("session", "2025-01-03", float("inf"))


A = [138.31, 144.47, 149.43, 140.14, 140.11, 135.91]
DAYS_of_fetching = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08", "2025-01-10"]
DIVIDEND = {"2025-01-06": 0.04}


def wish(end="2025-01-10", **changes):
    return FetchRequest(start=date(2025, 1, 2), end=date.fromisoformat(end), pause=0, wait=0, **changes)


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
    assert sorted(contents(store)) == ["prices/NVDA.parquet"]
    bars = load_bars(store)
    assert [str(day.date()) for day in bars.sessions] == DAYS_of_fetching[:5]
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
    early = FetchRequest(start=date(2024, 12, 31), end=date(2025, 1, 8), pause=0)
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
    assert "the stored data stay and nothing is added, as the two do not join" in text
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
        "+1 session, to 2025-01-10; 4 values differ on 2025-01-03, by up to 0.0037 of it (low of 2025-01-03: stored 143.47, "
        "now 144); the stored data stay; --refresh --accept takes the new"
    )
    assert load_bars(store).close["NVDA"].tolist() == A


def test_accept_takes_the_new_figures_and_says_so(store, yahoo):
    other = [*A[:1], 145.00, *A[2:]]
    yahoo.charts["NVDA"] = chart(other, dividends={"2025-01-06": 0.05})
    ((kind, text),) = run(store, "NVDA", accept=True, refresh=True)
    assert kind == "differs"
    said = "5 values differ on 2 days from 2025-01-03 to 2025-01-06, by up to 0.25 of it (dividend of 2025-01-06: stored 0.04"
    assert said in text
    assert text.endswith("the new data are taken")
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
    assert "20 values differ on 5 days from 2025-01-02 to 2025-01-08, by up to 0.1 of it" in text
    assert "the stored data stay and nothing is added" in text
    assert contents(store) == before


def test_the_last_digits_of_a_figure_are_no_difference_and_stay_as_they_were(store, yahoo):
    yahoo.charts["NVDA"] = chart([close * (1 + 2e-6) for close in A], dividends=DIVIDEND)
    assert run(store, "NVDA") == [("updated", "+1 session, to 2025-01-10")]
    assert load_bars(store).close["NVDA"].iloc[:5].tolist() == A[:5]


BAD = {
    "half a history": (lambda y: y.charts.update(NVDA=chart(A[2:], "2025-01-06")), "only a part: 2025-01-06 to 2025-01-10"),
    "a history that ends": (lambda y: y.charts.update(NVDA=chart(A[:3])), "only a part: 2025-01-02 to 2025-01-06"),
    "a hole": (lambda y: y.charts.update(NVDA=chart([*A[:2], None, *A[3:]])), "NVDA has no bar on 2025-01-06"),
    "delisted": (lambda y: y.charts.pop("NVDA"), "Yahoo has no data for NVDA"),
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
    polite = FetchRequest(start=date(2025, 1, 2), end=date(2025, 1, 8), pause=0.25)
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
    cache_path(store, "NVDA").write_bytes(b"hello")
    ((kind, text),) = run(store, "NVDA", end="2025-01-08")
    assert kind == "rebuilt"
    assert text == (
        "NVDA.parquet was damaged and is kept as NVDA.parquet.damaged; anew: 5 sessions, 2025-01-02 to 2025-01-08, 1 dividend"
    )
    assert load_bars(store).close["NVDA"].tolist() == A[:5]
    assert (store / "prices" / "NVDA.parquet.damaged").read_bytes() == b"hello"
    assert load_bars(store).symbols == ("NVDA",)


def test_a_damaged_file_stays_where_nothing_takes_its_place(store, yahoo):
    cache_path(store, "NVDA").write_bytes(b"hello")
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
    good = read_cached_symbol(store, "NVDA")
    for number, asked_from in enumerate(others):
        write_cached_symbol(store, f"X{number}", replace(good, asked_from=asked_from))
    cache_path(store, "NVDA").write_bytes(b"hello")
    late = FetchRequest(start=date(2025, 1, 6), end=date(2025, 1, 8), pause=0, wait=0)
    (outcome,) = fetch(store, ("NVDA",), late, lambda _: None)
    assert outcome.kind == "rebuilt"
    assert read_cached_symbol(store, "NVDA").asked_from == first


def test_a_rebuilt_file_ends_where_the_others_end(store, yahoo):
    yahoo.charts["AMD"] = chart(A)
    run(store, "AMD", end="2025-01-08")
    before = cache_path(store, "AMD").read_bytes()
    cache_path(store, "NVDA").write_bytes(b"hello")
    assert [(one.symbol, one.kind) for one in refetch_damaged(store, ("AMD", "NVDA"), date(2025, 1, 6))] == [("NVDA", "rebuilt")]
    assert load_bars(store).close["NVDA"].tolist() == A[:5]
    assert cache_path(store, "AMD").read_bytes() == before
    assert list(refetch_damaged(store, ("AMD", "NVDA"), date(2025, 1, 6))) == []


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
    prices = {field: [1.0] for field in ("open", "high", "low", "close", "volume")}
    pd.DataFrame({"date": ["2025-01-02"], **prices}).to_parquet(cache_path(tmp_path, "NVDA"))
    before = contents(tmp_path)
    ((kind, text),) = run(tmp_path, "NVDA", refresh=True)
    assert kind == "failed"
    assert text.endswith("does not say when and from where it was fetched. --refresh --accept replaces it.")
    assert contents(tmp_path) == before
    assert run(tmp_path, "NVDA", refresh=True, accept=True)[0][0] == "new"


def test_a_persons_own_tables_beside_the_prices_stay_as_they_are(store, yahoo):
    for name in ("dividends.csv", "splits.csv", "source.json"):
        (store / name).write_text("symbol,ex_date,amount\nMINE,2025-01-03,0.25\n", encoding="utf-8")
    before = contents(store)
    yahoo.charts["AMD"] = chart(A, dividends={"2025-01-07": 0.1}, splits={"2025-01-03": (2, 1)})
    run(store, "AMD")
    after = contents(store)
    assert {name: after.pop(name) for name in before} == before
    assert sorted(after) == ["prices/AMD.parquet"]
    bars = load_bars(store)
    assert bars.dividends.loc["2025-01-07", "AMD"] == 0.1
    assert [(split.symbol, split.ratio) for split in bars.splits] == [("AMD", 2.0)]


def test_the_days_of_retrieval_are_told_as_first_and_last(store, yahoo, monkeypatch):
    monkeypatch.setattr(update.pd.Timestamp, "now", lambda *_: pd.Timestamp("2031-05-05", tz="UTC"), raising=False)
    yahoo.charts["AMD"] = chart(A)
    run(store, "AMD")
    first = read_cached_symbol(store, "NVDA").retrieved
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
