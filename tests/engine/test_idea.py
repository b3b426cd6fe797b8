"""What is known of an idea: its name, its title and what was changed in it."""

from dataclasses import dataclass

from dipfolio.engine.idea import Idea
from dipfolio.engine.parameter import parameter


@dataclass(frozen=True, kw_only=True)
class BuyLow5Times(Idea):
    """Buys low.

    And waits.
    """

    universe: str = parameter("A,B", help="symbols")
    hold: int = parameter(5, help="sessions")


def test_what_is_changed_is_what_differs_from_its_default_whether_more_or_less():
    assert BuyLow5Times().changed == {}
    assert BuyLow5Times(hold=7).changed == {"hold": 7}
    assert BuyLow5Times(hold=3).changed == {"hold": 3}
    assert BuyLow5Times(universe="A").changed == {"universe": "A"}
    assert BuyLow5Times(universe="A").parameters == {"universe": "A", "hold": 5}


def test_the_name_of_a_class_that_is_in_no_strategy_file_is_its_own_with_hyphens():
    assert BuyLow5Times().name == "buy-low5-times"
    assert BuyLow5Times().title == "Buys low."
    assert BuyLow5Times().symbols == ("A", "B")
