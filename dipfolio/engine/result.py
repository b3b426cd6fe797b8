"""The result of a run: settings, tables of equity, positions, fills, trades, events and prices, and provenance of the data.

A result can be saved as ``run.json`` and one CSV file for each table, and be loaded again.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.data.bars import Origin, Provenance
from dipfolio.data.calendar import XNYS, ExchangeCalendar
from dipfolio.data.currency import DOLLARS, currency_sign, shown_in
from dipfolio.data.factor_returns import FactorReturns
from dipfolio.data.risk_free import RiskFree, constant_rate
from dipfolio.engine.account import Account
from dipfolio.engine.costs import FIXED_RATES, SPREADS, DatedRates
from dipfolio.engine.display import Displayable
from dipfolio.engine.price_record import PRICE_COLUMNS
from dipfolio.engine.run_log import AccountEvent, Fill
from dipfolio.engine.taxes import TaxRule
from dipfolio.engine.trades import TRADE_COLUMNS
from dipfolio.errors import ReportError
from dipfolio.storage import read_csv, unescape_formula, write_csv

_TABLES = ("equity", "positions", "fills", "trades", "open_positions", "events", "prices")
_INDEXED = ("equity", "positions", "factors")
"""Tables with a row for each session."""
_FACTORS = "factors"
"""The table of factor returns, which only a run with factors has."""
FORMAT_VERSION = 2
"""Version of the files; a reader refuses any other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Result(Displayable):
    """The record of a run: its settings, tables and data provenance.

    Attributes
    ----------
    strategy, title : str
        Name of the strategy, and the first line of its docstring.
    parameters, changed : dict
        All parameters, and those that differ from their defaults.
    account : Account
    window : (date, date)
        First and last session of the record.
    base : date or None
        The session before the window, on whose close the first decision may fall; None where the data begin
        with the window.
    equity : DataFrame of shape (sessions, columns)
        equity, cash, gross and net exposure in dollars, return and benchmark return of each session, and the dollars of
        commission, fees, slippage, borrow, interest and dividends in it. The first return is on the starting cash.
    positions : DataFrame of shape (sessions, symbols)
        Shares on each close.
    fills, trades, open_positions, events : DataFrame
        See :mod:`dipfolio.engine.run_log` and :mod:`dipfolio.engine.trades`.
    prices : DataFrame
        Around the trades, and of the benchmarks over the whole window; see :mod:`dipfolio.engine.price_record`.
    benchmark : str
        Empty for none.
    also : tuple of str
        Other benchmarks, of which there are prices.
    provenance : Provenance
    versions : dict
        Of dipfolio and the libraries that the numbers depend on.
    residual : float
        Largest difference between the two sets of books, in dollars.
    factors : DataFrame of shape (sessions, factors)
        Returns of factors as fractions, NaN where they are missing; without columns if none were given.
    factors_description : str
        How the file of factors was understood; empty without one.
    rates : DatedRates
        The dated rates of interest and of borrowing. With one of interest, ``equity`` has two more columns: ``interest_earned``
        in dollars, and ``cash_rate``, the rate a year that was in force since the session before.
    taxes : TaxRule or None
        By which :func:`dipfolio.engine.taxes.tax_result` taxes the run; None if nothing is said of taxes.
    """

    strategy: str
    title: str
    parameters: dict[str, Any]
    changed: dict[str, Any]
    account: Account
    window: tuple[date, date]
    base: date | None
    equity: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    trades: pd.DataFrame
    open_positions: pd.DataFrame
    events: pd.DataFrame
    prices: pd.DataFrame
    benchmark: str
    also: tuple[str, ...]
    provenance: Provenance
    versions: dict[str, str]
    residual: float
    factors: pd.DataFrame = field(default_factory=pd.DataFrame)
    factors_description: str = ""
    rates: DatedRates = FIXED_RATES
    taxes: TaxRule | None = None

    def with_factors(self, factors: FactorReturns) -> "Result":
        """The same run with the returns of factors in its sessions.

        Raises
        ------
        DataError
            The factors have none of these sessions.
        """
        table = factors.over(pd.DatetimeIndex(self.equity.index))
        return replace(self, factors=table.set_axis(self.equity.index), factors_description=factors.description)

    @property
    def returns(self) -> pd.Series:
        """Return of each session, shape (sessions,)."""
        return self.equity["return"]

    @property
    def benchmark_returns(self) -> pd.Series | None:
        """Total return of the benchmark in each session, None without one."""
        return self.equity["benchmark"] if self.benchmark else None

    @property
    def interest_earned(self) -> pd.Series:
        """Dollars of interest that cash earned in each session, 0 without a dated rate. Shape (sessions,)."""
        return self.equity["interest_earned"] if self.rates.cash else pd.Series(0.0, index=self.equity.index)

    @property
    def riskless(self) -> RiskFree | None:
        """What idle cash earned in the account, the usual riskless rate of a run with a dated rate; None without one."""
        if not self.rates.cash:
            return None
        sessions = pd.DatetimeIndex(self.equity.index)
        before = pd.DatetimeIndex([self.base or sessions[0], *sessions[:-1]])
        known = pd.Series(self.equity["cash_rate"].to_numpy(), index=before)
        known = known[~known.index.duplicated(keep="last")]  # a record without a base begins at the end of its first session
        return self.account.riskless_rate(RiskFree(rates=known.sort_index(), description=self.rates.cash))

    @property
    def sessions_per_year(self) -> int:
        """Bars in a year, by which annual numbers are made: 252 of an exchange, 365 of 24/7, 52 weeks or 12 months."""
        return self.provenance.calendar.sessions_per_year

    @property
    def symbols(self) -> tuple[str, ...]:
        """What the strategy could trade, in the order of the positions."""
        return tuple(map(str, self.positions.columns))

    @property
    def bankrupt(self) -> bool:
        """True if the account was wiped out, which ended the run."""
        return bool((self.events["kind"] == "bankrupt").any())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def facts(self) -> tuple[tuple[str, Any], ...]:
        """The outcome of the account; :func:`dipfolio.measure` has the ratios."""
        with shown_in(self.provenance.currency):
            return self._facts()

    def _facts(self) -> tuple[tuple[str, Any], ...]:
        final = float(self.equity["equity"].iloc[-1])
        return (
            ("strategy", self.strategy),
            ("changed", self.changed),
            ("window", f"{self.window[0]} to {self.window[1]}"),
            ("sessions", len(self.equity)),
            ("total return", f"{final / self.account.cash - 1:+.2%}"),
            ("final equity", f"{currency_sign()}{final:,.2f}"),
            ("benchmark", self.benchmark),
            ("trades", len(self.trades)),
            ("open positions", len(self.open_positions)),
            ("events", dict(self.events["kind"].value_counts())),
            ("residual", f"{currency_sign()}{self.residual:.6f}"),
            *(("remark", sentence) for sentence in self.provenance.remarks),
        )

    def __repr__(self) -> str:
        total = self.equity["equity"].iloc[-1] / self.account.cash - 1
        return f"Result({self.strategy}, {self.window[0]} to {self.window[1]}, {total:+.2%}, {len(self.trades)} trades)"

    def save(self, folder: Path | str) -> None:
        """Write ``run.json`` and one CSV for each table into an existing folder.

        Raises
        ------
        ReportError
            The folder cannot be written to.
        """
        folder = Path(folder)
        record = {
            "format": FORMAT_VERSION,
            **{f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*_TABLES, _FACTORS, "rates", "taxes")},
            "account": _account_record(self.account, self.rates),
            "provenance": _provenance_record(self.provenance),
        }
        record |= {"rates": asdict(self.rates)} if self.rates != FIXED_RATES else {}
        record |= {"taxes": asdict(self.taxes)} if self.taxes else {}
        try:
            (folder / "run.json").write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")
            for name in (*_TABLES, *([_FACTORS] if self.factors_description else [])):
                table: pd.DataFrame = getattr(self, name)
                write_csv(table, folder / f"{name}.csv", index=name in _INDEXED)
        except OSError as error:
            raise ReportError(f"{folder} cannot be written: {error.strerror or error}.") from error


