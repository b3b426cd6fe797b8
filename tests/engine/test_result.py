"""Result: saving and loading is the identity, and what is damaged is refused."""

import dataclasses
import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dipfolio.data.factor_returns import FactorReturns
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.result import SavedRun, load
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ReportError
from dipfolio.report.tearsheet import tear_sheet
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FILES = ["equity.csv", "events.csv", "fills.csv", "open_positions.csv", "positions.csv", "prices.csv", "run.json", "trades.csv"]
NAN = float("nan")


def strategy(name, **parameters):
    return load_strategy(ROOT / "strategies", name)(**parameters)


def wiped_out():
    """Twice the money short into a rise of 90 %."""
    bars = make_bars({"A": [100.0, 100, 190, 190]})
    return simulate(script({0: {"A": -2.0}}, unit="weight"), bars, Account().without_costs())


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def runs(bars):
    """Runs of every kind, by what is special about them."""
    hostile = {"NA": [100.0, 101, 102], "NULL": [50.0, 51, 52], "1": [7.0, 8, 9], "TRUE": [3.0, 2, 1]}
    return {
        "buy-the-dip": simulate(strategy("buy-the-dip"), bars, benchmark="SPY", others=bars.select(("QQQ", "SMH"))),
        "parameters of every kind": simulate(strategy("short-nvda-friday", day=date(2025, 1, 17), hold=3), bars),
        "no trade": simulate(strategy("buy-the-dip", day=date(2030, 1, 2)), bars, benchmark="QQQ"),
        "open positions": simulate(strategy("equal-weight"), bars, Account(fractional=True), end=date(2024, 3, 1)),
        "a window within the data": simulate(strategy("equal-weight"), bars, start=date(2025, 1, 9), end=date(2025, 2, 1)),
        "one session": simulate(strategy("buy-the-dip"), bars, start=date(2025, 1, 27), end=date(2025, 1, 27)),
        "wiped out": wiped_out(),
        "cut orders": simulate(script({0: {"A": 5.0}}, unit="weight"), make_bars({"A": [100.0, 101, 102]})),
        "symbols that look like something else": simulate(
            script({0: {"NA": 10, "NULL": -5, "1": 3, "TRUE": 1}, 1: {"NA": 0}}, universe="NA,NULL,1,TRUE"), make_bars(hostile)
        ),
    }


KINDS = [
    "buy-the-dip", "parameters of every kind", "no trade", "open positions", "a window within the data", "one session",
    "wiped out", "cut orders", "symbols that look like something else",
]  # fmt: skip


