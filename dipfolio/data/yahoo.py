"""Yahoo Finance: downloads the history of one symbol through yfinance, or raises an error of one line.

Prices are split-adjusted and not dividend-adjusted. Only complete sessions are kept: the bar of a session is taken to
be final from 16:30 in New York. A volatility index or a rate, which is read and never traded, may lack sessions, such as
the holidays of the bond market; its last close is carried forward there.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import tenacity

from dipfolio.data import calendar
from dipfolio.data.instruments import carry_forward, instrument
from dipfolio.data.schema import PriceTable
from dipfolio.data.validation import find_errors
from dipfolio.data.vendor_formats import EXCHANGE_TIME_ZONE
from dipfolio.errors import FetchError

YAHOO_COLUMNS = ("Open", "High", "Low", "Close", "Volume")
BAR_FINAL_TIME = timedelta(hours=16, minutes=30)
"""Time of day in New York from which a session's bar is taken to be final."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ProviderData:
    """The history of one symbol as a provider has it.

    Attributes
    ----------
    prices : PriceTable
        Split-adjusted, not dividend-adjusted; whole sessions only, without a fault.
    dividends : dict
        Ex-date to cash per share of today, split-adjusted.
    splits : dict
        Date to ratio, new shares for one old.
    """

    prices: PriceTable
    dividends: dict[str, float]
    splits: dict[str, float]


def source_name() -> str:
    """How a report names where these data come from."""
    import yfinance

    return f"Yahoo Finance through yfinance {yfinance.__version__}"


def last_complete_session(now: pd.Timestamp | None = None) -> np.datetime64:
    """The last session whose bar is final, at a moment with a time zone (now, if not given)."""
    moment = (now or pd.Timestamp.now("UTC")).tz_convert(EXCHANGE_TIME_ZONE).tz_localize(None)
    today = moment.normalize()
    until = np.datetime64((today if moment - today >= BAR_FINAL_TIME else today - timedelta(days=1)).date(), "D")
    known = calendar.session_days()
    return np.datetime64(known[np.searchsorted(known, until, side="right") - 1])


