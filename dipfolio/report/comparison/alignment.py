"""Alignment: the series of a comparison on common sessions, and their metrics.

It finds the common terms, notes what was changed for the series that differ, and collects the notes that a reader
needs.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.data.calendar import SESSIONS_PER_YEAR, XNYS, ExchangeCalendar
from dipfolio.data.risk_free import RiskFree
from dipfolio.engine import metrics as formulas
from dipfolio.engine.metrics import Metrics, ReturnSeries, measure, measure_returns
from dipfolio.engine.result import Result
from dipfolio.errors import ComparisonError
from dipfolio.report.comparison.series import Track, runs_of
from dipfolio.report.format import count, list_names, money
from dipfolio.report.run_summary import min_annualised_sessions

NoteKind = Literal["aligned", "flag", "left out", "as is"]


@dataclass(frozen=True, kw_only=True)
class ComparisonNote:
    """A note on the terms of a comparison that a reader must know.

    ``aligned`` was put right, a ``flag`` cannot be put right, ``left out`` is not on the page, ``as is`` was asked for.
    """

    kind: NoteKind
    text: str


def alignment_notes(tracks: tuple[Track, ...], days: pd.DatetimeIndex, benchmark: str) -> Iterator[ComparisonNote]:
    """Notes on the cuts that align the series."""
    yield from _cut_notes(tracks, days)
    yield from _calendar_notes(tracks, days)
    for track in tracks:
        inside = track.returns.index[(track.returns.index >= days[0]) & (track.returns.index <= days[-1])]
        merged = len(inside.difference(days))
        if merged:
            text = (
                f"{count(merged, 'day')} of {track.label} without a common session: multiplied into the return of the next one."
            )
            yield ComparisonNote(kind="aligned", text=text)
        if track.bankrupt and track.last < days[-1]:
            yield ComparisonNote(
                kind="aligned", text=f"{track.label} was wiped out on {track.last.date()} and stays at what was left."
            )
        if track.result and not track.result.benchmark and benchmark:
            text = f"{track.label} ran without a benchmark; it is measured against the {benchmark} of the other records."
            yield ComparisonNote(kind="aligned", text=text)
    measured = [track for track in tracks if track.result and track.result.benchmark]
    lacking = [track.label for track in measured if track.result and not track.result.base and track.first == days[0]]
    if lacking and len(lacking) < len(measured):
        text = f"{list_names(lacking)} began with the data; the benchmark's return in that session is from the other records."
        yield ComparisonNote(kind="aligned", text=text)
    unknown = [track.label for track in tracks if track.result is None]
    if unknown:
        text = f"From elsewhere: {', '.join(unknown)}. Costs, cash, assumptions and data are not known; nothing was audited."
        yield ComparisonNote(kind="flag", text=text)


def _calendar_notes(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[ComparisonNote]:
    """The note that runs of several calendars are compared on the sessions that all of them have."""
    calendars = {label: result.provenance.calendar for label, result in runs_of(tracks)}
    if len(set(calendars.values())) > 1:
        whose = "; ".join(f"{label}: {calendar}" for label, calendar in calendars.items())
        text = (
            f"The calendars differ ({whose}). The runs are compared on their {len(days):,} common sessions; what happened "
            f"between two of them is in the return of the later one, and a year has {_sparsest(tracks).sessions_per_year} of "
            "them. The tear sheets count their own sessions."
        )
        yield ComparisonNote(kind="aligned", text=text)


def short_window_notes(days: pd.DatetimeIndex, sessions_per_year: int = SESSIONS_PER_YEAR) -> Iterator[ComparisonNote]:
    """The note that annual values come from a short window."""
    if len(days) < min_annualised_sessions(sessions_per_year):
        text = f"The common window has {count(len(days), 'session')}: annual values are an extrapolation."
        yield ComparisonNote(kind="flag", text=text)


def _cut_notes(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[ComparisonNote]:
    begun = [f"{track.label} ({track.span})" for track in tracks if track.first < days[0]]
    longer = [f"{t.label} ({t.span})" for t in tracks if t.first >= days[0] and not t.bankrupt and t.last > days[-1]]
    window = f"{days[0].date()} to {days[-1].date()}"
    if begun:
        text = (
            f"Cut to the common window, {window}: {list_names(begun)}. Only the returns of the common sessions are chained, "
            "from 1 at the close before; positions already held come along without the cost of entering them, and trades entered "
            "before are not counted. The tear sheets show the whole runs, so their values differ from those here."
        )
        yield ComparisonNote(kind="aligned", text=text)
    if longer:
        text = f"Cut to the common window, {window}: {list_names(longer)}. What came later counts only in their own tear sheets."
        yield ComparisonNote(kind="aligned", text=text)


def window_notes(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[ComparisonNote]:
    """Which windows differ where nothing is aligned."""
    different = [f"{t.label}: {t.span}" for t in tracks if not t.returns.index.equals(days)]
    if different:
        text = f"The windows differ and were not aligned, so returns and ratios are not comparable ({'; '.join(different)})."
        yield ComparisonNote(kind="as is", text=text)


def difference_notes(tracks: tuple[Track, ...]) -> Iterator[ComparisonNote]:
    """Notes on differences that alignment cannot remove: other data, other costs."""
    runs = runs_of(tracks)
    if not runs:
        return
    first_label, first = runs[0]
    seen: dict[object, tuple[str, str]] = {}
    apart = []
    for label, result in runs:
        source = result.provenance
        other_label, other_sha = seen.setdefault(tuple(source.sessions.items()), (label, source.sha256))
        if source.sha256 != other_sha:
            prints = f"SHA-256 {source.sha256[:12]} against {other_sha[:12]}"
            yield ComparisonNote(
                kind="flag", text=f"{label} was made from other data than {other_label}, of the same symbols ({prints})."
            )
        elif _other_origin(result, first):
            text = f"{label} has its data from {_origin(result)}; {first_label} from {_origin(first)}."
            yield ComparisonNote(kind="flag", text=text)
        elif not _same_market(result, first):
            yield ComparisonNote(
                kind="flag", text=f"{label} has other returns of {first.benchmark} than {first_label}: its data differ."
            )
        elif source.sha256 != first.provenance.sha256:
            apart.append(label)
    if apart:
        alike = "source, retrieval date and the benchmark's returns" if first.benchmark else "source and retrieval date"
        text = (
            f"The data fingerprint of {list_names(apart)} differs from that of {first_label} because it covers other symbols or "
            f"sessions; {alike} are the same."
        )
        yield ComparisonNote(kind="flag", text=text)
    yield from _account_flags(runs)


def _origin(result: Result) -> str:
    origin = result.provenance.origin
    return f"{origin.source or 'nowhere stated'}, retrieved {origin.retrieved or 'at an unknown date'}, {origin.adjustment}"


def _other_origin(one: Result, other: Result) -> bool:
    a, b = one.provenance.origin, other.provenance.origin
    return (a.source, a.retrieved, a.adjustment) != (b.source, b.retrieved, b.adjustment)


def _same_market(one: Result, other: Result) -> bool:
    """True if the benchmark moved alike in the sessions that both know; the first row of returns is no return."""
    if not one.benchmark or one.benchmark != other.benchmark:
        return True
    a, b = (r.equity["benchmark"].iloc[0 if r.base else 1 :] for r in (one, other))
    days = a.index.intersection(b.index)
    return bool(np.allclose(a[days], b[days], rtol=0, atol=1e-12))


def _account_flags(runs: tuple[tuple[str, Result], ...]) -> Iterator[ComparisonNote]:
    rules = {label: asdict(result.account) for label, result in runs}
    names = [name for name in next(iter(rules.values())) if name != "cash"]
    different = [name.replace("_", " ") for name in names if len({rule[name] for rule in rules.values()}) > 1]
    dated = {
        "cash rate": {result.rates.cash for _, result in runs},
        "dated borrow fees": {result.rates.borrow for _, result in runs},
    }
    different += [name for name, found in dated.items() if len(found) > 1]
    if different:
        yield ComparisonNote(kind="flag", text=f"The accounts have other rules: {', '.join(different)}. See the assumptions.")


MIN_COMMON_SESSIONS = 2
"""Sessions that a common window needs."""

MIN_SESSION_COVERAGE = 0.9
"""Part of the exchange's sessions for which a track must have a value, or it is no daily series."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """The terms of a comparison.

    Attributes
    ----------
    tracks : tuple of Track
        Those that are compared, in the order given.
    left_out : tuple of (str, str)
        Label and reason of the others.
    sessions : DatetimeIndex
        For which all of them have a return; of any of them if compared as they are.
    base : Timestamp
        The close from which the first common return starts.
    benchmark : str
        Of all of them; empty for none, or if they differ.
    notes : tuple of ComparisonNote
    as_is : bool
        Nothing was aligned or refused.
    calendar : ExchangeCalendar
        Of the common sessions: the one with the fewest sessions a year, where the runs have several.
    """

    tracks: tuple[Track, ...]
    left_out: tuple[tuple[str, str], ...]
    sessions: pd.DatetimeIndex
    base: pd.Timestamp
    benchmark: str
    notes: tuple[ComparisonNote, ...]
    as_is: bool = False
    calendar: ExchangeCalendar = XNYS

    @property
    def since(self) -> pd.Timestamp:
        """The day from which calendar days are counted: the first session where a record begins with its data."""
        first = pd.Timestamp(self.sessions[0])
        return first if any(r.base is None and r.returns.index[0] == first for _, r in self.runs) else self.base

    @property
    def runs(self) -> tuple[tuple[str, Result], ...]:
        """Label and record of those that have one."""
        return runs_of(self.tracks)


def align_tracks(tracks: Iterable[Track], *, as_is: bool = False) -> Alignment:
    """Find the common terms.

    Parameters
    ----------
    tracks : iterable of Track
        With labels that tell them apart. The first one, and the first run among them, set the terms.
    as_is : bool
        Compare each over its own window and on its own terms, and only say how they differ.

    Raises
    ------
    ComparisonError
        None of them can be compared, not even with itself.
    """
    tracks = tuple(tracks)
    reasons = _refusals(tracks)
    if as_is:
        days = pd.DatetimeIndex(sorted(set().union(*(track.returns.index for track in tracks))), name="session")
        names = {result.benchmark for _, result in runs_of(tracks)}
        notes = [ComparisonNote(kind="as is", text=f"{label} {reason}.") for label, reason in reasons.items()]
        sparse = [track.label for track in tracks if track.result is None and not _is_daily(track)]
        if sparse:
            text = (
                f"Not daily: {list_names(sparse)}. Metrics that count sessions are left out, falls between two values are not "
                "seen, and correlations and differences to daily series mean nothing."
            )
            notes.append(ComparisonNote(kind="as is", text=text))
        notes += [*window_notes(tracks, days), *difference_notes(tracks)]
        return Alignment(
            tracks=tracks, left_out=(), sessions=days, base=min(track.base for track in tracks),
            benchmark=names.pop() if len(names) == 1 else "", notes=tuple(notes), as_is=True,
        )  # fmt: skip
    compared = tuple(track for track in tracks if track.label not in reasons)
    if not compared:
        raise ComparisonError(f"{tracks[0].label} {reasons[tracks[0].label]}.")
    days = _common(compared)
    notes = [ComparisonNote(kind="left out", text=f"{label} is left out: it {reason}.") for label, reason in reasons.items()]
    notes += [
        *alignment_notes(compared, days, _benchmark(compared)),
        *short_window_notes(days, _sparsest(compared).sessions_per_year),
        *difference_notes(compared),
    ]
    return Alignment(
        tracks=compared, left_out=tuple(reasons.items()), sessions=days, base=_base(compared, days),
        benchmark=_benchmark(compared), notes=tuple(notes), calendar=_sparsest(compared),
    )  # fmt: skip


def _refusals(tracks: tuple[Track, ...]) -> dict[str, str]:
    """Why a track cannot be compared with those before it, by label."""
    reasons: dict[str, str] = {}
    accepted: list[Track] = []
    for track in tracks:
        reason = _refusal(track, accepted)
        if reason:
            reasons[track.label] = reason
        else:
            accepted.append(track)
    return reasons


def _refusal(track: Track, before: list[Track]) -> str:
    """Why a track does not fit those that were accepted before it; empty if it does."""
    tracks = (*before, track)
    days = _sessions(tracks)
    sparse = [other for other in tracks if not other.bankrupt and _known(other, days) < MIN_SESSION_COVERAGE * len(days)]
    if len(days) >= MIN_COMMON_SESSIONS and sparse:
        whose = "" if sparse[-1] is track else f"leaves a common window in which {sparse[-1].label} "
        return f"{whose}has a value for {_known(sparse[-1], days)} of the {len(days)} common sessions and is no daily series"
    if len(_common(tracks)) < MIN_COMMON_SESSIONS:
        others = f" with {', '.join(other.label for other in before)}" if before else f" of {_calendars(tracks)[0]}"
        return f"has its own window, {track.span}, and no two sessions in common{others}"
    if any(other.bankrupt and other.last < days[0] for other in tracks):
        return "leaves a common window in which an account was wiped out before it began"
    return _other_terms(track.result, before) if track.result else ""


METRICS_OF_ANY_STEP = frozenset({"total_return", "annual_return", "worst_drawdown"})
"""Metrics of a series that is not daily; the others count sessions."""


def _is_daily(track: Track) -> bool:
    """True if a track has a value for nearly all sessions of its own window."""
    return _covers(track, XNYS)


def _covers(track: Track, exchange: ExchangeCalendar) -> bool:
    days = exchange.between(track.first, track.last)
    return _known(track, days) >= MIN_SESSION_COVERAGE * len(days)


def _known(track: Track, days: pd.DatetimeIndex) -> int:
    return len(days.intersection(track.returns.index))


def _other_terms(result: Result, before: list[Track]) -> str:
    """Other cash than the first run, or another benchmark than the first run that has one."""
    for label, other in runs_of(before):
        if result.provenance.currency != other.provenance.currency:
            return f"is in {result.provenance.currency} where {label} is in {other.provenance.currency}"
        if result.account.cash != other.account.cash:
            return f"starts with {money(result.account.cash)} of cash where {label} has {money(other.account.cash)}"
        if result.benchmark and other.benchmark and result.benchmark != other.benchmark:
            return f"is measured against {result.benchmark} where {label} has {other.benchmark}"
    return ""


def _sessions(tracks: tuple[Track, ...]) -> pd.DatetimeIndex:
    """The sessions of all calendars in the window that all tracks share; a wiped-out account stays at nothing to its end."""
    lasts = [track.last for track in tracks if not track.bankrupt] or [max(track.last for track in tracks)]
    first, last = max(track.first for track in tracks), min(lasts)
    one, *others = _calendars(tracks)
    days = one.between(first, last)
    for other in others:
        days = days.intersection(other.between(first, last))
    return days


def _calendars(tracks: Iterable[Track]) -> tuple[ExchangeCalendar, ...]:
    """The calendars of some tracks; that of a series from elsewhere is the first of the runs that it has values for."""
    tracks = tuple(tracks)
    known = dict.fromkeys(result.provenance.calendar for _, result in runs_of(tracks))
    others = (_calendar_of_days(track, (*known, XNYS)) for track in tracks if track.result is None)
    return tuple(dict.fromkeys([*known, *others]))


def _calendar_of_days(track: Track, candidates: tuple[ExchangeCalendar, ...]) -> ExchangeCalendar:
    return next((one for one in candidates if _covers(track, one)), XNYS)


def _sparsest(tracks: tuple[Track, ...]) -> ExchangeCalendar:
    """The calendar with the fewest sessions a year; the common sessions are about as many."""
    return min(_calendars(tracks), key=lambda calendar: calendar.sessions_per_year)


def _common(tracks: tuple[Track, ...]) -> pd.DatetimeIndex:
    """The sessions for which every track has a return, as the records write them."""
    days = _sessions(tracks).as_unit("s").rename("session")
    for track in tracks:
        known = track.returns.index
        days = days[days.isin(known) | (track.bankrupt & (days > track.last))]
    return days


def _base(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> pd.Timestamp:
    """The close before the first common session: the latest that any track knows before it."""
    bases = [track.base if track.first == days[0] else _day_before(track, days[0]) for track in tracks]
    return max(bases)


def _day_before(track: Track, day: pd.Timestamp) -> pd.Timestamp:
    earlier = track.returns.index[track.returns.index < day]
    return pd.Timestamp(earlier[-1]) if len(earlier) else track.base


def _benchmark(tracks: tuple[Track, ...]) -> str:
    return next((result.benchmark for _, result in runs_of(tracks) if result.benchmark), "")


LEVEL_COLUMNS = ("equity", "cash", "gross", "net", "cash_rate")
RETURN_COLUMNS = ("return", "benchmark")


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One column of the comparison.

    Attributes
    ----------
    label : str
    track : Track
        As it was before it was aligned.
    result : Result or None
        The part of the record inside the common window; None for a series from elsewhere.
    returns : Series of shape (sessions,)
    metrics : Metrics
        Of that part; what only the books of an account can say is NaN without a record.
    sessions_per_year : int
        By which the metrics are annual.
    """

    label: str
    track: Track
    result: Result | None
    returns: pd.Series
    metrics: Metrics
    sessions_per_year: int = SESSIONS_PER_YEAR


