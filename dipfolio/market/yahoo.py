"""Yahoo: one symbol's whole history from Yahoo Finance through yfinance, or one clear line why there is none."""

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

from dipfolio.errors import FetchError
from dipfolio.market import sessions
from dipfolio.market.faults import faults
from dipfolio.market.layouts import EXCHANGE_ZONE, Figures

COLUMNS = ("Open", "High", "Low", "Close", "Volume")
CLOSED = timedelta(hours=16, minutes=30)
"""Time of day in New York from which a session's bar is taken to be final."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a provider has of one symbol.

    Attributes
    ----------
    figures : Figures
        Split-adjusted, not dividend-adjusted; whole sessions only, without a fault.
    dividends : dict
        Ex-date to cash per share of today, split-adjusted.
    splits : dict
        Date to ratio, new shares for one old.
    """

    figures: Figures
    dividends: dict[str, float]
    splits: dict[str, float]


def source() -> str:
    """How a report names where these figures come from."""
    import yfinance

    return f"Yahoo Finance through yfinance {yfinance.__version__}"


def last_complete(now: pd.Timestamp | None = None) -> np.datetime64:
    """The last session whose bar is final, at a moment with a time zone (now, if not given)."""
    moment = (now or pd.Timestamp.now("UTC")).tz_convert(EXCHANGE_ZONE).tz_localize(None)
    today = moment.normalize()
    until = np.datetime64((today if moment - today >= CLOSED else today - timedelta(days=1)).date(), "D")
    known = sessions.days()
    return np.datetime64(known[np.searchsorted(known, until, side="right") - 1])


def ask_patiently(symbol: str, start: date, *, attempts: int = 4, wait: float = 2.0) -> Answer:
    """:func:`ask`, again after ``wait``, 2, 4 ... times as many seconds where that may help."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, FetchError) and error.passing),
        wait=tenacity.wait_exponential(multiplier=wait, max=60),
        stop=tenacity.stop_after_attempt(attempts),
        reraise=True,
    )
    return retrying(ask, symbol, start)


def ask(symbol: str, start: date) -> Answer:
    """Everything from ``start`` to the last complete session.

    Raises
    ------
    FetchError
        No network, no answer, an unknown symbol, a rate limit, or an answer that is empty, torn or of another shape.
    """
    import yfinance
    from yfinance.data import YfData

    with _outspoken(yfinance):
        try:
            YfData.cache_get.cache_clear()  # it would repeat a torn answer
            ticker = yfinance.Ticker(symbol)
            frame = ticker.history(start=start.isoformat(), auto_adjust=False, actions=True)
            currency = ticker.get_history_metadata().get("currency") if len(frame) else None
        except Exception as error:  # yfinance raises whatever its parsing meets
            raise _explained(symbol, error) from error
    return _answer(symbol, frame, currency)


@contextmanager
def _outspoken(yfinance: Any) -> Iterator[None]:
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


def _explained(symbol: str, error: Exception) -> FetchError:
    """One line for whatever yfinance and the HTTP library below it raise."""
    from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTickerMissingError

    kind, text = type(error).__name__, " ".join(str(error).split())
    status = getattr(getattr(error, "response", None), "status_code", 0)
    status = status if status >= 400 else 0
    if isinstance(error, YFRateLimitError) or status == 429:
        return FetchError("Yahoo asks for a pause (rate limit); run the same again in some minutes.", passing=True, general=True)
    if isinstance(error, YFPricesMissingError) and error.yahoo_reason is None and "status_code" not in text:
        return FetchError(f"Yahoo gave an empty answer for {symbol}.", passing=True)
    if isinstance(error, YFTickerMissingError) or status == 404:
        reason = getattr(error, "yahoo_reason", None) or "no such symbol, or one that is delisted"
        return FetchError(f"Yahoo has no figures for {symbol}: {reason.rstrip('.')}.")
    if isinstance(error, json.JSONDecodeError):
        return FetchError(f"Yahoo's answer for {symbol} is torn or no JSON.", passing=True)
    if isinstance(error, OSError):
        return _unreached(symbol, kind, text, status)
    if kind == "YFDataException":
        return FetchError("Yahoo Finance says that it is down.", passing=True, general=True)
    import yfinance

    return FetchError(
        f"Yahoo's answer for {symbol} has another shape than yfinance {yfinance.__version__} knows ({kind}: {text[:60]}); "
        "a newer yfinance may help."
    )


def _unreached(symbol: str, kind: str, text: str, status: int) -> FetchError:
    if status:
        return FetchError(f"Yahoo answers for {symbol} with HTTP {status}.", passing=status >= 500)
    if kind == "DNSError":
        return FetchError("There is no network: Yahoo's address cannot be found.", general=True)
    if "Timeout" in kind:
        return FetchError(f"Yahoo gave no answer for {symbol} in time.", passing=True)
    if kind in ("IncompleteRead", "ChunkedEncodingError") or "transfer closed" in text or "end of response" in text:
        return FetchError(f"Yahoo's answer for {symbol} broke off.", passing=True)
    return FetchError(f"Yahoo cannot be reached ({kind}).", passing=True, general=True)


def _answer(symbol: str, frame: pd.DataFrame, currency: str | None) -> Answer:
    if frame.empty:
        raise FetchError(f"Yahoo gave an empty answer for {symbol}.", passing=True)
    missing = [name for name in (*COLUMNS, "Adj Close", "Dividends", "Stock Splits") if name not in frame]
    if missing or not isinstance(frame.index, pd.DatetimeIndex):
        raise FetchError(f"Yahoo's answer for {symbol} has another shape: it lacks {missing[0] if missing else 'dates'}.")
    if currency != "USD":
        raise FetchError(f"{symbol} is quoted in {currency or 'no currency'}; dipfolio counts in US dollars.")
    days = frame.index.tz_localize(None).to_numpy().astype("datetime64[D]")
    kept = frame[list(COLUMNS[:4])].notna().any(axis=1).to_numpy() & (days <= last_complete())
    figures = Figures(days=days[kept], cells=_shortest(frame.loc[kept, list(COLUMNS)].to_numpy(dtype="float64").T))
    if not len(figures.days):
        raise FetchError(f"Yahoo has no whole session of {symbol} in this window.")
    wrong = list(faults(symbol, figures))
    if wrong:
        more = f" (and {len(wrong) - 1} more faults)" if len(wrong) > 1 else ""
        raise FetchError(f"Yahoo's answer cannot be used: {wrong[0].text[:-1]}{more}.")
    return Answer(figures=figures, dividends=_dated(frame["Dividends"], days, kept), splits=_dated(frame["Stock Splits"], days))


def _shortest(values: np.ndarray) -> np.ndarray:
    """Yahoo's single-precision figures as the decimals they stand for: 118.41999816894531 is 118.42."""
    single = values.astype("float32")
    plain = np.array([float(str(value)) for value in single.ravel()]).reshape(values.shape)
    return np.where(single.astype("float64") == values, plain, values)


def _dated(column: pd.Series, days: np.ndarray, kept: np.ndarray | bool = True) -> dict[str, float]:
    """What there is, by its day; a split of today counts at once, as every earlier price is divided by it already."""
    values = column.to_numpy(dtype="float64")
    return {str(days[i]): float(_shortest(values[i : i + 1])[0]) for i in np.flatnonzero(kept & (values > 0))}
