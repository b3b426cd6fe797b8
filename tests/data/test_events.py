"""Events: the file of the repository and files that are wrong."""

import csv
from datetime import date
from pathlib import Path

import pytest

from dipfolio.data.events import MarketEvent, read_events
from dipfolio.errors import DataError
from dipfolio.study.dates import DEEPSEEK_MONDAY

FILE = Path(__file__).parents[2] / "data" / "events.csv"
HEAD = "date,time,kind,symbols,event\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "events.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_events_of_the_repository_are_read_oldest_first_and_complete():
    events = read_events(FILE)
    lines = FILE.read_text(encoding="utf-8").strip().splitlines()
    assert len(events) == len(lines) - 1
    assert [event.day for event in events] == sorted(event.day for event in events)


def test_the_sell_off_was_known_before_the_open_of_deepseek_monday():
    (found,) = [event for event in read_events(FILE) if event.kind == "sell-off"]
    assert (found.day, found.time, found.symbols) == (DEEPSEEK_MONDAY, "before open", ())


def test_stargate_was_announced_after_the_close_with_the_four_partners_that_are_listed():
    (found,) = [event for event in read_events(FILE) if event.kind == "announcement"]
    assert (found.day, found.time) == (date(2025, 1, 21), "after close")
    assert found.symbols == ("ARM", "MSFT", "ORCL", "NVDA")


def test_rows_in_any_order_come_out_by_date_and_rows_of_one_day_keep_theirs(written):
    rows = "2025-02-03,,b,,third\n2025-01-02,before open,a,NVDA SMH,first\n2025-01-03,,a,,second\n2025-02-03,,c,,fourth\n"
    events = read_events(written(HEAD + rows))
    assert [event.text for event in events] == ["first", "second", "third", "fourth"]
    assert events[0] == MarketEvent(day=date(2025, 1, 2), time="before open", kind="a", symbols=("NVDA", "SMH"), text="first")


def test_words_that_look_like_missing_values_stay_words(written):
    (event,) = read_events(written(HEAD + "2025-01-02,,earnings,NA,None\n"))
    assert (event.symbols, event.text) == (("NA",), "None")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read as events \(date,time,kind,symbols,event\)"):
        read_events(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("column", ["date", "time", "kind", "symbols", "event"])
def test_a_missing_column_is_named(written, column):
    names = [name for name in HEAD.strip().split(",") if name != column]
    values = {"date": "2025-01-02", "time": "", "kind": "a", "symbols": "", "event": "x"}
    text = ",".join(names) + "\n" + ",".join(values[name] for name in names) + "\n"
    with pytest.raises(DataError, match=column):
        read_events(written(text))


@pytest.mark.parametrize("day", ["27.01.2025", "soon", "2025-13-01"])
def test_what_is_no_date_is_shown(written, day):
    with pytest.raises(DataError, match=r"events\.csv.*" + day):
        read_events(written(HEAD + f"{day},,a,,x\n"))


def test_each_event_of_the_repository_names_its_source():
    with FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(read_events(FILE)) == 8
    assert [row["date"] for row in rows if not row["source"].strip()] == []