def build_contenders(alignment: Alignment, risk_free: float | RiskFree = 0.0) -> tuple[Contender, ...]:
    """All tracks on the terms that were found.

    Parameters
    ----------
    alignment : Alignment
    risk_free : float or RiskFree
        A year, the same for all.
    """
    market = market_returns(alignment)
    return tuple(_contender(track, alignment, market, risk_free) for track in alignment.tracks)


def market_returns(alignment: Alignment) -> pd.Series | None:
    """Returns of the one benchmark over the common sessions, from the record that knows most of it; None without one."""
    days = alignment.sessions
    known = [result for _, result in alignment.runs if alignment.benchmark and result.benchmark == alignment.benchmark]
    for result in sorted(known, key=lambda r: r.base or r.window[0]):
        if result.returns.index[-1] >= days[-1] and result.returns.index[0] <= days[0]:
            return compound_to_sessions(result.equity["benchmark"], days, alignment.base)
    return None


def compound_to_sessions(returns: pd.Series, days: pd.DatetimeIndex, base: pd.Timestamp) -> pd.Series:
    """Returns from one of the days to the next, the first from ``base``; days between are multiplied in."""
    inside = returns[(returns.index > base) & (returns.index <= days[-1])]
    if inside.index.equals(days):
        return inside
    grouped = (1 + inside).groupby(days.searchsorted(inside.index)).prod() - 1
    return grouped.set_axis(days[grouped.index]).reindex(days, fill_value=0.0)