def common_riskless_rate(results: Iterable[Result]) -> RiskFree:
    """What idle cash earned, where that has one description in all of the runs; else a rate of 0."""
    rates = [result.riskless for result in results]
    known = [rate for rate in rates if rate is not None]
    if not known or len(known) < len(rates) or len({str(rate) for rate in known}) > 1:
        return constant_rate(0.0)
    return max(known, key=lambda rate: len(rate.rates))


def _account_record(account: Account, rates: DatedRates) -> dict[str, Any]:
    """The settings of an account; without a dated rate the spreads on it mean nothing and are left out."""
    unused = () if rates.cash else SPREADS
    return {name: value for name, value in account.as_record().items() if name not in unused}


def _provenance_record(provenance: Provenance) -> dict[str, Any]:
    """The entries for ``run.json``; calendar, currency and conversions only where they are not those of New York."""
    record, usual = asdict(provenance), {"calendar": XNYS, "currency": DOLLARS, "conversions": ()}
    return {name: value for name, value in record.items() if name not in usual or getattr(provenance, name) != usual[name]}


def load(folder: Path | str) -> Result:
    """Read back what :meth:`Result.save` wrote.

    Raises
    ------
    ReportError
        No record there, one of another format, or one that is damaged.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if record.pop("format") != FORMAT_VERSION:
            raise ReportError(f"{folder} was written by another version of dipfolio; run the strategy again.")
        names = (*_TABLES, *([_FACTORS] if record.get("factors_description") else []))
        tables = {name: _read_table(folder / f"{name}.csv", indexed=name in _INDEXED) for name in names}
        result = Result(**{**record, **tables, **_typed(record)})
        _check_complete(result)
        return result
    except ReportError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{folder} holds no readable run: {error}") from error


class SavedRun(Result):
    """A saved run that reads each of its tables when it is first asked for, as an index of many runs needs few of them.

    Parameters
    ----------
    folder : Path
    record : dict
        Its ``run.json``.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        vars(self).update({**record, **_typed(record), "folder": folder})

    @property
    def symbols(self) -> tuple[str, ...]:
        """What the strategy could trade; only the head of the table of positions is read."""
        head = pd.read_csv(vars(self)["folder"] / "positions.csv", nrows=0).columns
        return tuple(unescape_formula(symbol) for symbol in head if symbol != "session")

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name == _FACTORS and not self.factors_description:
            return pd.DataFrame()
        if name not in (*_TABLES, _FACTORS):
            raise AttributeError(name)
        table = _read_table(vars(self)["folder"] / f"{name}.csv", indexed=name in _INDEXED)
        vars(self)[name] = table
        return table


