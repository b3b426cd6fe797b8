"""Fees: the notices of the SEC and of FINRA, on both sides of every change since 2018."""

import numpy as np
import pytest

from dipfolio.engine.fees import sale_fees

# SEC fee rate advisories: first day, dollars per million before it, dollars per million from it on
SECTION_31 = [
    ("2018-05-22", 23.10, 13.00),
    ("2019-04-16", 13.00, 20.70),
    ("2020-02-18", 20.70, 22.10),
    ("2021-02-25", 22.10, 5.10),
    ("2022-05-14", 5.10, 22.90),
    ("2023-02-27", 22.90, 8.00),
    ("2024-05-22", 8.00, 27.80),
    ("2025-05-14", 27.80, 0.00),
    ("2026-04-04", 0.00, 20.60),
]
# FINRA By-Laws, Schedule A, section 1: first day, (dollars a share, cap) before it and from it on
ACTIVITY = [
    ("2022-01-01", (0.000119, 5.95), (0.000130, 6.49)),
    ("2023-01-01", (0.000130, 6.49), (0.000145, 7.27)),
    ("2024-01-01", (0.000145, 7.27), (0.000166, 8.30)),
    ("2026-01-01", (0.000166, 8.30), (0.000195, 9.79)),
    ("2027-01-01", (0.000195, 9.79), (0.000232, 11.61)),
]


def day(text, shift=0):
    return np.datetime64(text, "D") + np.timedelta64(shift, "D")


def section_31(when):
    """Dollars per million: a sale of one share at a million dollars, less its activity fee of under a tenth of a cent."""
    return float(sale_fees(-1.0, 1e6, when)) - float(sale_fees(-1.0, 0.0, when))


def activity(shares, when):
    """The part of the fee that does not depend on the price."""
    return float(sale_fees(-shares, 0.0, when))


@pytest.mark.parametrize(("first", "before", "after"), SECTION_31)
def test_the_section_31_rate_changes_on_the_day_of_the_notice(first, before, after):
    assert section_31(day(first, -1)) == pytest.approx(before, abs=1e-8)
    assert section_31(day(first)) == pytest.approx(after, abs=1e-8)


@pytest.mark.parametrize(("first", "before", "after"), ACTIVITY)
def test_the_trading_activity_fee_and_its_cap_change_on_the_day_of_the_notice(first, before, after):
    for when, (rate, cap) in ((day(first, -1), before), (day(first), after)):
        assert activity(1_000, when) == pytest.approx(1_000 * rate, abs=1e-12)
        assert activity(10_000_000, when) == pytest.approx(cap, abs=1e-12)


def test_the_cap_of_2025_is_reached_with_the_fifty_thousandth_share():
    assert activity(49_999, day("2025-01-24")) == pytest.approx(49_999 * 0.000166, abs=1e-12)  # 8.299834
    assert activity(50_000, day("2025-01-24")) == pytest.approx(8.30, abs=1e-12)
    assert activity(50_001, day("2025-01-24")) == 8.30


def test_the_last_rates_stay_in_force():
    assert section_31(day("2034-07-03")) == pytest.approx(20.60, abs=1e-8)
    assert activity(1_000, day("2034-07-03")) == pytest.approx(0.232, abs=1e-12)


def test_before_the_first_row_its_rates_are_used():
    assert section_31(day("1999-01-04")) == pytest.approx(18.40, abs=1e-8)
    assert activity(1_000, day("1999-01-04")) == pytest.approx(0.119, abs=1e-12)


def test_the_sale_of_the_commenter_pays_eleven_eightynine_and_fifty_cents():
    # 3,000 x 142.62 = 427,860.00; x 27.80e-6 = 11.894508; 3,000 x 0.000166 = 0.498
    assert float(sale_fees(-3_000, 142.62, day("2025-01-24"))) == pytest.approx(11.894508 + 0.498, abs=1e-9)


@pytest.mark.parametrize("shares", [0.0, 3_000.0])
def test_who_buys_pays_nothing(shares):
    assert float(sale_fees(shares, 142.62, day("2025-01-24"))) == 0.0


def test_arrays_give_what_single_calls_give():
    shares = np.array([-3_000, 500, -1, -60_000, 0])
    price = np.array([142.62, 10, 1e6, 3.5, 7])
    days = np.array(["2025-01-24", "2025-01-24", "2025-05-14", "2021-02-25", "2018-05-21"], dtype="datetime64[D]")
    single = [float(sale_fees(*row)) for row in zip(shares, price, days, strict=True)]
    assert sale_fees(shares, price, days).tolist() == single
    assert sale_fees(shares[:, None], price[:, None], days[:, None]).shape == (5, 1)