def slice_result(result: Result, days: pd.DatetimeIndex, base: pd.Timestamp) -> Result:
    """The part of a record in some of its sessions, as if it had been recorded for these alone.

    Stocks are those of each session, flows and returns those since the one before. Trades count if they were entered and
    ended inside; what was held on the last session is open. A wiped-out account stays as it was to the end.
    """
    table = result.equity.reindex(result.equity.index.union(days[days > result.equity.index[-1]]))
    flows, levels = ([name for name in table if (name in LEVEL_COLUMNS) == level] for level in (False, True))
    table = table.assign(**{name: table[name].fillna(0.0) for name in flows}).ffill()
    inside = table[(table.index > base) & (table.index <= days[-1])]
    groups = days.searchsorted(inside.index)
    summed = inside.groupby(groups).sum().set_axis(days)
    summed[levels] = inside.groupby(groups)[levels].last().set_axis(days)
    for name in RETURN_COLUMNS:
        summed[name] = compound_to_sessions(inside[name], days, base)
    trades, still = _inside(result, days, base)
    fills, events = (t[(t["session"] > base) & (t["session"] <= days[-1])] for t in (result.fills, result.events))
    return replace(
        result,
        window=(days[0].date(), days[-1].date()),
        base=base.date(),
        equity=summed[result.equity.columns].rename_axis("session"),
        positions=result.positions.reindex(days, fill_value=0.0),
        fills=fills.reset_index(drop=True),
        events=events.reset_index(drop=True),
        trades=trades,
        open_positions=still,
    )


