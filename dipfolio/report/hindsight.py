"""Hindsight: what was known only afterwards when the claims were chosen, what that does to them, and what was done about it."""

from collections.abc import Iterable
from dataclasses import dataclass

ALL = ("A", "B", "K", "G")


@dataclass(frozen=True, kw_only=True)
class Hindsight:
    """One item of the register.

    Attributes
    ----------
    what, why, done : str
    claims : tuple of str
        Labels of the claims it touches, or their first letters.
    """

    what: str
    why: str
    done: str
    claims: tuple[str, ...]


REGISTER = (
    Hindsight(
        what="The event",
        why="It is studied because it became famous: the largest loss of value of one company in a day.",
        done="It is left out of every rule's test; there it may suggest and never confirm.",
        claims=ALL,
    ),
    Hindsight(
        what="The seven",
        why="The name was given in 2023 to shares that had already won.",
        done="Each trade is compared with itself on other dates, not with zero; SMH and QQQ stand beside.",
        claims=("A0", "A1", "A2", "A7"),
    ),
    Hindsight(
        what="ARM",
        why="Listed on 14 September 2023, so it has no longer past.",
        done="Enough for the 250 sessions before the event; baskets of earlier dates go without it.",
        claims=("A0", "A1", "A2", "A5", "A6", "A7"),
    ),
    Hindsight(
        what="The horizon",
        why="After the fact one can find a holding time for either answer.",
        done="Horizons were fixed before any result and the first decides: 5, or what the claim speaks of; all are drawn.",
        claims=("A1", "A3", "A5", "A6", "A7", "A8", "B1", "B2", "G1", "G2", "G8", "G10", "G11", "G14"),
    ),
    Hindsight(
        what="Exits that wait",
        why="Holding to recovery, or to a target, ends with the good outcome by construction.",
        done="The length of the wait is judged against that after other drops; no hit rate is told alone.",
        claims=("A2", "G3", "G5", "G6"),
    ),
    Hindsight(
        what="The 3,000 shares",
        why="Told afterwards by one who won, without a time or a cover; losers do not write.",
        done="An illustration of the arithmetic of a short, not evidence.",
        claims=("K1", "K2", "K3", "K4", "K5", "G13", "G14"),
    ),
    Hindsight(
        what="Buying dips",
        why="These shares rose many times over; almost any purchase looks wise.",
        done="What is tested is tested against the same trade on all dates, or against another on the same dips.",
        claims=("A1", "A3", "A5", "A6", "G1", "G2", "G3", "G4", "G5", "G6", "G9", "G11", "G12"),
    ),
    Hindsight(
        what="NVDA itself",
        why="It is looked at because it had become the largest of the chipmakers.",
        done=(
            "Pairs are set against SMH or the hyperscalers; the short of a rule is compared with the same short on other dates, "
            "that over weekends with nothing."
        ),
        claims=("A8", "B1", "B2", "K5", "G7", "G8", "G10", "G13", "G14"),
    ),
    Hindsight(
        what="The Stargate list",
        why="The article's list has TSM, which was never named as a partner.",
        done="Both lists are run.",
        claims=("A6",),
    ),
    Hindsight(
        what="Same numbers",
        why="Some claims are another one with the sign turned: A7 is A1, B3 is A4b, G6 is A2, G13 is K5; G8 mirrors G1.",
        done="The first four are shown and not counted; G8 is said to be no second proof.",
        claims=("A1", "A2", "A4b", "A7", "B3", "G1", "G6", "G8", "G13", "K5"),
    ),
    Hindsight(
        what="Spending plans",
        why="How much would be spent on chips was known only from the prints on.",
        done="Used as a check of the facts with their dates, never as a signal before them.",
        claims=("A3", "A4a", "A4b", "A4c", "A5", "B3", "G9"),
    ),
    Hindsight(
        what="The figures",
        why="Vendors change adjusted prices with later dividends and splits.",
        done=(
            "Prices are adjusted for splits alone, dividends are paid apart, and the fingerprint of the figures stands under "
            "the sources."
        ),
        claims=ALL,
    ),
)


def touching(claim: str) -> tuple[Hindsight, ...]:
    """The items that touch a claim, in the order of the register."""
    return tuple(item for item in REGISTER if concerns(item.claims, claim))


def concerns(claims: Iterable[str], claim: str) -> bool:
    """Whether a claim is among these labels or first letters."""
    return claim in claims or claim[0] in claims
