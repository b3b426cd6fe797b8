"""Split adjustment: detects whether prices are adjusted for each known split, and adjusts those that are not.

A price file is adjusted for a split or it is not, and its numbers show which: as traded, the price falls to a tenth
on the day of a split of 10 for 1. Each split that a table or the file itself names is looked for in the prices. Where
the price steps by it, everything before is divided by it; where it does not, the prices were adjusted already; where
neither can be decided, the file is refused. Dividends are brought onto the same shares.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.corporate_actions import format_split_ratio
from dipfolio.data.schema import FIELDS, DataIssue, ExtraColumn, PriceTable, Split
from dipfolio.data.validation import USUAL_SPLIT_RATIOS
from dipfolio.errors import DataError

MIN_SPLIT_TO_NIGHT_RATIO = 6.0
"""A split differs from an ordinary night if it is at least so many times the usual overnight change, as logarithms ..."""
SPLIT_STEP_TOLERANCE = 1 / 3
"""... and the change over the night is at most this part of the split away from what one of the two conventions would show."""
MIN_USUAL_CHANGE = 0.002
"""The usual overnight change is taken to be at least this, as in a file of few or of quiet sessions."""
MIN_AMBIGUOUS_SPLIT = np.log(1.25)
"""A split that large, as a logarithm, must be distinguished from an ordinary night, or the file is refused."""
MAX_DATE_ERROR_SESSIONS = 5
"""Sessions around the day of a split in which the price may step instead, because one of the two dates is wrong."""
MIN_SEARCHED_SPLIT = np.log(1.9)
"""Only splits of about two for one and more are looked for on other days."""
SPLIT_RATIO_PRECISION = 1e-3
ADJUSTED_CLOSE_TOLERANCE = 0.03
"""How far, as a logarithm, the step of the adjusted close relative to the close may be from a split: a dividend and rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitAdjusted:
    """One symbol on today's shares.

    Attributes
    ----------
    prices : PriceTable
        Adjusted for splits.
    splits : tuple of Split
        Those that the prices are adjusted for.
    traded : tuple of Split
        Those among them that the file was not adjusted for.
    findings : tuple of DataIssue
        What was done.
    """

    prices: PriceTable
    splits: tuple[Split, ...]
    traded: tuple[Split, ...] = ()
    findings: tuple[DataIssue, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _NamedSplit:
    """A split, who names it, and the place of its first session among the bars."""

    split: Split
    source: str
    place: int

    @property
    def size(self) -> float:
        """The absolute logarithm of the ratio."""
        return abs(float(np.log(self.split.ratio)))


def adjust_for_splits(symbol: str, prices: PriceTable, file: str, table: Sequence[Split], table_name: str) -> SplitAdjusted:
    """Bring one symbol's data onto today's shares.

    Parameters
    ----------
    symbol : str
    prices : PriceTable
        Without faults.
    file : str
        Where they were read from.
    table : sequence of Split
        The splits of this symbol in a table beside the prices.
    table_name : str
        How messages name that table.

    Raises
    ------
    DataError
        A split that the prices contradict, or of which they do not show whether they are adjusted for it; two sources that
        name different splits for the same days.
    """
    named = _collect_splits(symbol, prices, file, table, table_name)
    verdicts = _verdicts(symbol, prices, named, file)
    traded = [one for one, verdict in zip(named, verdicts, strict=True) if verdict == "as traded"]
    unsure = [one for one, verdict in zip(named, verdicts, strict=True) if verdict == "unknown"]
    splits = tuple(one.split for one in named)
    others = [split for split in table if not _inside(prices, split)]
    if traded:  # the provider divides by no split, so by none of after the last session either
        others = [split for split in others if np.datetime64(split.day, "D") <= prices.days[-1]]
    everything = tuple(sorted((*splits, *others), key=lambda split: split.day))
    findings = [*_adjustment_issues(symbol, traded, Path(file).name, prices), *_undecided_issues(symbol, unsure)]
    for one in traded:
        prices = _apply_split(prices, one)
    return SplitAdjusted(prices=prices, splits=everything, traded=tuple(one.split for one in traded), findings=tuple(findings))


def _inside(prices: PriceTable, split: Split) -> bool:
    """True if there is a session before the split and one on or after its day."""
    day = np.datetime64(split.day, "D")
    return bool(prices.days[0] < day <= prices.days[-1])


def _collect_splits(symbol: str, prices: PriceTable, file: str, table: Sequence[Split], table_name: str) -> list[_NamedSplit]:
    """The splits inside the data, oldest first, each once: of the file, of the table, of the adjusted closes."""
    days, splits = prices.days, []
    if prices.splits is not None:
        for place in np.flatnonzero(prices.splits.cells != 1):
            split = Split(symbol=symbol, day=days[place].item(), ratio=float(prices.splits.cells[place]))
            if place:
                splits.append(_NamedSplit(split=split, source=f"{prices.splits.heading} of {Path(file).name}", place=int(place)))
    for split in table:
        if _inside(prices, split):
            _add(
                splits,
                _NamedSplit(split=split, source=table_name, place=int(np.searchsorted(days, np.datetime64(split.day, "D")))),
            )
    for one in _implied(symbol, prices, file):
        if all(abs(one.place - other.place) > MAX_DATE_ERROR_SESSIONS for other in splits):
            splits.append(one)
    return sorted(splits, key=lambda one: one.place)


def _add(splits: list[_NamedSplit], one: _NamedSplit) -> None:
    """Add a split of a second source, unless the first has it.

    Raises
    ------
    DataError
        The first names another one within some sessions.
    """
    for other in splits:
        same = abs(other.split.ratio / one.split.ratio - 1) < SPLIT_RATIO_PRECISION
        if other.place == one.place and same:
            return
        if other.source != one.source and (
            other.place == one.place or (same and abs(other.place - one.place) <= MAX_DATE_ERROR_SESSIONS)
        ):
            raise DataError(
                f"{one.split.symbol}: {one.source} names a split of {format_split_ratio(one.split.ratio)} on {one.split.day}, "
                f"{other.source} one of {format_split_ratio(other.split.ratio)} on {other.split.day}. Correct the one that "
                "is wrong."
            )
    splits.append(one)


def _implied(symbol: str, prices: PriceTable, file: str) -> Iterator[_NamedSplit]:
    """Splits that nobody names, but by which the price steps and the adjusted close does not."""
    if prices.adjusted is None or len(prices.days) < 2:
        return
    steps, nights = _adjusted_steps(prices), _nights(prices)
    for place in np.flatnonzero(np.abs(steps) > MIN_SEARCHED_SPLIT):
        usual = np.array([*USUAL_SPLIT_RATIOS, *(1 / ratio for ratio in USUAL_SPLIT_RATIOS)], dtype="float64")
        ratio = float(usual[np.abs(np.log(usual) - steps[place]).argmin()])
        size = abs(np.log(ratio))
        if (
            abs(steps[place] - np.log(ratio)) > ADJUSTED_CLOSE_TOLERANCE
            or abs(nights[place] + np.log(ratio)) > size * SPLIT_STEP_TOLERANCE
        ):
            continue
        day = prices.days[place + 1].item()
        source = f"{prices.adjusted.heading} of {Path(file).name}"
        yield _NamedSplit(split=Split(symbol=symbol, day=day, ratio=ratio), source=source, place=int(place) + 1)


def _nights(prices: PriceTable) -> np.ndarray:
    """Logarithm of each open relative to the close before, shape (rows - 1,)."""
    opened, close = prices.cells[FIELDS.index("open")], prices.cells[FIELDS.index("close")]
    with np.errstate(all="ignore"):
        return np.asarray(np.log(opened[1:] / close[:-1]))


def _adjusted_steps(prices: PriceTable) -> np.ndarray:
    """Logarithm of the change, from each session to the next, of the adjusted close relative to the close."""
    if prices.adjusted is None:
        return np.full(len(prices.days) - 1, np.nan)
    with np.errstate(all="ignore"):
        return np.diff(np.log(prices.adjusted.cells / prices.cells[FIELDS.index("close")]))


def _verdicts(symbol: str, prices: PriceTable, named: Sequence[_NamedSplit], file: str) -> list[str]:
    """Of each split "as traded", "adjusted" or "unknown".

    A split of a few per cent is no larger than an ordinary night. It is taken as the other splits of the file are, if those
    agree, and else as adjusted for, with a warning.
    """
    if not named:
        return []
    nights, steps = _nights(prices), _adjusted_steps(prices)
    usual = max(float(np.median(np.abs(nights))), MIN_USUAL_CHANGE)
    verdicts = [_verdict(symbol, one, nights, steps, usual) for one in named]
    known = {verdict for verdict in verdicts if verdict}
    for number, (one, verdict) in enumerate(zip(named, verdicts, strict=True)):
        if verdict:
            if verdict == "adjusted":
                _refuse_other_day(symbol, prices, named, one, nights, usual)
            continue
        if len(known) == 1:
            verdicts[number] = next(iter(known))
        elif one.size >= MIN_AMBIGUOUS_SPLIT:
            raise DataError(_ambiguous(symbol, one, prices, file))
        else:
            verdicts[number] = "unknown"
    return verdicts


def _verdict(symbol: str, one: _NamedSplit, nights: np.ndarray, steps: np.ndarray, usual: float) -> str:
    """The evidence of the price over the night before the split, or else of the adjusted close; empty where neither can tell."""
    night, step, log_ratio = nights[one.place - 1], steps[one.place - 1], np.log(one.split.ratio)
    within = one.size * SPLIT_STEP_TOLERANCE
    if one.size >= MIN_SPLIT_TO_NIGHT_RATIO * usual:
        if abs(night + log_ratio) <= within:
            return "as traded"
        if abs(night) <= within:
            return "adjusted"
        if abs(night - log_ratio) <= within and one.size >= MIN_SEARCHED_SPLIT:
            right = format_split_ratio(1 / one.split.ratio)
            raise DataError(
                f"{symbol}: {one.source} has a split of {one.split.ratio:g} on {one.split.day}, but the price goes to "
                f"{np.exp(night):.4g} times the close before, as with {right}. A split is new shares for one old: write "
                f"{1 / one.split.ratio:g}."
            )
    if one.size > 2 * ADJUSTED_CLOSE_TOLERANCE:
        if abs(step - log_ratio) <= ADJUSTED_CLOSE_TOLERANCE:
            return "as traded"
        if abs(step) <= ADJUSTED_CLOSE_TOLERANCE and one.size < MIN_SPLIT_TO_NIGHT_RATIO * usual:
            return "adjusted"
    return ""


def _refuse_other_day(
    symbol: str, prices: PriceTable, named: Sequence[_NamedSplit], one: _NamedSplit, nights: np.ndarray, usual: float
) -> None:
    """Refuse a split on a day without a step where the price steps by it some sessions before or after."""
    if one.size < max(MIN_SEARCHED_SPLIT, MIN_SPLIT_TO_NIGHT_RATIO * usual):
        return
    taken = {other.place for other in named}
    for place in range(
        max(1, one.place - MAX_DATE_ERROR_SESSIONS), min(len(prices.days), one.place + MAX_DATE_ERROR_SESSIONS + 1)
    ):
        if place not in taken and abs(nights[place - 1] + np.log(one.split.ratio)) <= one.size * SPLIT_STEP_TOLERANCE / 2:
            raise DataError(
                f"{symbol}: {one.source} names a split of {format_split_ratio(one.split.ratio)} on {one.split.day}, but the "
                "price "
                f"steps by it on {prices.days[place]}. Correct the date: it is the first day on which the new shares trade."
            )


def _ambiguous(symbol: str, one: _NamedSplit, prices: PriceTable, file: str) -> str:
    close, opened = prices.cells[FIELDS.index("close"), one.place - 1], prices.cells[FIELDS.index("open"), one.place]
    return (
        f"{symbol}: {one.source} names a split of {format_split_ratio(one.split.ratio)} on {one.split.day}. The price goes from "
        f"{close:g} to {opened:g} over that night, which does not show whether {Path(file).name} is adjusted for it. If it is, "
        "leave the split out of the file and of the folder's splits.csv; if not, divide the prices before that day by "
        f"{one.split.ratio:g}."
    )


def _apply_split(prices: PriceTable, one: _NamedSplit) -> PriceTable:
    """Everything before a split on the shares after it: prices, volumes and the dividends of the file itself."""
    cells, ratio = prices.cells.copy(), one.split.ratio
    volume = FIELDS.index("volume")
    price_rows = [row for row in range(len(FIELDS)) if row != volume]
    cells[price_rows, : one.place] /= ratio
    cells[volume, : one.place] *= ratio
    dividends = prices.dividends
    if dividends is not None:
        values = dividends.cells.copy()
        values[: one.place] /= ratio
        dividends = ExtraColumn(heading=dividends.heading, cells=values)
    return replace(prices, cells=cells, dividends=dividends)


def _adjustment_issues(symbol: str, traded: Sequence[_NamedSplit], file: str, prices: PriceTable) -> Iterator[DataIssue]:
    if not traded:
        return
    sources = " and ".join(dict.fromkeys(one.source for one in traded))
    many = f"{len(traded)} splits" if len(traded) > 1 else "the split"
    each = ", ".join(f"{format_split_ratio(one.split.ratio)} on {one.split.day}" for one in traded)
    paid = ", and so were the dividends in it" if prices.dividends is not None else ""
    text = (
        f"{symbol} is as traded in {file}: the prices before {many} of {each} were divided and the volumes multiplied by the "
        f"ratio{paid}; {sources} names {'them' if len(traded) > 1 else 'it'}."
    )
    yield DataIssue(severity="warning", kind="as traded", symbol=symbol, value=traded[-1].split.ratio, text=text)


def _undecided_issues(symbol: str, unsure: Sequence[_NamedSplit]) -> Iterator[DataIssue]:
    for one in unsure:
        text = (
            f"{symbol}: {one.source} names a split of {format_split_ratio(one.split.ratio)} on {one.split.day}, which is "
            "too small "
            "to be seen in the prices; they are taken as adjusted for it."
        )
        yield DataIssue(
            severity="warning", kind="split in doubt", symbol=symbol, date=str(one.split.day), value=one.split.ratio, text=text
        )


def adjust_dividends(table: pd.DataFrame, settled: Mapping[str, SplitAdjusted]) -> tuple[pd.DataFrame, tuple[DataIssue, ...]]:
    """All dividends on today's shares: of the files themselves, else of a table beside the prices.

    Parameters
    ----------
    table : DataFrame of shape (payments, 3)
        symbol, ex_date and amount, as ``dividends.csv`` has them.
    settled : mapping of str to SplitAdjusted
        The data of each symbol.

    Raises
    ------
    DataError
        Amounts of which it is unknown whether they are per share of then or of today.
    """
    findings: list[DataIssue] = []
    for symbol, one in settled.items():
        from_file = _dividends_of_file(symbol, one.prices)
        if from_file is not None:
            inside = (table["symbol"] == symbol) & table["ex_date"].between(*_ends(one.prices))
            findings += _overruled(symbol, from_file, table[inside], one)
            table = pd.concat([table[~inside], from_file])
        elif one.traded:
            table, issues = _adjusted_rows(symbol, table, one.traded)
            findings += issues
    return table, tuple(findings)


def _ends(prices: PriceTable) -> tuple[pd.Timestamp, pd.Timestamp]:
    return pd.Timestamp(prices.days[0]), pd.Timestamp(prices.days[-1])


def _dividends_of_file(symbol: str, prices: PriceTable) -> pd.DataFrame | None:
    """The dividends that a file of prices has itself, None without any."""
    paid = np.flatnonzero(prices.dividends.cells) if prices.dividends is not None else np.array([], dtype=int)
    if prices.dividends is None or not len(paid):
        return None
    days = prices.days[paid].astype("datetime64[s]")
    return pd.DataFrame({"symbol": symbol, "ex_date": days, "amount": prices.dividends.cells[paid]})


def _overruled(symbol: str, from_file: pd.DataFrame, others: pd.DataFrame, one: SplitAdjusted) -> Iterator[DataIssue]:
    """The warning that a CSV table has other dividends than the price file."""
    if others.empty or one.prices.dividends is None:
        return
    first, second = (dict(zip(rows["ex_date"], rows["amount"], strict=True)) for rows in (from_file, others))
    if one.traded or first.keys() != second.keys() or any(abs(first[day] - second[day]) > first[day] * 0.01 for day in first):
        text = (
            f"{symbol}: the dividends of its file ({one.prices.dividends.heading}) are paid, and the {len(others)} of "
            "dividends.csv in its sessions are not."
        )
        yield DataIssue(severity="warning", kind="two tables", symbol=symbol, value=float(len(others)), text=text)


def _adjusted_rows(symbol: str, table: pd.DataFrame, traded: Sequence[Split]) -> tuple[pd.DataFrame, tuple[DataIssue, ...]]:
    """A table with the rows of one symbol, whose prices were as traded, on today's shares.

    Such a table has amounts per share of then, as the prices, or per share of today. The amounts just before and just after each
    split tell: a company does not change its dividend by the ratio of its split.
    """
    amounts = table["amount"].to_numpy(dtype="float64").copy()
    rows = np.flatnonzero((table["symbol"] == symbol).to_numpy())
    days = table["ex_date"].to_numpy().astype("datetime64[D]")[rows]
    split_days = [np.datetime64(split.day, "D") for split in traded]
    if not (days < split_days[-1]).any():
        return table, ()
    if _per_share_of_then(symbol, days, amounts[rows], traded):
        for split, day in zip(traded, split_days, strict=True):
            amounts[rows[days < day]] /= split.ratio
        text = f"The dividends of {symbol} in dividends.csv are per share of then; they were divided by its splits too."
    else:
        text = f"The dividends of {symbol} in dividends.csv are per share of today already; they were taken as they stand."
    return table.assign(amount=amounts), (DataIssue(severity="warning", kind="dividends", symbol=symbol, text=text),)


def _per_share_of_then(symbol: str, days: np.ndarray, amounts: np.ndarray, traded: Sequence[Split]) -> bool:
    """True if amounts are per share of their day, by the amounts on both sides of each split."""
    order = np.argsort(days, kind="stable")
    days, amounts = days[order], amounts[order]
    as_today = as_then = 0.0
    for split in traded:
        day = np.datetime64(split.day, "D")
        before, after = amounts[(days < day) & (amounts > 0)], amounts[(days >= day) & (amounts > 0)]
        if len(before) and len(after):
            change = float(np.log(before[-1] / after[0]))
            as_today += abs(change)
            as_then += abs(change - np.log(split.ratio))
    if min(as_today, as_then) < 0.75 * max(as_today, as_then):
        return as_then < as_today
    split = traded[-1]
    raise DataError(
        f"The prices of {symbol} are as traded before its split of {format_split_ratio(split.ratio)} on {split.day}, and it "
        "cannot "
        "be told whether its dividends before that day in dividends.csv are per share of then or of today. Put them into a "
        "column 'dividend_amount' of the price file, per share of then, or give prices that are adjusted for splits."
    )
