"""The opening of the study: five sentences with their numbers and a picture each, alike for the page and the terminal.

The pictures are SVG without scripts; their colours are those of the theme of the page.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup

from dipfolio.data.universe import resolve
from dipfolio.engine.display import signed_dollars
from dipfolio.evidence.estimates import Estimate
from dipfolio.evidence.recovery import Recovery
from dipfolio.report.format import count, percent, whole_number
from dipfolio.report.study.tables import SAMPLE_LABELS, format_effect, format_p_value
from dipfolio.study.claims import OUTCOME_HORIZONS, STAKE
from dipfolio.study.event_claims import AS_STATED
from dipfolio.study.outcomes import Holding, MoneyPath, WhatHappened
from dipfolio.study.verdicts import Thesis, Verdict

WIDTH, HEIGHT = 340, 124
"""Of a picture, in its own units."""

TITLES = ("The day", "The article", "The commenter", "The bear", "The rule")

OPENING_RULE, DECADES_RULE = "G1", "D1"
"""The claim whose rule the opening shows, and the same rule on the decades before."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One sentence of the opening.

    Attributes
    ----------
    title : str
        One of :data:`TITLES`.
    sentence : str
        The answer.
    detail : str
        The numbers beside it.
    picture : Markup
        An SVG element.
    """

    title: str
    sentence: str
    detail: str
    picture: Markup


def opening_panels(thesis: Thesis) -> tuple[Panel, ...]:
    """The sentences that the data allow, in the order of :data:`TITLES`.

    Parameters
    ----------
    thesis : Thesis
        With all verdicts: the rule is one of them.
    """
    verdicts = {verdict.claim.id: verdict for verdict in thesis.verdicts}
    return tuple(_panels(thesis.happened, verdicts.get(OPENING_RULE), verdicts.get(DECADES_RULE)))


def _panels(happened: WhatHappened | None, rule: Verdict | None, decades: Verdict | None) -> Iterator[Panel]:
    if happened is not None:
        held = happened.holdings
        if {"chipmakers", "hyperscalers", "article"} <= held.keys() and set(resolve("article")) <= happened.day.keys():
            yield _day(happened)
            yield _article(happened)
        if happened.commenter is not None:
            yield _commenter(happened.commenter)
        if {"NVDA", "hyperscalers"} <= held.keys():
            yield _bear(held)
    if rule is not None and rule.primary is not None:
        yield _rule(rule, rule.primary, decades)


# -- the sentences ---------------------------------------------------------------


def _day(happened: WhatHappened) -> Panel:
    day = happened.day
    chips, hyperscalers = (float(np.mean([day[name] for name in resolve(group)])) for group in ("chipmakers", "hyperscalers"))
    rose = [name for name in resolve("article") if day[name] > 0]
    named = ", ".join(f"{name} {percent(day[name], 1)}" for name in (*resolve("chipmakers"), *resolve("hyperscalers")))
    market = ", ".join(f"{name} {percent(day[name], 1)}" for name in ("SPY", "QQQ") if name in day)
    moves = f"the four chipmakers {_moved(chips)} on average and the four hyperscalers {_moved(hyperscalers)}"
    return Panel(
        title=TITLES[0],
        sentence=f"On Monday 27 January 2025 {moves}; {len(rose)} of the twelve shares rose{_in_brackets(rose)}.",
        detail=f"From Friday's close to Monday's close: {named}; {market}.",
        picture=bars_picture({name: day[name] for name in resolve("article")}, f"The twelve shares on that day: {named}."),
    )


def _article(happened: WhatHappened) -> Panel:
    held = happened.holdings
    twelve, others = held["article"], {name: held[name] for name in ("SPY", "QQQ", "SMH") if name in held}
    at = _known(twelve)
    values = [f"${STAKE * (1 + twelve.after(h)):,.0f} ({percent(twelve.after(h))}) {_after(h, twelve)}" for h in at]
    beside = "; ".join(f"{name} {', '.join(percent(other.after(h)) for h in at)}" for name, other in others.items())
    return Panel(
        title=TITLES[1],
        sentence=f"${STAKE:,.0f} put into the twelve shares at Monday's open was worth {_and(values)}.",
        detail=f"At the same times {beside}. {_short_lived(happened)}",
        picture=lines_picture({"The twelve": twelve, **others}, "Total return from Monday's open by sessions held"),
    )


def _short_lived(happened: WhatHappened) -> str:
    """How many sessions the two groups took to be back at Friday's close, and how far they fell before."""
    said = []
    for group in ("hyperscalers", "chipmakers"):
        found = [(name, happened.recoveries[name]) for name in resolve(group) if name in happened.recoveries]
        ranked = sorted(found, key=lambda item: (item[1].regained is None, item[1].sessions, item[0]))
        said.append(f"{group} {', '.join(_way_back(name, recovery) for name, recovery in ranked)}")
    return f"Sessions until Friday's close was regained, with the further fall on the way: {'; '.join(said)}."


