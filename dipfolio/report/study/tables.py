"""The tables of a claim, and the texts of its estimates, its outcome and its verdict.

The effect, the interval, the p-value and the observations have the same text on the terminal and on the page.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dipfolio.engine.display import signed_dollars
from dipfolio.report.format import MISSING_TEXT, count, money, percent, ratio, unsigned_percent
from dipfolio.study.claims import OUTCOME_HORIZONS, STAKE

if TYPE_CHECKING:
    from dipfolio.evidence.estimates import Estimate
    from dipfolio.evidence.sensitivity import SensitivityCase
    from dipfolio.study.claims import ClaimKind
    from dipfolio.study.event_day import Move
    from dipfolio.study.outcomes import Holding, MoneyPath, Outcome
    from dipfolio.study.verdicts import Verdict

OUTCOME_STYLES = {
    "came true": "yes", "partly": "part", "did not come true": "no", "not yet": "open", "prices cannot say": "none",
    "not in these data": "none", "a rule": "none",
}  # fmt: skip
"""Style of each answer to whether a claim came true, on the page."""

LUCK_STYLES = {
    "more than luck": "yes", "the opposite": "no", "no effect": "no", "no effect found": "open", "data cannot tell": "shut",
    "prices do not answer": "none", "illustration": "none",
}  # fmt: skip
"""Style of each answer to whether a claim is more than luck, on the page."""


@dataclass(frozen=True, kw_only=True)
class VerdictTexts:
    """The two answers to a claim and their numbers as they are read; ``MISSING_TEXT`` where one does not exist.

    Attributes
    ----------
    id, sentence : str
        Of the claim.
    came, came_style, says, rule : str
        Whether it came true, its style, the numbers that say so, and the rule. Empty without an outcome.
    luck, luck_style, reason : str
        Whether it is more than luck, its style, and why.
    effect, interval, p_value, smallest, corrected, observations, detectable : str
        Of the test.
    told : bool
        Whether the test has numbers at all.
    counted : bool
        Whether it is no repetition of another claim's number.
    """

    id: str
    sentence: str
    came: str = ""
    came_style: str = "none"
    says: str = ""
    rule: str = ""
    luck: str
    luck_style: str
    reason: str
    effect: str = MISSING_TEXT
    interval: str = MISSING_TEXT
    p_value: str = MISSING_TEXT
    smallest: str = MISSING_TEXT
    corrected: str = MISSING_TEXT
    observations: str = MISSING_TEXT
    detectable: str = MISSING_TEXT
    told: bool = False
    counted: bool = True


def verdict_texts(verdict: "Verdict", outcome: "Outcome | None" = None) -> VerdictTexts:
    """A verdict in words; one that repeats another's number, and an illustration, have no numbers of a test.

    Parameters
    ----------
    verdict : Verdict
    outcome : Outcome or None
        Whether the claim came true.
    """
    claim, primary = verdict.claim, verdict.primary
    reason = verdict.reason if claim.kind != "fact" or primary is None else f"Their mean open against {primary.against}."
    bare = VerdictTexts(
        id=claim.id, sentence=claim.sentence, reason=reason, counted=verdict.counted,
        luck=verdict.luck if verdict.counted else f"see {claim.same_as}",
        luck_style=LUCK_STYLES[verdict.luck] if verdict.counted else "none",
    )  # fmt: skip
    if outcome is not None:
        bare = replace(bare, came=outcome.word, came_style=OUTCOME_STYLES[outcome.word], says=outcome.says, rule=outcome.rule)
    if primary is None or not verdict.counted or verdict.luck == "illustration":
        return bare
    return replace(
        bare,
        effect=format_effect(primary, primary.observed if math.isnan(primary.effect) else primary.effect),
        interval=format_interval(primary),
        p_value=format_p_value(primary.p_value),
        smallest=format_p_value(primary.smallest),
        corrected=MISSING_TEXT if math.isnan(verdict.corrected) else f"{format_p_value(verdict.corrected)} of {verdict.family}",
        observations=format_observations(primary),
        detectable=format_effect(primary, primary.detectable),
        told=True,
    )


def holdings_table(outcome: "Outcome | None") -> "TextTable | None":
    """What a trade, its baskets and names, and the benchmarks earned from Monday's open; None without a trade."""
    if outcome is None or not outcome.holdings:
        return None
    return returns_table(outcome.holdings, f"Total return from Monday's open, and the profit of ${STAKE:,.0f}.")


