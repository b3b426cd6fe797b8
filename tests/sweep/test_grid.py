"""Ranges and lists become values, and values every combination of them."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.engine.parameters import list_parameters, parameter
from dipfolio.errors import ParameterError, UnknownNameError
from dipfolio.sweep.grid import parse_grid, parse_values


@dataclass(frozen=True, kw_only=True)
class Knobs:
    hold: int = parameter(5, help="")
    drop: float = parameter(0.03, help="")
    stop: float | None = parameter(None, help="")
    fill: Literal["open", "close"] = parameter("open", help="")
    calm: bool = parameter(False, help="")
    day: date = parameter(date(2025, 1, 27), help="")
    universe: str = parameter("article", help="")


KNOBS = {item.name: item for item in list_parameters(Knobs)}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("hold", "7", (7,)),
        ("hold", "1:4", (1, 2, 3, 4)),
        ("hold", "1:9:4", (1, 5, 9)),
        ("hold", "1:3,10,20:30:5", (1, 2, 3, 10, 20, 25, 30)),
        ("drop", "0.01:0.02:0.0025", (0.01, 0.0125, 0.015, 0.0175, 0.02)),
        ("drop", "0.01:0.04", (0.01, 0.02, 0.03, 0.04)),
        ("drop", "0.1:0.3", (0.1, 0.2, 0.3)),
        ("drop", "2, 3", (2.0, 3.0)),
        ("stop", "none,0.05", (None, 0.05)),
        ("fill", "open,close", ("open", "close")),
        ("calm", "true,false", (True, False)),
        ("day", "2025-01-24:2025-01-29", (date(2025, 1, 24), date(2025, 1, 27), date(2025, 1, 28), date(2025, 1, 29))),
        ("day", "2025-01-24:2025-01-29:2", (date(2025, 1, 24), date(2025, 1, 28))),
        ("universe", "NVDA,SMH;SMH", ("NVDA,SMH", "SMH")),
    ],
)
def test_a_text_becomes_values_of_the_parameters_type(name, text, values):
    found = parse_values(KNOBS[name], text)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@given(first=st.integers(-500, 500), count=st.integers(0, 200), step=st.integers(1, 400), places=st.integers(0, 6))
def test_a_range_holds_exactly_the_decimals_that_one_would_write(first, count, step, places):
    def written(number):
        return f"{number / 10**places:.{places}f}"

    text = f"{written(first)}:{written(first + count * step)}:{written(step)}"
    assert parse_values(KNOBS["drop"], text) == tuple(float(written(first + k * step)) for k in range(count + 1))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("hold", "1:10:4", "steps of 4 from 1 reach 9 and 13, not 10"),
        ("hold", "9:1", "must go upwards"),
        ("hold", "1:9:0", "must go upwards"),
        ("hold", "1:2:3:4", "is no range"),
        ("hold", "1:", "is no range"),
        ("hold", "1,,2", "has an empty place"),
        ("hold", "", "has an empty place"),
        ("hold", "1.5", "is not a whole number"),
        ("hold", "none", "is not a whole number"),
        ("hold", "1,2,1", "1 stands twice"),
        ("hold", "0:1000000", "more than 100,000 values"),
        ("drop", "a:b", "is no range of numbers"),
        ("drop", "nan:0.05", "is no range of numbers"),
        ("drop", "0.01:inf", "is no range of numbers"),
        ("drop", "0.01:0.05:nan", "is no range of numbers"),
        ("drop", "x", "is not a number"),
        ("calm", "perhaps", "is not true or false"),
        ("day", "27.1.2025", "is not a date"),
        ("day", "2025-01-25:2025-01-26", "there is no session"),
        ("day", "2025-01-24:2025-01-29:x", "steps of 1 or more sessions"),
    ],
)
def test_a_mistake_is_explained(name, text, said):
    with pytest.raises(ParameterError, match=said):
        parse_values(KNOBS[name], text)


def test_the_nearest_valid_name_is_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'hold'"):
        parse_grid(Knobs, {"hodl": "1:3"})
    with pytest.raises(UnknownNameError, match="Did you mean 'close'"):
        parse_grid(Knobs, {"fill": "clsoe"})


def test_a_grid_has_every_combination_once():
    grid = parse_grid(Knobs, {"hold": "1:3", "fill": "open,close", "drop": "0.02"})
    cells = [grid.cell(number) for number in range(len(grid))]
    assert len(grid) == 6
    assert str(grid) == "3 hold x 2 fill = 6 variants"
    expected = {(hold, fill, 0.02) for hold in (1, 2, 3) for fill in ("open", "close")}
    assert {(cell["hold"], cell["fill"], cell["drop"]) for cell in cells} == expected


def test_an_order_is_a_permutation_in_which_the_named_axes_change_slowest():
    grid = parse_grid(Knobs, {"hold": "1:4", "drop": "0.01:0.03", "fill": "open,close"})
    order = grid.order({"drop"})
    assert sorted(order) == list(range(len(grid)))
    drops = [grid.cell(int(number))["drop"] for number in order]
    assert drops == sorted(drops)


def test_nothing_varied_is_one_variant():
    grid = parse_grid(Knobs, {"hold": "3"})
    assert (len(grid), grid.cell(0), grid.order(()).tolist()) == (1, {"hold": 3}, [0])
    assert str(grid) == "nothing varied = 1 variant"
    np.testing.assert_array_equal(grid.shape, ())