def _way_back(name: str, recovery: Recovery) -> str:
    fall = f" ({100 * recovery.worst:.0f} %)" if recovery.worst < 0 else ""
    return f"{name} {'not yet' if recovery.regained is None else recovery.sessions}{fall}"


def _commenter(path: MoneyPath) -> Panel:
    table = path.table
    best, worst = (f"{signed_dollars(table['profit'][day])} on {_date(day)}" for day in (path.best, path.worst))
    first = table["price_profit"].iloc[1]
    called = (
        f"An account with no more than the initial margin of ${path.margin_cash:,.0f} is called on {_date(path.call)} and "
        f"covered at the next open: {signed_dollars(path.call_profit)}. "
        if path.call is not None
        else ""
    )
    return Panel(
        title=TITLES[2],
        sentence=(
            f"{whole_number(path.shares)} {path.symbol} sold short at Friday's close of ${path.entry_price:,.2f} had a profit of "
            f"${path.open_profit:,.0f} at Monday's open and ${first:,.0f} at Monday's close, before costs; held on, {best} at "
            f"best and {worst} at worst, after costs."
        ),
        detail=f"{called}One trade, reported afterwards, is an illustration and no test.",
        picture=money_picture(path),
    )


def _bear(held: Mapping[str, Holding]) -> Panel:
    nvda, hyperscalers = held["NVDA"], held["hyperscalers"]
    short = Holding(label="short NVDA", bought=(), sold=("NVDA",), returns=-nvda.returns)
    both = min(len(nvda.returns), len(hyperscalers.returns))
    pair = Holding(
        label="pair", bought=hyperscalers.bought, sold=("NVDA",),
        returns=hyperscalers.returns[:both] - nvda.returns[:both],
    )  # fmt: skip
    at = _known(short)
    values = [f"{signed_dollars(STAKE * short.after(h))} {_after(h, short)}" for h in at]
    against = ", ".join(f"{percent(pair.after(h))} {_after(h, pair)}" for h in _known(pair))
    return Panel(
        title=TITLES[3],
        sentence=f"${STAKE:,.0f} of NVDA sold short at Monday's open earned {_and(values)}, before the borrow fee.",
        detail=f"The pair, the four hyperscalers bought and NVDA sold short, of the dollars on each side: {against}.",
        picture=lines_picture({"Short NVDA": short, "The pair": pair}, "Return by sessions held"),
    )


def _rule(verdict: Verdict, primary: Estimate, decades: Verdict | None) -> Panel:
    held = count(primary.horizon, "session")
    same = [f for f in verdict.estimates if f.label == AS_STATED and f.horizon == primary.horizon]
    return Panel(
        title=TITLES[4],
        sentence=(
            f"SMH bought after every fall of 4 % in a day and held for {held} gained "
            f"{format_effect(primary, primary.observed)} on average ({count(primary.observations, 'trade')} up to "
            f"24 January 2025), against {format_effect(primary, primary.usual)} on all dates: {_luck(verdict, primary)}."
        ),
        detail="".join((_could(primary), *_since(same), *_in_the_decades(decades))),
        picture=intervals_picture(_rule_rows(same, decades)),
    )


