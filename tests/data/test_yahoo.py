"""Yahoo: the real yfinance against a local server, in every way in which an answer can be right or wrong."""

import json
import socket
import warnings
from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.yahoo import ProviderData, download, download_with_retries, last_complete_session
from dipfolio.errors import FetchError
from tests.support.yahoo import Detour, chart

START = date(2025, 1, 2)
CLOSES = [138.31, 144.47, 149.43, 140.14, 140.11, 135.91]  # then follows the closure of the 9th after the fifth


def test_an_answer_has_the_figures_as_they_are_published(yahoo):
    yahoo.charts["NVDA"] = chart(CLOSES, dividends={"2025-01-06": 0.01})
    answer = download("NVDA", START)
    assert isinstance(answer, ProviderData)
    assert [str(day) for day in answer.prices.days] == [
        "2025-01-02",
        "2025-01-03",
        "2025-01-06",
        "2025-01-07",
        "2025-01-08",
        "2025-01-10",
    ]
    assert answer.prices.cells[3].tolist() == CLOSES  # not 138.30999755859375, and not the adjusted 136.93
    assert answer.prices.cells[4].tolist() == [1000, 1001, 1002, 1003, 1004, 1005]
    assert answer.dividends == {"2025-01-06": 0.01}
    assert answer.splits == {}


def test_a_figure_with_more_digits_than_single_precision_is_kept_as_it_is(yahoo):
    made = chart(CLOSES)
    made["indicators"]["quote"][0]["close"][2] = 149.123456789012
    yahoo.charts["NVDA"] = made
    assert download("NVDA", START).prices.cells[3, 2] == 149.123456789012


def test_splits_come_with_their_ratio(yahoo):
    yahoo.charts["NVDA"] = chart(CLOSES, splits={"2025-01-06": (10, 1)})
    assert download("NVDA", START).splits == {"2025-01-06": 10.0}


def test_the_history_is_asked_for_as_far_as_it_was_wanted(yahoo):
    yahoo.charts["NVDA"] = chart(CLOSES)
    download("NVDA", START)
    (query,) = [query for _, query in yahoo.asked if "period1" in query]
    assert pd.Timestamp(int(query["period1"][0]), unit="s", tz="UTC") == pd.Timestamp("2025-01-02", tz="America/New_York")
    assert query["interval"] == ["1d"]
    assert "div" in query["events"][0]
    assert "splits" in query["events"][0]


def test_rows_without_a_price_at_the_end_are_no_sessions(yahoo):
    yahoo.charts["NVDA"] = chart([*CLOSES, None])
    assert len(download("NVDA", START).prices.days) == 6


def test_a_session_that_has_not_ended_is_left_out(yahoo):
    today = pd.Timestamp.now("America/New_York").normalize().tz_localize(None)
    days = pd.DatetimeIndex(
        [pd.Timestamp(last_complete_session()), max(today, pd.Timestamp(last_complete_session()) + pd.Timedelta(days=1))]
    )
    yahoo.charts["NVDA"] = chart([100.0, 101.0], days=days)
    assert download("NVDA", START).prices.days.tolist() == [days[0].date()]


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2025-01-27 16:29", "2025-01-24"),
        ("2025-01-27 16:30", "2025-01-27"),
        ("2025-01-26 12:00", "2025-01-24"),
        ("2025-01-09 20:00", "2025-01-08"),
        ("2025-01-10 09:00", "2025-01-08"),
    ],
)
def test_a_session_is_complete_half_an_hour_after_the_close(moment, last):
    assert last_complete_session(pd.Timestamp(moment, tz="America/New_York")) == np.datetime64(last)


def torn(chart_result, **changes):
    """A chart without, or with other, quotes."""
    made = json.loads(json.dumps(chart_result))
    quote = made["indicators"]["quote"][0]
    for name, value in changes.items():
        if value is None:
            del quote[name]
        else:
            quote[name] = value
    return made


