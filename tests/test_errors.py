"""Errors: what a message says of the valid names, which built-in class each error is, and its exit code."""

import inspect
import pickle

import pytest

from dipfolio import errors
from dipfolio.errors import (
    AmbiguousFileError,
    ComparisonError,
    CorruptFileError,
    DataError,
    DipfolioError,
    FetchError,
    LedgerError,
    MissingFileError,
    ParameterError,
    ReportError,
    StrategyError,
    SweepMismatchError,
    UnknownNameError,
    WindowError,
    WorkerError,
)

CORRECTABLE = {UnknownNameError, ParameterError, WindowError, ComparisonError, MissingFileError, AmbiguousFileError}
BUILT_IN = {
    UnknownNameError: LookupError, ParameterError: ValueError, WindowError: ValueError, ComparisonError: ValueError,
    ReportError: OSError, DataError: ValueError, StrategyError: TypeError, LedgerError: ArithmeticError,
    WorkerError: RuntimeError, SweepMismatchError: ArithmeticError,
}  # fmt: skip
EVERY = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DipfolioError)}


@pytest.mark.parametrize(
    ("name", "valid", "nearest"), [("nvdia", ["AMD", "NVDA"], "NVDA"), ("DIP_RULE", ["equal-weight", "dip-rule"], "dip-rule")]
)
def test_an_unknown_name_gets_the_nearest_valid_one_whatever_its_case(name, valid, nearest):
    error = UnknownNameError("symbol", name, valid)
    assert str(error) == f"There is no symbol {name!r}. Did you mean {nearest!r}?"
    assert (error.kind, error.name, error.valid) == ("symbol", name, tuple(valid))


@pytest.mark.parametrize("valid", [[], ["AMD", "NVDA"]])
def test_a_name_like_no_other_gets_no_suggestion(valid):
    assert str(UnknownNameError("symbol", "zzz", iter(valid))) == "There is no symbol 'zzz'."


def test_hints_follow_the_suggestion_in_the_order_in_which_they_were_given():
    error = UnknownNameError("strategy", "dib", ["dip"], "List them with list.")
    more = error.with_hint("See --help.")
    assert str(more) == "There is no strategy 'dib'. Did you mean 'dip'? List them with list. See --help."
    assert str(error).endswith("List them with list.")
    assert str(UnknownNameError("strategy", "x", []).with_hint("See --help.")) == "There is no strategy 'x'. See --help."


def test_only_mistakes_that_the_user_can_correct_in_the_command_end_with_two():
    assert {kind for kind in EVERY if kind.exit_code == 2} == CORRECTABLE
    assert {kind.exit_code for kind in EVERY - CORRECTABLE} == {1}


@pytest.mark.parametrize(("kind", "built_in"), BUILT_IN.items(), ids=lambda kind: kind.__name__)
def test_each_error_can_be_caught_as_the_built_in_class(kind, built_in):
    assert issubclass(kind, built_in)


@pytest.mark.parametrize("kind", [CorruptFileError, MissingFileError, AmbiguousFileError, FetchError])
def test_faults_of_files_and_providers_are_faults_of_the_data(kind):
    assert issubclass(kind, DataError)


def test_a_fetch_error_says_whether_another_try_or_another_symbol_may_help():
    assert (FetchError("x").retryable, FetchError("x").affects_all_symbols) == (False, False)
    error = FetchError("Yahoo asks for patience.", retryable=True, affects_all_symbols=True)
    assert (str(error), error.retryable, error.affects_all_symbols) == ("Yahoo asks for patience.", True, True)


@pytest.mark.parametrize("kind", [ParameterError, StrategyError, DataError])
def test_an_error_comes_back_from_another_process_with_its_message(kind):
    again = pickle.loads(pickle.dumps(kind("hold must be at least 1.")))  # noqa: S301 - our own bytes
    assert (type(again), str(again)) == (kind, "hold must be at least 1.")
