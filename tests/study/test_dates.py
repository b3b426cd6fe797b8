"""The dates of the study, and signals without the event."""

from datetime import date

import pandas as pd

from dipfolio.data import calendar
from dipfolio.study.dates import CONFIRMATION_START, DEEPSEEK_MONDAY, DESIGN_END, EVENT_SESSION, without_event
from tests.support.markets import make_bars


def test_deepseek_monday_is_the_monday_of_the_sell_off():
    assert date(2025, 1, 27) == DEEPSEEK_MONDAY
    assert DEEPSEEK_MONDAY.weekday() == 0
    assert calendar.is_session(DEEPSEEK_MONDAY)


def test_without_the_event_only_its_own_signals_are_gone():
    days = make_bars({"A": [1] * 18, "B": [1] * 18}).sessions
    everything = pd.DataFrame(True, index=days, columns=["A", "B"])
    kept = without_event(everything)
    assert [str(day.date()) for day in days[~kept["A"]]] == ["2025-01-27"]
    assert kept["A"].equals(kept["B"])
    assert everything.to_numpy().all()  # what was given is left as it was
    assert without_event(everything.iloc[:5]).to_numpy().all()


def test_no_session_is_in_both_samples_and_only_the_event_is_in_neither():
    sessions = calendar.between("2025-01-02", "2025-02-14")
    design, confirmation = sessions[sessions <= DESIGN_END], sessions[sessions >= CONFIRMATION_START]
    assert design.intersection(confirmation).empty
    assert sessions.difference(design.union(confirmation)).tolist() == [EVENT_SESSION]
    assert EVENT_SESSION.date() == DEEPSEEK_MONDAY
    assert (design[-1].day_name(), confirmation[0].day_name()) == ("Friday", "Tuesday")


def test_signals_of_other_sessions_stay_as_they_were():
    days = pd.DatetimeIndex(["2025-01-24", "2025-01-27", "2025-01-28"])
    signal = pd.DataFrame({"A": [True, True, False], "B": [False, True, True]}, index=days)
    assert without_event(signal).to_numpy().tolist() == [[True, False], [False, False], [False, True]]
    assert without_event(signal.iloc[:0]).empty
