"""Exchange rates: rates by date, inverse rates, pence, and the law that there and back is the same price."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data.audit import audit_folder
from dipfolio.data.dataset import Listing
from dipfolio.data.exchange_rates import (
    Converter,
    ExchangeRate,
    account_currency,
    describe_conversions,
    read_exchange_rate,
)
from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError, MissingFileError
from tests.support.foreign_markets import closes_of, write_market

DAYS = pd.DatetimeIndex(["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07"])


def rates_file(folder, pair, *rows, head="date,close"):
    (folder / "fx").mkdir(exist_ok=True)
    (folder / "fx" / f"{pair}.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return folder


def test_a_session_has_the_rate_of_its_date_or_the_last_one_before(tmp_path):
    rates_file(tmp_path, "GBPUSD", "2024-12-31,1.25", "2025-01-03,1.24", "2025-01-04,1.30", "2025-01-08,9")
    rate = read_exchange_rate(tmp_path, "GBP", "USD")
    assert rate.on(DAYS).tolist() == [1.25, 1.24, 1.30, 1.30]
    assert rate.oldest(DAYS) == (pd.Timestamp("2025-01-07"), 3)


def test_a_later_rate_changes_no_earlier_price(tmp_path):
    folder = write_market(tmp_path, ["AAA"], 'currency = "GBP"\n', start="2025-01-02", sessions=4)
    rates_file(folder, "GBPUSD", "2025-01-02,1.25", "2025-01-03,1.24", "2025-01-06,1.26", "2025-01-07,1.27")
    before = load_bars(folder, currency="USD")
    rates_file(folder, "GBPUSD", "2025-01-02,1.25", "2025-01-03,1.24", "2025-01-06,1.26", "2025-01-07,5")
    after = load_bars(folder, currency="USD")
    assert before.close["AAA"].tolist()[:3] == after.close["AAA"].tolist()[:3]
    assert before.close["AAA"].iloc[3] != after.close["AAA"].iloc[3]


def test_the_inverse_rate_does_as_well_and_the_close_is_taken_of_a_table_of_bars(tmp_path):
    rates_file(tmp_path, "USDGBP", "2025-01-02,0.7,0.9,0.6,0.8", head="Date,Open,High,Low,Close")
    rate = read_exchange_rate(tmp_path, "GBP", "USD")
    assert rate.on(DAYS).tolist() == [1.25] * 4
    assert rate.file == "fx/USDGBP.csv, inverted"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["2025-01-03,1.2"], "begins on 2025-01-03, after the first session of the prices, 2025-01-02"),
        (["2025-01-02,1.2", "2025-01-02,1.3"], "two rates for 2025-01-02"),
        (["2025-01-02,0"], "the rate 0 on 2025-01-02; a rate is positive"),
        (["2025-01-02,-1"], "a rate is positive"),
        (["2025-01-02,x"], "cannot be read as date,close"),
        ([], "has no rate"),
    ],
)
def test_a_mistake_in_the_rates_is_one_sentence(tmp_path, rows, words):
    with pytest.raises(DataError) as caught:
        read_exchange_rate(rates_file(tmp_path, "GBPUSD", *rows), "GBP", "USD").on(DAYS)
    assert words in str(caught.value)


def test_a_missing_file_of_rates_is_named_and_found_by_the_check(tmp_path):
    folder = write_market(tmp_path, ["AAA"], 'currency = "EUR"\naccount = "USD"\n', sessions=5)
    with pytest.raises(MissingFileError, match=r"EURUSD\.csv, which is not there"):
        load_bars(folder)
    assert [fault.kind for fault in audit_folder(folder).errors] == ["currency"]


def test_pence_are_a_hundredth_of_a_pound_in_prices_and_dividends_and_not_in_volumes(tmp_path):
    folder = write_market(tmp_path, ["BARC.L"], 'calendar = "XLON"\ncurrency = "GBX"\n', code="XLON", sessions=30)
    (folder / "dividends.csv").write_text("symbol,ex_date,amount\nBARC.L,2023-01-12,5\n", encoding="utf-8")
    bars, file = load_bars(folder), pd.read_csv(folder / "prices" / "BARC.L.csv")
    assert bars.currency == "GBP"
    for field in ("open", "high", "low", "close"):
        assert bars.close.shape == (30, 1)
        assert getattr(bars, field)["BARC.L"].to_numpy() == pytest.approx(file[field].to_numpy() / 100, rel=1e-15)
    assert bars.volume["BARC.L"].tolist() == file["volume"].tolist()
    assert bars.dividends["BARC.L"].sum() == 0.05


def test_symbols_in_several_currencies_are_in_that_of_the_account(tmp_path):
    text = 'currency = "USD"\n[symbols.AAA]\ncurrency = "GBp"\n'
    folder = write_market(tmp_path, ["AAA", "BBB"], text, start="2025-01-02", sessions=4)
    with pytest.raises(DataError, match=r"in GBP and USD; say with --currency .* such as --currency USD"):
        load_bars(folder)
    rates_file(folder, "GBPUSD", "2025-01-01,1.25")
    bars = load_bars(folder, currency="USD")
    assert bars.close["AAA"].to_numpy() == pytest.approx(closes_of(folder, "AAA").to_numpy() * 0.0125, rel=1e-15)
    assert bars.close["BBB"].tolist() == closes_of(folder, "BBB").tolist()
    assert bars.provenance.conversions == (
        "AAA from GBp to USD by fx/GBPUSD.csv, 1.25 on 2025-01-02 and 1.25 on 2025-01-07, a hundred GBp for one GBP; a session "
        "has the rate of its date or the last one before.",
    )
    assert bars.select(("BBB",)).provenance.conversions == ()
    in_pounds = load_bars(folder, currency="GBP")
    assert in_pounds.provenance.sha256 != bars.provenance.sha256


def test_old_rates_are_warned_of(tmp_path):
    folder = write_market(tmp_path, ["AAA"], 'currency = "GBP"\naccount = "USD"\n', start="2025-01-02", sessions=20)
    rates_file(folder, "GBPUSD", "2025-01-01,1.25", "2025-01-06,1.3")
    (warning,) = [one for one in load_bars(folder).warnings if one.kind == "old rate"]
    assert "fx/GBPUSD.csv is 25 days old on 2025-01-31" in warning.text


prices = st.lists(st.floats(0.01, 1e6), min_size=4, max_size=4)
rates = st.lists(st.floats(1e-4, 1e4), min_size=4, max_size=4)


@given(prices, rates)
def test_converting_there_and_back_is_the_identity(given_prices, given_rates):
    there = ExchangeRate(source="GBP", target="USD", rates=pd.Series(given_rates, index=DAYS), file="")
    back = ExchangeRate(source="USD", target="GBP", rates=1 / pd.Series(given_rates, index=DAYS), file="")
    assert np.array(given_prices) * there.on(DAYS) * back.on(DAYS) == pytest.approx(np.array(given_prices), rel=1e-12)


@given(st.sampled_from(["USD", "GBP", "EUR"]))
def test_prices_in_the_currency_of_the_account_are_not_touched(currency):
    converter = Converter(folder=None, currency=currency)
    assert converter.factors({"AAA": Listing(unit=currency)}, DAYS) == {}
    assert describe_conversions(converter.conversions({"AAA": Listing(unit=currency)}, DAYS)) == ()


def test_an_account_is_in_the_one_currency_of_its_prices():
    assert account_currency([Listing(unit="GBp"), Listing(unit="GBP")]) == "GBP"
    assert account_currency([Listing()]) == account_currency([]) == "USD"
    assert account_currency([Listing(unit="EUR")], "USD") == "USD"
