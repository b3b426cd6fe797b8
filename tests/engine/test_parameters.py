"""Parameter: what is read from the fields of a dataclass, and which values are refused."""

from dataclasses import dataclass, field, make_dataclass
from datetime import date, datetime
from typing import Literal

import pytest

from dipfolio.engine import strategy as engine_idea
from dipfolio.engine.parameters import Parameter, list_parameters, parameter, parameters_from_json, positive, validate_parameters
from dipfolio.errors import ParameterError, StrategyError


@dataclass(frozen=True, kw_only=True)
class Idea:
    """One parameter of every kind."""

    hold_for: int = parameter(5, help="sessions")
    drop: float = parameter(0.03, help="a fraction")
    loud: bool = parameter(False, help="say more")
    symbol: str = parameter("NVDA", help="what to trade")
    day: date = parameter(date(2025, 1, 27), help="when")
    fill: Literal["open", "close"] = parameter("open", help="where")
    limit: float | None = parameter(None, help="at most")
    plain: int = 3
    derived: int = field(default=0, init=False)


def with_value(name, value):
    return Idea(**{name: value})


def one_field(hint, **kwargs):
    return dataclass(frozen=True)(type("Odd", (), {"__annotations__": {"x": hint}, **kwargs}))


def test_parameters_come_in_order_of_definition_without_derived_fields():
    assert [item.name for item in list_parameters(Idea)] == [
        "hold_for",
        "drop",
        "loud",
        "symbol",
        "day",
        "fill",
        "limit",
        "plain",
    ]


def test_a_parameter_knows_kind_default_and_help():
    first = list_parameters(Idea)[0]
    assert first == Parameter(name="hold_for", kind=int, choices=(), optional=False, default=5, help="sessions")
    assert [item.kind for item in list_parameters(Idea)] == [int, float, bool, str, date, str, float, int]


def test_a_flag_is_the_name_with_hyphens():
    assert list_parameters(Idea)[0].flag == "hold-for"


def test_a_literal_becomes_choices():
    (fill,) = [item for item in list_parameters(Idea) if item.name == "fill"]
    assert (fill.kind, fill.choices) == (str, ("open", "close"))


def test_a_union_with_none_is_optional():
    (limit,) = [item for item in list_parameters(Idea) if item.name == "limit"]
    assert (limit.kind, limit.optional, limit.default) == (float, True, None)


def test_a_plain_default_is_a_parameter_without_help():
    (plain,) = [item for item in list_parameters(Idea) if item.name == "plain"]
    assert (plain.default, plain.help) == (3, "")


def test_a_field_without_a_default_breaks_the_contract():
    with pytest.raises(StrategyError, match=r"Odd\.x needs a default: parameter\(\.\.\., help=\.\.\.\)"):
        list_parameters(one_field(int))


@pytest.mark.parametrize("hint", [list, dict[str, int], int | str, complex])
def test_a_type_that_cannot_be_typed_breaks_the_contract(hint):
    with pytest.raises(StrategyError, match=r"Odd\.x has the type .*; use bool, int, float, str, date or Literal"):
        list_parameters(one_field(hint, x=None))


def test_the_defaults_and_fitting_values_pass():
    validate_parameters(Idea())
    validate_parameters(Idea(hold_for=7, drop=1, loud=True, symbol="", day=datetime(2025, 1, 2), fill="close", limit=0.5))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("hold_for", 5.0, "hold_for must be a whole number, found 5.0"),
        ("hold_for", "5", "hold_for must be a whole number, found '5'"),
        ("hold_for", True, "hold_for must be a whole number, found True"),
        ("hold_for", None, "hold_for must be a whole number, found None"),
        ("drop", "3 %", "drop must be a number, found '3 %'"),
        ("drop", False, "drop must be a number, found False"),
        ("loud", 1, "loud must be true or false, found 1"),
        ("symbol", 7, "symbol must be text, found 7"),
        ("day", "2025-01-27", "day must be a date, found '2025-01-27'"),
        ("fill", "noon", "fill must be one of open, close, found 'noon'"),
        ("limit", "low", "limit must be a number, found 'low'"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value, message):
    with pytest.raises(ParameterError) as caught:
        validate_parameters(with_value(name, value))
    assert str(caught.value) == f"{message}."


@pytest.mark.parametrize("name", ["drop", "limit"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"{name} must be a finite number, found {value}"):
        validate_parameters(with_value(name, value))


def test_a_mistake_in_a_parameter_is_the_users():
    assert ParameterError.exit_code == 2
    assert issubclass(ParameterError, ValueError)


@pytest.mark.parametrize("value", [0, -1, -0.5])
def test_a_parameter_that_must_be_positive_is_refused_by_name(value):
    with pytest.raises(ParameterError, match=rf"^drop must be above 0, found {value}\.$"):
        positive(with_value("drop", value), "hold_for", "drop")


def test_a_positive_parameter_may_have_a_limit_that_it_does_not_reach():
    with pytest.raises(ParameterError, match=r"^drop must be above 0 and below 1, found 4\.$"):
        positive(with_value("drop", 4), "drop", below=1)
    with pytest.raises(ParameterError, match="below 1, found 1"):
        positive(with_value("drop", 1), "drop", below=1)
    positive(with_value("drop", 0.999), "drop", below=1)


def test_a_parameter_that_is_off_is_not_asked_to_be_positive():
    positive(Idea(), "limit", "drop", "hold_for")


@pytest.mark.parametrize("name", sorted(engine_idea.StrategyBase.TAKEN))
def test_no_parameter_takes_the_name_of_what_every_strategy_has(name):
    owner = make_dataclass("Mine", [(name, str, parameter("x", help="a word"))], frozen=True, kw_only=True)
    owner.TAKEN = engine_idea.StrategyBase.TAKEN
    with pytest.raises(StrategyError, match=f"Mine.{name}: every strategy has something of that name"):
        list_parameters(owner)


def test_parameters_come_back_from_json():
    assert parameters_from_json(Idea, {"day": "2025-02-03", "symbol": "2025-02-03"}) == {
        "day": date(2025, 2, 3),
        "symbol": "2025-02-03",
    }
    with pytest.raises(ParameterError, match=r"Idea has no parameter 'fall' any more; it has hold_for, drop, "):
        parameters_from_json(Idea, {"fall": 0.1})