def returns_table(holdings: "Iterable[Holding]", caption: str) -> "TextTable":
    """The return and the dollars of each holding at every horizon.

    Parameters
    ----------
    holdings : iterable of Holding
    caption : str
    """
    heads = ("Held", *(f"{horizon} sessions" for horizon in OUTCOME_HORIZONS))
    rows = tuple((held.label, *(_return_and_dollars(held.after(horizon)) for horizon in OUTCOME_HORIZONS)) for held in holdings)
    return TextTable(caption=caption, heads=heads, rows=rows)


def _return_and_dollars(value: float) -> str:
    return "not yet" if math.isnan(value) else f"{percent(value)}, {signed_dollars(STAKE * value)}"


MONEY_PATH_SESSIONS = (0, 1, 2, 5, 20, 60, 120, 250)
"""Sessions after the sale at which the commenter's profit is in the table, and the best, the worst and the last."""


def money_table(path: "MoneyPath | None") -> "TextTable | None":
    """The profit of the commenter's short at some closes."""
    if path is None:
        return None
    table = path.table
    rows = {*MONEY_PATH_SESSIONS, len(table) - 1, *(int(table.index.get_loc(day)) for day in (path.best, path.worst))}
    columns = ("price_profit", "borrow", "dividends", "profit")
    return TextTable(
        caption=f"Profit of {path.shares:,.0f} {path.symbol} sold short at ${path.entry_price:,.2f}, by session.",
        heads=("Session", "Close", "Before costs", "Borrow fee", "Dividends owed", "After all costs"),
        rows=tuple(
            (f"{row}: {table.index[row].date()}", money(table["close"].iloc[row]),
             *(signed_dollars(table[column].iloc[row]) for column in columns))
            for row in sorted(rows) if row < len(table)
        ),
    )  # fmt: skip


def format_effect(estimate: "Estimate", value: float) -> str:
    """A value in the unit of an estimate."""
    if math.isnan(value):
        return MISSING_TEXT
    if math.isinf(value):
        return "not seen"
    if estimate.unit == "dollars":
        return money(value)
    return f"{value:+,.0f} sessions" if estimate.unit == "sessions" else percent(value)


