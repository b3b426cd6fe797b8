"""The details of a claim beyond its verdict: return paths, simulated account and sensitivity."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.universe import UNIVERSES, resolve
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DipfolioError
from dipfolio.evidence.estimates import ProgressCallback, no_progress
from dipfolio.evidence.placebo import MARKET_SYMBOL, SEED
from dipfolio.evidence.recovery import Recovery, SurvivalCurve, find_recovery, survival_curve
from dipfolio.evidence.sensitivity import (
    ANY_DATE_ENTRIES,
    EntryVariant,
    SensitivityCase,
    run_sensitivity,
    sells_short,
)
from dipfolio.study.claims import Claim
from dipfolio.study.dates import DESIGN_END, EVENT_SESSION
from dipfolio.study.event_claims import build_strategy, recoveries_after_other_drops
from dipfolio.study.event_day import Move, basket_moves, name_moves
from dipfolio.study.history import claim_bars
from dipfolio.study.parallel import map_items
from dipfolio.study.return_paths import ReturnPath, abnormal_return_path, event_return_path, rule_return_path
from dipfolio.study.rule_claims import signal_strategy
from dipfolio.study.variants import VariantEvaluation
from dipfolio.study.verdicts import Thesis, Verdict

BASKETS = {
    "All twelve": UNIVERSES["article"],
    "Chipmakers": UNIVERSES["chipmakers"],
    "Stargate": UNIVERSES["stargate"],
    "Magnificent Seven": UNIVERSES["magnificent-seven"],
    "Hyperscalers": UNIVERSES["hyperscalers"],
}
"""The groups that fell, and did not fall, together."""

MAX_PATHS_PER_CHART = 5
"""Names whose own courses still fit into one chart."""

SUB_BASKETS = {
    "Chipmakers": "chipmakers", "Stargate": "stargate", "Magnificent Seven": "magnificent-seven",
    "Hyperscalers": "hyperscalers",
}  # fmt: skip
"""Universes that the trade of the whole article is divided into."""

BENCHMARKS = ("SPY", "QQQ")

EVENT_KINDS = ("event", "duration", "fact", "arithmetic")
"""Kinds of claims about DeepSeek Monday itself."""

TRADED_KINDS = ("event", "described", "duration", "rule", "list", "paired", "split", "mean", "arithmetic", "same")
"""Kinds that have an account if a strategy trades them."""

MONDAY_ENTRIES = (
    EntryVariant(label="Monday's open", sessions=0, fill="open"),
    EntryVariant(label="Monday's close", sessions=0, fill="close"),
    EntryVariant(label="Tuesday's open", sessions=1, fill="open"),
)
UNRESTRICTED_ENTRY = EntryVariant(label="Wednesday's open", sessions=2, fill="open")
"""The first at which shares under the short-sale price test could be sold freely again."""

FRIDAY_ENTRIES = (
    EntryVariant(label="Friday's open", sessions=0, fill="open"),
    EntryVariant(label="Friday's close", sessions=0, fill="close"),
    EntryVariant(label="Monday's open", sessions=1, fill="open"),
)
"""Of the trade that was told."""

ENTRIES_BY_KIND = {"event": MONDAY_ENTRIES, "duration": MONDAY_ENTRIES[:2], "arithmetic": FRIDAY_ENTRIES}
"""Of other kinds any day's. A wait for recovery that begins on Tuesday would wait for Monday's close, which is another trade."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventDay:
    """DeepSeek Monday: names, baskets, and the abnormal course of each basket."""

    names: tuple[Move, ...]
    baskets: tuple[Move, ...]
    courses: tuple[ReturnPath, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimDetails:
    """One claim.

    Attributes
    ----------
    verdict : Verdict
    strategy : Strategy or None
        What trades it, with the parameters of the primary comparison.
    symbols : tuple of str
        What it is about.
    paths : tuple of ReturnPath
        Cumulative abnormal return from DeepSeek Monday on: of all it is about, then of its parts.
    course : ReturnPath or None
        Of its trade by the sessions held.
    parts : tuple of ReturnPath
        Of the sub-baskets, for the claim about all names.
    result : Result or None
        Its run with the default account over the whole data.
    sensitivities : tuple of SensitivityCase
    waiting : SurvivalCurve or None
        For a duration: the share of other drops that were not over.
    recovery : Recovery or None
        For a duration: that of DeepSeek Monday, looked for in no more sessions than the claim allows.
    searched_until : Timestamp or None
        The last session in which that recovery was looked for.
    contest : VariantEvaluation or None
        Its variants.
    """

    verdict: Verdict
    strategy: Strategy | None = None
    symbols: tuple[str, ...] = ()
    paths: tuple[ReturnPath, ...] = ()
    course: ReturnPath | None = None
    parts: tuple[ReturnPath, ...] = ()
    result: Result | None = None
    sensitivities: tuple[SensitivityCase, ...] = ()
    waiting: SurvivalCurve | None = None
    recovery: Recovery | None = None
    searched_until: pd.Timestamp | None = None
    contest: VariantEvaluation | None = None


def analyse_event_day(bars: Bars) -> EventDay | None:
    """DeepSeek Monday in these data; None where they do not have it or too little before it."""
    names = (*UNIVERSES["article"], *BENCHMARKS)
    try:
        return EventDay(
            names=name_moves(bars, names, EVENT_SESSION),
            baskets=basket_moves(bars, BASKETS, EVENT_SESSION),
            courses=tuple(abnormal_return_path(bars, symbols, EVENT_SESSION, label) for label, symbols in BASKETS.items()),
        )
    except DipfolioError:
        return None


def claim_details(
    thesis: Thesis, bars: Bars, folder: Path, *, seed: int = SEED, jobs: int = 1, progress: ProgressCallback = no_progress
) -> tuple[ClaimDetails, ...]:
    """One for each verdict; what these data do not allow is left out.

    Parameters
    ----------
    thesis : Thesis
    bars : Bars
        The same that were judged.
    folder : Path
        The strategies.
    seed : int
        Of the band around the waiting curve.
    jobs : int
        Processes that share the claims; the result is the same with any number.
    progress : callable
        Is told the claim after each.
    """
    contests = {contest.claim: contest for contest in thesis.contests}
    cases = [(verdict, contests.get(verdict.claim.id)) for verdict in thesis.verdicts]
    made = []
    found = map_items(
        partial(_details, seed=seed), cases, bars, folder, jobs, takes_long=lambda case: case[0].claim.decades
    )  # fmt: skip
    for details in found:
        made.append(_with_strategy(details, bars, folder))
        progress(f"details of {details.verdict.claim.id}")
    return tuple(made)


def _details(case: tuple[Verdict, VariantEvaluation | None], bars: Bars, folder: Path, seed: int) -> ClaimDetails:
    """All but the strategy, whose class cannot go from one process to another."""
    verdict, contest = case
    claim, result = verdict.claim, None
    bars = claim_bars(claim, bars, folder)
    strategy = _strategy(claim, bars, folder)
    with suppress(DipfolioError):
        market = claim.benchmark or (MARKET_SYMBOL if MARKET_SYMBOL in bars.symbols else "")
        result = simulate(strategy, bars, benchmark=market) if strategy else None
    recovery = _recovery(claim, bars)
    symbols = strategy.symbols if strategy else resolve(claim.universe) if claim.universe else ()
    return ClaimDetails(
        verdict=verdict, symbols=symbols, paths=tuple(_paths(claim, strategy, symbols, bars)),
        course=next(_course(verdict, bars, folder), None), parts=tuple(_parts(verdict, bars, folder)), result=result,
        sensitivities=_sensitivities(claim, strategy, bars, result), contest=contest,
        waiting=next(_waiting(verdict, bars, seed), None),
        recovery=recovery, searched_until=None if recovery is None else _looked_until(bars, recovery),
    )  # fmt: skip


def _with_strategy(details: ClaimDetails, bars: Bars, folder: Path) -> ClaimDetails:
    claim = details.verdict.claim
    return replace(details, strategy=_strategy(claim, claim_bars(claim, bars, folder), folder))


def _strategy(claim: Claim, bars: Bars, folder: Path) -> Strategy | None:
    """What trades a claim with the parameters of its primary comparison; None without one, or without its data."""
    horizon = claim.horizons[0] if claim.horizons else 0
    with suppress(DipfolioError):
        if claim.kind in TRADED_KINDS and claim.strategy:
            return build_strategy(folder, claim, horizon)
        if claim.kind in TRADED_KINDS and claim.signal:
            return signal_strategy(claim, bars, horizon)
    return None


def _sensitivities(claim: Claim, strategy: Strategy | None, bars: Bars, result: Result | None) -> tuple[SensitivityCase, ...]:
    """None for a strategy that does not trade, and for the number of another claim, which has them."""
    with suppress(DipfolioError):
        if strategy is not None and claim.kind != "same":
            start = DESIGN_END.date() if claim.kind in EVENT_KINDS else None
            entries = ENTRIES_BY_KIND.get(claim.kind, ANY_DATE_ENTRIES)
            if entries == MONDAY_ENTRIES and sells_short(strategy, bars):
                entries = (*entries, UNRESTRICTED_ENTRY)
            own = bars.select(strategy.symbols)  # once, and not in each of the simulations
            if claim.kind in EVENT_KINDS and result is not None and result.open_positions.empty and len(result.trades):
                cases = run_sensitivity(strategy, _until_after(own, result), entries=entries, start=start)
                if all(case.ended for case in cases):
                    return cases
            return run_sensitivity(strategy, own, entries=entries, start=start)
    return ()


SESSIONS_AFTER_TRADES = 10
"""Sessions kept after the last exit of a trade on one date, for the same trade with later entries."""


def _until_after(bars: Bars, result: Result) -> Bars:
    """The bars up to some sessions after the last exit: a trade on one date leaves an account as it is afterwards."""
    last = int(bars.sessions.searchsorted(result.trades["exit_session"].max()))
    return bars.until(bars.sessions[min(last + SESSIONS_AFTER_TRADES, len(bars) - 1)])


def _paths(claim: Claim, strategy: Strategy | None, symbols: tuple[str, ...], bars: Bars) -> Iterator[ReturnPath]:
    """Of the whole, then of its parts: the two sides of a pair, the groups of the article's twelve, or a few names."""
    if claim.kind not in EVENT_KINDS:
        return
    with suppress(DipfolioError):
        wanted = strategy.targets(bars.select(symbols)).max() if strategy and sells_short(strategy, bars) else None
        sold = () if wanted is None else tuple(wanted.index[wanted < 0])
        bought = tuple(symbol for symbol in symbols if symbol not in sold)
        if not (bought and sold):
            parts = {name: UNIVERSES[group] for name, group in SUB_BASKETS.items()} if symbols == UNIVERSES["article"] else {}
            yield abnormal_return_path(bars, symbols, EVENT_SESSION, basket_name(symbols))
            few = {symbol: (symbol,) for symbol in symbols} if 1 < len(symbols) <= MAX_PATHS_PER_CHART else {}
            for label, names in (parts or few).items():
                yield abnormal_return_path(bars, names, EVENT_SESSION, label)
            return
        yield abnormal_return_path(bars, bought, EVENT_SESSION, f"{basket_name(bought)} less {basket_name(sold)}", sold=sold)
        for names in (bought, sold):
            yield abnormal_return_path(bars, names, EVENT_SESSION, basket_name(names))


def basket_name(symbols: tuple[str, ...]) -> str:
    """The name of a basket, else the symbols."""
    return next((label for label, names in BASKETS.items() if names == symbols), ", ".join(symbols))


def _course(verdict: Verdict, bars: Bars, folder: Path) -> Iterator[ReturnPath]:
    claim = verdict.claim
    with suppress(DipfolioError):
        if claim.kind == "event":
            yield event_return_path(claim, bars, folder)
        elif claim.kind == "rule" and min(claim.horizons) > 1:
            yield rule_return_path(claim, bars, folder)


def _parts(verdict: Verdict, bars: Bars, folder: Path) -> Iterable[ReturnPath]:
    if verdict.claim.id != "A1":
        return
    for label, universe in SUB_BASKETS.items():
        with suppress(DipfolioError):
            yield event_return_path(verdict.claim, bars, folder, {"universe": universe}, label)


def _waiting(verdict: Verdict, bars: Bars, seed: int) -> Iterator[SurvivalCurve]:
    claim = verdict.claim
    with suppress(DipfolioError):
        if claim.kind == "duration":
            yield survival_curve(
                recoveries_after_other_drops(bars, claim.universe, claim.horizons[0]), claim.horizons[0], seed=seed
            )


def _recovery(claim: Claim, bars: Bars) -> Recovery | None:
    """The recovery of DeepSeek Monday for a claim about a duration; None where the data do not reach so far."""
    if claim.kind != "duration":
        return None
    try:
        return find_recovery(bars.select((claim.universe,)).close[claim.universe], EVENT_SESSION, claim.horizons[0])
    except DipfolioError:
        return None


def _looked_until(bars: Bars, recovery: Recovery) -> pd.Timestamp:
    """The session of the recovery, or the last one in which it was looked for."""
    return bars.sessions[bars.sessions.get_loc(recovery.session) + recovery.sessions]