def _rule_rows(same: list[Estimate], decades: Verdict | None) -> list[tuple[str, Estimate]]:
    """The rule on SMH in each sample, and on the NASDAQ of the decades before."""
    rows = [(f"SMH {SAMPLE_LABELS[f.sample]}, {count(f.observations, 'trade')}", f) for f in same]
    if decades is not None and decades.primary is not None:
        rows.append((f"NASDAQ 1999 to 2018, {count(decades.primary.observations, 'trade')}", decades.primary))
    return rows


def _luck(verdict: Verdict, primary: Estimate) -> str:
    """The p-value and what it says, or why there is none."""
    if math.isnan(primary.p_value):
        return "too few data for a test"
    significant = "" if verdict.luck in ("more than luck", "the opposite") else "not "
    return f"p {format_p_value(primary.p_value)}, {significant}statistically significant"


def _could(primary: Estimate) -> str:
    if math.isnan(primary.detectable):
        return "These data could not have found a difference of any size."
    return f"These data could have found a difference of {format_effect(primary, primary.detectable)}."


def _since(same: list[Estimate]) -> Iterator[str]:
    """The trades after the event."""
    for later in same:
        if later.sample == "confirmation":
            yield (
                f" From 28 January 2025 on {count(later.observations, 'trade')}: {format_effect(later, later.observed)} against "
                f"{format_effect(later, later.usual)}."
            )


def _in_the_decades(verdict: Verdict | None) -> Iterator[str]:
    """The same rule on the NASDAQ."""
    if verdict is not None and (primary := verdict.primary) is not None:
        yield (
            f" The NASDAQ bought after every fall of 3 % from 1999 to 2018 ({count(primary.observations, 'trade')}): "
            f"{format_effect(primary, primary.observed)} against {format_effect(primary, primary.usual)}, "
            f"{_luck(verdict, primary)}; a difference of {format_effect(primary, primary.detectable)} could have been found."
        )


def _known(held: Holding) -> tuple[int, ...]:
    """The horizons that the data reach, and the last session instead of those that they do not."""
    reached = tuple(h for h in OUTCOME_HORIZONS if not math.isnan(held.after(h)))
    last = len(held.returns) - 1
    return reached if len(reached) == len(OUTCOME_HORIZONS) or last in reached else (*reached, last)


def _after(sessions: int, held: Holding) -> str:
    """When, in words; a session that is no horizon is the last of the data."""
    if sessions not in OUTCOME_HORIZONS and sessions == len(held.returns) - 1:
        return f"after {sessions}, the last session of the data"
    return f"after {sessions} sessions" if sessions == OUTCOME_HORIZONS[0] else f"after {sessions}"


def _moved(value: float) -> str:
    return f"{'lost' if value < 0 else 'gained'} {abs(100 * value):.1f} %"


def _in_brackets(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _and(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"


def _date(day: object) -> str:
    return f"{day:%-d %B %Y}"


# -- the pictures ----------------------------------------------------------------

LEFT, TOP, BOTTOM = 6, 8, 16
LABEL_ROOM = 108
"""Units at the right of a picture of lines for their names."""

LINE_HEIGHT = 11


def _svg(parts: Sequence[str], words: str) -> Markup:
    inner = "".join(parts)
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg class="pic" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(words)}">{inner}</svg>'
    )


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(text)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, style: str) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" class="{style}"/>'


