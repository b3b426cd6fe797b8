"""Exits of many variants are asked at once where their arithmetic allows it, and once for each value where not."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from dipfolio.engine.exits import At, Bar, Exit, HoldFor, OpenTrades, Recovered, StopLoss, TakeProfit, TrailingStop
from dipfolio.sweep.rules import Kind, merged, slots

BAR = Bar(
    number=6, session=np.datetime64("2025-01-24"), next_session=np.datetime64("2025-01-27"),
    open=np.array([100.0, 50]), high=np.array([104.0, 51]), low=np.array([95.0, 48]), close=np.array([97.0, 50]),
)  # fmt: skip


def trades(variants):
    rng = np.random.default_rng(1)
    shape = (variants, 2)
    price = [np.round(BAR.close * rng.uniform(0.9, 1.1, shape), 2) for _ in range(4)]
    return OpenTrades(
        side=rng.choice([-1, 1], shape), entry_price=price[0], entry_session=rng.integers(0, 6, shape), best=price[1],
        decided=price[2], before=price[3],
    )  # fmt: skip


def alone(rule, every, variant):
    row = OpenTrades(**{name: values[variant] for name, values in vars(every).items()})
    return rule.closes(row, BAR)


@dataclass(frozen=True)
class Counted(Exit):
    """Counts how often it is asked, and could not answer for an array."""

    size: float
    fill = "open"
    asked = []  # noqa: RUF012 - shared on purpose

    def __str__(self):
        return "counted"

    def closes(self, trades, bar):
        self.asked.append(self.size)
        return bar.close > trades.entry_price if self.size > 0.02 else bar.close < trades.entry_price


@pytest.mark.parametrize(
    "rules",
    [
        [HoldFor(k) for k in (1, 3, 5)], [StopLoss(k) for k in (0.01, 0.02, 0.05)], [TakeProfit(k) for k in (0.01, 0.02, 0.05)],
        [TrailingStop(k) for k in (0.01, 0.02, 0.05)], [Recovered("entry"), Recovered(), Recovered("entry")],
        [At(date(2025, 1, 27)), At(date(2025, 1, 24)), At(date(2025, 1, 25))], [Counted(0.01), Counted(0.05), Counted(0.01)],
    ],
)  # fmt: skip
def test_every_variant_gets_the_answer_of_its_own_rule(rules):
    every, (slot,) = trades(3), slots([(rule,) for rule in rules])
    together = slot.closes(every, BAR)
    for variant, rule in enumerate(rules):
        np.testing.assert_array_equal(together[variant], alone(rule, every, variant))


def test_a_rule_of_ones_own_is_asked_once_for_each_value():
    Counted.asked.clear()
    (slot,) = slots([(Counted(size),) for size in (0.01, 0.05, 0.01, 0.05, 0.01)])
    slot.closes(trades(5), BAR)
    assert Counted.asked == [0.01, 0.05]


def test_numbers_become_one_array_and_words_do_not():
    one = merged([StopLoss(0.01), StopLoss(0.02)])
    assert one.fraction.tolist() == [[0.01], [0.02]]
    assert merged([HoldFor(4), HoldFor(4)]).sessions == 4
    assert merged([Recovered("entry"), Recovered("decision")]) is None
    assert merged([Counted(0.01), Counted(0.01)]) is None


def test_a_resting_rule_is_of_another_kind_than_one_on_closes():
    assert Kind.of(StopLoss(0.1)) == Kind.of(StopLoss(0.2))
    assert Kind.of(StopLoss(0.1)) != Kind.of(StopLoss(0.1, intraday=True))
    assert Kind.of(HoldFor(1)) != Kind.of(HoldFor(1, fill="open"))
