"""A run that has been made before is answered from its record."""

from pathlib import Path

import pytest

from dipfolio.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ask(tmp_path, capsys, monkeypatch):
    """Run the program on the shipped strategies with reports of its own; returns exit code and output, counting simulations."""
    from dipfolio.engine import simulation

    made = []
    real = simulation.simulate
    monkeypatch.setattr(simulation, "simulate", lambda *a, **k: made.append(1) or real(*a, **k))

    def run(*words):
        made.clear()
        with pytest.raises(SystemExit) as left:
            main(home=ROOT, arguments=["hold-benchmark", "--end", "2024-03-28", "--reports", str(tmp_path), *words])
        assert not left.value.code
        return capsys.readouterr().out, len(made)

    return run


def test_the_same_question_is_answered_from_the_record(ask):
    first, simulated = ask()
    again, not_again = ask()
    assert (simulated, not_again) == (1, 0)
    assert again == first


def test_force_simulates_anew(ask):
    ask()
    assert ask("--force")[1] == 1


@pytest.mark.parametrize("words", [("--cash", "5000"), ("--fill", "close"), ("--benchmark", "QQQ"), ("--start", "2024-02-01")])
def test_another_question_is_simulated(ask, words):
    ask()
    assert ask(*words)[1] == 1


def test_a_record_that_was_touched_is_rebuilt(ask, tmp_path):
    first, _ = ask()
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    (folder / "equity.csv").write_text("spoiled")
    again, simulated = ask()
    assert (again, simulated) == (first, 1)
    assert "spoiled" not in (folder / "equity.csv").read_text()


def test_every_variant_that_was_run_is_in_the_register_once(ask, tmp_path):
    from dipfolio.evidence.register import FILE, Register

    for words in ((), ("--fill", "close"), (), ("--force",)):
        ask(*words)
    trials = Register(tmp_path / FILE).read("hold-benchmark")
    assert [trial.parameters["fill"] for trial in trials] == ["open", "close"]
