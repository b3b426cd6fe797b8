"""Text from files and options that would draw on a terminal: every command shows it as text, on a terminal and elsewhere."""

import json
import re
import shutil

import pytest

from dipfolio.cli.output import FilteredStream
from dipfolio.errors import ReportError
from dipfolio.report.format import escape_control_characters
from tests.support.killed_process import ROOT

PAYLOAD = "\x1b[2J\x1b]8;;http://evil\x07here\x1b]8;;\x07\x1b]0;owned\x07\r\b\x9b31m\u202egpj\u2066\u200f\x00\x7f"
SHOWN = "\\x1b[2J\\x1b]8;;http://evil\\x07here"
ACTIVE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    "|\x1b(?!\\[[0-9;?]*[a-zA-Z])|\x1b\\[[0-9;]*J"
)
"""What has no business on a terminal; sequences that move the cursor or set a colour are a progress bar's own."""

STRATEGY = f'''
from dataclasses import dataclass
from dipfolio import Strategy, no_instruction, parameter


@dataclass(frozen=True, kw_only=True)
class Evil(Strategy):
    """Owned {PAYLOAD.encode("unicode_escape").decode()}"""

    claim = {PAYLOAD!r}
    universe: str = parameter("NVDA", help={PAYLOAD!r})
    mode: str = parameter({PAYLOAD!r}, help={PAYLOAD!r})
    days: int = parameter(1, help={PAYLOAD!r})

    def targets(self, bars):
        print({PAYLOAD!r})
        if self.days < 0:
            raise ValueError({PAYLOAD!r})
        return no_instruction(bars).mask(bars.returns < -0.05, 1.0)
'''

