"""Fingerprints: one function makes all of them, and what was sealed, logged or checkpointed before still matches."""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data.bars import Bars
from dipfolio.data.cache import CacheMetadata, metadata_with_checksum
from dipfolio.data.risk_free import RiskFree
from dipfolio.data.schema import Split
from dipfolio.engine import run_identity
from dipfolio.evidence.trial_log import short_sha256
from dipfolio.report import html
from dipfolio.storage import CHECKSUM_FILE, report_name, sha256_of, write_checksums
from dipfolio.sweep import runner
from dipfolio.sweep.tasks import CheckpointFolder

INDEX = pd.DatetimeIndex(["2025-01-02", "2025-01-03"])
FRAME = pd.DataFrame({"A": [10.0, 11.5], "B": [20.0, 19.75]}, index=INDEX)
BARS = Bars(
    open=FRAME, high=FRAME + 1, low=FRAME - 1, close=FRAME, volume=FRAME * 1e5, dividends=FRAME * 0,
    splits=(Split(symbol="A", day=date(2025, 1, 3), ratio=1.5),),
)  # fmt: skip
RATES = RiskFree(rates=pd.Series([0.05, 0.04], index=pd.DatetimeIndex(["2024-02-28", "2024-03-12"])), description="x")


@dataclass(frozen=True)
class Account:
    cash: float = 1000.0

    def as_record(self):
        return asdict(self)


def test_the_digests_of_the_standard_are_met():
    """FIPS 180-4, as the examples of NIST have them."""
    assert sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of() == sha256_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=4))
def test_parts_count_as_if_they_were_written_one_after_the_other(parts):
    text = "".join(parts).encode()
    assert sha256_of(*parts) == sha256_of(text) == hashlib.sha256(text).hexdigest()


def test_an_array_counts_by_its_values_and_not_by_how_they_lie_in_memory():
    table = np.arange(6.0).reshape(2, 3)
    expected = hashlib.sha256(struct.pack("<6d", *range(6))).hexdigest()
    for same in (table, np.asfortranarray(table), table.astype(">f8"), table.astype("float32"), table.astype(int)):
        assert sha256_of(same) == expected
    days = np.array(["1970-01-03"], dtype="datetime64[s]")
    assert sha256_of(days) == sha256_of(days.astype("datetime64[ns]")) == sha256_of(b"\x02" + b"\x00" * 7)


def test_bars_and_rates_keep_their_digests():
    assert BARS.provenance.sha256 == "2254bd53891b10d578ad08411bec0b4892a45ec63acf01ca81a9ec977437dd55"
    assert RATES.fingerprint == "11aaeaae371c4a9507b96bcc36fc2dec4f37b5514852ef10d3712435876722af"


def test_fetched_prices_keep_their_checksum():
    days = {"asked_from": "2025-01-02", "retrieved": "2025-01-07"}
    metadata = CacheMetadata(dividends={"2025-01-03": 0.1}, splits={}, source="Yahoo", **days)
    text = metadata_with_checksum(metadata, INDEX.to_numpy().astype("datetime64[D]"), np.arange(10.0).reshape(5, 2))
    assert json.loads(text)["sha256"] == "6ddc5b996d6f87d60e260e424c990a2688db445bb4755ad44540183afac11a9c"


def test_a_report_keeps_its_name_and_its_seal(tmp_path):
    assert report_name("idea", {"universe": "a b"}) == "idea--universe-a_b--d9fa3e3e"
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    write_checksums(tmp_path, "abc")
    assert json.loads((tmp_path / CHECKSUM_FILE).read_text(encoding="utf-8")) == {
        "identity": "abc",
        "files": {"run.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
        "seal": "320bc94c18acdea3c11fa086a5c0348a887fe6e31a1bdc8e9f7aac78e38d588d",
    }


@pytest.fixture
def code(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.css").write_text("\u00e9", encoding="utf-8")
    return tmp_path


def test_code_and_a_run_keep_their_identity(code, monkeypatch):
    assert run_identity.code_digest(code) == "a5f2f5e7fab5177cd08fdd87ffe53e0b298c0e65aa311fb41a95f759816207ed"
    monkeypatch.setattr(run_identity, "_package_digest", lambda: "package")
    monkeypatch.setattr(run_identity, "library_versions", lambda: {"numpy": "2"})
    monkeypatch.setattr(run_identity, "platform", SimpleNamespace(python_version=lambda: "3.11"))
    idea, window = SimpleNamespace(name="idea", parameters={"hold": 5}), [date(2025, 1, 2), None]
    found = run_identity.run_id(idea, BARS, Account(), benchmark="SPY", window=window, strategies=code)
    assert found == "d362c360aada69f766234e21e53e9eef2e1b95e81cedc5a95d6ce26a20b4ad90"


def test_a_sweep_and_its_checkpoints_keep_their_fingerprints(code, monkeypatch):
    monkeypatch.setattr(runner, "__version__", "0")
    window = {"first": date(2025, 1, 2), "first_decision": None}
    terms = SimpleNamespace(name="idea", account=Account(), risk_free=RATES, strategies=code, **window)
    found = runner.sweep_fingerprint("grid", terms, BARS)
    assert found == "4f71bd73fbf53def72ff04f63824fce95340f4fd05a94f72092e6100237bb28d"
    parts = CheckpointFolder(code / "parts", "key", resume=False)
    (code / "parts" / "part-000001.parquet").write_bytes(b"table")
    (code / "parts" / "part-000001.npz").write_bytes(b"rest")
    written = [
        "0d4fc4a78d3706edccafb665a8b2fdd9309e82c78625bb0f2b8e7bb9e1c4d21c",
        "2e09d5210db8417757b0f875c276d0cb877b22514e9a3583d2d8d7445368a027",
    ]
    (code / "parts" / "part-000001.sha256").write_text(" ".join(written), encoding="utf-8")
    del parts
    assert CheckpointFolder(code / "parts", "key", resume=True).done() == [1]


def test_a_line_of_the_trial_log_keeps_its_fingerprint():
    assert short_sha256({"b": [1, 2.5], "a": date(2025, 1, 2)}) == "bb6dff965e7d7195"


def test_a_script_of_a_page_keeps_the_hash_that_lets_it_run(monkeypatch):
    template = SimpleNamespace(render=lambda **values: values["policy"])
    monkeypatch.setattr(html, "template_environment", lambda: SimpleNamespace(get_template=lambda _: template))
    policy = html.render_page("page", scripts=["a()"])
    assert policy.endswith(" script-src 'sha256-qVpDBgj7bpq5hMAcGp3AOc79J3Y1Z4HvySTwKrWDoy4='")
