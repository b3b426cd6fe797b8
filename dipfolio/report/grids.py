"""Grids: the tables on the page of a claim."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dipfolio.evidence.estimate import Estimate
from dipfolio.evidence.moves import Move
from dipfolio.evidence.sensitivity import Sensitivity
from dipfolio.report.measured import between, chance, observations, sized
from dipfolio.report.wording import NOTHING, part, percent, ratio

SAMPLES = {"event": "the event", "design": "to 24 Jan 2025", "confirmation": "from 28 Jan 2025", "all": "all"}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A small table: heads, and rows whose first cell is their head."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def estimates(found: tuple[Estimate, ...]) -> Grid | None:
    """All comparisons, if there are several."""
    if len(found) < 2:
        return None
    heads = (
        "What", "Sessions", "Sample", "Compared with", "Observed", "Usual", "Effect", "95 % interval", "p", "Other way",
        "Smallest p", "Observations",
    )  # fmt: skip
    rows = tuple(
        (
            f.label, str(f.horizon or NOTHING), SAMPLES[f.sample], f.against or NOTHING, sized(f, f.observed), sized(f, f.usual),
            sized(f, f.effect), between(f), chance(f.p_value), chance(f.opposite), chance(f.smallest), observations(f),
        )
        for f in found
    )  # fmt: skip
    return Grid(caption=f"All {len(found)} comparisons, uncorrected; the first decides.", heads=heads, rows=rows)


def profits(cells: tuple[Sensitivity, ...]) -> Grid | None:
    """What the account has gained, by entry and slippage."""
    caption = f"Profit of the account by entry and by basis points lost on each order, after commission and fees{_marked(cells)}."
    return _by_entry(cells, caption, {cell: percent(cell.profit) for cell in cells})


def mean_trades(cells: tuple[Sensitivity, ...]) -> Grid | None:
    """What a trade has earned on average, by entry and slippage, where there are several."""
    if not any(cell.trades > 1 for cell in cells):
        return None
    most = max(cell.trades for cell in cells)
    caption = f"Mean return of a trade that ended, of {most} at the most, by the same entries and slippages."
    return _by_entry(cells, caption, {cell: percent(cell.mean_trade) for cell in cells})


def borrowing(cells: tuple[Sensitivity, ...]) -> Grid | None:
    """What dearer borrowing leaves."""
    found = [cell for cell in cells if cell.varied == "borrow"]
    if not found:
        return None
    rows = [("Profit", *(percent(cell.profit) for cell in found))]
    if any(cell.trades > 1 for cell in found):
        rows.append(("Mean trade", *(percent(cell.mean_trade) for cell in found)))
    return Grid(
        caption=f"By what borrowing the shares costs a year; entered at {_the(found[0].entry)}, {found[0].slippage_bps:g} bp.",
        heads=("A year", *(part(cell.borrow_rate) for cell in found)),
        rows=tuple(rows),
    )


def _by_entry(cells: tuple[Sensitivity, ...], caption: str, words: dict[Sensitivity, str]) -> Grid | None:
    table = {(cell.entry, cell.slippage_bps): cell for cell in cells if cell.varied == "cost"}
    entries, slippages = (list(dict.fromkeys(key[place] for key in table)) for place in (0, 1))
    if not table:
        return None
    rows = tuple((_capital(str(entry)), *(words[table[entry, s]] for s in slippages)) for entry in entries)  # type: ignore[index]
    return Grid(caption=caption, heads=("Entry", *(f"{slippage:g} bp" for slippage in slippages)), rows=rows)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _the(entry: str) -> str:
    return entry if entry[0].isupper() else f"the {entry}"


def _marked(cells: tuple[Sensitivity, ...]) -> str:
    return "" if all(cell.ended for cell in cells) else "; not over when the figures end, marked at their last close"


def moves(found: tuple[Move, ...], caption: str, head: str) -> Grid:
    """The day of names or baskets."""
    heads = (head, "Close to close", "At the open", "Open to close", "Beta", "Abnormal", "t", "Rank p")
    rows = tuple(
        (
            move.label, percent(move.day), percent(move.gap), percent(move.session), ratio(move.beta), percent(move.abnormal),
            ratio(move.t), chance(move.rank),
        )
        for move in found
    )  # fmt: skip
    return Grid(caption=caption, heads=heads, rows=rows)


def recoveries(found: tuple[Move, ...]) -> Grid:
    """When each name was back."""
    return Grid(
        caption="First close at or above that of Friday 24 January, and the lowest close on the way.",
        heads=("Name", "Regained", "Sessions", "Lowest from Monday's close"),
        rows=tuple(row for move in found for row in _recovered(move)),
    )


def _recovered(move: Move) -> Iterator[tuple[str, ...]]:
    found = move.recovery
    if found is None:
        return
    if found.sessions == 0:
        yield move.label, "never below at a close", "0", NOTHING
        return
    when = str(found.regained.date()) if found.regained is not None else "not within the figures"
    yield move.label, when, str(found.sessions), percent(found.worst, 1) if not math.isclose(found.worst, 0.0) else NOTHING