def format_interval(estimate: "Estimate") -> str:
    """The 95 % interval of the effect."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return MISSING_TEXT
    return f"{percent(estimate.low).removesuffix(' %')} to {percent(estimate.high)}"


def format_p_value(value: float) -> str:
    """A probability to three digits; one too small for them is said to be below."""
    if math.isnan(value):
        return MISSING_TEXT
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def format_observations(estimate: "Estimate") -> str:
    """How many, and how many of them are independent at the most."""
    if estimate.sample == "event" and estimate.observations == estimate.clusters == 1:
        return "1 date"
    if estimate.sample == "event":
        return f"{estimate.observations} on {count(estimate.clusters, 'day')}"
    if estimate.observations == estimate.clusters:
        return f"{estimate.observations:,}"
    return f"{estimate.observations:,} in {count(estimate.clusters, 'group')}"


SAMPLE_LABELS = {"event": "the event", "design": "to 24 Jan 2025", "confirmation": "from 28 Jan 2025", "all": "all"}


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A small table: heads, and rows whose first cell is their head."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def estimates_table(found: "tuple[Estimate, ...]", kind: "ClaimKind" = "event") -> TextTable | None:
    """All comparisons, if there are several; those of a fact are corrected over its names and all decide."""
    if len(found) < 2:
        return None
    heads = (
        "What", "Sessions", "Sample", "Compared with", "Observed", "Usual", "Effect", "95 % interval", "p", "Other way",
        "Smallest p", "Observations",
    )  # fmt: skip
    rows = tuple(
        (
            f.label,
            str(f.horizon or MISSING_TEXT),
            SAMPLE_LABELS[f.sample],
            f.against or MISSING_TEXT,
            format_effect(f, f.observed),
            format_effect(f, f.usual),
            format_effect(f, f.effect),
            format_interval(f),
            format_p_value(f.p_value),
            format_p_value(f.opposite),
            format_p_value(f.smallest),
            format_observations(f),
        )
        for f in found
    )
    caption = f"All {len(found)} comparisons, uncorrected; the first decides."
    if kind == "fact":
        caption = "Each name that the claim is about decides; its p is corrected by Holm over these names."
    return TextTable(caption=caption, heads=heads, rows=rows)


def profits_table(cells: "tuple[SensitivityCase, ...]") -> TextTable | None:
    """The profit of the account, by entry and slippage."""
    caption = f"Profit of the account by entry and by basis points lost on each order, after commission and fees{_marked(cells)}."
    return _by_entry(cells, caption, {cell: percent(cell.profit) for cell in cells})


def mean_trades_table(cells: "tuple[SensitivityCase, ...]") -> TextTable | None:
    """The mean return of a trade, by entry and slippage, where there are several."""
    if not any(cell.trades > 1 for cell in cells):
        return None
    most = max(cell.trades for cell in cells)
    caption = f"Mean return of a trade that ended, of {most} at the most, by the same entries and slippages."
    return _by_entry(cells, caption, {cell: percent(cell.mean_trade) for cell in cells})


def borrow_rates_table(cells: "tuple[SensitivityCase, ...]") -> TextTable | None:
    """The profit of the account at higher borrow rates."""
    found = [cell for cell in cells if cell.varied == "borrow"]
    if not found:
        return None
    rows = [("Profit", *(percent(cell.profit) for cell in found))]
    if any(cell.trades > 1 for cell in found):
        rows.append(("Mean trade", *(percent(cell.mean_trade) for cell in found)))
    return TextTable(
        caption=f"By what borrowing the shares costs a year; entered at {_the(found[0].entry)}, {found[0].slippage_bps:g} bp.",
        heads=("A year", *(unsigned_percent(cell.borrow_rate) for cell in found)),
        rows=tuple(rows),
    )


def _by_entry(cells: "tuple[SensitivityCase, ...]", caption: str, words: "dict[SensitivityCase, str]") -> TextTable | None:
    table = {(cell.entry, cell.slippage_bps): cell for cell in cells if cell.varied == "cost"}
    entries, slippages = (list(dict.fromkeys(key[place] for key in table)) for place in (0, 1))
    if not table:
        return None
    rows = tuple((_capital(str(entry)), *(words[table[entry, s]] for s in slippages)) for entry in entries)  # type: ignore[index]
    return TextTable(caption=caption, heads=("Entry", *(f"{slippage:g} bp" for slippage in slippages)), rows=rows)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _the(entry: str) -> str:
    return entry if entry[0].isupper() else f"the {entry}"


def _marked(cells: "tuple[SensitivityCase, ...]") -> str:
    return "" if all(cell.ended for cell in cells) else "; not over when the data end, marked at their last close"


def moves_table(found: "tuple[Move, ...]", caption: str, head: str) -> TextTable:
    """The day of names or baskets."""
    heads = (head, "Close to close", "At the open", "Open to close", "Beta", "Abnormal", "t", "Rank p")
    rows = tuple(
        (
            move.label, percent(move.day), percent(move.gap), percent(move.session), ratio(move.beta), percent(move.abnormal),
            ratio(move.t), format_p_value(move.rank),
        )
        for move in found
    )  # fmt: skip
    return TextTable(caption=caption, heads=heads, rows=rows)


def recoveries_table(found: "tuple[Move, ...]") -> TextTable:
    """When each name was back."""
    return TextTable(
        caption="First close at or above that of Friday 24 January, and the lowest close on the way.",
        heads=("Name", "Regained", "Sessions", "Lowest from Monday's close"),
        rows=tuple(row for move in found for row in _recovered(move)),
    )


def _recovered(move: "Move") -> Iterator[tuple[str, ...]]:
    found = move.recovery
    if found is None:
        return
    if found.sessions == 0:
        yield move.label, "never below at a close", "0", MISSING_TEXT
        return
    when = str(found.regained.date()) if found.regained is not None else "not within the data"
    yield move.label, when, str(found.sessions), percent(found.worst, 1) if not math.isclose(found.worst, 0.0) else MISSING_TEXT