FAILS = f'''
from dataclasses import dataclass
from dipfolio import Strategy


@dataclass(frozen=True, kw_only=True)
class Fails(Strategy):
    """Fails."""

    universe: str = "NVDA"

    def targets(self, bars):
        raise ValueError({PAYLOAD!r})
'''


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A home in which every file says more than it should."""
    home = tmp_path_factory.mktemp("evil")
    shutil.copytree(ROOT / "data", home / "data", ignore=shutil.ignore_patterns("cache"))
    (home / "strategies").mkdir()
    (home / "strategies" / "evil.py").write_text(STRATEGY, encoding="utf-8")
    (home / "strategies" / "fails.py").write_text(FAILS, encoding="utf-8")
    (home / "strategies" / f"x{PAYLOAD[:4]}.py").write_text("class X:\n    pass\n", encoding="utf-8")
    (home / "strategies" / "raises.py").write_text(f"raise ValueError({PAYLOAD!r})\n", encoding="utf-8")
    source = {"source": PAYLOAD, "retrieved": PAYLOAD, "adjustment": PAYLOAD}
    (home / "data" / "source.json").write_text(json.dumps(source), encoding="utf-8")
    with (home / "data" / "events.csv").open("a", encoding="utf-8") as file:
        file.write(f'2025-01-27,before open,{PAYLOAD[:4]},NVDA,"{PAYLOAD[:4]}",{PAYLOAD[:4]}\n')
    odd = home / "odd" / "prices"
    odd.mkdir(parents=True)
    (odd / "A.csv").write_text(f"date,{PAYLOAD[:-2]},high\n2025-01-02,1,1\n", encoding="utf-8")
    (odd / f"B{PAYLOAD[:4]}.csv").write_text("date,open,high,low,close,volume\n2025-01-02,1,1,1,x\x1b[2J,1\n", encoding="utf-8")
    (odd / "C.csv").write_text(f"date,open,high,low,close,volume\n{PAYLOAD[:4]},1,1,1,1,1\n", encoding="utf-8")
    return home


def saved(home):
    """A record that somebody else has written."""
    reports = home / "reports"
    other = reports / f"theirs{PAYLOAD[:4]}"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(reports / "evil--end-2025-02-28", other)
    (other / "seal.json").unlink()
    record = json.loads((other / "run.json").read_text(encoding="utf-8"))
    record |= {"strategy": PAYLOAD, "title": PAYLOAD, "changed": {PAYLOAD: PAYLOAD}, "parameters": {PAYLOAD: PAYLOAD}}
    (other / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return other.name


SAID = {
    "list": ("list",),
    "help": ("--help",),
    "help of a strategy": ("evil", "--help"),
    "a run": ("evil", "--end", "2025-02-28", "--force"),
    "a run of the other": ("evil", "--mode", "b", "--end", "2025-01-31", "--force"),
    "a sweep": ("sweep", "evil", "--mode", f"{PAYLOAD[:-2]},b", "--end", "2025-02-28", "--jobs", "1", "--verify", "0"),
    "check": ("check", "evil", "--sessions", "2"),
    "check of a strategy that cannot run": ("check", "fails", "--sessions", "2"),
    "check of a file that raises": ("check", "raises"),
    "evidence": ("evidence", "evil"),
    "data status": ("data", "status"),
    "status of odd data": ("data", "status", "odd"),
    "check of odd data": ("data", "check", "odd"),
    "a name": (PAYLOAD[:-2],),
    "an option": ("evil", f"--{PAYLOAD[:-2]}"),
    "a value": ("evil", "--mode", PAYLOAD[:-2]),
    "a date": ("evil", "--start", PAYLOAD[:-2]),
    "a symbol": ("evil", "--universe", PAYLOAD[:-2]),
    "a benchmark": ("evil", "--benchmark", PAYLOAD[:-2]),
    "a folder of data": ("evil", "--data", PAYLOAD[:-2]),
    "a riskless rate": ("evil", "--risk-free", PAYLOAD[:-2]),
    "a new strategy": ("new", PAYLOAD[:-2]),
    "a file that raises": ("raises",),
    "a run to compare": ("compare", PAYLOAD[:-2]),
    "a claim": ("thesis", "--claims", PAYLOAD[:-2]),
    "a symbol to fetch": ("data", "fetch", PAYLOAD[:-2]),
}  # fmt: skip


PARTLY = {"help", "a run of the other", "status of odd data", "check of odd data"}


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("name", SAID)
def test_whatever_is_said_is_text(mortal, evil, name, terminal):
    _, out, err, _ = mortal(evil, *SAID[name], terminal=terminal)
    said = out + err
    assert "\\x1b]8;;http:/" in said.lower() or (name in PARTLY and "\\x1b" in said)
    assert ACTIVE.search(said.replace("\r\n", "\n")) is None


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_a_comparison_with_a_record_of_somebody_else_is_text(mortal, evil, terminal):
    mortal(evil, *SAID["a run"])
    name = saved(evil)
    code, out, err, _ = mortal(evil, "compare", "evil--end-2025-02-28", f"reports/{name}", terminal=terminal)
    assert code == 0
    assert ACTIVE.search((out + err).replace("\r\n", "\n")) is None
    assert "\\x1b]8;;http://evil" in "".join(out.split())


def test_what_would_act_is_written_out_and_all_else_stays():
    assert escape_control_characters(PAYLOAD).startswith(SHOWN)
    plain = "Käse 数据 📈 a\tb\nc é \u200d שלום"
    assert escape_control_characters(plain) == plain
    assert escape_control_characters("\udcff") == "\\udcff"


@pytest.mark.parametrize("number", [*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)])
def test_no_character_that_acts_is_left(number):
    assert (escape_control_characters(chr(number)) == chr(number)) == (chr(number) in "\t\n")


class Below:
    """A stream that can fail."""

    encoding, errors = "ascii", "strict"

    def __init__(self, error=None):
        self.text, self.error = "", error

    def isatty(self):
        return True

    def write(self, text):
        if self.error:
            raise self.error
        self.text += text

    def flush(self):
        self.write("")


def test_letters_that_a_terminal_lacks_are_written_out():
    below = Below()
    assert FilteredStream(below).write("Käse\x07") == 5
    assert below.text == "K\\xe4se\\x07"


def test_a_terminal_that_takes_no_more_is_one_error_and_a_reader_that_has_gone_another():
    with pytest.raises(ReportError, match=r"The output cannot be written: No space left on device\. Make room"):
        FilteredStream(Below(OSError(28, "No space left on device"))).write("x")
    with pytest.raises(BrokenPipeError):
        FilteredStream(Below(BrokenPipeError())).flush()


def test_nobody_can_write_past_the_guard():
    assert not hasattr(FilteredStream(Below()), "buffer")
