"""The look-up of known vulnerabilities: what it prints, when it fails, and that it never fails for lack of an answer."""

import importlib.util
import subprocess

import pytest

from tests.support.killed_process import ROOT

SPEC = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)


def package(name, *fixes, flawed=True):
    flaw = {"id": f"PYSEC-{name}", "fix_versions": list(fixes), "aliases": [], "description": ""}
    return {"name": name, "version": "1.0", "vulns": [flaw] if flawed else []}


def judged(capsys, *packages, had=()):
    code = audit.judge({"dependencies": list(packages)}, lambda name, version: (name, version) in had)
    return code, capsys.readouterr().out.splitlines()


def test_nothing_known_is_said_and_fine(capsys):
    code, said = judged(capsys, package("a", flawed=False), {"name": "b", "skip_reason": "unknown"})
    assert (code, said) == (0, ["pip-audit: 1 packages looked up, 0 known vulnerabilities, 0 of them avoidable."])


def test_what_can_be_avoided_fails_and_what_cannot_is_printed(capsys):
    packages = package("a", "1.1", "2.0"), package("b", "3.0"), package("c")
    code, said = judged(capsys, *packages, had={("a", "2.0")})
    assert code == 1
    assert said == [
        "VULNERABLE: a 1.0, PYSEC-a; 2.0 can be installed here.",
        "vulnerable: b 1.0, PYSEC-b; 3.0 cannot be installed here.",
        "vulnerable: c 1.0, PYSEC-c; no release is without it yet.",
        "pip-audit: 3 packages looked up, 3 known vulnerabilities, 1 of them avoidable.",
    ]
    assert judged(capsys, *packages)[0] == 0


def test_a_service_that_knows_nothing_is_no_good_news(capsys, monkeypatch):
    monkeypatch.setattr(audit, "answer", lambda _: {"dependencies": [{"name": "a", "skip_reason": "not found"}] * 7})
    assert audit.main("python") == 0
    assert capsys.readouterr().out == "pip-audit skipped: the service knows none of the 7 packages\n"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (subprocess.TimeoutExpired("pip", 1), "pip-audit skipped: pip-audit cannot be installed: TimeoutExpired"),
        (OSError("no network"), "pip-audit skipped: pip-audit cannot be installed: OSError"),
        (subprocess.CompletedProcess((), 1, "", "ERROR: one\nERROR: No matching distribution found for pip-audit\n"),
         "pip-audit skipped: pip-audit cannot be installed: ERROR: No matching distribution found for pip-audit"),
    ],
)  # fmt: skip
def test_without_an_answer_the_reason_is_printed_and_nothing_fails(capsys, monkeypatch, trouble, said):
    def run(*_, **__):
        if isinstance(trouble, Exception):
            raise trouble
        return trouble

    monkeypatch.setattr(audit.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.main("python") == 0
    assert capsys.readouterr().out.strip() == said


def test_an_answer_that_is_torn_is_no_answer(capsys, monkeypatch):
    def run(words, **_):
        if "--output" in words:
            with open(words[words.index("--output") + 1], "w", encoding="utf-8") as file:
                file.write("{")
        return subprocess.CompletedProcess((), 0, "somewhere\n", "")

    monkeypatch.setattr(audit.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.main("python") == 0
    assert "the service gave no answer that can be read" in capsys.readouterr().out


def test_ci_asks_after_everything_else():
    last = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()
    assert any(line.startswith(".venv/bin/python tools/audit.py") for line in last[-3:])