@pytest.fixture
def saved(runs, tmp_path):
    """A saved run that may be damaged."""
    runs["buy-the-dip"].save(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_saving_and_loading_is_the_identity(runs, tmp_path, kind):
    result = runs[kind]
    result.save(tmp_path)
    again = load(tmp_path)
    assert again == result
    for name in ("equity", "positions", "fills", "trades", "open_positions", "events", "prices"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name), check_freq=False)
    for field in dataclasses.fields(result):
        assert type(getattr(again, field.name)) is type(getattr(result, field.name)), field.name
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_the_runs_are_what_their_names_say(runs):
    assert len(runs["buy-the-dip"].trades) == 12
    assert len(runs["no trade"].fills) == 0
    assert len(runs["open positions"].open_positions) == 12
    assert len(runs["one session"].equity) == 1
    assert runs["wiped out"].bankrupt
    assert runs["cut orders"].events["kind"].tolist() == ["scaled"]
    assert runs["symbols that look like something else"].fills["symbol"].tolist()[:4] == ["NA", "NULL", "1", "TRUE"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_loaded_is_saved_with_the_same_bytes(runs, tmp_path, kind):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    runs[kind].save(one)
    load(one).save(other)
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {path.name: path.read_bytes() for path in other.iterdir()}


def test_the_same_simulation_gives_an_equal_result(runs, bars):
    again = simulate(strategy("buy-the-dip"), bars, benchmark="SPY", others=bars.select(("QQQ", "SMH")))
    assert again == runs["buy-the-dip"]


def test_metrics_of_a_loaded_run_are_those_of_the_run(runs, saved):
    assert measure(load(saved)).by_name == pytest.approx(measure(runs["buy-the-dip"]).by_name, rel=0, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": "other"},
        {"parameters": {}},
        {"account": Account(cash=1.0)},
        {"window": (date(2024, 1, 2), date(2025, 12, 30))},
        {"base": date(2024, 1, 1)},
        {"benchmark": ""},
        {"also": ("QQQ",)},
        {"residual": 1e-3},
        {"versions": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_results_that_differ_in_one_fact_are_not_equal(runs, change):
    assert dataclasses.replace(runs["buy-the-dip"], **change) != runs["buy-the-dip"]


@pytest.mark.parametrize("table", ["equity", "positions", "fills", "trades", "prices"])
def test_results_that_differ_in_one_figure_are_not_equal(runs, table):
    frame = getattr(runs["buy-the-dip"], table).copy()
    column = frame.select_dtypes("float64").columns[0]
    frame.loc[frame.index[-1], column] += 1e-9
    assert dataclasses.replace(runs["buy-the-dip"], **{table: frame}) != runs["buy-the-dip"]


def test_a_result_is_no_number(runs):
    assert runs["buy-the-dip"] != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(runs["buy-the-dip"])


def test_a_result_says_what_it_is_in_one_line(runs):
    gain = runs["buy-the-dip"].equity["equity"].iloc[-1] / 1e6 - 1
    assert repr(runs["buy-the-dip"]) == f"Result(buy-the-dip, 2024-01-02 to 2025-12-31, {gain:+.2%}, 12 trades)"


def test_benchmark_returns_are_there_when_there_is_a_benchmark(runs):
    assert len(runs["buy-the-dip"].benchmark_returns) == 502
    assert runs["open positions"].benchmark_returns is None


def test_dates_are_text_in_the_record(saved):
    record = json.loads((saved / "run.json").read_text(encoding="utf-8"))
    assert record["parameters"]["day"] == "2025-01-27"
    assert record["window"] == ["2024-01-02", "2025-12-31"]
    assert record["provenance"]["origin"]["path"] == "data"


def test_remarks_on_the_data_are_loaded_under_their_former_name_too(saved):
    record = json.loads((saved / "run.json").read_text(encoding="utf-8"))
    record["provenance"]["told"] = ["A remark."]
    assert record["provenance"].pop("remarks") == []
    (saved / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert load(saved).provenance.remarks == ("A remark.",)
    record["provenance"]["remarks"] = ["A later one."]
    (saved / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert load(saved).provenance.remarks == ("A later one.",)


def test_a_run_that_cannot_be_written_names_its_folder(runs, tmp_path):
    with pytest.raises(ReportError, match="missing cannot be written: No such file or directory"):
        runs["buy-the-dip"].save(tmp_path / "missing")


def test_a_folder_that_is_not_there_holds_no_run(tmp_path):
    with pytest.raises(ReportError, match="nowhere holds no readable run"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(ReportError, match=rf"holds no readable run: .*{name}"):
        load(saved)


@pytest.mark.parametrize("number", [0, 1, 3, "2", None])
def test_another_format_is_refused_in_one_sentence(saved, number):
    record = json.loads((saved / "run.json").read_text(encoding="utf-8"))
    (saved / "run.json").write_text(json.dumps({**record, "format": number}), encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        load(saved)
    assert str(caught.value) == f"{saved} was written by another version of dipfolio; run the strategy again."


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '"run"', "3", "null", "\x00", '{"format": 2}'])
def test_a_record_that_is_none_is_refused(saved, text):
    (saved / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize(
    "name",
    [
        "strategy",
        "title",
        "parameters",
        "changed",
        "account",
        "window",
        "base",
        "benchmark",
        "also",
        "provenance",
        "versions",
        "residual",
    ],
)
def test_a_record_without_one_of_its_entries_is_refused(saved, name):
    record = json.loads((saved / "run.json").read_text(encoding="utf-8"))
    del record[name]
    (saved / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", ["2024-01-02"]), ("window", 7), ("window", ["soon", "later"]), ("base", 7), ("account", {"cash": -1.0}),
        ("account", {"colour": "red"}), ("account", []), ("provenance", None), ("provenance", {}), ("provenance", "data"),
        ("provenance", {"origin": {}, "sessions": [], "sha256": ""}),
    ],
)  # fmt: skip
def test_a_record_with_an_entry_that_makes_no_sense_is_refused(saved, name, value):
    record = json.loads((saved / "run.json").read_text(encoding="utf-8"))
    (saved / "run.json").write_text(json.dumps({**record, name: value}), encoding="utf-8")
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize(
    ("name", "column"), [("equity.csv", "equity"), ("fills.csv", "price"), ("trades.csv", "profit"), ("prices.csv", "open")]
)
def test_text_in_a_number_is_refused(saved, name, column):
    table = pd.read_csv(saved / name, dtype="str", keep_default_na=False)
    table.loc[0, column] = "much"
    table.to_csv(saved / name, index=False)
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize(
    ("name", "column"),
    [("equity.csv", "session"), ("fills.csv", "session"), ("trades.csv", "exit_session"), ("prices.csv", "session")],
)
def test_text_in_a_date_is_refused(saved, name, column):
    table = pd.read_csv(saved / name, dtype="str", keep_default_na=False)
    table.loc[0, column] = "soon"
    table.to_csv(saved / name, index=False)
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_refused(saved, name):
    (saved / name).write_text("", encoding="utf-8")
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize("name", ["equity.csv", "positions.csv"])
def test_a_file_that_was_cut_off_in_the_middle_is_refused(saved, name):
    text = (saved / name).read_text(encoding="utf-8")
    (saved / name).write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


@pytest.mark.parametrize(
    ("name", "column"), [("equity.csv", "return"), ("fills.csv", "price"), ("trades.csv", "profit"), ("prices.csv", "low")]
)
def test_a_table_without_one_of_its_columns_is_refused(saved, name, column):
    table = pd.read_csv(saved / name, dtype="str", keep_default_na=False)
    table.drop(columns=column).to_csv(saved / name, index=False)
    with pytest.raises(ReportError, match="holds no readable run"):
        load(saved)


def test_a_record_can_be_moved(saved, runs, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "a b"
    shutil.copytree(saved, moved)
    assert load(moved) == runs["buy-the-dip"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    closes=st.lists(st.floats(1, 1e4), min_size=2, max_size=6),
    weights=st.lists(st.sampled_from([NAN, 0.0, 0.3, -0.7, 1.9]), min_size=2, max_size=6),
    fractional=st.booleans(),
)
def test_whatever_was_simulated_is_loaded_as_it_was_saved(tmp_path_factory, closes, weights, fractional):
    plan = script({row: {"A": weight} for row, weight in enumerate(weights)}, unit="weight", resize=True)
    result = simulate(plan, make_bars({"A": closes, "B": closes[::-1]}), Account(fractional=fractional), benchmark="B")
    folder = tmp_path_factory.mktemp("run")
    result.save(folder)
    assert load(folder) == result


def factored(result, name="SMB"):
    """The run with a factor whose first sessions are missing."""
    sessions = pd.DatetimeIndex(result.equity.index)
    table = pd.DataFrame({name: [0.001 * k for k in range(len(sessions))]}, index=sessions).iloc[3:]
    return result.with_factors(FactorReturns(returns=table, description="How the file was understood."))


def test_the_factors_of_a_run_are_saved_with_it_and_the_page_is_the_same(runs, tmp_path):
    made = factored(runs["buy-the-dip"], name="=SUM(A1)")
    made.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "factors.csv"])
    again = load(tmp_path)
    assert again == made != runs["buy-the-dip"]
    assert again.factors["=SUM(A1)"].iloc[:4].isna().tolist() == [True, True, True, False]
    assert tear_sheet(again, measure(again), 0.04) == tear_sheet(made, measure(made), 0.04)


def test_factors_that_are_missing_or_cut_off_are_refused(runs, tmp_path):
    factored(runs["buy-the-dip"]).save(tmp_path)
    whole = (tmp_path / "factors.csv").read_text(encoding="utf-8")
    (tmp_path / "factors.csv").write_text("\n".join(whole.splitlines()[:-5]), encoding="utf-8")
    with pytest.raises(ReportError, match="the sessions of its factors are not those of its window"):
        load(tmp_path)
    (tmp_path / "factors.csv").unlink()
    with pytest.raises(ReportError, match=r"factors\.csv"):
        load(tmp_path)


def test_a_run_that_is_read_table_by_table_has_its_factors(runs, tmp_path):
    made = factored(runs["buy-the-dip"])
    made.save(tmp_path)
    assert SavedRun(tmp_path, json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))).factors.equals(made.factors)
    runs["buy-the-dip"].save(tmp_path)
    assert SavedRun(tmp_path, json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))).factors.empty


def test_a_run_that_was_saved_without_factors_is_read_as_before(runs, tmp_path):
    runs["buy-the-dip"].save(tmp_path)
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record.pop("factors_description") == ""
    (tmp_path / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert load(tmp_path) == runs["buy-the-dip"]
