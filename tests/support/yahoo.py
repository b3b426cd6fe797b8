"""A stand-in for Yahoo Finance: a local server that answers yfinance's own requests, in the shape Yahoo has.

Nothing of yfinance or of dipfolio is replaced. yfinance gets a session of its own HTTP library that sends every request
to the local server instead of the host it names, over a real connection.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd
from curl_cffi.requests import Session
from yfinance.data import YfData

from dipfolio.data import calendar


class Detour(Session):
    """A session whose requests all go to one local port."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def request(self, method, url, **options):
        parts = urlsplit(url)
        return super().request(method, f"http://127.0.0.1:{self.port}/{parts.hostname}{parts.path}", **options)


class Yahoo:
    """What the server knows and how it misbehaves.

    ``charts`` maps a symbol to the result of its chart; ``faults`` maps a symbol to a list of things that happen to its
    next requests, one each: an HTTP status, a text to send, or "break" to send half and hang up.
    """

    def __init__(self):
        self.charts, self.faults, self.asked = {}, {}, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server.server_port

    def connect(self):
        """Lets yfinance talk to this server from now on."""
        data = YfData(session=Detour(self.port))
        data._cookie = data._crumb = None

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def requests(self, symbol):
        """How often the history of a symbol was asked for."""
        return sum(name == symbol and "period1" in query for name, query in self.asked)

    def answer(self, symbol, query):
        """Status, text and whether to hang up half-way; a question for one day alone, for the time zone, is always answered."""
        self.asked.append((symbol, query))
        fault = self.faults[symbol].pop(0) if self.faults.get(symbol) and "period1" in query else None
        if symbol not in self.charts or fault == "unknown":
            reason = "No data found, symbol may be delisted"
            return 404, json.dumps({"chart": {"result": None, "error": {"code": "Not Found", "description": reason}}}), False
        text = json.dumps({"chart": {"result": [self.charts[symbol]], "error": None}})
        if isinstance(fault, int):
            return fault, "Too Many Requests" if fault == 429 else "<html>sorry</html>", False
        if fault == "break":
            return 200, text, True
        return 200, text if fault is None else fault, False


def handler_of(yahoo):
    """The class of the server's answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            name = unquote(parts.path.rpartition("/")[2])
            if "/v8/finance/chart/" in parts.path:
                status, text, torn = yahoo.answer(name, parse_qs(parts.query))
            elif name == "getcrumb":
                status, text, torn = 200, "crumb", False
            else:
                status, text, torn = 404, "{}", False
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if torn else body)
            self.close_connection = True

        def log_message(self, *_):
            pass

    return Handler


def chart(closes, start="2025-01-02", *, dividends=None, splits=None, currency="USD", zone="America/New_York", days=None):
    """The result of Yahoo's chart for some closes from a day on; opens equal them, ranges are a dollar up and down.

    Data are single-precision, as Yahoo's are. ``dividends`` maps a day to an amount, ``splits`` a day to (new, old).
    """
    days = calendar.between(start, calendar.offset(start, len(closes) + 1))[: len(closes)] if days is None else days
    moments = {str(day.date()): int((day.tz_localize(zone) + pd.Timedelta("9h30min")).timestamp()) for day in days}
    close = np.array([np.nan if value is None else value for value in closes], dtype="float64")

    def listed(values):
        return [None if np.isnan(value) else float(np.float32(value)) for value in values]

    stamp = {
        day: int((pd.Timestamp(day, tz=zone) + pd.Timedelta("9h30min")).timestamp())
        for day in [*(dividends or {}), *(splits or {})]
    }
    return {
        "meta": {
            "currency": currency, "symbol": "X", "instrumentType": "EQUITY", "exchangeTimezoneName": zone, "timezone": "EST",
            "gmtoffset": -18000, "regularMarketTime": 1738000000, "firstTradeDate": 0, "priceHint": 2, "dataGranularity": "1d",
            "range": "", "validRanges": ["1d", "5d", "1mo", "max"], "regularMarketPrice": 1.0,
        },
        "timestamp": list(moments.values()),
        "events": {
            "dividends": {str(stamp[day]): {"amount": amount, "date": stamp[day]} for day, amount in (dividends or {}).items()},
            "splits": {
                str(stamp[day]): {"date": stamp[day], "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
                for day, (new, old) in (splits or {}).items()
            },
        },
        "indicators": {
            "quote": [{
                "open": listed(close), "high": listed(close + 1), "low": listed(close - 1), "close": listed(close),
                "volume": [None if np.isnan(value) else 1000 + i for i, value in enumerate(close)],
            }],
            "adjclose": [{"adjclose": listed(close * 0.99)}],
        },
    }  # fmt: skip