def _inside(result: Result, days: pd.DatetimeIndex, base: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trades entered and ended in the window, and those that are open on its last close."""
    ended = result.trades["exit_session"] <= days[-1]
    trades = result.trades[ended & (result.trades["entry_session"] > base)]
    later = result.trades[~ended & (result.trades["entry_session"] <= days[-1])]
    still = result.open_positions[result.open_positions["entry_session"] <= days[-1]]
    still = still if later.empty else later if still.empty else pd.concat([later, still])
    return trades.reset_index(drop=True), still.reset_index(drop=True)


def _contender(track: Track, alignment: Alignment, market: pd.Series | None, risk_free: float | RiskFree) -> Contender:
    days, base = alignment.sessions, alignment.base
    returns = track.returns if alignment.as_is else compound_to_sessions(track.returns, days, base)
    if track.result is None:
        since, known = (track.base, None) if alignment.as_is else (alignment.since, market)
        a_year = alignment.calendar.sessions_per_year
        metrics = measure_returns(ReturnSeries.of(returns, since, risk_free, known, a_year))
        if alignment.as_is and not _is_daily(track):
            metrics = metrics.replace(**dict.fromkeys(metrics.by_name.keys() - METRICS_OF_ANY_STEP, math.nan))
        return Contender(label=track.label, track=track, result=None, returns=returns, metrics=metrics, sessions_per_year=a_year)
    result = track.result if alignment.as_is else _on_terms(track.result, alignment, market)
    metrics = measure(result, risk_free)
    if not result.returns.index.equals(track.result.returns.index):
        metrics = metrics.replace(**_of_whole(track.result, result, base))
    return Contender(
        label=track.label, track=track, result=result, returns=returns, metrics=metrics,
        sessions_per_year=result.sessions_per_year,
    )  # fmt: skip


def _on_terms(result: Result, alignment: Alignment, market: pd.Series | None) -> Result:
    """The record itself where it is on the common terms already, else the part of it that is."""
    days, recorded = alignment.sessions, result.benchmark_returns
    is_complete = result.returns.index.equals(days)
    if is_complete and (recorded is market or (recorded is not None and market is not None and np.array_equal(recorded, market))):
        return result
    part = result if is_complete else slice_result(result, days, alignment.base)
    if not is_complete and part.provenance.calendar != alignment.calendar:
        part = replace(part, provenance=replace(part.provenance, calendar=alignment.calendar))
    counted_from = alignment.base.date() if alignment.since == alignment.base else None
    column = 0.0 if market is None else market
    return replace(
        part, base=result.base if is_complete else counted_from, benchmark="" if market is None else alignment.benchmark,
        equity=part.equity.assign(benchmark=column),
    )  # fmt: skip


def _of_whole(full_run: Result, part: Result, base: pd.Timestamp) -> dict[str, float]:
    """Metrics of a whole run that an excerpt cannot know: positions at its start and the entries of trades held then."""
    in_market = formulas.sessions_in_market(full_run).reindex(part.returns.index, fill_value=False)
    ended = full_run.trades[full_run.trades["exit_session"] > base]
    entries = pd.concat([ended["entry_session"], full_run.open_positions["entry_session"]])
    inside = entries[entries <= part.returns.index[-1]]
    invested, entered = float(in_market.mean()), int(inside.nunique())
    observed = formulas.count_observations(invested, len(in_market), entered)
    return {"time_in_market": invested, "entry_dates": entered, "observations": observed}


def benchmark_metrics(alignment: Alignment, risk_free: float | RiskFree = 0.0) -> Metrics | None:
    """The same for the benchmark itself."""
    market = market_returns(alignment)
    if market is None:
        return None
    a_year = alignment.calendar.sessions_per_year
    return measure_returns(ReturnSeries.of(market, alignment.since, risk_free, sessions_per_year=a_year))