def _typed(record: dict[str, Any]) -> dict[str, Any]:
    """The entries that JSON has flattened, with their types."""
    provenance = record["provenance"]
    spans = {symbol: (span[0], span[1]) for symbol, span in provenance["sessions"].items()}
    first, last = record["window"]
    return {
        "account": Account(**record["account"]),
        "rates": DatedRates(**record.get("rates", {})),
        "window": (date.fromisoformat(first), date.fromisoformat(last)),
        "base": date.fromisoformat(record["base"]) if record["base"] else None,
        "also": tuple(record["also"]),
        "taxes": TaxRule(**record["taxes"]) if record.get("taxes") else None,
        "provenance": Provenance(
            origin=Origin(**provenance["origin"]),
            sessions=spans,
            sha256=provenance["sha256"],
            warnings=tuple(provenance.get("warnings", ())),
            remarks=tuple(provenance.get("remarks", provenance.get("told", ()))),  # runs saved before the name was changed
            calendar=ExchangeCalendar(**provenance.get("calendar", {})),
            currency=provenance.get("currency", DOLLARS),
            conversions=tuple(provenance.get("conversions", ())),
        ),
    }


def _check_complete(result: Result) -> None:
    """Refuse tables that were cut off or have lost a column."""
    index = result.equity.index
    if not (len(index) and (index[0].date(), index[-1].date()) == result.window and index.equals(result.positions.index)):
        raise ValueError("its sessions are not those of its window")
    if result.factors_description and not index.equals(result.factors.index):
        raise ValueError("the sessions of its factors are not those of its window")
    for name, columns in _COLUMNS.items():
        missing = [column for column in columns if column not in getattr(result, name)]
        if missing:
            raise ValueError(f"{name}.csv lacks the column {missing[0]!r}")


_COLUMNS = {
    "equity": (
        "equity", "cash", "gross", "net", "return", "benchmark", "commission", "fees", "slippage", "borrow", "interest",
        "dividends",
    ),
    "fills": tuple(field.name for field in fields(Fill)), "trades": TRADE_COLUMNS, "open_positions": TRADE_COLUMNS,
    "events": tuple(field.name for field in fields(AccountEvent)), "prices": PRICE_COLUMNS,
}  # fmt: skip


def cast_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the type that each column name stands for; the same before saving and after loading."""
    return table.astype({column: _TYPES[column] for column in table.columns if column in _TYPES})


_TYPES = {
    **dict.fromkeys(("symbol", "side", "entry_at", "exit_at", "at", "reason", "kind", "detail"), "str"),
    **dict.fromkeys(("session", "entry_session", "exit_session"), "datetime64[s]"),
    **dict.fromkeys(("shares", "price", "commission", "fees", "slippage", "entry_price", "exit_price"), "float64"),
    **dict.fromkeys(("open", "high", "low", "close", "dividend"), "float64"),
    **dict.fromkeys(("gross", "borrow", "dividends", "profit", "return", "worst", "best"), "float64"),
    "sessions": "int64",
}


def _read_table(path: Path, *, indexed: bool) -> pd.DataFrame:
    if indexed:
        table = read_csv(path, keep_default_na=False, na_values=[""], index_col="session").rename(columns=unescape_formula)
        sessions = pd.to_datetime(table.index, format="%Y-%m-%d").astype("datetime64[s]")
        return table.astype("float64").set_axis(sessions)
    header = pd.read_csv(path, nrows=0).columns
    text = [column for column in header if _TYPES.get(column) == "str"]
    missing = {column: [""] for column in header if column not in text}
    table = read_csv(path, keep_default_na=False, na_values=missing, dtype=dict.fromkeys(text, "str"))
    for column in header:
        if _TYPES.get(column) == "datetime64[s]":
            table[column] = pd.to_datetime(table[column], format="%Y-%m-%d")
        elif column in text:
            table[column] = table[column].map(unescape_formula)
    return cast_columns(table.rename(columns=unescape_formula))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame):
        return one.equals(other) and one.index.name == other.index.name and list(one.columns) == list(other.columns)
    return bool(one == other)