def _dot(x: float, y: float, style: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" class="{style}"/>'


class _Scale:
    """Values to heights, with zero within the range and room for labels."""

    def __init__(self, values: Sequence[float], top: float = TOP, bottom: float = HEIGHT - BOTTOM) -> None:
        known = [value for value in values if math.isfinite(value)]
        self.low, self.high = min([0.0, *known]), max([0.0, *known])
        self.top, self.bottom = top, bottom

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.bottom - (value - self.low) / span * (self.bottom - self.top)


def bars_picture(values: Mapping[str, float], words: str) -> Markup:
    """One bar for each name, the lowest first, with its value in per cent.

    Parameters
    ----------
    values : mapping
        Fractions by name.
    words : str
        For readers who do not see it.
    """
    ranked = sorted(values.items(), key=lambda item: item[1])
    scale, step = _Scale([value for _, value in ranked], top=22, bottom=HEIGHT - 14), (WIDTH - 2 * LEFT) / len(ranked)
    zero, parts = scale(0.0), []
    for place, (name, value) in enumerate(ranked):
        x, y = LEFT + place * step, scale(value)
        style = "down" if value < 0 else "up"
        box = f'x="{x + 3:.1f}" y="{min(y, zero):.1f}" width="{step - 6:.1f}" height="{max(abs(y - zero), 0.6):.1f}"'
        parts.append(f'<rect {box} class="{style}"/>')
        parts.append(_text(x + step / 2, y + (10 if value < 0 else -3), f"{100 * value:+.0f}", "small", "middle"))
        parts.append(_text(x + step / 2, zero + (-3 if value < 0 else 10), name, "tiny strong", "middle"))
    return _svg([*parts, _line(LEFT, zero, WIDTH - LEFT, zero, "axis")], f"{words} Per cent.")


def lines_picture(held: Mapping[str, Holding], words: str) -> Markup:
    """Returns by sessions held, the first line in front, each with its name and last value at its end.

    Parameters
    ----------
    held : mapping
        Name to holding.
    words : str
    """
    longest = max(len(one.returns) for one in held.values()) - 1
    scale = _Scale([value for one in held.values() for value in one.returns])
    right = WIDTH - LABEL_ROOM

    def across(sessions: float) -> float:
        return LEFT + (right - LEFT) * sessions / max(longest, 1)

    parts = [_line(LEFT, scale(0.0), right, scale(0.0), "axis"), *_session_ticks(across, longest)]
    ends = []
    for place, (name, one) in reversed(list(enumerate(held.items()))):
        points = "L".join(f"{across(n):.1f} {scale(value):.1f}" for n, value in enumerate(one.returns))
        parts.append(f'<path d="M{points}" class="line-{place}"/>')
        ends.append((scale(one.returns[-1]), f"{name} {100 * one.returns[-1]:+.0f} %", f"ink-{place}"))
        if place == 0:
            parts.extend(_dot(across(h), scale(one.after(h)), "dot-0") for h in OUTCOME_HORIZONS if not math.isnan(one.after(h)))
    parts.extend(_text(right + 5, y, text, style) for y, text, style in _apart(ends))
    said = ", ".join(f"{name} {percent(one.returns[-1])} after {len(one.returns) - 1}" for name, one in held.items())
    return _svg(parts, f"{words}: {said}.")


def _session_ticks(across: Callable[[float], float], longest: int) -> Iterator[str]:
    """The horizons along the bottom."""
    for sessions in OUTCOME_HORIZONS:
        if sessions <= longest:
            x = across(sessions)
            yield _line(x, TOP, x, HEIGHT - BOTTOM, "grid")
            yield _text(x, HEIGHT - 4, str(sessions), "small", "middle")
    if longest not in OUTCOME_HORIZONS:
        yield _text(across(longest), HEIGHT - 4, f"{longest} sessions", "small", "end")


def _apart(ends: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Labels moved down, and then up from the bottom, until no two overlap."""
    placed, below = [], -math.inf
    for y, text, style in sorted(ends):
        below = max(y + 3.5, below + LINE_HEIGHT)
        placed.append((below, text, style))
    over = max(0.0, placed[-1][0] - (HEIGHT - BOTTOM + 4)) if placed else 0.0
    return [(y - over, text, style) for y, text, style in placed]


def money_picture(path: MoneyPath) -> Markup:
    """The profit of the commenter's short after each session, after costs, with its margin call."""
    table, right = path.table, WIDTH - LEFT - 4
    profit = table["profit"].to_numpy()
    scale, last = _Scale(profit, top=18), len(profit) - 1

    def across(place: float) -> float:
        return LEFT + (right - LEFT) * place / max(last, 1)

    called = last if path.call is None else int(table.index.get_loc(path.call))
    pieces = ((0, called, "line-0"), (called, last, "line-0 later"))
    parts = [_line(LEFT, scale(0.0), right, scale(0.0), "axis"), _text(right, scale(0.0) - 3, "$0", "small", "end")]
    for begin, end, style in pieces:
        if end > begin:
            points = "L".join(f"{across(n):.1f} {scale(profit[n]):.1f}" for n in range(begin, end + 1))
            parts.append(f'<path d="M{points}" class="{style}"/>')
    marks = {1: "Monday's close", int(np.argmax(profit)): "best", int(np.argmin(profit)): "worst"}
    for place, name in marks.items():
        x, y = across(place), scale(profit[place])
        parts.append(_dot(x, y, "dot-0"))
        label = f"{name} {signed_dollars(profit[place])}"
        if place == 1:
            parts.append(_text(x, scale(0.0) + 12, label, "strong"))
        else:
            left = place > last / 2
            parts.append(
                _text(x + (-6 if left else 6), y + (4 if profit[place] < 0 else -2), label, "strong", "end" if left else "start")
            )
    if path.call is not None:
        x = across(called)
        parts.append(_line(x, 14, x, HEIGHT - BOTTOM, "call"))
        parts.append(_text(x + 4, 22, f"margin call {path.call:%-d %b}", "ink-down"))
    for place in range(last + 1):
        day, before = table.index[place], table.index[place - 1]
        if place == 0 or (day.month != before.month and day.month in (4, 7, 10)):
            parts.append(_text(across(place), HEIGHT - 2, f"{day:%-d %b %Y}" if place == 0 else f"{day:%b}", "small"))
    words = ", ".join(f"{name} {signed_dollars(profit[place])}" for place, name in marks.items())
    return _svg(parts, f"Profit of the short after each session, after costs: {words}.")


def intervals_picture(rows: Sequence[tuple[str, Estimate]]) -> Markup:
    """The effect of each row with its 95 % interval, on one scale with a line at 0.

    Parameters
    ----------
    rows : sequence of (str, Estimate)
        At most three, each with its label.
    """
    ends = [value for _, f in rows for value in (f.effect, f.low, f.high) if math.isfinite(value)]
    low, high = min([0.0, *ends]), max([0.0, *ends])

    def across(value: float) -> float:
        return 14 + (WIDTH - 28) * (value - low) / ((high - low) or 1.0)

    parts = [
        _line(across(0.0), 4, across(0.0), HEIGHT - BOTTOM, "axis"),
        _text(across(0.0), HEIGHT - 2, "as on all other dates", "small", _anchor(across(0.0))),
    ]
    for place, (label, one) in enumerate(rows):
        y, style = 26 + 36 * place, place % len(rows)
        if math.isfinite(one.low) and math.isfinite(one.high):
            parts.append(_line(across(one.low), y, across(one.high), y, f"line-{style}"))
        parts.append(_dot(across(one.effect), y, f"dot-{style}"))
        parts.append(_text(14, y - 9, f"{label}: {percent(one.effect, 1)}", "strong"))
    said = "; ".join(f"{label} {percent(f.effect)}, 95 % interval {percent(f.low)} to {percent(f.high)}" for label, f in rows)
    return _svg(parts, f"Mean trade less that of all other dates: {said}.")


def _anchor(x: float) -> str:
    """How a text stands at this place, so that it does not leave the picture."""
    return "start" if x < WIDTH / 4 else "end" if x > 3 * WIDTH / 4 else "middle"