def download_with_retries(symbol: str, start: date, *, attempts: int = 4, wait: float = 2.0) -> ProviderData:
    """:func:`download`, again after ``wait``, 2, 4 ... times as many seconds where that may help."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, FetchError) and error.retryable),
        wait=tenacity.wait_exponential(multiplier=wait, max=60),
        stop=tenacity.stop_after_attempt(attempts),
        reraise=True,
    )
    return retrying(download, symbol, start)


def download(symbol: str, start: date) -> ProviderData:
    """Everything from ``start`` to the last complete session.

    Raises
    ------
    FetchError
        No network, no answer, an unknown symbol, a rate limit, or an answer that is empty, torn or of another shape.
    """
    import yfinance
    from yfinance.data import YfData

    with _raise_instead_of_log(yfinance):
        try:
            YfData.cache_get.cache_clear()  # it would repeat a torn answer
            ticker = yfinance.Ticker(symbol)
            frame = ticker.history(start=start.isoformat(), auto_adjust=False, actions=True)
            currency = ticker.get_history_metadata().get("currency") if len(frame) else None
        except Exception as error:  # yfinance raises whatever its parsing meets
            raise _as_fetch_error(symbol, error) from error
    return _provider_data(symbol, frame, currency)


@contextmanager
def _raise_instead_of_log(yfinance: Any) -> Iterator[None]:
    """Lets yfinance raise what it would log, and be silent otherwise."""
    logger, debug = logging.getLogger("yfinance"), yfinance.config.debug
    before = logger.disabled, debug.hide_exceptions
    logger.disabled, debug.hide_exceptions = True, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled, debug.hide_exceptions = before


def _as_fetch_error(symbol: str, error: Exception) -> FetchError:
    """One line for whatever yfinance and the HTTP library below it raise."""
    from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTickerMissingError

    kind, text = type(error).__name__, " ".join(str(error).split())
    status = getattr(getattr(error, "response", None), "status_code", 0)
    status = status if status >= 400 else 0
    if isinstance(error, YFRateLimitError) or status == 429:
        return FetchError(
            "Yahoo asks for a pause (rate limit); run the same again in some minutes.", retryable=True, affects_all_symbols=True
        )
    if isinstance(error, YFPricesMissingError) and error.yahoo_reason is None and "status_code" not in text:
        return FetchError(f"Yahoo gave an empty answer for {symbol}.", retryable=True)
    if isinstance(error, YFTickerMissingError) or status == 404:
        reason = getattr(error, "yahoo_reason", None) or "no such symbol, or one that is delisted"
        return FetchError(f"Yahoo has no data for {symbol}: {reason.rstrip('.')}.")
    if isinstance(error, json.JSONDecodeError):
        return FetchError(f"Yahoo's answer for {symbol} is torn or no JSON.", retryable=True)
    if isinstance(error, OSError):
        return _connection_error(symbol, kind, text, status)
    if kind == "YFDataException":
        return FetchError("Yahoo Finance says that it is down.", retryable=True, affects_all_symbols=True)
    import yfinance

    return FetchError(
        f"Yahoo's answer for {symbol} has another shape than yfinance {yfinance.__version__} knows ({kind}: {text[:60]}); "
        "a newer yfinance may help."
    )


def _connection_error(symbol: str, kind: str, text: str, status: int) -> FetchError:
    if status:
        return FetchError(f"Yahoo answers for {symbol} with HTTP {status}.", retryable=status >= 500)
    if kind == "DNSError":
        return FetchError("There is no network: Yahoo's address cannot be found.", affects_all_symbols=True)
    if "Timeout" in kind:
        return FetchError(f"Yahoo gave no answer for {symbol} in time.", retryable=True)
    if kind in ("IncompleteRead", "ChunkedEncodingError") or "transfer closed" in text or "end of response" in text:
        return FetchError(f"Yahoo's answer for {symbol} broke off.", retryable=True)
    return FetchError(f"Yahoo cannot be reached ({kind}).", retryable=True, affects_all_symbols=True)


def _provider_data(symbol: str, frame: pd.DataFrame, currency: str | None) -> ProviderData:
    if frame.empty:
        raise FetchError(f"Yahoo gave an empty answer for {symbol}.", retryable=True)
    missing = [name for name in (*YAHOO_COLUMNS, "Adj Close", "Dividends", "Stock Splits") if name not in frame]
    if missing or not isinstance(frame.index, pd.DatetimeIndex):
        raise FetchError(f"Yahoo's answer for {symbol} has another shape: it lacks {missing[0] if missing else 'dates'}.")
    is_tradable = instrument(symbol).kind.is_tradable
    if is_tradable and currency != "USD":
        raise FetchError(f"{symbol} is quoted in {currency or 'no currency'}; dipfolio counts in US dollars.")
    days = frame.index.tz_localize(None).to_numpy().astype("datetime64[D]")
    complete = frame[list(YAHOO_COLUMNS[:4])].notna().any(axis=1).to_numpy() & (days <= last_complete_session())
    prices = PriceTable(
        days=days[complete], cells=_shortest(frame.loc[complete, list(YAHOO_COLUMNS)].to_numpy(dtype="float64").T)
    )
    if not len(prices.days):
        raise FetchError(f"Yahoo has no whole session of {symbol} in this window.")
    prices = prices if is_tradable else carry_forward(prices)
    wrong = list(find_errors(symbol, prices))
    if wrong:
        more = f" (and {len(wrong) - 1} more faults)" if len(wrong) > 1 else ""
        raise FetchError(f"Yahoo's answer cannot be used: {wrong[0].text[:-1]}{more}.")
    return ProviderData(
        prices=prices, dividends=_dated(frame["Dividends"], days, complete), splits=_dated(frame["Stock Splits"], days)
    )


def _shortest(values: np.ndarray) -> np.ndarray:
    """Yahoo's single-precision data as the decimals they stand for: 118.41999816894531 is 118.42."""
    single = values.astype("float32")
    plain = np.array([float(str(value)) for value in single.ravel()]).reshape(values.shape)
    return np.where(single.astype("float64") == values, plain, values)


def _dated(column: pd.Series, days: np.ndarray, selected: np.ndarray | bool = True) -> dict[str, float]:
    """The actions by day; a split of today counts at once, as every earlier price is divided by it already."""
    values = column.to_numpy(dtype="float64")
    return {str(days[i]): float(_shortest(values[i : i + 1])[0]) for i in np.flatnonzero(selected & (values > 0))}