NO_DAY = pd.DatetimeIndex(["2025-01-08", "2025-01-09"])
WRONG = {
    "a column is gone": (torn(chart(CLOSES), volume=None), "has another shape than yfinance .* knows"),
    "a column is short": (torn(chart(CLOSES), high=[1.0, 2.0]), "has another shape than yfinance .* knows"),
    "text for numbers": (torn(chart(CLOSES), close=["a"] * 6), "Yahoo's answer for NVDA has another shape"),
    "no quotes": ({**chart(CLOSES), "indicators": {"quote": [{}]}}, "empty answer for NVDA"),
    "no time zone": ({**chart(CLOSES), "meta": {}}, "Yahoo"),
    "a hole": (chart([138.31, 144.47, None, 140.14]), "cannot be used: NVDA has no bar on 2025-01-06"),
    "a price is missing": (torn(chart(CLOSES), open=[9.0, None] + [9.0] * 4), "cannot be used: NVDA has no open on 2025-01-03"),
    "a price of zero": (torn(chart(CLOSES), low=[0.0, 1.0, 1.0, 1.0, 1.0, 1.0]), "a low that is not positive on 2025-01-02"),
    "high below low": (torn(chart(CLOSES), high=[1.0] * 6), "a high of 1 below its low of 137.31 on 2025-01-02"),
    "pounds": (chart(CLOSES, currency="GBp"), "NVDA is quoted in GBp; dipfolio counts in US dollars"),
    "a day without a session": (chart([1.5, 1.6], days=NO_DAY), "a bar on 2025-01-09, which is no"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_of_another_shape_is_one_clear_line(yahoo, name):
    yahoo.charts["NVDA"], expected = WRONG[name]
    with pytest.raises(FetchError, match=expected) as caught:
        download("NVDA", START)
    assert "\n" not in str(caught.value)
    assert not caught.value.affects_all_symbols


@pytest.mark.parametrize(
    ("fault", "expected", "passing"),
    [
        ("unknown", "Yahoo has no data for NVDA: No data found, symbol may be delisted", False),
        (429, "asks for a pause", True),
        (500, "Yahoo's answer for NVDA is torn or no JSON", True),
        ("break", "broke off", True),
        ('{"chart": {"result": [{"meta"', "torn or no JSON", True),
        ("", "torn or no JSON", True),
        ("{}", "empty answer for NVDA", True),
        ('{"chart": {"result": [], "error": null}}', "empty answer for NVDA", True),
        ("[]", "empty answer|another shape", True),
        ("*** Will be right back ***", "is down", True),
    ],
)
def test_a_bad_answer_is_one_clear_line_that_says_whether_to_ask_again(yahoo, fault, expected, passing):
    yahoo.charts["NVDA"] = chart(CLOSES)
    yahoo.faults["NVDA"] = [fault] * 3
    with pytest.raises(FetchError, match=expected) as caught:
        download("NVDA", START)
    assert caught.value.retryable is passing
    assert "\n" not in str(caught.value)


def test_a_symbol_that_nobody_knows_is_one_clear_line(yahoo):
    with pytest.raises(FetchError, match=r"Yahoo has no data for XXXX: no such symbol, or one that is delisted\.") as caught:
        download("XXXX", START)
    assert (caught.value.retryable, caught.value.affects_all_symbols) == (False, False)


def test_a_connection_that_is_refused_is_one_clear_line(yahoo):
    from yfinance.data import YfData

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    YfData(session=Detour(port))
    with pytest.raises(FetchError, match="Yahoo cannot be reached") as caught:
        download("NVDA", START)
    assert caught.value.affects_all_symbols


def test_without_a_network_it_says_so(yahoo):
    from curl_cffi.requests import Session
    from yfinance.data import YfData

    class Nowhere(Session):
        def request(self, method, url, **options):
            return super().request(method, "https://query2.finance.yahoo.invalid/", **options)

    YfData(session=Nowhere())
    with pytest.raises(FetchError, match="There is no network: Yahoo's address cannot be found") as caught:
        download("NVDA", START)
    assert caught.value.affects_all_symbols


def test_a_passing_fault_is_asked_again_and_a_lasting_one_is_not(yahoo):
    yahoo.charts["NVDA"] = chart(CLOSES)
    yahoo.faults["NVDA"] = ["break", "{}"]
    assert len(download_with_retries("NVDA", START, wait=0).prices.days) == 6
    assert yahoo.requests("NVDA") == 3
    yahoo.faults["NVDA"] = ["unknown"]
    before = yahoo.requests("NVDA")
    yahoo.charts["NVDA"] = torn(chart(CLOSES), volume=None)
    with pytest.raises(FetchError):
        download_with_retries("NVDA", START, wait=0)
    assert yahoo.requests("NVDA") - before <= 2


def test_patience_ends(yahoo):
    yahoo.charts["NVDA"] = chart(CLOSES)
    yahoo.faults["NVDA"] = ["break"] * 20
    with pytest.raises(FetchError, match="broke off"):
        download_with_retries("NVDA", START, attempts=3, wait=0)
    assert yahoo.requests("NVDA") == 3


def test_yfinance_is_left_as_it_was_found_and_says_nothing(yahoo, capfd):
    import yfinance

    yahoo.charts["NVDA"] = chart(CLOSES)
    with warnings.catch_warnings(record=True) as seen:
        download("NVDA", START)
        with pytest.raises(FetchError):
            download("XXXX", START)
    assert yfinance.config.debug.hide_exceptions is True
    assert seen == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.network
def test_yahoo_itself_still_answers_as_expected(tmp_path):
    import yfinance
    from yfinance.data import YfData

    yfinance.set_tz_cache_location(str(tmp_path))
    YfData(session=yfinance._http.new_session())
    answer = download_with_retries("NVDA", date(2024, 6, 3))
    day = {str(d): i for i, d in enumerate(answer.prices.days)}
    assert answer.prices.cells[3, day["2025-01-27"]] == 118.42
    assert answer.prices.cells[3, day["2024-06-03"]] == pytest.approx(1150 / 10, abs=0.01)  # before the split of 10 June
    assert answer.splits["2024-06-10"] == 10
    assert answer.dividends["2025-03-12"] == 0.01


def test_a_series_that_is_not_traded_keeps_its_last_close_where_it_has_no_quote(yahoo):
    """A rate without a bar on 6 January and with half of one on the 8th; zero and negative values are rates too."""
    days = pd.DatetimeIndex(["2025-01-02", "2025-01-03", "2025-01-07", "2025-01-08", "2025-01-10"])
    made = chart([4.2, 0.0, -0.1, 4.0, 4.1], days=days, currency=None)
    made["indicators"]["quote"][0]["open"][3] = None
    yahoo.charts["^IRX"] = made
    prices = download("^IRX", START).prices
    assert [str(day)[5:] for day in prices.days] == ["01-02", "01-03", "01-06", "01-07", "01-08", "01-10"]
    assert prices.cells[3].tolist() == [4.2, 0.0, 0.0, -0.1, -0.1, 4.1]
    assert prices.cells[0].tolist() == [4.2, 0.0, 0.0, -0.1, -0.1, 4.1]
    assert prices.cells[4].tolist() == [1000, 1001, 0, 1002, 0, 1004]


def test_a_share_with_a_missing_session_is_refused_as_before(yahoo):
    days = pd.DatetimeIndex(["2025-01-02", "2025-01-03", "2025-01-07"])
    yahoo.charts["NVDA"] = chart([1.0, 2.0, 3.0], days=days)
    with pytest.raises(FetchError, match="NVDA has no bar on 2025-01-06"):
        download("NVDA", START)
