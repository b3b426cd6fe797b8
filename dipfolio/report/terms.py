"""Terms: the assumptions, parameters and sources of all contenders side by side, with what differs marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from dipfolio.report.assumptions import assumptions
from dipfolio.report.contender import Contender
from dipfolio.report.record import provenance
from dipfolio.report.wording import NOTHING, money

UNKNOWN = "not known: a series from elsewhere"


@dataclass(frozen=True, kw_only=True)
class Term:
    """One topic with a sentence for each contender, in their order."""

    topic: str
    said: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the records say different things of it."""
        return len({sentence for sentence in self.said if sentence != UNKNOWN}) > 1

    @property
    def shared(self) -> str:
        """What all records say, if they agree."""
        return next((sentence for sentence in self.said if sentence != UNKNOWN), UNKNOWN)


def assumption_terms(field: Sequence[Contender]) -> tuple[Term, ...]:
    """What each run takes for granted, its own window and cash first; as the runs were made, before any alignment."""
    own = [("Window", [c.track.span for c in field]), ("Starting cash", [_cash(c) for c in field])]
    known = [dict(assumptions(c.track.result)) if c.track.result else {} for c in field]
    return tuple(_term(topic, list(said)) for topic, said in own) + _side_by_side(known)


def parameter_terms(field: Sequence[Contender]) -> tuple[Term, ...]:
    """What each run is, and every parameter that any of them has."""
    known = [
        {"idea": c.track.result.title or NOTHING, **{n.replace("_", " "): str(v) for n, v in c.track.result.parameters.items()}}
        if c.track.result else {} for c in field
    ]  # fmt: skip
    return _side_by_side(known)


def provenance_terms(field: Sequence[Contender]) -> tuple[Term, ...]:
    """Where the figures of each come from."""
    known = [dict(provenance(c.track.result)) if c.track.result else {"Source": c.track.origin} for c in field]
    return _side_by_side(known)


def _side_by_side(known: Sequence[dict[str, str]]) -> tuple[Term, ...]:
    topics = dict.fromkeys(topic for record in known for topic in record)
    return tuple(_term(topic, [_said(record, topic) for record in known]) for topic in topics)


def _said(record: dict[str, str], topic: str) -> str:
    return record.get(topic, NOTHING if len(record) > 1 else UNKNOWN)


def _term(topic: str, said: list[str]) -> Term:
    return Term(topic=topic, said=tuple(said))


def _cash(contender: Contender) -> str:
    return money(contender.track.result.account.cash) if contender.track.result else UNKNOWN
